#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of what a device looks up and greets by name: dns/names and tls/names (remote-access tools, encrypted DNS,
# updates), and dns/makers and tls/makers, where the same makers' web sites are asked for and nothing may be told.
#
#   sudo pcaps/make/names.sh [OUT_DIR]           OUT_DIR: where the captures go; default: the folder above this script
#
# dnsmasq answers every name with the server's own address, and OpenSSL's server greets there: no host of those makers is asked.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump dnsmasq-base bind9-dnsutils openssl curl
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")

. "$here/needs.sh"
need ip ethtool tcpdump dnsmasq dig openssl curl
end_if_missing

subnet=10.34.0
# shellcheck source=two_hosts.sh
. "$here/two_hosts.sh"

names='router15.teamviewer.com relay-0b975d23.net.anydesk.com dns.google mozilla.cloudflare-dns.com download.windowsupdate.com'
makers='www.teamviewer.com anydesk.com www.google.com www.cloudflare.com www.microsoft.com'

daemon dnsmasq dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --interface=eth0 --address=/#/$subnet.10
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=lab.example -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>"$tmp/req.log"
daemon tls openssl s_server -quiet -www -accept 443 -key "$tmp/key.pem" -cert "$tmp/cert.pem"

look_up() { local name; for name; do client dig +short +tries=1 @$subnet.10 "$name" >/dev/null; done; }
greet() {                           # the first by OpenSSL's client, the others by curl
  client openssl s_client -connect "$subnet.10:443" -servername "$1" </dev/null >"$tmp/s_client.log" 2>&1
  shift
  local name
  for name; do client curl -sk -o /dev/null --resolve "$name:443:$subnet.10" "https://$name/"; done
}

record dns/names.pcap 'udp port 53'
look_up $names
stop
record dns/makers.pcap 'udp port 53'
look_up $makers
stop
record tls/names.pcap 'tcp port 443'
greet $names
stop
record tls/makers.pcap 'tcp port 443'
greet $makers
stop
