#!/usr/bin/env bash
# Proves the zero-copy mode, which no interface of a test machine has: a guest with a virtio-net
# card runs medtapd, the hospital's capture is sent to it, and what the engine says is compared with
# what the capture gives offline. Then the card's own settings, which no virtual cable has: the
# engine sets key and table of its hash, channels, interrupts and NAPI, and all is as before however
# the engine ends. It touches no interface of the machine, and keeps what it
# downloads under target/.
#
#   sudo tests/zero-copy.sh      exit code 0: proved, or skipped because something can't be had
#
# Needs Debian's qemu-system-x86, tcpreplay, jq, iproute2, ethtool, xz-utils, and the network for the
# guest's kernel: the driver has zero-copy only in kernels newer than most machines'.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
cd "$(dirname "$0")/.."

work=$PWD/target/zero-copy
capture=pcaps/hospital.pcapng
space=mtzc$$
tap=mtzc0
second=mtzc1 # of the card whose settings are changed
seconds=300 # for the guest's start, and for each run: it is an emulated machine
processes=() # the guest, and who reads what it reports

# Name, how often the capture is sent, over how many queues, and what the engine is started with in
# the guest, one after the other. `again` sends more frames than there is memory for, so that all of
# it is used again; so does `overload`, while the engine is stopped, and then once more.
runs=(
  'zero-copy 1 1 --mode zero-copy'
  'auto 1 1 --mode auto'
  'two-workers 1 1 --mode zero-copy --workers 2'
  'two-queues 1 2 --mode zero-copy --workers 2'
  'by-queue 1 2 --mode zero-copy --workers 2 --steering queues'
  'again 20 1 --mode zero-copy --workers 2'
  'overload 10 1 --mode zero-copy --workers 2'
)

# How the engine ends once it has set the card up: asked to, killed, or because another interface
# is not there.
ends=(INT TERM KILL error)

skip() { echo "skipped: $*"; exit 0; }
fail() { echo "zero-copy: failed: $*" >&2; exit 1; }

tidy() {
  kill "${processes[@]}" 2>/dev/null || true
  wait
  ! ip netns list 2>/dev/null | grep -q "^$space\b" || ip netns del "$space"
}
trap tidy EXIT

check_machine() {
  [ "$(uname -m)" = x86_64 ] || skip 'the guest is x86-64'
  [ "$(id -u)" = 0 ] || skip 'needs root, for a namespace and a tap'
  local tool
  for tool in qemu-system-x86_64 tcpreplay jq ip ethtool xz apt-get dpkg cargo; do
    command -v "$tool" >/dev/null || skip "$tool is missing"
  done
  [ -c /dev/net/tun ] || skip 'there is no /dev/net/tun'
}

# A configuration of apt that is this script's alone: Debian's stable release with its backports,
# from where the machine has its own packages.
apt() {
  local command=$1; shift
  "$command" -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" \
    -o APT::Architecture=amd64 -o APT::Sandbox::User=root -o Acquire::Languages=none \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

fetch() { # fetch PACKAGE...: unpacks them into the work folder
  local package
  for package in "$@"; do
    [ ! -e "$work/unpacked/$package" ] || continue
    rm -f "$work/packages/${package}_"*
    (cd "$work/packages" && apt apt-get -q download "$package") >>"$work/apt.log" 2>&1 ||
      skip "the package $package can't be downloaded; $work/apt.log says why"
    dpkg -x "$work/packages/${package}_"*.deb "$work/root"
    touch "$work/unpacked/$package"
  done
}

get_kernel() {
  mkdir -p "$work"/{apt/lists/partial,apt/cache/archives/partial,packages,unpacked,root}
  local site image parts
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
    grep '/debian/*$' | sort -u | head -n 1) ||
    skip "the machine's apt has no source of Debian's packages"
  local key=/usr/share/keyrings/debian-archive-keyring.gpg signed=
  [ ! -e $key ] || signed="[signed-by=$key]"
  printf "deb $signed $site %s main\n" trixie trixie-backports >"$work/apt/sources.list"
  apt apt-get -q update >"$work/apt.log" 2>&1 ||
    skip "the lists of packages can't be had; $work/apt.log says why"
  # The newest kernel, and the parts that it comes in.
  image=$(apt apt-cache show linux-image-amd64 | awk '/^Depends:/' |
    grep -o 'linux-image-[0-9][^ ,]*-amd64' | sort -V | tail -n 1) ||
    skip 'there is no kernel in the backports'
  release=${image#linux-image-}
  parts=$(apt apt-cache depends "$image" | awk -v release="-$release" \
    '$1 == "Depends:" && $2 ~ /^linux-(binary|modules)-/ && index($2, release) { print $2 }')
  # shellcheck disable=SC2086
  fetch busybox-static "$image" $parts
  kernel=$(find "$work/root" -name vmlinuz -path "*/$release/*" -o -name "vmlinuz-$release" |
    head -n 1)
  [ -n "$kernel" ] || fail "the packages of $release have no vmlinuz"
}

# The guest's first process. It reports on the second serial port; the first is its console.
write_init() {
  cat >"$1/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/shm /tmp /run; mount -t tmpfs shm /dev/shm; mount -t tmpfs tmp /tmp
stty -F /dev/ttyS1 raw -echo
exec 9<>/dev/ttyS1
say() { echo "@@ $*" >&9; }
tell() { say "file $1"; cat "$2" >&9; echo >&9; }
for module in failover net_failover virtio_net; do insmod /modules/$module.ko; done
ip link set eth0 up
say "guest $(uname -r) $(basename "$(readlink /sys/class/net/eth0/device/driver)")"

delivered() {
  medtap status --output json 2>/dev/null | sed -n 's/.*"delivered": *\([0-9]*\).*/\1/p'
}

run() { # run NAME TIMES QUEUES OPTION...
  local name=$1 queues=$3 tries=0 code; shift 3
  # What the run before left must not pass for this one's.
  rm -rf /dev/shm/medtap
  cat /sys/class/net/eth0/statistics/tx_packets >/tmp/sent
  printf '[[interface]]\nname = "eth0"\nchannels = %s\n' "$queues" >/tmp/medtapd.toml
  medtapd --fresh --config /tmp/medtapd.toml "$@" 2>/tmp/engine & engine=$!
  until [ -n "$(delivered)" ] || [ $((tries += 1)) -gt 60 ] || ! kill -0 $engine; do sleep 1; done
  [ "$name" != overload ] || kill -STOP $engine
  say "ready $name"
  # It is told on the second port how many frames it should have by now.
  local sent; read -r sent <&9
  if [ "$name" = overload ]; then
    kill -CONT $engine; sleep 5
    say "again $name"; read -r sent <&9
  fi
  tries=0
  until [ "$(delivered)" = "$sent" ] || [ $((tries += 1)) -gt 20 ]; do sleep 1; done
  sleep 3
  medtap status --output json >/tmp/status; tell "$name.status.json" /tmp/status
  medtap status >/tmp/status; tell "$name.status.txt" /tmp/status
  medtap devices --output json >/tmp/devices; tell "$name.devices.json" /tmp/devices
  kill -TERM $engine; wait $engine; code=$?
  medtap devices --output json >/tmp/devices; tell "$name.left.json" /tmp/devices
  tell "$name.engine.txt" /tmp/engine
  say "code $name $code $(($(cat /sys/class/net/eth0/statistics/tx_packets) - $(cat /tmp/sent)))"
  say "end $name"
}
# What the engine may set of a card, as the system's own tools show it.
settings() {
  local irq file
  ethtool -x eth1; ethtool -l eth1
  for file in mtu napi_defer_hard_irqs gro_flush_timeout; do
    echo "$file: $(cat /sys/class/net/eth1/$file)"
  done
  printf 'interrupts: '
  for irq in /sys/class/net/eth1/device/../msi_irqs/*; do
    printf '%s ' "$(cat "/proc/irq/${irq##*/}/smp_affinity_list")"
  done
  echo
}

end() { # end WAY
  local tries=0 engine
  cat >/tmp/medtapd.toml <<'TOML'
workers = 2
[[interface]]
name = "eth1"
steering = "queues"
channels = 2
symmetric_rss = true
rss_queues = 1
mtu = 1400
irq_cpus = "1"
napi_defer_hard_irqs = 2
gro_flush_timeout_ns = 150000
TOML
  [ "$1" != error ] || printf '[[interface]]\nname = "nosuch0"\n' >>/tmp/medtapd.toml
  rm -rf /dev/shm/medtap
  # Once with a channel less, too.
  if [ "$1" = INT ]; then ethtool -L eth1 combined 1; else ethtool -L eth1 combined 2; fi
  settings >/tmp/before; tell "$1.before.txt" /tmp/before
  medtapd --fresh --config /tmp/medtapd.toml 2>/tmp/engine & engine=$!
  if [ "$1" != error ]; then
    until [ -n "$(delivered)" ] || [ $((tries += 1)) -gt 60 ] || ! kill -0 $engine; do sleep 1; done
    settings >/tmp/during; tell "$1.during.txt" /tmp/during
    kill -"$1" $engine
  fi
  wait $engine
  # The keeper goes on for a moment.
  tries=0
  until settings >/tmp/after; cmp -s /tmp/before /tmp/after || [ $((tries += 1)) -gt 20 ]; do sleep 1; done
  tell "$1.after.txt" /tmp/after
  tell "$1.said.txt" /tmp/engine
  say "ended $1"
}
. /runs
say bye
poweroff -f
INIT
  chmod 755 "$1/init"
  local each
  for each in "${runs[@]}"; do echo "run $each"; done >"$1/runs"
  for each in "${ends[@]}"; do echo "end $each"; done >>"$1/runs"
}

make_initrd() {
  local root=$work/initrd module library program
  rm -rf "$root"
  mkdir -p "$root"/{bin,modules,proc,sys,dev,tmp}
  local busybox
  busybox=$(find "$work/root" -path '*/bin/busybox' -type f)
  cp "$busybox" "$root/bin/busybox"
  for module in failover net_failover virtio_net; do
    find "$work/root" -path "*/$release/*" -name "$module.ko*" -exec cp {} "$root/modules/" \;
  done
  ! compgen -G "$root/modules/*.xz" >/dev/null || xz -d "$root"/modules/*.xz
  for program in target/release/medtapd target/release/medtap "$(command -v ethtool)"; do
    cp -L "$program" "$root/bin/"
    ! command -v strip >/dev/null || strip "$root/bin/${program##*/}"
    ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
      mkdir -p "$root$(dirname "$library")"
      cp -L "$library" "$root$library"
    done
  done
  write_init "$root"
  (cd "$root" && find . | "$busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$work/initrd.gz"
}

# A namespace with two taps, silent: no IPv6, no address.
plug() {
  ip netns add "$space"
  ip netns exec "$space" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' || true
  local each
  for each in "$tap" "$second"; do
    ip -n "$space" tuntap add "$each" mode tap multi_queue
    ip -n "$space" link set "$each" up
  done
}

counted() { ip -n "$space" -s -j link show "$tap" | jq ".[0].stats64.$1"; }

boot() {
  : >"$work/console.txt"; : >"$work/report.txt"
  rm -f "$work"/port.{in,out}
  mkfifo "$work"/port.{in,out}
  local card=virtio-net-pci,netdev=net0,mac=02:00:00:00:00:02,mq=on,vectors=6,romfile=
  # The driver wants them for its memory to be the sockets'; without the offloads frames come one
  # by one, as from a mirror port.
  card+=,iommu_platform=on,disable-legacy=on
  card+=,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_csum=off
  # The other one has a hash of its own, as cards have, and shares frames out by it.
  local other=virtio-net-pci,netdev=net1,mac=02:00:00:00:00:03,mq=on,rss=on,vectors=6,romfile=
  other+=,iommu_platform=on,disable-legacy=on
  nice -n 5 ip netns exec "$space" qemu-system-x86_64 -accel tcg,thread=multi -m 2048 -smp 2 \
    -display none -monitor none -no-reboot -kernel "$kernel" -initrd "$work/initrd.gz" \
    -append 'console=ttyS0 quiet ipv6.disable=1 panic=-1 no_timer_check' \
    -netdev "tap,id=net0,ifname=$tap,script=no,downscript=no,vhost=off,queues=2" -device "$card" \
    -netdev "tap,id=net1,ifname=$second,script=no,downscript=no,vhost=off,queues=2" \
    -device "$other" \
    -serial "file:$work/console.txt" -chardev "pipe,id=report,path=$work/port" \
    -serial chardev:report </dev/null >"$work/qemu.txt" 2>&1 &
  qemu=$!
  processes=("$qemu")
  exec 3<>"$work/port.in"
  cat "$work/port.out" >"$work/report.txt" &
  processes+=($!)
}

send() { # send OPTION...: the capture
  ip netns exec "$space" tcpreplay --intf1="$tap" "$@" "$capture" >"$work/sender.txt" 2>&1 ||
    fail "tcpreplay: $(tail -n 1 "$work/sender.txt")"
}

await() { # await LINE: until the guest reports it
  local begun=$SECONDS
  until grep -qE "^@@ $1" "$work/report.txt"; do
    kill -0 "$qemu" 2>/dev/null || fail "the guest ended before it reported \"$1\"; see $work"
    [ $((SECONDS - begun)) -lt $seconds ] ||
      fail "the guest did not report \"$1\" in $seconds s; see $work"
    sleep 0.5
  done
}

# What the guest reported as a file.
part() { awk -v name="$1" '/^@@ /{on = ($2 == "file" && $3 == name); next} on' "$work/report.txt"; }

# Two inventories are compared without times, hours, and the names of captures; without what clocks
# are off, which are right by the capture's time and not by the guest's; and without what counts the
# copies of a packet once: the emulated machine now and then takes longer between two copies than
# the 20 ms in which the engine knows them for copies.
inventory() {
  jq -S 'walk(if type == "object" then
      del(.as_of, .first_seen, .last_seen, .busiest_hour, .quietest_window, .files, .duplicates,
        .packets_sent, .packets_received, .bytes_sent, .bytes_received)
      | if has("protocols") and has("bytes") then del(.bytes) else . end
      | if has("findings") then .findings |= map(select(.id != "clock_offset")) else . end
    else . end)'
}

check() { # check NAME TIMES QUEUES: of one run
  local name=$1 expected=$(($2 * frames)) status=$work/$1.status.json wrong=()
  part "$name.status.json" >"$status"
  part "$name.engine.txt" >"$work/$name.engine.txt"
  part "$name.devices.json" | inventory >"$work/$name.devices.json"
  part "$name.left.json" | inventory >"$work/$name.left.json"
  is() { # is WHAT EXPECTED FOUND
    [ "$2" = "$3" ] || wrong+=("$1 is ${3:-missing}, expected $2")
  }
  of() { jq -r ".interfaces[0].$1" "$status"; }
  is attach native "$(of attach)"
  is delivery zero-copy "$(of delivery)"
  is queues "$3" "$(of queues)"
  is sent "$expected" "$((sent_after - sent_before))"
  is xdp_packets "$expected" "$(of counters.xdp_packets)"
  is xdp_redirected "$expected" "$(of counters.xdp_redirected)"
  local lost='[]' full
  if [ "$name" = overload ]; then
    # Its rings were full, and have what they held; what came afterwards is there too.
    full=$(of counters.ring_full)
    # The driver counts among its own drops what it could not hand over.
    lost=$(jq -nc --argjson count "$full" \
      '[{interface: "eth0", counter: ("nic_dropped", "ring_full"), $count}]')
    [ "$full" -gt 0 ] || wrong+=('no ring was ever full')
    expected=$((expected - full))
    [ "$expected" -gt $((frames + 2000)) ] || wrong+=("only $expected frames were not lost")
  fi
  is delivered "$expected" "$(of counters.delivered)"
  is nic_sent 0 "$(of counters.nic_sent)"
  is 'frames that left the guest' 0 "$(counted rx.packets)"
  is losses "$lost" "$(jq -c .losses "$status")"
  is contradictions '[]' "$(jq -c .contradictions "$status")"
  is devices "$devices" "$(jq '.devices | length' "$work/$name.devices.json")"
  is "code and frames sent" '0 0' "$(sed -n "s/^@@ code $name //p" "$work/report.txt" | tr -d '\r')"
  is 'workers without a frame' 0 \
    "$(jq '[.workers[] | select(.counters.packets == 0)] | length' "$status")"
  # Sent again and again the devices are the same, but not how often each thing was seen.
  [ "$2" != 1 ] || diff "$work/offline.json" "$work/$name.left.json" >"$work/$name.diff" ||
    wrong+=("the inventory differs from the capture's ($work/$name.diff)")
  printf '%-12s %s, %s, %s x %s sockets: %s frames, %s devices: ' "$name" "$(of attach)" \
    "$(of delivery)" "$(of queues)" "$(of sockets)" "$(of counters.delivered)" \
    "$(jq '.devices | length' "$work/$name.devices.json")"
  if [ ${#wrong[@]} = 0 ]; then echo right; return 0; fi
  echo wrong
  printf '  %s\n' "${wrong[@]}"
  return 1
}

check_settings() { # check_settings WAY: of one end
  local way=$1 wrong=() each
  for each in before during after said; do part "$way.$each.txt" >"$work/$way.$each.txt"; done
  grep -q '^ *0: *0 ' "$work/$way.before.txt" || wrong+=('the card does not show its table')
  if [ "$way" != error ]; then
    local set=('(6d:5a:){19}6d:5a$' 'mtu: 1400' 'napi_defer_hard_irqs: 2'
      'gro_flush_timeout: 150000' 'interrupts: 1 1 1 1 1 $')
    case $way in
      INT) set+=('with 2 RX ring') ;;
      *) set+=('^ *0: *0 *0 *0 *0 *0 *0 *0 *0$') ;;
    esac
    for each in "${set[@]}"; do
      grep -qE "$each" "$work/$way.during.txt" || wrong+=("not set: $each")
      ! grep -qE "$each" "$work/$way.before.txt" || wrong+=("set before: $each")
    done
  fi
  cmp -s "$work/$way.before.txt" "$work/$way.after.txt" ||
    wrong+=("not as before ($work/$way.before.txt, $work/$way.after.txt)")
  printf 'settings after %-8s' "$way:"
  if [ ${#wrong[@]} = 0 ]; then echo 'as before: right'; return 0; fi
  echo wrong
  printf '  %s\n' "${wrong[@]}"
  return 1
}

check_machine
cargo build --release --locked --quiet --workspace --bins
get_kernel
make_initrd
target/release/medtap analyze "$capture" --output json 2>/dev/null | inventory >"$work/offline.json"
frames=$(jq .source.packets "$work/offline.json")
devices=$(jq '.devices | length' "$work/offline.json")
plug
boot
await 'guest '
guest=$(sed -n 's/^@@ guest //p' "$work/report.txt" | tr -d '\r')
failed=0
for each in "${runs[@]}"; do
  read -r name times queues _ <<<"$each"
  pace=(--multiplier=1)
  [ "$times" = 1 ] || pace=(--loop="$times" --pps=1000)
  await "ready $name"
  sent_before=$(counted tx.packets)
  send "${pace[@]}"
  if [ "$name" = overload ]; then
    echo >&3
    await "again $name"
    send --pps=1000
    times=$((times + 1))
  fi
  echo "$((times * frames))" >&3
  await "end $name"
  sent_after=$(counted tx.packets)
  check "$name" "$times" "$queues" || failed=$((failed + 1))
done
for each in "${ends[@]}"; do
  await "ended $each"
  check_settings "$each" || failed=$((failed + 1))
done
await bye
[ $failed = 0 ] || fail "$failed of $((${#runs[@]} + ${#ends[@]})) runs in a guest with Linux $guest"
echo "zero-copy: proved in ${#runs[@]} runs, $frames frames each, in a guest with Linux $guest"
