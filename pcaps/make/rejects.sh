#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the capture of examinations that were rejected or repeated, pcaps/dicom/rejects.pcap.
#
#   sudo pcaps/make/rejects.sh [OUT_DIR]         OUT_DIR: where the capture goes; default: the folder above this script
#   VENV=/path/to/venv                           a Python environment with pydicom pynetdicom
#
# pydicom makes the documents (rejects.py says which), dcmtk's storescu sends them, storescp takes them. Nothing touches an
# interface of the machine.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump dcmtk
set -euo pipefail
# pynetdicom brings programs of dcmtk's names.
export LC_ALL=C PATH=/usr/bin:$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3

. "$here/needs.sh"
need ip ethtool tcpdump storescu storescp
need_modules "$py" 'pydicom, pynetdicom' 'pydicom pynetdicom'
end_if_missing

. "$here/two_hosts.sh"

"$py" "$here/rejects.py" "$tmp/rejects"
daemon archive storescp --ignore --aetitle ARCHIVE 11112
record dicom/rejects.pcap 'tcp port 11112'
client storescu --required --aetitle CT_ROOM1 --call ARCHIVE 10.30.0.10 11112 "$tmp"/rejects/[1-46]-*.dcm
client storescu --required --aetitle VIEWER --call ARCHIVE 10.30.0.10 11112 "$tmp"/rejects/5-*.dcm
stop
