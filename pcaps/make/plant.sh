#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of industrial and building controllers: s7comm, opcua, iec60870_104, dnp3, kip, pn_dcp, fox, omron, slmp, melsoft, gwmp, cnip.
#
#   sudo pcaps/make/plant.sh [OUT_DIR]           OUT_DIR: where the captures go; default: the folder above this script
#   VENV=/path/to/venv SNAP7=/path/to/venv       Python environments with the packages below
#
# Two namespaces and a veth pair between them; each conversation is recorded by tcpdump on the server's side.
# Nothing touches an interface of the machine itself.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump knxd
# PyPI packages: asyncua 2.1.0, c104 2.2.1 (lib60870), yadnp3 3.2.1.4 (opendnp3), xknx 4.0.0, pnio-dcp 1.2.0; and, in an environment of its own,
# python-snap7 1.4.1 (the snap7 library in C)
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3
snap=${SNAP7:+$SNAP7/bin/}python3

. "$here/needs.sh"
need ip ethtool tcpdump knxd
need_modules "$py" 'asyncua, c104, opendnp3, xknx, pnio_dcp' 'asyncua c104 yadnp3 xknx pnio-dcp'
need_modules "$snap" 'snap7' 'python-snap7 1.4.1'
end_if_missing

subnet=10.31.0 server_mac=00:1b:1b:3a:00:10 client_mac=00:0c:29:3a:00:21
# shellcheck source=two_hosts.sh
. "$here/two_hosts.sh"
for host in $hosts; do ip -n "$run-$host" route add 224.0.0.0/4 dev eth0; done
talk() { client "$@" >>"$tmp/client.log" 2>&1; }
serve() {                           # serve NAME COMMAND...: a daemon that takes its time
  daemon "$@"
  sleep 1
}

# --- real stacks ----------------------------------------------------------------------------------------------------------
serve s7 "$snap" "$here/plant.py" s7-server
record s7comm/identity.pcap 'tcp port 102'
talk "$snap" "$here/plant.py" s7-client
stop
serve opcua "$py" "$here/plant.py" opcua-server
until server ss -ltn | grep -q :4840; do sleep 0.5; done
record opcua/build.pcap 'tcp port 4840'
talk "$py" "$here/plant.py" opcua-client
stop
serve iec104 "$py" "$here/plant.py" iec104-server
record iec60870_104/station.pcap 'tcp port 2404'
talk "$py" "$here/plant.py" iec104-client
stop
serve dnp3 "$py" "$here/dnp3_talk.py" outstation
record dnp3/outstation.pcap 'tcp port 20000'
talk "$py" "$here/dnp3_talk.py" master
stop
serve knxd knxd -n 'KNX router 2' -e 1.1.5 -E 1.1.6:4 -D -T -R -S -b dummy:
record kip/search.pcap 'udp port 3671'
talk "$py" "$here/plant.py" knx-client
stop
# --- after the public documents: no public stack answers ------------------------------------------------------------------
serve dcp "$py" "$here/plant.py" dcp-station
record pn_dcp/identify.pcap 'ether proto 0x8892'
talk "$py" "$here/plant.py" dcp-client || true
stop
for case in fox/hello.pcap:fox:1911 omron/controller.pcap:fins:9600 slmp/type_name.pcap:slmp:5007 melsoft/type.pcap:melsoft:5007 \
    melsoft/open.pcap:melopen:5560 gwmp/gateway.pcap:lora:1700 \
    cnip/channel.pcap:lonworks:1628 s7comm/plant.pcap:s7-plant:102 dnp3/attributes.pcap:rtu:20000; do
  IFS=: read -r file actor port <<<"$case"
  serve "$actor" "$py" "$here/plant.py" "$actor-server"
  record "$file" "port $port"
  talk "$py" "$here/plant.py" "$actor-client"
  stop
done
