#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of programs that put persons where no field of a person is: in URLs, in names of files and in texts of failures,
# pcaps/{dicom,dicomweb,fhir}/persons*.pcap.
#
#   sudo pcaps/make/persons.sh [OUT_DIR]         OUT_DIR: where the captures go; default: the folder above this script
#   VENV=/path/to/venv                           a Python environment with pydicom pynetdicom fhirstarter uvicorn
#
# Orthanc, pynetdicom and fhirstarter answer; curl and pynetdicom ask. Nothing touches an interface of the machine.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump curl orthanc orthanc-dicomweb
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3
plugin=/usr/share/orthanc/plugins/libOrthancDicomWeb.so

. "$here/needs.sh"
need ip ethtool tcpdump curl Orthanc
need_file "$plugin" orthanc-dicomweb
need_modules "$py" 'pydicom, pynetdicom, fhirstarter, uvicorn' 'pydicom pynetdicom fhirstarter uvicorn'
end_if_missing

. "$here/two_hosts.sh"

"$py" "$here/objects.py" "$tmp/objects" >/dev/null
cat >"$tmp/orthanc.json" <<JSON
{ "Name": "ARCHIVE", "DicomServerEnabled": false, "HttpPort": 8042, "RemoteAccessAllowed": true, "AuthenticationEnabled": false,
  "StorageDirectory": "$tmp/db", "IndexDirectory": "$tmp/db", "Plugins": ["$plugin"],
  "DicomWeb": { "Enable": true, "Root": "/dicom-web/", "EnableWado": true } }
JSON
daemon orthanc Orthanc "$tmp/orthanc.json"
daemon fhir "$py" "$here/fhir_stack.py"
daemon archive "$py" "$here/persons.py" archive
for port in 8042/system 8080/metadata; do
  for _ in $(seq 60); do server curl -s -o /dev/null "http://127.0.0.1:$port" && break; sleep 0.5; done
done
server curl -sf -o /dev/null --data-binary "@$tmp/objects/us1.dcm" http://127.0.0.1:8042/instances

# --- dicom: texts of failures ---------------------------------------------------------------------------------------------------
record dicom/persons_refused.pcap 'tcp port 11112'
client "$py" "$here/persons.py" modality 10.30.0.10 "$tmp/objects/ct1.dcm"
stop

# --- dicomweb: URLs and names of files ------------------------------------------------------------------------------------------
at=http://10.30.0.10:8042
web=$at/dicom-web
ask() { client curl -sf -o /dev/null "$@"; }
object='requestType=WADO&studyUID=2.25.2026010100.4.1.1&seriesUID=2.25.2026010100.4.1.2&objectUID=2.25.2026010100.4.1'
{ printf -- '--mt\r\nContent-Type: application/dicom\r\nContent-Disposition: attachment; filename="CANARY^PATIENT.dcm"\r\n\r\n'
  cat "$tmp/objects/mr1.dcm"; printf '\r\n--mt--\r\n'; } >"$tmp/stow"
record dicomweb/persons.pcap 'tcp port 8042'
ask -H 'Expect:' -H 'Content-Type: multipart/related; type="application/dicom"; boundary=mt' -H 'Accept: application/dicom+json' \
  --data-binary "@$tmp/stow" "$web/studies?PatientID=CANARY-MRN-1"
ask -H 'Accept: application/dicom+json' "$web/studies?PatientName=CANARY*&PatientID=CANARY-MRN-1&PatientBirthDate=19000101"
ask -H 'Accept: application/dicom+json' "$web/series?00100010=CANARY*&includefield=all"
ask "$at/wado?PatientID=CANARY-MRN-1&PatientName=CANARY^PATIENT&$object&contentType=application/dicom"
ask "$at/wado?$object&contentType=image/jpeg&annotation=CANARY"
ask "$web/studies/2.25.2026010100.4.1.1?PatientName=CANARY"
patient=$(server curl -s http://127.0.0.1:8042/patients | tr -dc '0-9a-f\n-' | grep -m 1 .)
ask "$at/patients/$patient/archive"
client curl -s -o /dev/null -H 'Accept: application/dicom+json' "$web/studies/CANARY/metadata"
stop

# --- fhir: URLs -------------------------------------------------------------------------------------------------------------------
fhir=http://10.30.0.10:8080
ask() { client curl -s -o /dev/null -H 'Accept: application/fhir+json' "$@"; }
record fhir/persons.pcap 'tcp port 8080'
ask "$fhir/metadata?CANARY"
ask "$fhir/Patient?family=CANARY&birthdate=1900-01-01&address=1%20CANARY%20STREET"
ask "$fhir/Device?serial-number=AM-MON-0099&patient=Patient/CANARY-MRN-1"
ask "$fhir/Patient/CANARY-MRN-1"
ask "$fhir/Patient/CANARY"
ask --data 'family=CANARY&birthdate=1900-01-01' "$fhir/Patient/_search"
ask -H 'Content-Type: application/fhir+json' --data '{"resourceType": "Patient", "name": [{"family": "CANARY"}]}' "$fhir/Patient"
ask -H 'Content-Type: application/fhir+json' -H 'Content-Disposition: attachment; filename="CANARY report.json"' \
  --data '{"resourceType": "Binary", "data": "CANARY"}' "$fhir/Binary"
stop
