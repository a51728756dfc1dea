#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of imaging, FHIR, audit and syslog in pcaps/{dicom,dicomweb,fhir,atna,syslog} that hospital.sh does not make,
# and write their table into README.md.
#
#   sudo pcaps/make/imaging.sh [OUT_DIR]         OUT_DIR: the folder above this script by default
#   VENV=/path/to/venv                           a Python environment with pydicom pynetdicom fhirpy
#
# One bridge and a few hosts in namespaces of their own; each case is recorded on the bridge by itself. Nothing touches an
# interface of the machine, and no namespace has a way out.
#
# Debian packages (bookworm): iproute2 ethtool wireshark-common tshark dcmtk orthanc orthanc-dicomweb openssl curl bsdutils
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:-/tmp/medtap-pcaps-venv}/bin/python
plugin=/usr/share/orthanc/plugins/libOrthancDicomWeb.so

. "$here/needs.sh"
need ip ethtool dumpcap capinfos storescu storescp getscu findscu Orthanc openssl curl logger
need_file "$plugin" orthanc-dicomweb
need_modules "$py" 'pydicom, pynetdicom, fhirpy' 'pydicom pynetdicom fhirpy in VENV'
end_if_missing

run=mtimg$$
tmp=$(mktemp -d "/tmp/$run.XXXXXX")
hosts=()
cleanup() {
  local code=$? host pid
  trap - EXIT INT TERM
  for host in "${hosts[@]}"; do
    for pid in $(ip netns pids "$run-$host" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
  done
  sleep 0.5
  for host in "${hosts[@]}"; do ip netns del "$run-$host" 2>/dev/null || true; done
  [ "$code" = 0 ] || tail -n 20 "$tmp"/*.log >&2 || true
  rm -rf "$tmp"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

new_host() {
  ip netns add "$run-$1"
  hosts+=("$1")
  ip netns exec "$run-$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$run-$1" link set lo up
}
host() {                            # host NAME NUMBER: on the bridge, with the address 10.30.1.NUMBER
  new_host "$1"
  ip -n "$run-$1" link add name eth0 address "02:ac:3e:01:00:$2" type veth peer name "p$2" netns "$run-sw"
  ip netns exec "$run-$1" ethtool -K eth0 tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
  ip netns exec "$run-sw" ethtool -K "p$2" tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
  ip -n "$run-sw" link set "p$2" master br0 up
  ip -n "$run-$1" addr add "10.30.1.$2/24" dev eth0
  ip -n "$run-$1" link set eth0 up
}
on() { ip netns exec "$run-$1" unshare -u sh -c 'echo "$1" > /proc/sys/kernel/hostname; shift; exec "$@"' sh "$@"; }
daemon() { on "$@" >"$tmp/$1-$(basename "$2").log" 2>&1 </dev/null & disown; }
begin() {                           # begin FILE: record what crosses the bridge
  ip netns exec "$run-sw" dumpcap -q -P -i br0 -f "tcp or udp" -w "$tmp/case.pcap" 2>"$tmp/dumpcap.log" &
  recorder=$!
  until [ -s "$tmp/case.pcap" ]; do sleep 0.1; done
  sleep 0.5
  file=$1
}
end() {                             # end ORIGIN TEXT
  sleep 1
  kill "$recorder"
  wait "$recorder" || true
  mkdir -p "$(dirname "$out/$file")"
  cp "$tmp/case.pcap" "$out/$file"
  chmod 644 "$out/$file"
  # shellcheck disable=SC2016
  printf '| `%s` | %s | `%s` | %s | %s |\n' "$file" "$(capinfos -Mrc "$out/$file" | awk '/Number of packets/ {print $NF}')" \
    "$(sha256sum "$out/$file" | cut -d' ' -f1)" "$1" "$2" >>"$tmp/rows"
  echo "$file"
}
may() { "$@" >/dev/null 2>&1 || true; }

new_host sw
ip -n "$run-sw" link add name br0 address 02:ac:3e:01:00:01 type bridge stp_state 0 mcast_snooping 0 forward_delay 0
ip -n "$run-sw" link set br0 up
host ct 11
host archive 20
host wks 30
host emr 40
host audit 50

"$py" "$here/objects.py" "$tmp/objects" >/dev/null
cat >"$tmp/orthanc.json" <<JSON
{ "Name": "ARCHIVE", "DicomAet": "ARCHIVE", "DicomPort": 104, "HttpPort": 8042, "RemoteAccessAllowed": true,
  "AuthenticationEnabled": false, "DicomAlwaysAllowGet": true, "DicomAlwaysAllowMove": true, "DicomCheckCalledAet": false,
  "StorageDirectory": "$tmp/db", "IndexDirectory": "$tmp/db", "Plugins": ["$plugin"],
  "DicomWeb": { "Enable": true, "Root": "/dicom-web/", "EnableWado": true },
  "DicomModalities": { "wks": ["WKS_RAD01", "10.30.1.30", 11112] } }
JSON
daemon archive Orthanc "$tmp/orthanc.json"
mkdir -p "$tmp/in"
daemon archive storescp -aet STORE +xa -od "$tmp/in" 11113
daemon archive "$py" "$here/imaging.py" archive
daemon wks storescp -aet WKS_RAD01 -od "$tmp/in" 11112
for _ in $(seq 60); do on ct curl -s -o /dev/null http://10.30.1.20:8042/system && break; sleep 0.5; done

# --- DICOM -------------------------------------------------------------------------------------------------------------
begin dicom/encodings.pcap
for syntax in -xi -xb -xd; do on ct storescu -aet CT_ROOM1 -aec STORE "$syntax" 10.30.1.20 11113 "$tmp/objects/ct1.dcm"; done
end '`make/imaging.sh`' "dcmtk storescu sends one CT image three times to storescp on port 11113: implicit, explicit big endian, deflated"

on ct storescu -aet CT_ROOM1 -aec ARCHIVE 10.30.1.20 104 "$tmp/objects/ct1.dcm" "$tmp/objects/ct2.dcm"
on ct storescu -aet US_CART3 -aec ARCHIVE 10.30.1.20 104 "$tmp/objects/us1.dcm"
begin dicom/get_forward.pcap
for kind in 2 4; do
  on wks findscu -S -aet WKS_RAD01 -aec ARCHIVE -k 0008,0052=STUDY -k PatientName='CANARY*' -k "0020,000d=2.25.2026010100.$kind.1.1" \
    10.30.1.20 104 >/dev/null 2>&1
  on wks getscu -S -aet WKS_RAD01 -aec ARCHIVE -od "$tmp/in" -k 0008,0052=STUDY -k "0020,000d=2.25.2026010100.$kind.1.1" 10.30.1.20 104
done
end '`make/imaging.sh`' "dcmtk getscu retrieves a CT's and an ultrasound's image by C-GET: Orthanc sends them on the same association"

begin dicom/services.pcap
on ct "$py" "$here/imaging.py" services 10.30.1.20
end '`make/imaging.sh`' "pynetdicom: storage commitment with its report on an association of its own, a procedure step that is discontinued, \
a printer's N-GET, a rejection (called title), an abort"

begin dicom/persons.pcap
on ct "$py" "$here/imaging.py" persons 10.30.1.20
end '`make/imaging.sh`' "pynetdicom stores an object with CANARY in every text of the DICOM dictionary but those of equipment, in four sequences and in \
private elements, explicit and implicit"

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/key.pem" -out "$tmp/cert.pem" -days 3650 -subj "/CN=archive.example" 2>/dev/null
daemon archive storescp +tls "$tmp/key.pem" "$tmp/cert.pem" -ic -aet STORE -od "$tmp/in" 2762
daemon archive openssl s_server -accept 11120 -alpn dicom -key "$tmp/key.pem" -cert "$tmp/cert.pem" -quiet
sleep 1
begin dicom/tls.pcap
on ct storescu +tla -ic -aet CT_ROOM1 -aec STORE 10.30.1.20 2762 "$tmp/objects/ct1.dcm"
echo | may on ct openssl s_client -connect 10.30.1.20:11120 -alpn dicom -tls1_2
echo | may on ct openssl s_client -connect 10.30.1.20:11120 -alpn dicom -tls1_3
end '`make/imaging.sh`' "DICOM over TLS: dcmtk on its registered port 2762; OpenSSL with the ALPN name dicom on 11120, TLS 1.2 and 1.3"

# --- DICOMweb ------------------------------------------------------------------------------------------------------------
web=http://10.30.1.20:8042/dicom-web
begin dicomweb/orthanc.pcap
{ printf -- '--mt\r\nContent-Type: application/dicom\r\n\r\n'; cat "$tmp/objects/mr1.dcm"; printf '\r\n--mt--\r\n'; } >"$tmp/stow"
on ct curl -sf -o /dev/null -H 'Expect:' -H 'Content-Type: multipart/related; type="application/dicom"; boundary=mt' \
  -H 'Accept: application/dicom+json' --data-binary "@$tmp/stow" "$web/studies"
on wks curl -sf -o /dev/null -H 'Accept: application/dicom+json' "$web/studies?PatientName=CANARY*&includefield=all"
on wks curl -sf -o /dev/null -H 'Accept: application/dicom+json' "$web/studies/2.25.2026010100.2.1.1/metadata"
on wks curl -sf -o /dev/null "$web/studies/2.25.2026010100.2.1.1"
on wks curl -sf -o /dev/null "http://10.30.1.20:8042/wado?requestType=WADO&studyUID=2.25.2026010100.4.1.1&seriesUID=2.25.2026010100.4.1.2\
&objectUID=2.25.2026010100.4.1&contentType=application/dicom"
may on wks curl -s -H 'Accept: application/dicom+json' "$web/studies/2.25.1.2.3.4/metadata?CANARY"
end '`make/imaging.sh`' "curl stores an MR's image (STOW-RS), searches (QIDO-RS), retrieves metadata and a CT's study (WADO-RS), an ultrasound's image \
(WADO-URI), fails once; Orthanc with its DICOMweb plugin answers"

# --- FHIR, audit, syslog ----------------------------------------------------------------------------------------------------
daemon emr "$py" "$here/fhir_server.py"
sleep 1
begin fhir/server.pcap
on wks "$py" "$here/fhir_client.py" 10.30.1.40
on wks curl -sf --compressed -o /dev/null -H 'Accept: application/fhir+json' 'http://10.30.1.40:8080/fhir/Device?patient=CANARY-MRN-1'
on wks curl -sf -o /dev/null -H 'Accept: application/fhir+xml' 'http://10.30.1.40:8080/fhir/Device?identifier=CANARY'
on wks curl -sf -o /dev/null 'http://10.30.1.40:8080/fhir/.well-known/smart-configuration'
end '`make/imaging.sh`; the server is ours' "PyPI fhirpy and curl ask a server written for this: capability statement, Device, DeviceMetric and Patient \
in JSON, gzip and XML, SMART's configuration"

daemon audit "$py" "$here/audit.py" receive
sleep 1
begin atna/audit.pcap
on archive "$py" "$here/audit.py" send 10.30.1.50
end 'documented: PS3.15 A.5, RFC 5424, 5426, 6587' "an archive's audit trail over UDP 514 and TCP 6514 with counted octets: a transfer between two nodes, a log-in"

begin syslog/logger.pcap
for text in one two; do
  on ct logger -n 10.30.1.50 -P 514 -d --rfc5424 -t scanner "CANARY $text"
  on wks logger -n 10.30.1.50 -P 514 -d --rfc3164 -t viewer "CANARY $text"
done
on ct logger -n 10.30.1.50 -P 1601 -T --octet-count --rfc5424 -t scanner "CANARY three"
printf 'CANARY a\nCANARY b\n' | on wks logger -n 10.30.1.50 -P 1602 -T --rfc3164 -t viewer
end '`make/imaging.sh`' "util-linux logger: RFC 5424 and RFC 3164 over UDP, counted octets and lines over TCP"

if [ -f "$out/README.md" ]; then
  awk -v rows="$tmp/rows" '/<!-- imaging -->/ {print; print ""; print "| file | packets | sha256 | origin | what it shows |"; print "|---|---|---|---|---|"; while ((getline line < rows) > 0) print line; print ""; skip = 1}
    /<!-- end of imaging -->/ {skip = 0} !skip && !/<!-- imaging -->/' "$out/README.md" >"$tmp/readme"
  cat "$tmp/readme" >"$out/README.md"
fi
