#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures that tell by which port a device is attached: radius (FreeRADIUS asked and told by its own client, as a
# switch and an access point would) and dhcp/relay (a lease through dnsmasq and dhclient, over a relay that adds option 82).
#
#   sudo pcaps/make/access.sh [OUT_DIR]          OUT_DIR: where the captures go; default: the folder above this script
#
# Three namespaces in a row: client, relay, server. Nothing touches an interface of the machine itself.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump freeradius freeradius-utils dnsmasq-base isc-dhcp-client isc-dhcp-relay
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")

missing=()
[ "$(id -u)" = 0 ] || missing+=("root rights")
for tool in ip ethtool tcpdump freeradius radclient dnsmasq dhclient dhcrelay; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "access.sh cannot run because this is missing: $(printf '%s, ' "${missing[@]}" | sed 's/, $//'); the head of the script lists the packages." >&2
  exit 1
fi

run=mtacc$$
tmp=$(mktemp -d "/tmp/$run.XXXXXX")
chmod 755 "$tmp"
cleanup() {
  local code=$? host pid
  trap - EXIT INT TERM
  for host in client relay server; do
    for pid in $(ip netns pids "$run-$host" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$run-$host" 2>/dev/null || true
  done
  [ "$code" = 0 ] || { echo "access.sh: failed; logs:" >&2; tail -n 5 "$tmp"/*.log >&2 || true; }
  rm -rf "$tmp"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

for host in client relay server; do
  ip netns add "$run-$host"
  ip netns exec "$run-$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$run-$host" link set lo up
done
ip -n "$run-client" link add eth0 address 00:12:21:3a:01:31 type veth peer name ward3 address 00:1b:54:3a:01:07 netns "$run-relay"
ip -n "$run-relay" link add core address 00:1b:54:3a:01:08 type veth peer name eth0 address 00:0c:29:3a:01:10 netns "$run-server"
for end in client/eth0 relay/ward3 relay/core server/eth0; do
  ip netns exec "$run-${end%/*}" ethtool -K "${end#*/}" tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
  ip -n "$run-${end%/*}" link set "${end#*/}" up
done
ip -n "$run-relay" addr add 10.31.1.1/24 brd + dev ward3
ip -n "$run-relay" addr add 10.31.0.2/24 brd + dev core
ip -n "$run-server" addr add 10.31.0.10/24 brd + dev eth0
ip -n "$run-server" route add 10.31.1.0/24 via 10.31.0.2
ip netns exec "$run-relay" sysctl -qw net.ipv4.ip_forward=1

daemon() {                          # daemon HOST NAME COMMAND...: in the background
  local host=$1 name=$2
  shift 2
  ip netns exec "$run-$host" "$@" >"$tmp/$name.log" 2>&1 </dev/null &
  disown
  sleep 1
}
record() {                          # record FILE FILTER: begins to record at the server; stop ends it
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

# --- radius: a switch asks for a pump by its address, an access point tells of a phone; names of users are never to be read --
cp -r /etc/freeradius/3.0 "$tmp/raddb"
cat >"$tmp/raddb/clients.conf" <<END
client lab { ipaddr = 10.31.0.0/24
  secret = lab }
END
cat >"$tmp/raddb/mods-config/files/authorize" <<END
DEFAULT Auth-Type := Accept
END
mkdir -p "$tmp/radlog"
chmod -R a+rX "$tmp/raddb"
daemon server radius freeradius -f -l stdout -d "$tmp/raddb"
sleep 2
radius() { ip netns exec "$run-relay" timeout 20 radclient -q -r 2 "10.31.0.10:$1" "$2" lab; }
record radius/access.pcap 'udp port 1812 or udp port 1813'
radius 1812 auth <<END
User-Name = "CANARY", User-Password = "CANARY", NAS-IP-Address = 10.31.0.2, NAS-Identifier = "sw-ward3", NAS-Port-Id = "GigabitEthernet1/0/7", Calling-Station-Id = "00-12-21-3A-01-31", Called-Station-Id = "00-1B-54-3A-01-07"
END
radius 1813 acct <<END || true
Acct-Status-Type = Start, Acct-Session-Id = "7", User-Name = "CANARY", NAS-IP-Address = 10.31.0.3, Calling-Station-Id = "00-12-21-3A-01-32", Called-Station-Id = "00-1B-54-3A-02-00:ward", NAS-Port-Id = "radio1"
END
stop

# --- dhcp/relay: the relay names the circuit ------------------------------------------------------------------------------
daemon server dnsmasq dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --dhcp-range=10.31.1.50,10.31.1.99,255.255.255.0,1h \
  --dhcp-leasefile="$tmp/leases" --log-dhcp
daemon relay dhcrelay dhcrelay -4 -d -a -id ward3 -iu core 10.31.0.10
record dhcp/relay.pcap 'udp port 67 or udp port 68'
ip netns exec "$run-client" timeout 30 dhclient -4 -1 -v -sf /bin/true -lf "$tmp/client.leases" -pf "$tmp/client.pid" \
  -cf /dev/null eth0 >"$tmp/dhclient.log" 2>&1
stop
