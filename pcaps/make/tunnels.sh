#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of what goes through tunnels: in each a workstation asks a name server for a name, through a tunnel between two
# routers, which alone is on the wire. And of the ports of all these tunnels with no tunnel on them.
#
#   sudo pcaps/make/tunnels.sh [-o KIND] [OUT_DIR]        -o: this one alone; OUT_DIR: default the folder above this script
#
# mobile: osmo-ggsn and its sgsnemu build a real GTP tunnel. The others have their headers from tunnels.py, after the documents: Linux
# has them all, the machine that makes these captures not. What is inside is Linux, dnsmasq and dig at all times.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump dnsmasq bind9-dnsutils osmo-ggsn
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

only=
[ "${1:-}" != -o ] || { only=$2; shift 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
. "$here/needs.sh"
need ip ethtool tcpdump python3 dnsmasq dig osmo-ggsn sgsnemu
end_if_missing

. "$here/two_hosts.sh"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
ends() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; pids=(); sleep 0.5; }
end() {                             # end HOST COMMAND...: what `ends` ends
  ip netns exec "$run-$1" "${@:2}" >"$tmp/$1-${2##*/}.log" 2>&1 </dev/null &
  pids+=($!)
}
names() {                           # names ADDRESS PORT: a name server
  end server dnsmasq -k -C /dev/null -u root -x "$tmp/dnsmasq$2.pid" -R -h --bind-interfaces --listen-address="$1" \
    --no-dhcp-interface=inside0 -p "$2" --address=/archive.ward.example/10.77.0.9
  sleep 0.5
}
inside() {                          # inside HOST LAST: addresses in the tunnel
  ip netns exec "$run-$1" sysctl -qw net.ipv6.conf.inside0.disable_ipv6=0 net.ipv6.conf.inside0.accept_ra=0 \
    net.ipv6.conf.inside0.router_solicitations=0 net.ipv6.conf.inside0.addr_gen_mode=1 net.ipv6.conf.inside0.dad_transmits=0
  case $kind in
    teredo) ip -n "$run-$1" addr add "2001:0:c000:201::$2/64" dev inside0 nodad ;;
    *) ip netns exec "$run-$1" sysctl -qw net.ipv6.conf.inside0.disable_ipv6=1
       ip -n "$run-$1" addr add "10.77.0.$2/24" dev inside0 ;;
  esac
  ip -n "$run-$1" link set inside0 address "00:0c:29:3a:77:0$2" 2>/dev/null || true
  ip -n "$run-$1" link set inside0 mtu 1400 up
}
pids=()

for kind in gtp l2tp l2tp3 pptp teredo gre_udp vxlan_gpe mpls_udp etherip tzsp aruba; do
  wanted "$kind" || continue
  end server python3 "$here/tunnels.py" "$kind" 10.30.0.10 10.30.0.20
  end client python3 "$here/tunnels.py" "$kind" 10.30.0.20 10.30.0.10
  sleep 0.7
  inside server 1
  inside client 2
  target_address=10.77.0.1
  [ "$kind" != teredo ] || target_address=2001:0:c000:201::1
  names "$target_address" 53
  record "tunnels/$kind.pcap" 'ip and not icmp'
  client dig +tries=1 +time=3 "@$target_address" archive.ward.example >/dev/null
  stop
  ends
done

# --- mobile: a gateway of a mobile network and what stands for the network's other side ------------------------------------------
if wanted mobile; then
  cat >"$tmp/ggsn.cfg" <<END
log stderr
ggsn ggsn0
 gtp state-dir $tmp
 gtp bind-ip 10.30.0.10
 apn ward
  gtpu-mode tun
  tun-device inside0
  type-support v4
  ip prefix dynamic 10.77.0.0/24
  ip dns 0 10.77.0.1
  ip ifconfig 10.77.0.1/24
  no shutdown
 default-apn ward
 no shutdown ggsn
END
  end server osmo-ggsn -c "$tmp/ggsn.cfg"
  sleep 1
  names 10.77.0.1 53
  record tunnels/mobile.pcap 'udp'
  end client sgsnemu -l 10.30.0.20 -r 10.30.0.10 -a ward -i 001010000000001 -m 000000000000001 -u CANARY -p CANARY --createif --defaultroute \
    --tun-device=inside0 --timelimit=8 --pidfile="$tmp/sgsn.pid" --statedir="$tmp"
  sleep 2
  client dig +tries=1 +time=3 @10.77.0.1 archive.ward.example >/dev/null
  stop
  ends
fi

# --- ports: name servers on the ports of tunnels -----------------------------------------------------------------------------------
if wanted ports; then
  record tunnels/ports.pcap 'udp'
  for port in 1701 2152 3544 4754 4789 4790 5247 6081 6635 8472 37008; do
    names 10.30.0.10 "$port"
    client dig +tries=1 +time=3 -p "$port" @10.30.0.10 archive.ward.example >/dev/null
  done
  stop
  ends
fi
