#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of administration, of tunnels and printers by real stacks: isakmp/ike1, isakmp/ike2, telnet/serial, smtp/log_in,
# rtsp/basic, ipp/printer, ldap/directory, ldap/domain, tns/accepted, winrm/shell, pjl/status.
#
#   sudo pcaps/make/administration.sh [-o PROTOCOL] [OUT_DIR]     -o: this one alone; OUT_DIR: default the folder above this script
#   VENV=/path/to/venv                                            a Python environment with the packages below
#
# Two namespaces and a veth pair between them (two_hosts.sh). Servers that cannot be had stand in administration_hosts.py; their clients
# are real. Nothing touches an interface of the machine.
#
# Debian packages (bookworm):
#   iproute2 ethtool tcpdump openssl strongswan-charon strongswan-starter libcharon-extra-plugins ser2net busybox expect exim4-daemon-light
#   curl gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-base ffmpeg
#   cups-ipp-utils avahi-daemon dbus slapd ldap-utils nmap
# PyPI packages: pywinrm oracledb impacket
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

only=
[ "${1:-}" != -o ] || { only=$2; shift 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3

. "$here/needs.sh"
need ip ethtool tcpdump openssl ipsec ser2net busybox expect exim4 curl ffmpeg ippeveprinter ipptool avahi-daemon dbus-daemon slapd ldapsearch nmap
need_modules "$py" 'winrm, oracledb, impacket' 'pywinrm oracledb impacket'
need_modules /usr/bin/python3 gi python3-gi
end_if_missing

subnet=10.42.0
# shellcheck source=two_hosts.sh
. "$here/two_hosts.sh"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
hosts() { daemon "$1" "$py" "$here/administration_hosts.py" "$@"; }

# --- isakmp: strongSwan at both ends, version 2 and version 1, known by a shared secret; the kernel is not asked for tunnels ------
ike() {                             # ike HOST VERSION ADDRESS PEER
  local folder=$tmp/ike-$1-$2
  mkdir -p "$folder"
  cat >"$folder/strongswan.conf" <<END
charon {
  filelog { stderr { default = 1 } }
  send_vendor_id = yes
  cisco_unity = yes
  install_routes = no
  load = random nonce aes sha1 sha2 hmac kdf gmp curve25519 x509 pubkey pem pkcs1 openssl socket-default stroke kernel-libipsec kernel-netlink updown
  plugins { stroke { secrets_file = $folder/secrets } }
}
starter { config_file = $folder/ipsec.conf }
END
  cat >"$folder/ipsec.conf" <<END
conn ward
  keyexchange=ikev$2
  authby=secret
  left=$3
  leftid=CANARY@ward.example
  right=$4
  rightid=%any
  auto=add
END
  echo ': PSK "CANARY"' >"$folder/secrets"
  # Each end has its own files and sockets where strongSwan looks for the machine's.
  background "$1" "ike-$1-$2" unshare -m sh -c "mount --bind $folder /etc/strongswan.d && mount -t tmpfs none /run \
    && STRONGSWAN_CONF=$folder/strongswan.conf exec ipsec start --nofork --conf $folder/ipsec.conf"
}
if wanted isakmp; then
  for version in 2 1; do
    ike server "$version" "$subnet.10" "$subnet.20"
    ike client "$version" "$subnet.20" "$subnet.10"
    sleep 3
    record "isakmp/ike$version.pcap" 'udp port 500 or udp port 4500'
    for pid in $(ip netns pids "$run-client"); do
      [ "$(cat "/proc/$pid/comm")" != charon ] || nsenter -t "$pid" -m -n timeout 8 ipsec up ward >"$tmp/up.log" 2>&1 || true
    done
    sleep 1
    stop
    for host in server client; do
      for pid in $(ip netns pids "$run-$host"); do kill "$pid" 2>/dev/null || true; done
    done
    sleep 2
  done
fi

# --- telnet: ser2net in front of a log-in, a device server that negotiates nothing ------------------------------------------------
if wanted telnet; then
  cat >"$tmp/login" <<'END'
#!/bin/bash
# Asks as login(1) does; anybody may in. A client ends a line with two characters, of which one counts.
stty igncr
printf 'ward-gw login: '; read -r _
printf 'Password: '; stty -echo; read -r _; stty echo
printf '\r\nWelcome\r\nward-gw$ '
read -r _
END
  chmod +x "$tmp/login"
  cat >"$tmp/ser2net.yaml" <<END
connection: &ward
  accepter: tcp,$subnet.10,2323
  connector: pty,$tmp/login
  options:
    banner: "EXAMPLENET DS-4 port 1\\r\\n"
END
  daemon ser2net ser2net -n -d -c "$tmp/ser2net.yaml"
  record telnet/serial.pcap 'tcp port 2323'
  client expect -c "set timeout 5
spawn busybox telnet $subnet.10 2323"'
expect "login:"; sleep 0.3; send "CANARY\r"
expect "assword:"; sleep 0.3; send "CANARY\r"
expect "\\$"; sleep 0.3; send "exit\r"
expect eof' >"$tmp/expect.log" || true
  stop
fi

# --- smtp: Exim takes a log-in in clear ---------------------------------------------------------------------------------------------
if wanted smtp; then
  install -d -o Debian-exim "$tmp/spool"
  cat >"$tmp/exim.conf" <<END
primary_hostname = mail.ward.example
spool_directory = $tmp/spool
log_file_path = $tmp/spool/%slog
acl_smtp_rcpt = deny
never_users =
host_lookup =
rfc1413_query_timeout = 0s
begin acl
deny:
  deny
begin authenticators
clear:
  driver = plaintext
  public_name = PLAIN
  server_condition = true
  server_set_id = \$auth2
END
  daemon exim exim4 -C "$tmp/exim.conf" -bdf -oX "<; $subnet.10.25" -oP "$tmp/exim.pid"
  sleep 2
  record smtp/log_in.pcap 'tcp port 25'
  echo CANARY | client curl -sS -u CANARY:CANARY --mail-from CANARY@ward.example --mail-rcpt CANARY@ward.example -T - "smtp://$subnet.10/scanner" \
    >/dev/null 2>&1 || true
  stop
fi

# --- rtsp: GStreamer's server asks for a log-in, ffmpeg gives it --------------------------------------------------------------------
if wanted rtsp; then
  daemon gst /usr/bin/python3 "$here/administration_hosts.py" rtsp "$subnet.10"
  sleep 1
  record rtsp/basic.pcap 'tcp port 8554'
  client timeout 6 ffmpeg -loglevel error -rtsp_transport tcp -t 1 -i "rtsp://CANARY:CANARY@$subnet.10:8554/CANARY" -f null - >/dev/null 2>&1 || true
  stop
fi

# --- ipp: CUPS' printer, given what printers of other makers say --------------------------------------------------------------------
if wanted ipp; then
  cat >"$tmp/attributes" <<'END'
ATTR text printer-make-and-model "INKJOY LaserStar 400"
ATTR text printer-firmware-string-version "2.18.0"
ATTR text printer-serial-number "IJ400-77311"
ATTR text printer-location "CANARY"
END
  mkdir -p "$tmp/jobs"
  # It needs somebody who announces it, in a namespace of files of its own.
  daemon printer unshare -m sh -c 'mount -t tmpfs none /run && mkdir -p /run/dbus /run/avahi-daemon && dbus-daemon --system --nofork --nopidfile &
    sleep 1
    avahi-daemon --no-drop-root --no-chroot --no-rlimits &
    sleep 2
    exec "$@"' sh ippeveprinter -r off -a "$tmp/attributes" -p 631 -d "$tmp/jobs" 'CANARY printer'
  sleep 5
  record ipp/printer.pcap 'tcp port 631'
  client ipptool -q "ipp://$subnet.10:631/ipp/print" get-printer-attributes.test >/dev/null 2>&1 || true
  stop
fi

# --- ldap: OpenLDAP whose root's entry says more of itself, once as a directory of Windows does; impacket reads that and asks to log in
# by NTLM, which is refused ----------------------------------------------------------------------------------------------------------
directory() {                       # directory NAME ATTRIBUTE...: what stands in the root's entry
  local name=$1
  shift
  mkdir -p "$tmp/$name"
  printf '%s\n' dn: "$@" >"$tmp/$name.ldif"
  cat >"$tmp/$name.conf" <<END
include /etc/ldap/schema/core.schema
attributetype ( 1.2.840.113556.1.4.619 NAME 'dnsHostName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $tmp/$name.pid
rootDSE $tmp/$name.ldif
database mdb
suffix "dc=ward,dc=example"
directory $tmp/$name
END
  daemon "$name" slapd -d 0 -h "ldap://$subnet.10" -f "$tmp/$name.conf"
  record "ldap/$name.pcap" 'tcp port 389'
}
if wanted ldap; then
  directory directory 'vendorName: EXAMPLEDIR' 'vendorVersion: EXAMPLEDIR 4.2.1'
  client ldapsearch -x -H "ldap://$subnet.10" -s base -b '' '*' '+' >/dev/null
  stop
  kill "$(cat "$tmp/directory.pid")"
  while [ -e "$tmp/directory.pid" ]; do sleep 0.1; done
  directory domain 'dnsHostName: dc-1.ward.example'
  client "$py" "$here/administration_hosts.py" member "$subnet.10"
  stop
fi

# --- tns: python-oracledb is let in by a listener of ours ------------------------------------------------------------------------------
if wanted tns; then
  hosts listener "$subnet.10"
  record tns/accepted.pcap 'tcp port 1521'
  client timeout 8 "$py" -c "import oracledb
oracledb.connect(user='CANARY', password='CANARY', dsn='$subnet.10:1521/CANARY', tcp_connect_timeout=3)" >/dev/null 2>&1 || true
  stop
fi

# --- winrm: pywinrm opens a shell at a server of ours, curl asks it who it is -------------------------------------------------------------
if wanted winrm; then
  hosts winrm "$subnet.10"
  record winrm/shell.pcap 'tcp port 5985'
  client curl -sS -H 'Content-Type: application/soap+xml;charset=UTF-8' -H 'WSMANIDENTIFY: unauthenticated' --data-binary \
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body><w:Identify/></s:Body></s:Envelope>' \
    "http://$subnet.10:5985/wsman" >/dev/null
  client "$py" -c "import winrm
winrm.Session('http://$subnet.10:5985/wsman', auth=('CANARY', 'CANARY'), transport='basic').run_cmd('CANARY')" >/dev/null 2>&1 || true
  stop
fi

# --- pjl: nmap asks a printer of ours for its name ---------------------------------------------------------------------------------------
if wanted pjl; then
  hosts printer "$subnet.10"
  record pjl/status.pcap 'tcp port 9100'
  client nmap -Pn -n -sV --allports -p 9100 --script pjl-ready-message "$subnet.10" >/dev/null || true
  stop
fi
