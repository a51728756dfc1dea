#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of industrial and building controllers: s7comm, opcua, iec60870_104, dnp3, kip, pn_dcp, fox, omron, slmp, gwmp, cnip.
#
#   sudo pcaps/make/plant.sh [OUT_DIR]           OUT_DIR: where the captures go; default: the folder above this script
#   VENV=/path/to/venv SNAP7=/path/to/venv       Python environments with the packages below
#
# Two namespaces and a veth pair between them; each conversation is recorded by tcpdump on the server's side.
# Nothing touches an interface of the machine itself.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump knxd
# PyPI packages: asyncua 2.1.0, c104 2.2.1 (lib60870), yadnp3 3.2.1 (opendnp3), xknx 4.0.0, pnio-dcp 1.2.0; and, in an environment of its own,
# python-snap7 1.4.1 (the snap7 library in C)
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3
snap=${SNAP7:+$SNAP7/bin/}python3

missing=()
[ "$(id -u)" = 0 ] || missing+=("root rights")
for tool in ip ethtool tcpdump knxd; do command -v "$tool" >/dev/null || missing+=("$tool"); done
"$py" -c 'import asyncua, c104, opendnp3, xknx, pnio_dcp' 2>/dev/null || missing+=("the PyPI packages asyncua c104 yadnp3 xknx pnio-dcp")
"$snap" -c 'import snap7' 2>/dev/null || missing+=("the PyPI package python-snap7 1.4.1")
if [ ${#missing[@]} -gt 0 ]; then
  echo "plant.sh cannot run because this is missing: $(printf '%s, ' "${missing[@]}" | sed 's/, $//'); the head of the script lists the packages." >&2
  exit 1
fi

run=mtplant$$
tmp=$(mktemp -d "/tmp/$run.XXXXXX")
cleanup() {
  local code=$? host pid
  trap - EXIT INT TERM
  for host in server client; do
    for pid in $(ip netns pids "$run-$host" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$run-$host" 2>/dev/null || true
  done
  [ "$code" = 0 ] || { echo "plant.sh: failed; logs:" >&2; tail -n 5 "$tmp"/*.log >&2 || true; }
  rm -rf "$tmp"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

for host in server client; do
  ip netns add "$run-$host"
  ip netns exec "$run-$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$run-$host" link set lo up
done
ip -n "$run-server" link add eth0 address 00:1b:1b:3a:00:10 type veth peer name eth0 netns "$run-client" address 00:0c:29:3a:00:21
for host in server client; do
  ip netns exec "$run-$host" ethtool -K eth0 tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
done
ip -n "$run-server" addr add 10.31.0.10/24 brd + dev eth0
ip -n "$run-client" addr add 10.31.0.20/24 brd + dev eth0
for host in server client; do
  ip -n "$run-$host" link set eth0 up
  ip -n "$run-$host" route add 224.0.0.0/4 dev eth0
done

daemon() {                          # daemon NAME COMMAND...: in the background, in the server's namespace
  local name=$1
  shift
  ip netns exec "$run-server" "$@" >"$tmp/$name.log" 2>&1 </dev/null &
  disown
  sleep 2
}
client() { ip netns exec "$run-client" timeout 30 "$@" >>"$tmp/client.log" 2>&1; }
record() {                          # record FILE FILTER: begins to record; stop ends it
  mkdir -p "$(dirname "$out/$1")"
  : >"$tmp/tcpdump.log"
  ip netns exec "$run-server" tcpdump -q -U -s 0 -i eth0 -w "$tmp/capture.pcap" "$2" 2>"$tmp/tcpdump.log" &
  capture=$!
  target=$out/$1
  until grep -q 'listening on' "$tmp/tcpdump.log" 2>/dev/null; do sleep 0.1; done
  sleep 0.2
}
stop() {
  sleep 0.7
  kill -TERM "$capture"
  wait "$capture" 2>/dev/null || true
  cp "$tmp/capture.pcap" "$target"
  echo "$target: $(tcpdump -r "$target" 2>/dev/null | wc -l) packets"
}

# --- real stacks ----------------------------------------------------------------------------------------------------------
daemon s7 "$snap" "$here/plant.py" s7-server
record s7comm/identity.pcap 'tcp port 102'
client "$snap" "$here/plant.py" s7-client
stop
daemon opcua "$py" "$here/plant.py" opcua-server
until ip netns exec "$run-server" ss -ltn | grep -q :4840; do sleep 0.5; done
record opcua/build.pcap 'tcp port 4840'
client "$py" "$here/plant.py" opcua-client
stop
daemon iec104 "$py" "$here/plant.py" iec104-server
record iec60870_104/station.pcap 'tcp port 2404'
client "$py" "$here/plant.py" iec104-client
stop
daemon dnp3 "$py" "$here/dnp3_talk.py" outstation
record dnp3/outstation.pcap 'tcp port 20000'
client "$py" "$here/dnp3_talk.py" master
stop
daemon knxd knxd -n 'KNX router 2' -e 1.1.5 -E 1.1.6:4 -D -T -R -S -b dummy:
record kip/search.pcap 'udp port 3671'
client "$py" "$here/plant.py" knx-client
stop
# --- after the public documents: no public stack answers ------------------------------------------------------------------
daemon dcp "$py" "$here/plant.py" dcp-station
record pn_dcp/identify.pcap 'ether proto 0x8892'
client "$py" "$here/plant.py" dcp-client || true
stop
for case in fox/hello.pcap:fox:1911 omron/controller.pcap:fins:9600 slmp/type_name.pcap:slmp:5007 gwmp/gateway.pcap:lora:1700 \
    cnip/channel.pcap:lonworks:1628; do
  IFS=: read -r file actor port <<<"$case"
  daemon "$actor" "$py" "$here/plant.py" "$actor-server"
  record "$file" "port $port"
  client "$py" "$here/plant.py" "$actor-client"
  stop
done
