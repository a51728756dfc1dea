#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of answers that other scripts never ask for: llmnr/resolved, bacnet/wide, bacnet/router,
# bacnet/forwarded, bacnet/link, enip/object, ntp/reference, http/powered, wsd/camera.
#
#   sudo pcaps/make/answers.sh [-o CAPTURE] [OUT_DIR]        -o: this one alone; OUT_DIR: default the folder above this script
#   VENV=/path/to/venv                                       a Python environment with the packages below
#   RESOLVED=/path/to/systemd-resolved                       where it lies, if the package is unpacked and not installed
#
# Two namespaces and a veth pair between them (two_hosts.sh), and a third one behind the server: real, unmodified software at all
# ends. Nothing touches an interface of the machine.
#
# Debian packages (bookworm):
#   iproute2 ethtool tcpdump systemd-resolved bind9-dnsutils chrony ntpsec-ntpdig php-cli curl
# PyPI packages: bacpypes3, cpppo, WSDiscovery
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
only=
if [ "${1:-}" = -o ]; then only=$2; shift 2; fi
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3
resolved=${RESOLVED:-/lib/systemd/systemd-resolved}

. "$here/needs.sh"
need ip ethtool tcpdump dig chronyd ntpdig php curl ffmpeg
need_file "$resolved" systemd-resolved
need_modules "$py" 'bacpypes3, cpppo, wsdiscovery' 'bacpypes3 cpppo WSDiscovery'
need_modules /usr/bin/python3 'gi' 'PyGObject'
end_if_missing

subnet=10.37.0 behind=plant
# shellcheck source=two_hosts.sh
. "$here/two_hosts.sh"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }

# --- llmnr: systemd-resolved has a name, and another one is asked for it; nobody has the second name -------------------------------
if wanted llmnr/resolved; then
  printf '[Resolve]\nLLMNR=yes\nMulticastDNS=no\n' >"$tmp/resolved.conf"
  { getent passwd root; echo 'systemd-resolve:x:998:998::/:/usr/sbin/nologin'; } >"$tmp/passwd"
  { getent group root; echo 'systemd-resolve:x:998:'; } >"$tmp/group"
  resolver() {                      # resolver HOST NAME: with a name, users and a run-time folder of its own, and no message bus
    background "$1" "resolved-$1" unshare --uts --mount sh -c "hostname $2
      mkdir -p $tmp/etc-$1/systemd $tmp/run-$1/systemd
      cp $tmp/passwd $tmp/group $tmp/etc-$1 && cp $tmp/resolved.conf $tmp/etc-$1/systemd
      cp -P /etc/machine-id /etc/ld.so.cache /etc/nsswitch.conf $tmp/etc-$1
      mount --bind $tmp/etc-$1 /etc && mount --bind $tmp/run-$1 /run && exec $resolved"
  }
  record llmnr/resolved.pcap 'udp port 5355 or tcp port 5355'
  resolver server lab-scope-4
  resolver client ward-pc-9
  sleep 3
  client dig +tries=1 +time=4 @127.0.0.53 lab-scope-4 A >"$tmp/dig.log" || true
  client dig +tries=1 +time=4 @127.0.0.53 -x "$subnet.10" >>"$tmp/dig.log" || true
  client dig +tries=1 +time=4 @127.0.0.53 canary A >>"$tmp/dig.log" || true
  stop
fi

# --- bacnet: a controller that writes UCS-2, asked property by property, its serial number among them ------------------------------
if wanted bacnet/wide; then
  daemon bacnet "$py" "$here/answers.py" bacnet-device "$subnet.10"
  record bacnet/wide.pcap 'udp port 47808'
  client "$py" "$here/answers.py" bacnet-client "$subnet.20"
  stop
fi

plant() {                           # plant ADDRESS...: the network behind the server, with hosts of these addresses
  local address
  if ! ip -n "$run-server" link show eth1 >/dev/null 2>&1; then
    ip -n "$run-server" link add eth1 address 00:0c:29:3a:00:11 type veth peer name eth0 netns "$run-plant" address 00:0c:29:3a:00:30
    ip -n "$run-server" addr add 10.38.0.1/24 brd + dev eth1
    plug server eth1
    plug plant eth0
  fi
  for address; do ip -n "$run-plant" addr replace "$address/24" brd + dev eth0; done
}

# --- bacnet: a router, itself a device, between a workplace and two controllers of another network --------------------------------
if wanted bacnet/router; then
  plant 10.38.0.30 10.38.0.31
  daemon bacnet-router "$py" "$here/answers.py" bacnet-router "$subnet.10" 10.38.0.1
  background plant bacnet-vav "$py" "$here/answers.py" bacnet-behind 10.38.0.30 2001
  background plant bacnet-fcu "$py" "$here/answers.py" bacnet-behind 10.38.0.31 2002
  sleep 1
  record bacnet/router.pcap 'udp port 47808'
  client "$py" "$here/answers.py" bacnet-far-client "$subnet.20"
  stop
fi

# --- bacnet: two BBMDs, one of each network; a controller that is asked, one that is only heard of, and one that is foreign -------------
if wanted bacnet/forwarded; then
  plant 10.38.0.40 10.38.0.41 10.38.0.42 10.38.0.43
  server sysctl -qw net.ipv4.ip_forward=1
  ip -n "$run-client" route replace 10.38.0.0/24 via "$subnet.10"
  ip -n "$run-plant" route replace "$subnet.0/24" via 10.38.0.1
  record bacnet/forwarded.pcap 'udp port 47808'
  background plant bacnet-bbmd "$py" "$here/answers.py" bacnet-bbmd 10.38.0.40 "$subnet.20" 2101
  background client bacnet-head "$py" "$here/answers.py" bacnet-bbmd "$subnet.20" 10.38.0.40 2100
  sleep 1
  background plant bacnet-foreign "$py" "$here/answers.py" bacnet-announced 10.38.0.43 2104 "$subnet.20"
  sleep 1
  background plant bacnet-asked "$py" "$here/answers.py" bacnet-announced 10.38.0.41 2102
  background plant bacnet-heard "$py" "$here/answers.py" bacnet-announced 10.38.0.42 2103
  sleep 4
  stop
fi

# --- bacnet: a controller straight on Ethernet --------------------------------------------------------------------------------------------
if wanted bacnet/link; then
  daemon bacnet-link "$py" "$here/answers.py" bacnet-link-device
  sleep 1
  record bacnet/link.pcap 'ether[12:2] <= 1500 and ether[14:2] = 0x8282'
  client "$py" "$here/answers.py" bacnet-link-client
  stop
fi

# --- enip: cpppo's client asks for all of the identity object, of the device itself -------------------------------------------------
if wanted enip/object; then
  daemon enip "$py" -m cpppo.server.enip -S -a "$subnet.10:44818" 'AHU=INT[4]'
  sleep 2
  record enip/object.pcap 'tcp port 44818'
  client "$py" -m cpppo.server.enip.get_attribute -S -a "$subnet.10:44818" '@1/1' >"$tmp/enip-client.log" || true
  stop
fi

# --- ntp: chronyd with a reference clock -----------------------------------------------------------------------------------------------
if wanted ntp/reference; then
  printf 'refclock SOCK %s refid LAB poll 0 filter 2\nallow\ncmdport 0\nbindcmdaddress /\npidfile %s\n' \
    "$tmp/clock.sock" "$tmp/chronyd.pid" >"$tmp/chrony.conf"
  daemon chronyd chronyd -d -x -U -f "$tmp/chrony.conf"
  daemon clock "$py" "$here/answers.py" clock "$tmp/clock.sock"
  sleep 12
  record ntp/reference.pcap 'udp port 123'
  client ntpdig "$subnet.10" >/dev/null
  stop
fi

# --- http: PHP says what powers its pages ----------------------------------------------------------------------------------------------
if wanted http/powered; then
  mkdir -p "$tmp/web"
  echo '<?php echo "<html><head><title>Archive</title></head><body>CANARY</body></html>";' >"$tmp/web/index.php"
  daemon php php -S "$subnet.10:80" -t "$tmp/web"
  record http/powered.pcap 'tcp port 80'
  client curl -s -o /dev/null "http://$subnet.10/"
  stop
fi

# --- wsd: a camera announces itself, and takes its leave -----------------------------------------------------------------------------------
if wanted wsd/camera; then
  ip -n "$run-server" route add 239.0.0.0/8 dev eth0
  record wsd/camera.pcap 'udp port 3702'
  daemon camera "$py" "$here/answers.py" camera
  sleep 8
  stop
fi
