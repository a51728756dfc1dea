#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures that tell by which port a device is attached: radius (FreeRADIUS asked and told by its own client, as a
# switch and an access point would), radius/dynamic (the same client asks another FreeRADIUS of its own accord, as a server asks
# a switch), dhcp/relay and dhcpv6/relay (a lease through dnsmasq and dhclient, over a relay; the first adds option 82).
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

. "$here/needs.sh"
need ip ethtool tcpdump freeradius radclient dnsmasq dhclient dhcrelay
end_if_missing

hosts='client relay server'
# shellcheck source=namespaces.sh
. "$here/namespaces.sh"

ip -n "$run-client" link add eth0 address 00:12:21:3a:01:31 type veth peer name ward3 address 00:1b:54:3a:01:07 netns "$run-relay"
ip -n "$run-relay" link add core address 00:1b:54:3a:01:08 type veth peer name eth0 address 00:0c:29:3a:01:10 netns "$run-server"
plug client eth0
plug relay ward3
plug relay core
plug server eth0
ip -n "$run-relay" addr add 10.31.1.1/24 brd + dev ward3
ip -n "$run-relay" addr add 10.31.0.2/24 brd + dev core
ip -n "$run-server" addr add 10.31.0.10/24 brd + dev eth0
ip -n "$run-server" route add 10.31.1.0/24 via 10.31.0.2
ip netns exec "$run-relay" sysctl -qw net.ipv4.ip_forward=1

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
background server radius freeradius -f -l stdout -d "$tmp/raddb"
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

# --- radius/dynamic: a server ends a session at a switch, and changes another --------------------------------------------------
mkdir "$tmp/raddb-switch"
cat >"$tmp/raddb-switch/radiusd.conf" <<END
name = switch
libdir = /usr/lib/freeradius
raddbdir = $tmp/raddb-switch
client lab { ipaddr = 10.31.0.0/24
  secret = lab }
modules {
  always ok {
    rcode = ok
  }
}
server switch {
  listen { type = coa
    ipaddr = *
    port = 3799 }
  recv-coa {
    ok
  }
  send-coa {
    ok
  }
}
END
chmod -R a+rX "$tmp/raddb-switch"
background relay switch freeradius -f -l stdout -n radiusd -D /usr/share/freeradius -d "$tmp/raddb-switch"
sleep 2
ask() { ip netns exec "$run-server" timeout 20 radclient -q -r 2 10.31.0.2:3799 "$1" lab; }
record radius/dynamic.pcap 'udp port 3799'
ask disconnect <<END
User-Name = "CANARY", NAS-Identifier = "sw-ward3", Calling-Station-Id = "00-12-21-3A-01-31"
END
ask coa <<END
User-Name = "CANARY", NAS-Identifier = "sw-ward3", Calling-Station-Id = "00-12-21-3A-01-31", Session-Timeout = 60
END
stop

# --- dhcp/relay: the relay names the circuit ------------------------------------------------------------------------------
background server dnsmasq dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --dhcp-range=10.31.1.50,10.31.1.99,255.255.255.0,1h \
  --dhcp-leasefile="$tmp/leases" --log-dhcp
background relay dhcrelay dhcrelay -4 -d -a -id ward3 -iu core 10.31.0.10
record dhcp/relay.pcap 'udp port 67 or udp port 68'
ip netns exec "$run-client" timeout 30 dhclient -4 -1 -v -sf /bin/true -lf "$tmp/client.leases" -pf "$tmp/client.pid" \
  -cf /dev/null eth0 >"$tmp/dhclient.log" 2>&1
stop

# --- dhcpv6/relay: what a relay passes on is the client's, not its own -------------------------------------------------------------
for end in 'client eth0' 'relay ward3' 'relay core' 'server eth0'; do
  read -r host interface <<<"$end"
  ip netns exec "$run-$host" sysctl -qw "net.ipv6.conf.$interface.disable_ipv6=0" "net.ipv6.conf.$interface.accept_dad=0"
done
ip -n "$run-relay" addr add 2001:db8:31:1::1/64 dev ward3 nodad
ip -n "$run-relay" addr add 2001:db8:31::2/64 dev core nodad
ip -n "$run-server" addr add 2001:db8:31::10/64 dev eth0 nodad
ip -n "$run-server" route add 2001:db8:31:1::/64 via 2001:db8:31::2
sleep 2
background server dnsmasq6 dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 \
  --dhcp-range=2001:db8:31:1::50,2001:db8:31:1::99,64,1h --dhcp-leasefile="$tmp/leases6" --log-dhcp --bind-interfaces
background relay dhcrelay6 dhcrelay -6 -d -l ward3 -u 2001:db8:31::10%core
record dhcpv6/relay.pcap 'udp port 547'
ip netns exec "$run-client" timeout 8 dhclient -6 -1 -d -v -sf /bin/true -lf "$tmp/client6.leases" -pf "$tmp/client6.pid" \
  -cf /dev/null eth0 >"$tmp/dhclient6.log" 2>&1 || true
stop
