#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the capture of a client that says by DHCP of what kind it is, pcaps/dhcp/classes.pcap.
#
#   sudo pcaps/make/classes.sh [OUT_DIR]         OUT_DIR: where the capture goes; default: the folder above this script
#
# udhcpc asks and dnsmasq answers. Nothing touches an interface of the machine.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump dnsmasq-base udhcpc
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
. "$here/needs.sh"
need ip ethtool tcpdump dnsmasq udhcpc
end_if_missing

. "$here/two_hosts.sh"

hex() { printf "$1" | od -An -v -tx1 | tr -d ' \n'; }
daemon leases dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --no-ping --interface=eth0 --bind-interfaces \
  --dhcp-authoritative --dhcp-range="$subnet.100,$subnet.120,10m" --dhcp-leasefile="$tmp/leases" --log-facility=-
ask() { client udhcpc -i eth0 -n -q -t 3 -s /bin/true "$@" >/dev/null 2>&1 || true; }

record dhcp/classes.pcap 'udp port 67 or udp port 68'
# A maker's values and classes; one text instead of classes; and a gateway's values under the Broadband Forum's number.
ask -x "0x2b:$(hex '\x02\x04EMTA\x08\x03\x00\x10\x95\x09\x06SB6121')" -x "0x4d:$(hex '\x04iPXE\x06lab-07')" \
  -x "0x7c:$(hex '\x00\x00\x00\x09\x08\x07cisco-1')"
ask -x "0x4d:$(hex Printer)" -x "0x7d:$(hex '\x00\x00\x0d\xe9\x15\x01\x06002686\x02\x06SN-771\x03\x03GW9')"
stop
