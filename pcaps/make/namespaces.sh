# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Sourced by two_hosts.sh and access.sh: a namespace for each of $hosts, one of them `server`, on whose eth0 conversations are recorded.
# It expects $out and $hosts, and deletes what it made when the script ends.
#
# background HOST NAME COMMAND, record FILE FILTER, stop

run=mtcap$$
tmp=$(mktemp -d "/tmp/$run.XXXXXX")
chmod 755 "$tmp"
cleanup() {
  local code=$? host pid
  trap - EXIT INT TERM
  for host in $hosts; do
    for pid in $(ip netns pids "$run-$host" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$run-$host" 2>/dev/null || true
  done
  [ "$code" = 0 ] || { echo "$(basename "$0"): failed; logs:" >&2; tail -n 5 "$tmp"/*.log >&2 || true; }
  rm -rf "$tmp"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

for host in $hosts; do
  ip netns add "$run-$host"
  ip netns exec "$run-$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$run-$host" link set lo up
done

plug() {                            # plug HOST INTERFACE: up, with whole checksums and no frames put together
  ip netns exec "$run-$1" ethtool -K "$2" tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
  ip -n "$run-$1" link set "$2" up
}
background() {                      # background HOST NAME COMMAND...
  local host=$1 name=$2
  shift 2
  ip netns exec "$run-$host" "$@" >"$tmp/$name.log" 2>&1 </dev/null &
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
