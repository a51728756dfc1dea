#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Cut one conversation a file out of hospital.pcapng, and write the table of captures into README.md.
#   pcaps/make/cut.sh [DIR]        needs tshark and capinfos; no rights
# Each small capture is seen from one bridge only, so it has no routed copies; the packets themselves are unchanged.
set -euo pipefail
export LC_ALL=C
dir=$(realpath "${1:-$(dirname "$0")/..}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for side in core-a core-b; do
  tshark -r "$dir/hospital.pcapng" -Y "frame.interface_name == \"$side\"" -w "$tmp/$side" 2>/dev/null
done

row() {                             # row FILE ORIGIN TEXT
  # shellcheck disable=SC2016
  printf '| `%s` | %s | `%s` | %s | %s |\n' "$1" "$(capinfos -Mrc "$dir/$1" | awk '/Number of packets/ {print $NF}')" \
    "$(sha256sum "$dir/$1" | cut -d' ' -f1)" "$2" "$3" >>"$tmp/rows"
}

stream() {                          # stream SIDE FILTER: the number of the first TCP connection that matches
  tshark -r "$tmp/$1" -Y "$2" -T fields -e tcp.stream 2>/dev/null | sed -n 1p
}

cut_out() {                         # cut_out FILE SIDE FILTER TEXT [FORMAT]
  mkdir -p "$(dirname "$dir/$1")"
  tshark -r "$tmp/$2" -Y "$3" -w "$dir/$1" -F "${5:-pcap}" 2>/dev/null
  row "$1" "cut, $2" "$4"
}

row hospital.pcapng "\`make/hospital.sh\`" "everything below, both sides of the router; nanoseconds; interfaces \`core-a\` and \`core-b\`"

n=$(stream core-a 'ip.src == 10.20.1.11 && tcp.dstport == 104 && tcp.payload contains "1.2.840.10008.5.1.4.1.1.2\x40"')
cut_out dicom/store_ct.pcap core-a "tcp.stream == $n" "pynetdicom CT stores one image (C-STORE, status 0): equipment, UDI, contributing equipment"
n=$(stream core-b 'ip.src == 10.20.1.12 && ip.dst == 10.20.2.11 && tcp.dstport == 104')
cut_out dicom/worklist.pcap core-b "tcp.stream == $n" "dcmtk findscu asks wlmscpfs for the MR's worklist; one answer"
n=$(stream core-b 'ip.src == 10.20.2.10 && tcp.dstport == 11112')
cut_out dicom/archive_forward.pcap core-b "tcp.stream == $n" "Orthanc sends the CT's image on to the workstation (C-MOVE sub-operation, Move Originator present), port 11112"

n=$(stream core-a 'ip.src == 10.20.1.21 && tcp.dstport == 2575')
cut_out hl7/oru_ack.pcap core-a "tcp.stream == $n" "a gateway reports two monitors (PCD-01, OBX-18) and a pump (PRT with UDI) over one connection; three AA"
cut_out hl7/two_ports.pcap core-b "tcp.port == 6661 || (tcp.port == 2575 && ip.addr == 10.20.2.12)" "ADT on 2575 (AA, AA, AE) and an analyser with SFT and EQU on 6661 (AA, AA, AE)"
cut_out dhcp/lease.pcap core-a dhcp "four clients get leases: pump and phone (udhcpc), workstation and ventilator (dhclient with vendor class)"
cut_out dns/lookup.pcap core-a "dns && !mdns && (ip.addr == 10.20.1.11 || ip.addr == 10.20.1.50)" "A, AAAA, CNAME, SRV, PTR, a name that does not exist, one that is refused"
cut_out mdns/printer.pcap core-a "mdns && (ip.src == 10.20.1.60 || ip.src == 10.20.1.50)" "avahi announces an \`_ipp._tcp\` printer (ty, product, usb_MFG, usb_MDL); zeroconf asks for it"
cut_out http/get.pcap core-a "tcp.port == 80 && ip.addr == 10.20.1.60" "a printer's web page with a Server header; a second page with basic authentication in clear"
n=$(stream core-b 'tcp.dstport == 443')
cut_out tls/tls12_certificate.pcap core-b "tcp.stream == $n" "TLS 1.2: the server's self-signed certificate in clear; it asks for a client certificate and gets none"
n=$(stream core-b 'tcp.dstport == 8443')
cut_out tls/tls13.pcap core-b "tcp.stream == $n" "TLS 1.3: server name and supported versions in clear, certificate not"
cut_out ssh/banners.pcap core-b "tcp.port == 22" "banners and key exchange; authentication fails"
cut_out lldp/switch.pcap core-a lldp "lldpd as a floor switch: system name, description, management address"
cut_out cdp/switch.pcap core-a cdp "the same switch by CDP version 2"
cut_out ssdp/notify.pcap core-a "ssdp || (udp && ip.src == 10.20.1.62)" "a camera's NOTIFY, a search, the answers (from and to ephemeral ports)"
cut_out nbns/registration.pcap core-a "nbns && eth.src == 18:66:da:20:01:50" "nmbd registers a workstation and its work group, answers a name query and a node status query"
cut_out arp/subnet.pcap core-a arp "requests, replies, a gratuitous request; nanosecond pcap" nsecpcap
cut_out icmpv6/neighbours.pcap core-a "icmpv6.type >= 133 && icmpv6.type <= 136" "router solicitations and advertisements, neighbour discovery, duplicate address detection"

if [ -f "$dir/README.md" ]; then
  awk -v rows="$tmp/rows" '/<!-- captures -->/ {print; print ""; print "| file | packets | sha256 | origin | what it shows |"; print "|---|---|---|---|---|"; while ((getline line < rows) > 0) print line; print ""; skip = 1}
    /<!-- end of captures -->/ {skip = 0} !skip && !/<!-- captures -->/' "$dir/README.md" >"$tmp/readme"
  cat "$tmp/readme" >"$dir/README.md"
fi
