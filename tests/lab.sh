#!/usr/bin/env bash
# A hospital of network namespaces, to try medtap on: a switch with a mirror port, and hosts that
# talk. It touches no interface of the machine.
#
#   sudo tests/lab.sh up      make it; medtapd is then run in the namespace mtlab-sensor, on mon0
#   sudo tests/lab.sh talk    let the hosts talk once (again and again, as often as wanted)
#   sudo tests/lab.sh down    take all of it away
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C

lab=mtlab
folder=/run/$lab
hosts=(infra archive ct emr ward)

if [ "$(id -u)" != 0 ] || ! command -v ip >/dev/null; then
  echo 'lab.sh: needs root and iproute2' >&2
  exit 2
fi

has() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || { echo "lab.sh: $tool is missing: that conversation is left out" >&2; return 1; }
  done
}

on() { local host=$1; shift; ip netns exec "$lab-$host" "$@"; }

# Runs in the background until `down`.
serve() { local host=$1; shift; on "$host" "$@" >"$folder/$host.log" 2>&1 </dev/null & }

space() {
  ip netns add "$lab-$1"
  # shellcheck disable=SC2016
  on "$1" sh -c 'for i in all default; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done'
  ip -n "$lab-$1" link set lo up
}

# A switch that learns no addresses sends every frame to every port: the sensor's is the mirror.
plug() {
  ip -n "$lab-switch" link set "$1" master br0 up
  ip -n "$lab-switch" link set "$1" type bridge_slave learning off
}

cable() { # cable HOST INTERFACE MAC PORT
  ip link add "$2" address "$3" netns "$lab-$1" type veth peer name "$4" netns "$lab-switch"
  if command -v ethtool >/dev/null; then
    on "$1" ethtool -K "$2" tx off tso off gso off gro off >/dev/null
  fi
  plug "$4"
}

up() {
  if ip netns list | grep -q "^$lab-"; then
    echo 'lab.sh: it is up already; take it down first' >&2
    exit 2
  fi
  mkdir -p "$folder/received" "$folder/www"
  space switch
  ip -n "$lab-switch" link add br0 type bridge stp_state 0 mcast_snooping 0 forward_delay 0
  ip -n "$lab-switch" link set br0 up
  space sensor
  cable sensor mon0 02:4d:54:00:00:fe far0
  ip -n "$lab-sensor" link set mon0 up
  local number=10 host
  for host in "${hosts[@]}"; do
    space "$host"
    cable "$host" eth0 "02:4d:54:00:00:$number" "p$number"
    [ "$host" = ward ] || ip -n "$lab-$host" addr add "10.77.0.$number/24" brd + dev eth0
    ip -n "$lab-$host" link set eth0 up
    number=$((number + 1))
  done
  echo '<html><head><title>Example EMR 8.2</title></head></html>' >"$folder/www/index.html"
  printf '#!/bin/sh\ncase $1 in bound|renew) ip addr replace $ip/24 brd + dev $interface ;; esac\n' >"$folder/lease"
  chmod 755 "$folder/lease"
  ! has dnsmasq || serve infra dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --user=root \
    --pid-file --interface=eth0 --bind-interfaces --dhcp-leasefile="$folder/leases" \
    --dhcp-range=10.77.0.100,10.77.0.150,1h
  ! has storescp || serve archive storescp -aet ARCHIVE -od "$folder/received" 11112
  ! has python3 || serve emr python3 -m http.server --directory "$folder/www" 80
  echo "lab.sh: up; now run medtapd in it: ip netns exec $lab-sensor target/release/medtapd --interface mon0"
}

# An image of a CT that does not exist, without a patient, for dump2dcm.
image() {
  cat <<'END'
(0008,0016) UI =CTImageStorage
(0008,0018) UI [1.2.826.0.1.3680043.10.543.1.1.1]
(0008,0060) CS [CT]
(0008,0070) LO [ACME MEDICAL]
(0008,1010) SH [CT_ROOM_1]
(0008,1090) LO [TOMOGRAPH 64]
(0018,1000) LO [CT-4711-0815]
(0018,1020) LO [3.2.1]
(0020,000d) UI [1.2.826.0.1.3680043.10.543.1]
(0020,000e) UI [1.2.826.0.1.3680043.10.543.1.1]
END
}

talk() {
  ip netns list | grep -q "^$lab-ward" || { echo 'lab.sh: it is not up' >&2; exit 2; }
  if has udhcpc; then
    on ward udhcpc -q -n -i eth0 -s "$folder/lease" -x hostname:pump-0007
  else
    ip -n "$lab-ward" addr replace 10.77.0.99/24 brd + dev eth0
  fi
  ! has ping || on ct ping -q -c 2 -i 0.3 10.77.0.11
  ! has curl python3 || on ward curl -sS -m 5 -o /dev/null -w 'web page: %{http_code}\n' http://10.77.0.13/
  if has echoscu storescp; then
    on ct echoscu -aet CT_ROOM_1 -aec ARCHIVE 10.77.0.11 11112 && echo 'DICOM echo: answered'
  fi
  if has dump2dcm storescu storescp; then
    image > "$folder/ct.dump"
    dump2dcm -q +te "$folder/ct.dump" "$folder/ct.dcm"
    on ct storescu -aet CT_ROOM_1 -aec ARCHIVE 10.77.0.11 11112 "$folder/ct.dcm" &&
      echo 'DICOM image: stored'
  fi
}

down() {
  local host pid
  for host in "${hosts[@]}" sensor switch; do
    for pid in $(ip netns pids "$lab-$host" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
    ip netns delete "$lab-$host" 2>/dev/null || true
  done
  rm -rf "$folder"
}

case "${1:-}" in
  up | talk | down) "$1" ;;
  *) echo 'lab.sh: up, talk or down' >&2; exit 2 ;;
esac
