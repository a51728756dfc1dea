# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Sourced by services.sh, network.sh and plant.sh: two namespaces, `server` and `client`, with a veth pair between them. It expects $out;
# $subnet, $server_mac and $client_mac may say who they are, and $behind may name one more namespace, which the script links itself.
#
# server COMMAND, client COMMAND, daemon NAME COMMAND, record FILE FILTER, stop

hosts="server client ${behind:-}"
# shellcheck source=namespaces.sh
. "$(dirname "${BASH_SOURCE[0]}")/namespaces.sh"

ip -n "$run-server" link add eth0 address "${server_mac:-00:0c:29:3a:00:10}" type veth \
  peer name eth0 netns "$run-client" address "${client_mac:-00:0c:29:3a:00:20}"
ip -n "$run-server" addr add "${subnet:=10.30.0}.10/24" brd + dev eth0
ip -n "$run-client" addr add "$subnet.20/24" brd + dev eth0
plug server eth0
plug client eth0

server() { ip netns exec "$run-server" "$@"; }
client() { ip netns exec "$run-client" timeout 30 "$@"; }
daemon() { background server "$@"; }
