#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of behaviour on one link: pcaps/dhcp/rogue.pcap, pcaps/arp/{conflict,failover,gateway}.pcap and pcaps/tcp/{scan,health}.pcap.
#
#   sudo pcaps/make/behaviour.sh [OUT_DIR]       OUT_DIR: where the captures go; default: the folder above this script
#
# A bridge is the router of three hosts: a client, its twin, and a stranger. All stacks are the kernel's own, dnsmasq and udhcpc. Nothing
# touches an interface of the machine itself. It takes about four minutes, since what was there before is told by a minute.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump dnsmasq-base udhcpc busybox python3
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
. "$here/needs.sh"
need ip ethtool tcpdump dnsmasq udhcpc busybox python3
end_if_missing

hosts='server client twin stranger'
. "$here/namespaces.sh"

on() { local host=$1; shift; ip netns exec "$run-$host" "$@"; }
ip -n "$run-server" link add eth0 address 00:1b:54:40:00:01 type bridge forward_delay 0
ip -n "$run-server" addr add 10.40.0.1/24 dev eth0
plug server eth0
attach() {                          # attach HOST MAC ADDRESS
  ip -n "$run-server" link add "to-$1" type veth peer name eth0 netns "$run-$1"
  ip -n "$run-$1" link set eth0 address "$2"
  ip -n "$run-server" link set "to-$1" master eth0
  plug server "to-$1"
  plug "$1" eth0
  [ -z "$3" ] || ip -n "$run-$1" addr add "$3/24" dev eth0
}
attach client 18:66:da:40:00:20 ''
attach twin 3c:d9:2b:40:00:30 ''
attach stranger 00:1d:7e:40:00:66 10.40.0.66
serve() {                           # serve HOST FIRST LAST ROUTER
  background "$1" "dhcp-$1" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --no-ping --interface=eth0 --bind-interfaces \
    --dhcp-authoritative --dhcp-range="$2,$3,10m" --dhcp-option="3,$4" --dhcp-option="6,$4" --dhcp-leasefile="$tmp/leases-$1" --log-facility=-
}
ask() { on client udhcpc -i eth0 -n -q -t 3 -s /bin/true >/dev/null 2>&1 || true; }
look() {                            # look HOST ADDRESS: asks who has it, and says hello
  ip -n "$run-$1" neigh flush dev eth0
  on "$1" busybox ping -q -c 1 -W 1 "$2" >/dev/null || true
}

# --- dhcp: a second server that gives another router ------------------------------------------------------------------------
serve server 10.40.0.100 10.40.0.120 10.40.0.1
record dhcp/rogue.pcap 'udp port 67 or udp port 68 or arp'
ask; sleep 62
serve stranger 10.40.0.150 10.40.0.170 10.40.0.66
for _ in 1 2; do ask; sleep 1; done
stop
for pid in $(ip netns pids "$run-stranger"); do kill "$pid"; done

# --- arp: the stranger answers for the router, which a lease named before -----------------------------------------------------
record arp/gateway.pcap 'udp port 67 or udp port 68 or arp or icmp'
ask
ip -n "$run-client" addr add 10.40.0.20/24 dev eth0
look client 10.40.0.1; sleep 62
ip -n "$run-stranger" addr add 10.40.0.1/24 dev eth0
for _ in $(seq 8); do look client 10.40.0.1; sleep 4; done
stop
ip -n "$run-stranger" addr del 10.40.0.1/24 dev eth0

# --- arp: two hosts with one address, and one that stands in for the other ------------------------------------------------------
record arp/conflict.pcap 'arp or icmp'
ip -n "$run-twin" addr add 10.40.0.20/24 dev eth0
for _ in $(seq 8); do look server 10.40.0.20; sleep 4; done
stop
ip -n "$run-twin" addr del 10.40.0.20/24 dev eth0
record arp/failover.pcap 'arp or icmp'
move() { ip -n "$run-$1" addr del 10.40.0.20/24 dev eth0; ip -n "$run-$2" addr add 10.40.0.20/24 dev eth0; }
for _ in 1 2 3; do look server 10.40.0.20; sleep 4; done
move client twin
for _ in 1 2 3; do look server 10.40.0.20; sleep 4; done
move twin client
for _ in 1 2 3; do look server 10.40.0.20; sleep 4; done
stop

# --- tcp: many ports that are closed; and a few, asked again and again -----------------------------------------------------------
tries() {                           # tries PORTS ROUNDS
  on client python3 - "$1" "$2" <<'PYTHON'
import socket, sys
ports, rounds = int(sys.argv[1]), int(sys.argv[2])
for _ in range(rounds):
    for port in range(2000, 2000 + ports):
        tried = socket.socket()
        tried.settimeout(1)
        tried.connect_ex(("10.40.0.1", port))
        tried.close()
PYTHON
}
record tcp/scan.pcap 'tcp or arp'
tries 600 1
stop
record tcp/health.pcap 'tcp or arp'
tries 3 100
stop
