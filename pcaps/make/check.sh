#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Check the captures with tshark: every protocol is decoded as itself, the objects were stored, the messages were acknowledged,
# and nothing tells about the machine that recorded them.      pcaps/make/check.sh [DIR]
set -euo pipefail
export LC_ALL=C
dir=$(realpath "${1:-$(dirname "$0")/..}")
bad=0
# Ports that no standard gives: the workstation's and the MPPS receiver's DICOM, the analyser's HL7, the CT's service page.
decode=(-d 'tcp.port==11112,dicom' -d 'tcp.port==4006,dicom' -d 'tcp.port==6661,hl7' -d 'tcp.port==4433,tls')

count() { tshark -r "$dir/$1" "${decode[@]}" -Y "$2" -T fields -e frame.number 2>/dev/null | wc -l; }

at_least() {                        # at_least NUMBER FILE FILTER
  local n
  n=$(count "$2" "$3")
  if [ "$n" -lt "$1" ]; then echo "FAIL  $2: $n packets match '$3', expected at least $1"; bad=1; else printf 'ok    %-32s %4d  %s\n' "$2" "$n" "$3"; fi
}

says() {                            # says NUMBER FILE REGEX: so many lines of tshark's summary of DICOM
  local n
  n=$(tshark -r "$dir/$2" "${decode[@]}" -Y dicom -T fields -e _ws.col.Info 2>/dev/null | grep -cE "$3" || true)
  if [ "$n" -lt "$1" ]; then echo "FAIL  $2: $n times '$3', expected at least $1"; bad=1; else printf 'ok    %-32s %4d  %s\n' "$2" "$n" "$3"; fi
}

none() {
  local n
  n=$(count "$1" "$2")
  if [ "$n" != 0 ]; then echo "FAIL  $1: $n packets match '$2', expected none"; bad=1; fi
}

h=hospital.pcapng
for protocol in dicom hl7 dhcp arp dns mdns http tls ssh lldp cdp ssdp nbns icmpv6 icmp ipp igmp nbdgm; do at_least 1 $h $protocol; done
says 6 $h 'C-STORE-RSP .*Success'
refused=$(tshark -r "$dir/$h" "${decode[@]}" -Y dicom -T fields -e _ws.col.Info 2>/dev/null | grep -E -- '-RSP ID|ABORT|reject' | grep -vE 'Success|Pending' || true)
[ -z "$refused" ] || { echo "FAIL  an answer in DICOM is not a success: $refused"; bad=1; }
says 1 $h 'C-MOVE-RSP .*Success'
says 1 $h 'N-CREATE-RSP .*Success'
says 1 $h 'N-SET-RSP .*Success'
at_least 5 hl7/two_ports.pcap 'hl7'
at_least 3 hl7/oru_ack.pcap 'tcp.payload contains "MSA|AA"'
at_least 4 hl7/two_ports.pcap 'tcp.payload contains "MSA|AA"'
at_least 2 hl7/two_ports.pcap 'tcp.payload contains "MSA|AE"'
says 1 dicom/store_ct.pcap 'C-STORE-RSP .*Success'
says 1 dicom/worklist.pcap 'C-FIND-RSP .*Success'
says 1 dicom/archive_forward.pcap 'C-STORE-RSP .*Success'
at_least 4 dhcp/lease.pcap 'dhcp.option.dhcp == 5'
at_least 6 dns/lookup.pcap 'dns.flags.response == 1'
at_least 1 dns/lookup.pcap 'dns.flags.rcode == 3'
at_least 1 mdns/printer.pcap 'mdns && dns.txt contains "usb_MDL=LaserStar 400"'
at_least 2 http/get.pcap 'http.server contains "INKJOY"'
at_least 1 http/get.pcap 'http.authbasic'
at_least 1 tls/tls12_certificate.pcap 'tls.handshake.type == 11 && x509sat.uTF8String contains "emr.hospital.example"'
at_least 1 tls/tls13.pcap 'tls.handshake.type == 2 && tls.handshake.extensions.supported_version == 0x0304'
none tls/tls13.pcap 'tls.handshake.type == 11'
at_least 2 ssh/banners.pcap 'ssh.protocol contains "OpenSSH"'
at_least 1 lldp/switch.pcap 'lldp.tlv.system.name == "floor-sw-3"'
at_least 1 cdp/switch.pcap 'cdp.platform contains "EXAMPLENET"'
at_least 1 ssdp/notify.pcap 'ssdp && http.server contains "PROSEWARE"'
at_least 1 nbns/registration.pcap 'nbns.flags.opcode == 5'
at_least 10 arp/subnet.pcap arp
for type in 133 134 135 136; do at_least 1 icmpv6/neighbours.pcap "icmpv6.type == $type"; done
# The same packet on both sides of the router: by IP identification and addresses.
twice=$(tshark -r "$dir/$h" -Y 'ip && tcp.dstport == 104' -T fields -e ip.id -e ip.src -e tcp.seq_raw -e tcp.ack_raw -e tcp.len 2>/dev/null | sort | uniq -d | wc -l)
if [ "$twice" -gt 100 ]; then echo "ok    $twice packets to port 104 are in it twice"; else echo "FAIL  routed copies are missing"; bad=1; fi
for f in "$dir"/*.pcapng "$dir"/*/*.pcap; do
  if strings -a "$f" | grep -nE "/tmp/|$HOME/|mtpcap|$(uname -r)|$(uname -n)\\.?(local|$)"; then echo "FAIL  ${f#"$dir"/} tells about the recording machine"; bad=1; fi
  size=$(stat -c %s "$f")
  [ "$size" -le 8192 ] || echo "note  ${f#"$dir"/} has $size bytes"
done
exit $bad
