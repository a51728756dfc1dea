#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make pcaps/hospital.pcapng and the small captures cut out of it.
#
#   sudo pcaps/make/hospital.sh [OUT_DIR]        OUT_DIR: where the captures go; default: the folder above this script
#   VENV=/path/to/venv                           a Python environment with the packages below
#
# It builds a small hospital out of network namespaces: a core switch with two networks (core-a: clinical, core-b: servers),
# a router between them, a floor switch, and some twenty hosts that run real, unmodified third-party software. It records both
# bridges of the core switch with dumpcap, as a mirror port would, so what crosses the router is seen twice with another MAC
# address and TTL. Nothing touches an interface of the machine itself; no namespace has a way out.
#
# Debian packages (bookworm):
#   iproute2 ethtool iputils-ping iputils-arping procps tshark wireshark-common dcmtk orthanc dnsmasq-base udhcpc isc-dhcp-client
#   avahi-daemon dbus lldpd nginx-light openssl openssh-server openssh-client samba samba-common-bin curl ndisc6
#   bind9-dnsutils cups-ipp-utils python3-venv
# PyPI packages: pydicom pynetdicom hl7 hl7apy async-upnp-client zeroconf pyipp
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
venv=${VENV:-/tmp/medtap-pcaps-venv}
py=$venv/bin/python

# --- prerequisites: one sentence about everything that is missing ------------------------------------------------------
. "$here/needs.sh"
need ip ethtool ping arping tshark dumpcap editcap mergecap storescp storescu echoscu findscu movescu wlmscpfs Orthanc dnsmasq \
    udhcpc dhclient avahi-daemon avahi-publish dbus-daemon lldpd nginx openssl sshd ssh nmbd nmblookup curl rdisc6 dig \
    ippeveprinter unshare
need_modules "$py" 'pydicom, pynetdicom, hl7, hl7apy, async_upnp_client, zeroconf, pyipp' "pydicom pynetdicom hl7 hl7apy async-upnp-client zeroconf pyipp in $venv"
end_if_missing

# --- names, clean-up ------------------------------------------------------------------------------------------------------
run=mtpcap$$                       # every namespace is called $run-<host>
tmp=$(mktemp -d "/tmp/$run.XXXXXX")
chmod 755 "$tmp"
hosts=()
capture=

cleanup() {
  local code=$? host pid
  trap - EXIT INT TERM
  for host in "${hosts[@]}"; do     # only what runs inside our own namespaces
    for pid in $(ip netns pids "$run-$host" 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
  done
  sleep 0.5
  for host in "${hosts[@]}"; do
    for pid in $(ip netns pids "$run-$host" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$run-$host" 2>/dev/null || true
  done
  if [ "$code" != 0 ]; then
    echo "hospital.sh: failed; logs of the hosts:" >&2
    tail -n 5 "$tmp"/log/* >&2 || true
  fi
  [ -z "${KEEP_LOG:-}" ] || cp -r "$tmp/log" "$KEEP_LOG"
  rm -rf "$tmp"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
mkdir "$tmp/log" "$tmp/etc"

say() { printf '%5.1f s  %s\n' "$(echo "$(date +%s.%N) $start" | awk '{print $1-$2}')" "$*"; }
start=$(date +%s.%N)

# --- hosts ----------------------------------------------------------------------------------------------------------------
new_host() {                        # new_host NAME: an empty namespace; no IPv6 unless asked for later
  ip netns add "$run-$1"
  hosts+=("$1")
  ip netns exec "$run-$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip -n "$run-$1" link set lo up
}

quiet_link() {                      # no offloads: real checksums and segments no longer than the MTU
  ip netns exec "$run-$1" ethtool -K "$2" tx off tso off gso off gro off sg off >/dev/null 2>&1 || true
}

cable() {                           # cable HOST IF MAC SWITCH BRIDGE: a veth pair, made inside the namespaces, host end down
  local port=p-$1-$2
  port=${port:0:15}
  ip -n "$run-$1" link add name "$2" address "$3" type veth peer name "$port" netns "$run-$4"
  ip netns exec "$run-$4" sysctl -qw "net.ipv6.conf.$port.disable_ipv6=1"
  quiet_link "$1" "$2"
  quiet_link "$4" "$port"
  ip -n "$run-$4" link set "$port" master "$5" up
}

bridge() {                          # bridge HOST NAME MAC
  ip -n "$run-$1" link add name "$2" address "$3" type bridge stp_state 0 mcast_snooping 0 forward_delay 0
  ip -n "$run-$1" link set "$2" up
  quiet_link "$1" "$2"
}

address() {                         # address HOST IF CIDR GATEWAY
  ip -n "$run-$1" addr add "$3" brd + dev "$2"
  ip -n "$run-$1" link set "$2" up
  [ -z "${4:-}" ] || ip -n "$run-$1" route add default via "$4"
}

ipv6() {                            # ipv6 HOST IF [CIDR]: link-local by EUI-64, the rest by router advertisement
  ip netns exec "$run-$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
    "net.ipv6.conf.$2.disable_ipv6=0" "net.ipv6.conf.$2.addr_gen_mode=0"
  [ -z "${3:-}" ] || ip -n "$run-$1" addr add "$3" dev "$2"
}

on() {                              # on HOST COMMAND...: run it there, with its own name, /run and resolver
  local host=$1
  shift
  # shellcheck disable=SC2016
  ip netns exec "$run-$host" unshare -m -u --propagation private sh -c '
    mount -t tmpfs tmpfs /run && mount --bind "$1/etc/resolv.conf" /etc/resolv.conf && mount --bind "$1/etc/hosts" /etc/hosts &&
    echo "$2" > /proc/sys/kernel/hostname && shift 2 && exec env -i PATH="$PATH" LC_ALL=C HOME=/nonexistent TMPDIR="$TMPDIR" "$@"' \
    sh "$tmp" "$host" "$@"
}

daemon() {                          # daemon HOST COMMAND...: the same in the background; output to log/
  local log
  log=$tmp/log/$1-$(basename "$2").log
  TMPDIR=$tmp on "$@" >"$log" 2>&1 </dev/null &
  disown
}

must() {                            # must HOST COMMAND...: a step that has to succeed; its output is shown
  TMPDIR=$tmp on "$@" </dev/null || { echo "hospital.sh: on $1: '${*:2}' failed" >&2; exit 1; }
}

may() { TMPDIR=$tmp on "$@" </dev/null >/dev/null 2>&1 || true; }   # a step whose failure is part of the story

printf 'nameserver 10.20.1.3\nsearch hospital.example\noptions timeout:1 attempts:1\n' >"$tmp/etc/resolv.conf"
printf '127.0.0.1 localhost\n' >"$tmp/etc/hosts"

# The core switch: two bridges. Link-local multicast (LLDP) is let through, so that the recorder sees it.
new_host core
bridge core core-a 02:ac:3e:00:0a:00
bridge core core-b 02:ac:3e:00:0b:00
for b in core-a core-b; do ip netns exec "$run-core" sh -c "echo 0x4000 >/sys/class/net/$b/bridge/group_fwd_mask"; done
# The floor switch: itself a host with a management address, and the cable of three devices.
new_host floor-sw-3
bridge floor-sw-3 br0 02:ac:3e:00:03:00
cable floor-sw-3 uplink 02:ac:3e:00:03:18 core core-a
ip netns exec "$run-floor-sw-3" sysctl -qw net.ipv6.conf.uplink.disable_ipv6=1
ip -n "$run-floor-sw-3" link set uplink master br0
#       host        if   MAC               switch     bridge
while read -r host mac switch on_bridge; do
  new_host "$host"
  cable "$host" eth0 "$mac" "$switch" "$on_bridge"
done <<'HOSTS'
ct          02:ac:3e:00:00:11 core       core-a
mr          02:ac:3e:00:00:12 core       core-a
us          00:e0:a4:20:01:13 core       core-a
bedgate     02:ac:3e:00:00:21 floor-sw-3 br0
chemline    02:ac:3e:00:00:22 core       core-a
pump-0007   00:12:21:20:01:31 floor-sw-3 br0
vent-icu-04 00:30:e6:20:01:32 floor-sw-3 br0
wks-rad-01  18:66:da:20:01:50 core       core-a
phone       7a:31:c1:20:01:51 core       core-a
printer     3c:d9:2b:20:01:60 core       core-a
camera      02:ac:3e:00:00:62 core       core-a
infra       02:ac:3e:00:00:03 core       core-a
archive     00:50:56:20:02:10 core       core-b
ris         00:50:56:20:02:11 core       core-b
patadmin    00:50:56:20:02:12 core       core-b
engine      00:50:56:20:02:20 core       core-b
emr         00:50:56:20:02:30 core       core-b
HOSTS
new_host router
cable router net-a 00:1b:54:20:01:01 core core-a
cable router net-b 00:1b:54:20:02:01 core core-b
ip netns exec "$run-router" sysctl -qw net.ipv4.ip_forward=1

# --- files of the hosts -------------------------------------------------------------------------------------------------
"$py" "$here/objects.py" "$tmp/objects"

cat >"$tmp/etc/orthanc.json" <<J
{ "Name": "EGH ARCHIVE", "StorageDirectory": "$tmp/orthanc", "IndexDirectory": "$tmp/orthanc", "DicomAet": "ARCHIVE", "DicomPort": 104,
  "HttpPort": 8042, "RemoteAccessAllowed": true, "AuthenticationEnabled": false, "SslEnabled": false, "Plugins": [],
  "CheckRevisions": false, "DicomModalities": { "wks": [ "WKS_RAD01", "10.20.1.50", 11112 ] } }
J
mkdir "$tmp/orthanc" "$tmp/received" "$tmp/spool"

cat >"$tmp/etc/infra.conf" <<J
no-resolv
no-hosts
local=/hospital.example/
local=/20.10.in-addr.arpa/
domain=hospital.example
interface=eth0
bind-interfaces
no-ping
user=root
pid-file
dhcp-authoritative
dhcp-leasefile=$tmp/leases
dhcp-range=10.20.1.100,10.20.1.150,1h
dhcp-option=option:router,10.20.1.1
dhcp-option=option:dns-server,10.20.1.3
dhcp-option=option:ntp-server,10.20.1.3
dhcp-host=18:66:da:20:01:50,10.20.1.50,wks-rad-01
host-record=archive.hospital.example,10.20.2.10
host-record=ris.hospital.example,10.20.2.11
host-record=engine.hospital.example,10.20.2.20
host-record=emr.hospital.example,10.20.2.30,fd20:2::30
host-record=printer.hospital.example,printer-icu.hospital.example,10.20.1.60
host-record=floor-sw-3.hospital.example,10.20.1.2
cname=pacs.hospital.example,archive.hospital.example
srv-host=_dicom._tcp.hospital.example,archive.hospital.example,104
J

cat >"$tmp/etc/ra.conf" <<J
port=0
interface=net-a
interface=net-b
bind-interfaces
enable-ra
user=root
pid-file
dhcp-range=fd20:1::,ra-only,64,1h
dhcp-range=fd20:2::,ra-only,64,1h
ra-param=*,10,1800
J

# The DHCP clients' script: only the address and the default route.
cat >"$tmp/etc/lease" <<'J'
#!/bin/sh
case "${reason:-$1}" in
PREINIT) ip link set "$interface" up ;;
deconfig) ip link set "$interface" up ;;
BOUND | RENEW | REBOOT | bound | renew)
  ip addr replace "${new_ip_address:-$ip}/24" brd + dev "$interface"
  ip route replace default via "${new_routers:-$router}" ;;
esac
exit 0
J
chmod 755 "$tmp/etc/lease"
cat >"$tmp/etc/wks.dhclient" <<'J'
send host-name "WKS-RAD-01";
send vendor-class-identifier "MSFT 5.0";
send dhcp-client-identifier = hardware;
request subnet-mask, routers, domain-name-servers, domain-name, netbios-name-servers, netbios-node-type, static-routes;
J
cat >"$tmp/etc/vent.dhclient" <<'J'
send host-name "vent-icu-04";
send vendor-class-identifier "EXAMPLE-VENT 2.1";
request subnet-mask, routers, domain-name-servers, ntp-servers;
J

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/O=EXAMPLE GENERAL HOSPITAL/OU=EMR/CN=emr.hospital.example" \
  -addext "subjectAltName=DNS:emr.hospital.example,IP:10.20.2.30" -keyout "$tmp/etc/emr.key" -out "$tmp/etc/emr.pem" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/O=ACME MEDICAL/OU=TOMOGRAPH 64/CN=AM-CT-001977" \
  -keyout "$tmp/etc/ct.key" -out "$tmp/etc/ct.pem" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/O=EXAMPLE GENERAL HOSPITAL/CN=CANARY PERSON/emailAddress=canary@hospital.example" \
  -keyout "$tmp/etc/person.key" -out "$tmp/etc/person.pem" 2>/dev/null
mkdir "$tmp/www"
echo '<html><head><title>Example EMR 8.2</title></head><body>Example EMR</body></html>' >"$tmp/www/index.html"
cat >"$tmp/etc/nginx.conf" <<J
pid $tmp/nginx.pid;
error_log $tmp/log/nginx-error.log;
worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path $tmp/nb; proxy_temp_path $tmp/np; fastcgi_temp_path $tmp/nf; uwsgi_temp_path $tmp/nu; scgi_temp_path $tmp/ns;
  root $tmp/www;
  server { listen 80; listen [::]:80; }
  server { listen 443 ssl; ssl_certificate $tmp/etc/emr.pem; ssl_certificate_key $tmp/etc/emr.key; ssl_protocols TLSv1.2; ssl_verify_client optional_no_ca; }
  server { listen 8443 ssl; ssl_certificate $tmp/etc/emr.pem; ssl_certificate_key $tmp/etc/emr.key; ssl_protocols TLSv1.3; }
}
J

ssh-keygen -q -t ed25519 -N '' -C '' -f "$tmp/etc/ssh_host"
cat >"$tmp/etc/sshd_config" <<J
Port 22
HostKey $tmp/etc/ssh_host
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers nobody-may-log-in
StrictModes no
J

cat >"$tmp/etc/avahi.conf" <<'J'
[server]
host-name=INKJOY-LaserStar-400
allow-interfaces=eth0
use-ipv4=yes
use-ipv6=yes
[publish]
publish-hinfo=no
publish-workstation=no
J
sed 's/^host-name=.*/host-name=CANARYs-iPhone/; s/^use-ipv6=.*/use-ipv6=no/' "$tmp/etc/avahi.conf" >"$tmp/etc/avahi-phone.conf"

cat >"$tmp/etc/smb.conf" <<J
[global]
  netbios name = WKS-RAD-01
  workgroup = HOSPITAL
  server string = Reading room
  interfaces = eth0
  bind interfaces only = yes
  local master = no
  preferred master = no
  domain master = no
  disable spoolss = yes
  private dir = $tmp/smb
  lock directory = $tmp/smb
  state directory = $tmp/smb
  cache directory = $tmp/smb
  pid directory = $tmp/smb
  ncalrpc dir = $tmp/smb/ncalrpc
  log file = $tmp/log/nmbd.log
J
mkdir "$tmp/smb"

cat >"$tmp/etc/lldpd.conf" <<'J'
configure system hostname floor-sw-3
configure system description "EXAMPLENET FS-24P floor switch, software 4.2.1, serial EN24P-00931"
configure system platform "EXAMPLENET FS-24P"
configure lldp portidsubtype local Gi0/24 description "Uplink to the core"
configure lldp tx-interval 8
J

# --- go -------------------------------------------------------------------------------------------------------------------
ip netns exec "$run-core" dumpcap -q -B 16 -s 0 -i core-a -i core-b -w "$tmp/raw.pcapng" >"$tmp/log/dumpcap.log" 2>&1 &
capture=$!
sleep 1.5
say "recording"

# Links up: routers and servers first. IPv6 where a host of that kind would have it.
ipv6 router net-a fd20:1::1/64
ipv6 router net-b fd20:2::1/64
ip netns exec "$run-router" sysctl -qw net.ipv6.conf.all.forwarding=1
address router net-a 10.20.1.1/24
address router net-b 10.20.2.1/24
ip -n "$run-floor-sw-3" link set uplink up
address floor-sw-3 br0 10.20.1.2/24 10.20.1.1
address infra eth0 10.20.1.3/24 10.20.1.1
address archive eth0 10.20.2.10/24 10.20.2.1
address ris eth0 10.20.2.11/24 10.20.2.1
address patadmin eth0 10.20.2.12/24 10.20.2.1
address engine eth0 10.20.2.20/24 10.20.2.1
ipv6 emr eth0 fd20:2::30/64
address emr eth0 10.20.2.30/24 10.20.2.1
address ct eth0 10.20.1.11/24 10.20.1.1
address mr eth0 10.20.1.12/24 10.20.1.1
address us eth0 10.20.1.13/24 10.20.1.1
address bedgate eth0 10.20.1.21/24 10.20.1.1
address chemline eth0 10.20.1.22/24 10.20.1.1
ipv6 printer eth0
address printer eth0 10.20.1.60/24 10.20.1.1
address camera eth0 10.20.1.62/24 10.20.1.1

daemon infra dnsmasq -k --conf-file="$tmp/etc/infra.conf"
daemon archive Orthanc "$tmp/etc/orthanc.json"
daemon ris wlmscpfs -dfp "$tmp/objects/worklists" 104
daemon ris "$py" "$here/mpps_scp.py"
daemon engine "$py" "$here/hl7_receiver.py"
daemon emr nginx -p "$tmp" -c "$tmp/etc/nginx.conf" -g 'daemon off;'
# shellcheck disable=SC2016
daemon emr sh -c 'mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f "$1"' sh "$tmp/etc/sshd_config"
# shellcheck disable=SC2016
daemon floor-sw-3 sh -c 'mkdir -p /run/lldpd && exec lldpd -d -k -i -l -ccccc -I uplink -C uplink -m 10.20.1.2 -O "$1"' sh "$tmp/etc/lldpd.conf"
daemon printer "$py" "$here/printer_web.py"
sleep 3                             # the router's link-local address has passed its duplicate check: now it may advertise
daemon router dnsmasq -k --conf-file="$tmp/etc/ra.conf"
sleep 0.5

say "addresses by DHCP; NetBIOS"
ipv6 vent-icu-04 eth0
ipv6 wks-rad-01 eth0
daemon pump-0007 udhcpc -f -i eth0 -s "$tmp/etc/lease" -x hostname:pump-0007 -t 3
daemon phone udhcpc -f -i eth0 -s "$tmp/etc/lease" -x hostname:CANARYs-iPhone -V "" -t 3
daemon wks-rad-01 dhclient -d -1 -cf "$tmp/etc/wks.dhclient" -sf "$tmp/etc/lease" -lf "$tmp/wks.leases" -pf "$tmp/wks.pid" eth0
daemon vent-icu-04 dhclient -d -1 -cf "$tmp/etc/vent.dhclient" -sf "$tmp/etc/lease" -lf "$tmp/vent.leases" -pf "$tmp/vent.pid" eth0
for _ in $(seq 40); do
  ip -n "$run-wks-rad-01" -4 addr show dev eth0 | grep -q inet && break
  sleep 0.25
done
daemon wks-rad-01 storescp -aet WKS_RAD01 -od "$tmp/received" 11112
# shellcheck disable=SC2016
daemon wks-rad-01 sh -c 'mkdir -p /run/samba/nmbd && exec nmbd -F --no-process-group -s "$1"' nmbd "$tmp/etc/smb.conf"
for name in '' phone; do             # a bus for each avahi: started in the host's own /run
  # shellcheck disable=SC2016
  daemon "${name:-printer}" sh -c '
    mkdir -p /run/dbus /run/avahi-daemon && dbus-daemon --system --nofork --nopidfile & sleep 1
    avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$1" & sleep 2
    if [ "$2" = printer ]; then   # ippeveprinter answers IPP; its own announcement is off, since avahi-publish can say more
      ippeveprinter -r off -f application/pdf -M INKJOY -m "LaserStar 400" -p 631 -d "$3" "INKJOY LaserStar 400" &
      exec avahi-publish -s "INKJOY LaserStar 400" _ipp._tcp 631 txtvers=1 qtotal=1 rp=ipp/print "ty=INKJOY LaserStar 400" \
        "product=(LaserStar 400)" usb_MFG=INKJOY "usb_MDL=LaserStar 400" "note=ICU" pdl=application/pdf,image/urf \
        adminurl=http://printer-icu.hospital.example/ UUID=20260101-0002-4000-8000-3cd92b200160
    else exec avahi-publish -s CANARYs-iPhone _companion-link._tcp 49153 rpVr=510.74.1 rpMd=iPhone14,2
    fi' sh "$tmp/etc/avahi${name:+-phone}.conf" "${name:-printer}" "$tmp/spool"
done
daemon camera "$py" "$here/upnp_device.py" 10.20.1.62

say "a device without much to say: ARP and ping"
may router arping -c 1 -U -I net-a 10.20.1.1
may vent-icu-04 arping -c 1 -I eth0 10.20.1.1
may vent-icu-04 ping -c 2 -i 0.3 10.20.1.1
may pump-0007 ping -c 2 -i 0.3 10.20.2.20
may floor-sw-3 ping -c 1 10.20.1.3

say "HL7"
must bedgate "$py" "$here/hl7_send.py" gateway 10.20.2.20
must patadmin "$py" "$here/hl7_send.py" adt 10.20.2.20
must chemline "$py" "$here/hl7_send.py" analyser 10.20.2.20
must chemline "$py" "$here/hl7_send.py" analyser-error 10.20.2.20

say "DNS, HTTP, TLS, SSH"
must wks-rad-01 dig +noall +answer +tries=1 archive.hospital.example A
must wks-rad-01 dig +noall +answer +tries=1 pacs.hospital.example A
must ct dig +noall +answer +tries=1 -t SRV _dicom._tcp.hospital.example
must ct dig +noall +answer +tries=1 -x 10.20.1.50
may ct dig +tries=1 update.acme-medical.example   # refused: the server knows only its own domain
may ct dig +tries=1 dose.hospital.example         # no such name
must wks-rad-01 curl -sS -o /dev/null -w 'printer web page %{http_code}\n' http://printer-icu.hospital.example/
must wks-rad-01 curl -sS -o /dev/null -w 'printer admin page %{http_code}\n' -u CANARY-USER:CANARY-PASSWORD http://printer-icu.hospital.example/admin
must wks-rad-01 curl -sS -o /dev/null -w 'EMR over HTTP %{http_code}\n' -A 'ExampleBrowser/12.0 (ExampleOS 10.0; x64)' http://emr.hospital.example/
must wks-rad-01 curl -sS -k -o /dev/null -w 'EMR over TLS 1.2 %{http_code}\n' https://10.20.2.30/
must wks-rad-01 curl -sS -k --cert "$tmp/etc/person.pem" --key "$tmp/etc/person.key" -o /dev/null -w 'EMR with a client certificate %{http_code}\n' https://emr.hospital.example/
must wks-rad-01 curl -sS -k -4 -o /dev/null -w 'EMR over TLS 1.3 %{http_code}\n' https://emr.hospital.example:8443/
daemon ct openssl s_server -quiet -accept 4433 -cert "$tmp/etc/ct.pem" -key "$tmp/etc/ct.key" -tls1_2 -www
sleep 0.5
must emr curl -sS -k -o /dev/null -w "CT's service page over TLS 1.2 %{http_code}\\n" https://10.20.1.11:4433/
may wks-rad-01 ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityFile=none \
  -o IdentityAgent=none -o PreferredAuthentications=none CANARY-USER@10.20.2.30 true
must wks-rad-01 "$py" "$here/ipp_print.py" 10.20.1.60
may wks-rad-01 rdisc6 -1 -q eth0
must wks-rad-01 ping -6 -q -c 2 -i 0.3 fd20:2::30

say "DICOM: the CT's worklist, step and images"
for _ in $(seq 40); do grep -q 'DICOM server listening' "$tmp/log/archive-Orthanc.log" && break; sleep 0.25; done
must ct "$py" "$here/modality.py" ct "$tmp/objects" 10.20.2.10 10.20.2.11
say "DICOM: the MR, by dcmtk"
must mr echoscu -aet MR_ROOM2 -aec ARCHIVE 10.20.2.10 104
must mr findscu -W -aet MR_ROOM2 -aec RIS_WL 10.20.2.11 104 -k PatientName -k PatientID -k "(0040,0100)[0].Modality=MR" \
  -k "(0040,0100)[0].ScheduledStationAETitle=MR_ROOM2" -k "(0040,0100)[0].ScheduledStationName" \
  -k "(0040,0100)[0].ScheduledProcedureStepLocation" >"$tmp/log/mr-findscu.log" 2>&1
must mr storescu -aet MR_ROOM2 -aec ARCHIVE 10.20.2.10 104 "$tmp/objects/mr1.dcm"
say "DICOM: the ultrasound, by pynetdicom"
must us "$py" "$here/modality.py" us "$tmp/objects" 10.20.2.10 10.20.2.11
say "DICOM: the workstation queries and has the CT image sent to itself (C-MOVE)"
must wks-rad-01 findscu -S -aet WKS_RAD01 -aec ARCHIVE 10.20.2.10 104 -k QueryRetrieveLevel=STUDY -k PatientID=CANARY-MRN-1 \
  -k StudyInstanceUID -k ModalitiesInStudy -k PatientName >"$tmp/log/wks-findscu.log" 2>&1
must wks-rad-01 movescu -S -aet WKS_RAD01 -aem WKS_RAD01 -aec ARCHIVE 10.20.2.10 104 -k QueryRetrieveLevel=STUDY \
  -k StudyInstanceUID=2.25.2026010100.2.1.1
say "DICOM: the archive pushes the ultrasound image by itself (its REST interface, asked from inside the archive)"
id=$(TMPDIR=$tmp on archive curl -sS -d '{"Level":"Instance","Query":{"SOPInstanceUID":"2.25.2026010100.4.1"}}' http://127.0.0.1:8042/tools/find | tr -d '[]" \n')
must archive curl -sS -o "$tmp/log/push.json" -d "$id" http://127.0.0.1:8042/modalities/wks/store
must wks-rad-01 curl -sS -o /dev/null -w 'archive web interface %{http_code}\n' http://archive.hospital.example:8042/system

say "mDNS browse, SSDP search, NetBIOS names"
must wks-rad-01 "$py" "$here/mdns_browse.py" 10.20.1.50 2
must wks-rad-01 "$venv/bin/upnp-client" --timeout 3 search --bind 10.20.1.50 --search_target ssdp:all >"$tmp/log/wks-ssdp.log" 2>&1
must wks-rad-01 curl -sS -o /dev/null -w 'camera description %{http_code}\n' http://10.20.1.62:49152/device.xml
may vent-icu-04 nmblookup -s "$tmp/etc/smb.conf" -B 10.20.1.255 WKS-RAD-01
may emr nmblookup -s "$tmp/etc/smb.conf" -A 10.20.1.50
sleep 2

# --- what came of it --------------------------------------------------------------------------------------------------
received=$(find "$tmp/received" -type f | wc -l)
[ "$received" = 2 ] || { echo "hospital.sh: the workstation received $received images, not 2" >&2; exit 1; }
kill -INT "$capture"
wait "$capture" || true
say "recorded"
tail -n 2 "$tmp/log/dumpcap.log"
[ -z "${KEEP_RAW:-}" ] || cp "$tmp/raw.pcapng" "$KEEP_RAW"
"$py" "$here/tidy.py" "$tmp/raw.pcapng" "$out/hospital.pcapng"
"$here/cut.sh" "$out"
"$here/check.sh" "$out"
