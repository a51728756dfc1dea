# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Sourced by services.sh and network.sh: two namespaces, `server` and `client`, with a veth pair between them, and how a conversation is
# recorded on the server's side. It expects $out, and deletes what it made when the script ends.
#
# server COMMAND, client COMMAND, daemon NAME COMMAND, record FILE FILTER, stop

run=mtsvc$$
tmp=$(mktemp -d "/tmp/$run.XXXXXX")
chmod 755 "$tmp"
cleanup() {
  local code=$? host pid
  trap - EXIT INT TERM
  for host in server client; do
    for pid in $(ip netns pids "$run-$host" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$run-$host" 2>/dev/null || true
  done
  [ "$code" = 0 ] || { echo "$(basename "$0"): failed; logs:" >&2; tail -n 5 "$tmp"/*.log >&2 || true; }
  rm -rf "$tmp"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

for host in server client; do
  ip netns add "$run-$host"
  ip netns exec "$run-$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$run-$host" link set lo up
done
ip -n "$run-server" link add eth0 address 00:0c:29:3a:00:10 type veth peer name eth0 netns "$run-client" address 00:0c:29:3a:00:20
for host in server client; do
  ip netns exec "$run-$host" ethtool -K eth0 tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
done
ip -n "$run-server" addr add 10.30.0.10/24 brd + dev eth0
ip -n "$run-client" addr add 10.30.0.20/24 brd + dev eth0
ip -n "$run-server" link set eth0 up
ip -n "$run-client" link set eth0 up

server() { ip netns exec "$run-server" "$@"; }
client() { ip netns exec "$run-client" timeout 30 "$@"; }
daemon() {                          # daemon NAME COMMAND...: in the background, in the server's namespace
  local name=$1
  shift
  server "$@" >"$tmp/$name.log" 2>&1 </dev/null &
  disown
  sleep 1
}

record() {                          # record FILE FILTER: begins to record; stop ends it
  mkdir -p "$(dirname "$out/$1")"
  : >"$tmp/tcpdump.log"
  ip netns exec "$run-server" tcpdump -q -U -s 0 -i eth0 -w "$tmp/capture.pcap" "$2" 2>"$tmp/tcpdump.log" &
  capture=$!
  target=$out/$1
  until grep -q 'listening on' "$tmp/tcpdump.log" 2>/dev/null; do sleep 0.1; done
  sleep 0.2
}
stop() {
  sleep 0.7
  kill -TERM "$capture"
  wait "$capture" 2>/dev/null || true
  cp "$tmp/capture.pcap" "$target"
  echo "$target: $(tcpdump -r "$target" 2>/dev/null | wc -l) packets"
}
