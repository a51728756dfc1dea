#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make pcaps/http/sdc.pcap, pcaps/tls/sdc.pcap, pcaps/wsd/sdc.pcap and pcaps/wsd/windows.pcap: an IEEE 11073 SDC provider and a
# consumer (PyPI sdc11073) in clear and under TLS, and two hosts that find each other as Windows does (Debian's wsdd).
#
#   sudo VENV=/path/to/venv pcaps/make/sdc.sh [OUT_DIR]
#
# Debian packages: iproute2 tshark tcpdump wsdd openssl. PyPI package in VENV: sdc11073.
# Two network namespaces joined by a veth pair; they are removed at the end. Nothing touches an interface of the machine.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:-/tmp/medtap-pcaps-venv}/bin/python
run=mtsdc$$
tmp=$(mktemp -d "/tmp/$run.XXXXXX")
own=()

cleanup() {
  trap - EXIT INT TERM
  for pid in "${own[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  ip netns del "$run-a" 2>/dev/null || true
  ip netns del "$run-b" 2>/dev/null || true
  rm -rf "$tmp"
}
trap cleanup EXIT INT TERM

ip netns add "$run-a"
ip netns add "$run-b"
ip -n "$run-a" link add eth0 address 00:30:e6:20:40:07 type veth peer name eth0 address 00:50:56:20:40:08 netns "$run-b"
ip -n "$run-a" addr add 10.20.40.7/24 dev eth0
ip -n "$run-b" addr add 10.20.40.8/24 dev eth0
for side in a b; do
  ip -n "$run-$side" link set lo up
  ip -n "$run-$side" link set eth0 up
  ip -n "$run-$side" route add 224.0.0.0/4 dev eth0
done

record() {                          # record FILE: starts a capture of the provider's interface
  ip netns exec "$run-a" tcpdump -i eth0 -w "$tmp/$1" -U udp or tcp 2>/dev/null &
  recorder=$!
  own+=("$recorder")
  sleep 1
}

stop() {
  sleep 1
  kill "$recorder"
  wait "$recorder" 2>/dev/null || true
}

talk() {                            # talk FILE [KEYS]
  record "$1"
  ip netns exec "$run-a" "$py" "$here/sdc_provider.py" 10.20.40.7 "${@:2}" >"$tmp/provider.log" 2>&1 &
  own+=($!)
  sleep 2
  ip netns exec "$run-b" "$py" "$here/sdc_consumer.py" 10.20.40.8 "${@:2}" >"$tmp/consumer.log" 2>&1 || cat "$tmp/consumer.log"
  wait "${own[-1]}" || cat "$tmp/provider.log"
  stop
}

talk clear.pcap

# One authority that signed nobody but this key: provider and consumer trust each other by it.
mkdir "$tmp/keys"
openssl req -x509 -newkey rsa:2048 -nodes -days 7300 -subj "/O=ACME MEDICAL/CN=AM-VE-0007" \
  -keyout "$tmp/keys/userkey.pem" -out "$tmp/keys/usercert.pem" 2>/dev/null
cp "$tmp/keys/usercert.pem" "$tmp/keys/cacert.pem"
talk tls.pcap "$tmp/keys"

record windows.pcap
ip netns exec "$run-a" wsdd -4 -i eth0 -n WKS-ICU-07 -w HOSPITAL >"$tmp/wsdd-a.log" 2>&1 &
own+=($!)
first=$!
ip netns exec "$run-b" wsdd -4 -i eth0 -n WKS-ICU-08 -w HOSPITAL --discovery >"$tmp/wsdd-b.log" 2>&1 &
own+=($!)
sleep 8
kill "$first" "$!"
stop

mkdir -p "$out/wsd"
first_two='udp.port == 3702 || udp.srcport == 3702'
tshark -r "$tmp/clear.pcap" -Y 'udp' -w "$out/wsd/sdc.pcap" -F pcap 2>/dev/null
tshark -r "$tmp/clear.pcap" -Y 'tcp' -w "$out/http/sdc.pcap" -F pcap 2>/dev/null
tshark -r "$tmp/tls.pcap" -Y "tcp || $first_two" -w "$out/tls/sdc.pcap" -F pcap 2>/dev/null
tshark -r "$tmp/windows.pcap" -Y 'udp || tcp' -w "$out/wsd/windows.pcap" -F pcap 2>/dev/null
ls -l "$out/wsd" "$out/http/sdc.pcap" "$out/tls/sdc.pcap"
