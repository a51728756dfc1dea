#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of HTTP/2 in clear text, pcaps/{fhir,dicomweb}/h2c.pcap and pcaps/http2/{page,upgrade}.pcap.
#
#   sudo pcaps/make/http2.sh [OUT_DIR]           OUT_DIR: where the captures go; default: the folder above this script
#   VENV=/path/to/venv                           a Python environment with pydicom pynetdicom
#
# nghttpx speaks HTTP/2 before the FHIR server of imaging.sh and before Orthanc; curl and nghttp ask it. Nothing touches an interface of
# the machine itself.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump curl nghttp2-proxy nghttp2-client orthanc orthanc-dicomweb
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3
plugin=/usr/share/orthanc/plugins/libOrthancDicomWeb.so

. "$here/needs.sh"
need ip ethtool tcpdump curl nghttpx nghttp Orthanc
need_file "$plugin" orthanc-dicomweb
need_modules "$py" 'pydicom, pynetdicom' 'pydicom pynetdicom'
end_if_missing

. "$here/two_hosts.sh"

"$py" "$here/objects.py" "$tmp/objects" >/dev/null
cat >"$tmp/orthanc.json" <<JSON
{ "Name": "ARCHIVE", "DicomServerEnabled": false, "HttpPort": 8042, "RemoteAccessAllowed": true, "AuthenticationEnabled": false,
  "StorageDirectory": "$tmp/db", "IndexDirectory": "$tmp/db", "Plugins": ["$plugin"],
  "DicomWeb": { "Enable": true, "Root": "/dicom-web/", "EnableWado": true } }
JSON
daemon fhir "$py" "$here/fhir_server.py"
daemon orthanc Orthanc "$tmp/orthanc.json"
before() { daemon "proxy$1" nghttpx --conf=/dev/null -f "*,$1;no-tls" -b "127.0.0.1,$2" --no-via --no-server-rewrite --workers=1; }
before 3000 8080
before 3001 8042
for _ in $(seq 60); do server curl -s -o /dev/null http://127.0.0.1:8042/system && break; sleep 0.5; done

# --- fhir ------------------------------------------------------------------------------------------------------------------
fhir=http://10.30.0.10:3000/fhir
ask() { client curl -sf -o /dev/null -H 'Accept: application/fhir+json' -H 'Authorization: Bearer CANARY-TOKEN' "$@"; }
record fhir/h2c.pcap 'tcp port 3000'
for asked in metadata 'Device?patient=CANARY-MRN-1' Patient/CANARY; do ask --http2-prior-knowledge "$fhir/$asked"; done
ask --http2 --compressed "$fhir/Device?patient=CANARY-MRN-1" -o /dev/null "$fhir/Patient/CANARY"
client nghttp --no-dep -b 32 -H 'authorization: Bearer CANARY-TOKEN' -H 'accept: application/fhir+xml' "$fhir/Device?identifier=CANARY" "$fhir/metadata?CANARY" >/dev/null
stop

# --- dicomweb ----------------------------------------------------------------------------------------------------------------
web=http://10.30.0.10:3001/dicom-web
ask() { client curl -sf --http2-prior-knowledge -o /dev/null -H 'Accept: application/dicom+json' "$@"; }
{ printf -- '--mt\r\nContent-Type: application/dicom\r\n\r\n'; cat "$tmp/objects/mr1.dcm"; printf '\r\n--mt--\r\n'; } >"$tmp/stow"
record dicomweb/h2c.pcap 'tcp port 3001'
ask -H 'Expect:' -H 'Content-Type: multipart/related; type="application/dicom"; boundary=mt' --data-binary "@$tmp/stow" "$web/studies"
ask "$web/studies?PatientName=CANARY*&includefield=all"
client curl -sf --http2 -o /dev/null -H 'Accept: application/dicom+json' "$web/studies/2.25.2026010100.3.1.1/metadata"
client curl -sf --http2-prior-knowledge -o /dev/null "$web/studies/2.25.2026010100.3.1.1"
stop

# --- http2: nothing that rides on it ---------------------------------------------------------------------------------------------
record http2/page.pcap 'tcp port 3001'
client curl -sf --http2-prior-knowledge -o /dev/null -u CANARY:CANARY 'http://10.30.0.10:3001/app/explorer.html?CANARY'
client nghttp --no-dep http://10.30.0.10:3001/system http://10.30.0.10:3001/statistics >/dev/null
stop

# --- http2: agreed on by an upgrade, and nothing that rides on it ------------------------------------------------------------------
record http2/upgrade.pcap 'tcp port 3001'
client curl -sf --http2 -o /dev/null 'http://10.30.0.10:3001/app/explorer.html?CANARY'
stop
