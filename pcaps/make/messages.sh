#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Record the captures of clinical messages: two namespaces and one cable, a conversation each.
#   sudo pcaps/make/messages.sh [DIR]
# hl7/profiles.pcap and astm/analyser.pcap are real stacks (PyPI hl7, hl7apy, astm-2025); poct1/greeting.pcap and astm/bare.pcap are
# own bytes over real TCP, since no public stack exists: they are marked `documented`. Nothing touches an interface of the machine.
#
# Debian packages: iproute2 ethtool tcpdump python3-venv.  PyPI packages in $VENV: hl7 hl7apy astm-2025
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:-/tmp/medtap-pcaps-venv}/bin/python
run=mtmsg$$

. "$here/needs.sh"
need ip ethtool tcpdump
need_modules "$py" 'hl7, hl7apy, astm' 'hl7 hl7apy astm-2025 in VENV'
end_if_missing

pids=()
cleanup() {
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  ip netns del "$run-dev" 2>/dev/null || true
  ip netns del "$run-host" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

network() {                         # network DEVICE_MAC HOST_MAC: fresh namespaces, the device 10.30.1.10, the host 10.30.1.20
  local name
  ip netns del "$run-dev" 2>/dev/null || true
  ip netns del "$run-host" 2>/dev/null || true
  for name in dev host; do
    ip netns add "$run-$name"
    ip netns exec "$run-$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  done
  ip -n "$run-dev" link add name eth0 address "$1" type veth peer name eth0 address "$2" netns "$run-host"
  for name in dev host; do
    ip netns exec "$run-$name" ethtool -K eth0 tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
    ip -n "$run-$name" link set lo up
  done
  ip -n "$run-dev" addr add 10.30.1.10/24 dev eth0
  ip -n "$run-host" addr add 10.30.1.20/24 dev eth0
  ip -n "$run-dev" link set eth0 up
  ip -n "$run-host" link set eth0 up
}

record() {                          # record FILE SERVER CLIENT: commands of this folder
  mkdir -p "$(dirname "$out/$1")"
  ip netns exec "$run-host" tcpdump -q -U -s 0 -Z root -i eth0 -w "$out/$1" tcp or arp 2>/dev/null &
  local capture=$! server
  pids+=("$capture")
  # shellcheck disable=SC2086
  ip netns exec "$run-host" env -i PATH="$PATH" "$py" "$here/"$2 >/dev/null &
  server=$!
  pids+=("$server")
  sleep 1.5
  # shellcheck disable=SC2086
  ip netns exec "$run-dev" env -i PATH="$PATH" "$py" "$here/"$3
  sleep 0.7
  kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
  kill -INT "$capture" 2>/dev/null && wait "$capture" 2>/dev/null || true
  echo "recorded $1"
}

network 02:ac:3e:00:01:21 02:ac:3e:00:01:20
record hl7/profiles.pcap "hl7_profiles.py serve" "hl7_profiles.py send 10.30.1.20"
network 02:ac:3e:00:01:31 02:ac:3e:00:01:20
record astm/analyser.pcap "astm_lab.py serve" "astm_lab.py send 10.30.1.20"
network 02:ac:3e:00:01:32 02:ac:3e:00:01:20
record astm/bare.pcap "astm_bare.py serve" "astm_bare.py send 10.30.1.20"
network 02:ac:3e:00:01:41 02:ac:3e:00:01:20
record poct1/greeting.pcap "poct1_talk.py serve" "poct1_talk.py send 10.30.1.20"
