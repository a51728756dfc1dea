#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of what hosts say of themselves beyond their names: lldp/inventory, lldp/location, lldp/coordinates, dhcp/names,
# dhcpv6/class, icmpv6/querier, mdns/keys, mdns/dicom, ssdp/search, snmp/entities, http/realm, ftp/account, sip/proxy, http/onvif, smb/share.
#
#   sudo pcaps/make/identity.sh [-o CAPTURE] [OUT_DIR]       -o: this one alone; OUT_DIR: default the folder above this script
#
# Two namespaces and a veth pair between them (two_hosts.sh): real, unmodified software at both ends. Nothing touches an interface
# of the machine.
#   VENV=/path/to/venv                                       a Python environment with the packages below
#
# Debian packages (bookworm):
#   iproute2 ethtool tcpdump lldpd dnsmasq-base isc-dhcp-client dhcpcd-base avahi-daemon gupnp-tools snmpd snmp nginx-light openssl
#   curl inetutils-ftp kamailio sipsak samba smbclient
# PyPI packages: pyftpdlib, ipycam (with opencv-python-headless and numpy), onvif-zeep
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
only=
if [ "${1:-}" = -o ]; then only=$2; shift 2; fi
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3

. "$here/needs.sh"
need ip ethtool tcpdump lldpd lldpcli dnsmasq dhclient dhcpcd avahi-daemon gssdp-discover snmpd snmpget nginx openssl curl \
    inetutils-ftp kamailio sipsak smbd smbclient
need_modules "$py" 'pyftpdlib, ipycam, onvif' 'pyftpdlib ipycam onvif-zeep'
end_if_missing

subnet=10.36.0
# shellcheck source=two_hosts.sh
. "$here/two_hosts.sh"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
with_ipv6() {                       # each host its link-local address
  local host
  for host in $hosts; do
    ip netns exec "$run-$host" sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.eth0.accept_dad=0
    ip -n "$run-$host" link set eth0 down
    ip -n "$run-$host" link set eth0 up
  done
  sleep 2
}

# --- lldp: lldpd as a telephone with its inventory, then as a switch that says where it and where its neighbour is, then as a telephone
# --- that was told its coordinates ------------------------------------------------------------------------------------------------
neighbour() { ip netns exec "$run-client" lldpcli -u "$tmp/lldpd.sock" "$@" >/dev/null; }
lldp() {                            # lldp CLASS
  background client lldpd lldpd -d -M "$1" -I eth0 -u "$tmp/lldpd.sock" -S 'EXAMPLECOM ward telephone'
  neighbour configure system hostname ward-7-phone
}
if wanted lldp; then
  mkdir -p /run/lldpd
  for kind in inventory location coordinates; do
    case $kind in inventory | coordinates) lldp 3 ;; location) lldp 4 ;; esac
    neighbour configure lldp tx-interval 2
    if [ "$kind" != location ]; then
      neighbour configure inventory hardware-revision C2
      neighbour configure inventory firmware-revision 1.4.0
      neighbour configure inventory software-revision 7.2
      neighbour configure inventory serial-number EC-000731
      neighbour configure inventory manufacturer EXAMPLECOM
      neighbour configure inventory model WT-20
      neighbour configure inventory asset H-4711
    fi
    case $kind in
      coordinates) neighbour configure med location coordinate latitude 52.52000N longitude 13.40500E altitude 40.5 m datum WGS84 ;;
      *) neighbour configure med location address country DE building East floor 2 room 2.17 name CANARY street CANARY ;;
    esac
    record "lldp/$kind.pcap" 'ether proto 0x88cc and ether src 00:0c:29:3a:00:20'
    sleep 5
    stop
    pid=$(ip netns pids "$run-client"); kill $pid; sleep 1
  done
fi

# --- dhcp: ISC's client gives an identifier that is no hardware address, and its whole name -------------------------------------
if wanted dhcp; then
  daemon leases dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --no-ping --interface=eth0 --bind-interfaces \
    --dhcp-authoritative --dhcp-range="$subnet.100,$subnet.120,10m" --dhcp-leasefile="$tmp/leases" --log-facility=-
  printf 'send dhcp-client-identifier "EXC-PUMP-0731";\nsend fqdn.fqdn "pump-7.ward.example.";\nsend fqdn.encoded on;\n' >"$tmp/dhclient.conf"
  record dhcp/names.pcap 'udp port 67 or udp port 68'
  client timeout 10 dhclient -4 -1 -d -cf "$tmp/dhclient.conf" -lf "$tmp/dhclient.leases" -pf "$tmp/dhclient.pid" -sf /bin/true eth0 \
    >"$tmp/dhclient.log" 2>&1 || true
  stop
fi

# --- dhcpv6: dhcpcd says of what kind it is; icmpv6: the kernel's bridge asks for listeners --------------------------------------
if wanted dhcpv6; then
  with_ipv6
  ip -n "$run-server" addr add fd36::1/64 dev eth0 nodad
  daemon leases6 dnsmasq -d -C /dev/null -i eth0 --port=0 --dhcp-range=fd36::100,fd36::200,64,1h --dhcp-leasefile="$tmp/leases6"
  printf 'noipv6rs\nipv6only\nia_na 1\nvendclass 9 "EXAMPLECOM pump"\n' >"$tmp/dhcpcd.conf"
  record dhcpv6/class.pcap 'udp port 546 or udp port 547'
  client timeout 8 dhcpcd -6 -B -d -f "$tmp/dhcpcd.conf" -c /bin/true eth0 >"$tmp/dhcpcd.log" 2>&1 || true
  stop
fi
if wanted icmpv6; then
  with_ipv6
  ip -n "$run-server" link add br0 type bridge mcast_querier 1 mcast_query_interval 300 \
    mcast_startup_query_interval 300 mcast_mld_version 2
  ip netns exec "$run-server" sysctl -qw net.ipv6.conf.br0.disable_ipv6=0 net.ipv6.conf.br0.accept_dad=0
  ip -n "$run-server" link set eth0 master br0
  record icmpv6/querier.pcap 'ip6'
  ip -n "$run-server" link set br0 up
  sleep 10
  stop
  ip -n "$run-server" link del br0
fi

# --- mdns: avahi with the keys in which things name themselves, of a camera and (DICOM PS3.15 annex H) of a scanner --------------------
announce() {                        # announce CAPTURE NAME: avahi of a host with that name says what stands in the folder of services
  printf '[server]\nhost-name=%s\nuse-ipv6=no\nenable-dbus=no\nallow-interfaces=eth0\n[publish]\npublish-workstation=no\n' "$2" \
    >"$tmp/avahi.conf"
  record "$1" 'udp port 5353'
  client timeout 8 unshare -m sh -c "mount --bind $tmp/avahi /etc/avahi/services && avahi-daemon --no-drop-root --no-chroot --no-rlimits -f $tmp/avahi.conf" \
    >"$tmp/avahi.log" 2>&1 || true
  stop
}
if wanted mdns; then
  mkdir "$tmp/avahi"
  cat >"$tmp/avahi/service.service" <<END
<?xml version="1.0" standalone='no'?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>CANARY's camera</name>
<service><type>_http._tcp</type><port>80</port>
<txt-record>vendor=EXAMPLECOM</txt-record><txt-record>model=EC-50</txt-record><txt-record>version=3.1.4</txt-record>
<txt-record>serial=EC50-00731</txt-record><txt-record>user=CANARY</txt-record></service>
<service><type>_device-info._tcp</type><port>0</port><txt-record>model=EC50,1</txt-record></service>
</service-group>
END
  announce mdns/keys.pcap cam-7
  cat >"$tmp/avahi/service.service" <<END
<?xml version="1.0" standalone='no'?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>CT of CANARY</name>
<service><type>_dicom._tcp</type><port>104</port>
<txt-record>AET=CT_ROOM4</txt-record><txt-record>PrimaryDeviceType=CT</txt-record><txt-record>contact=CANARY</txt-record></service>
</service-group>
END
  announce mdns/dicom.pcap ct-room-4
fi

# --- ssdp: GSSDP looks for everything and says who looks ------------------------------------------------------------------------------
if wanted ssdp; then
  ip -n "$run-client" route add 224.0.0.0/4 dev eth0
  record ssdp/search.pcap 'udp port 1900'
  client gssdp-discover -i eth0 -n 3 >"$tmp/gssdp.log" 2>&1 || true
  stop
fi

# --- snmp: net-snmp with the entities of a switch, of a printer and of a UPS, as their agents have them ----------------------------------
if wanted snmp; then
  entity=1.3.6.1.2.1.47.1.1.1.1
  cat >"$tmp/snmpd.conf" <<END
rocommunity public
sysContact CANARY
agentAddress udp:161
override $entity.8.1 octet_str "C2"
override $entity.9.1 octet_str "1.4.0"
override $entity.10.1 octet_str "7.2"
override $entity.11.1 octet_str "EC-000731"
override $entity.12.1 octet_str "EXAMPLECOM"
override $entity.13.1 octet_str "EC-2400"
override $entity.14.1 octet_str "CANARY"
override 1.3.6.1.2.1.25.3.2.1.3.1 octet_str "EXAMPLECOM EC-P 40"
override 1.3.6.1.2.1.43.5.1.1.17.1 octet_str "ECP-0815"
override 1.3.6.1.2.1.43.5.1.1.4.1 octet_str "CANARY"
override 1.3.6.1.2.1.33.1.1.1.0 octet_str "EXAMPLECOM"
override 1.3.6.1.2.1.33.1.1.2.0 octet_str "EC-UPS 1500"
override 1.3.6.1.2.1.33.1.1.3.0 octet_str "UPS 2.2"
override 1.3.6.1.2.1.33.1.1.4.0 octet_str "Card 1.1"
END
  daemon snmpd snmpd -f -Lo -C -c "$tmp/snmpd.conf" -p "$tmp/snmpd.pid"
  record snmp/entities.pcap 'udp port 161'
  client snmpget -v2c -c public $subnet.10 $entity.{8,9,10,11,12,13,14}.1 >"$tmp/snmpget.log"
  client snmpget -v2c -c public $subnet.10 1.3.6.1.2.1.25.3.2.1.3.1 1.3.6.1.2.1.43.5.1.1.{4,17}.1 1.3.6.1.2.1.33.1.1.{1,2,3,4}.0 >>"$tmp/snmpget.log"
  stop
fi

# --- http: nginx asks who it is, and lets in -------------------------------------------------------------------------------------------------
if wanted http; then
  echo "CANARY:$(openssl passwd -apr1 CANARY)" >"$tmp/users"
  echo 'EC-50' >"$tmp/index.html"
  cat >"$tmp/nginx.conf" <<END
pid $tmp/nginx.pid; error_log $tmp/nginx.err; events {}
http { access_log off; server { listen 80; root $tmp; auth_basic "EC-50 ward camera"; auth_basic_user_file $tmp/users; } }
END
  daemon nginx nginx -c "$tmp/nginx.conf" -g 'daemon off; user root;'
  record http/realm.pcap 'tcp port 80'
  client curl -s -o /dev/null "http://$subnet.10/"
  client curl -s -o /dev/null --anyauth -u CANARY:CANARY "http://$subnet.10/"
  stop
fi

# --- ftp: somebody logs in to pyftpdlib with an account, and asks for the system ------------------------------------------------------------
if wanted ftp; then
  mkdir "$tmp/CANARY"
  daemon ftpd "$py" -m pyftpdlib -i $subnet.10 -p 21 -d "$tmp" -u CANARY -P CANARY
  record ftp/account.pcap 'tcp port 21'
  printf 'open %s\nuser CANARY CANARY\nsystem\ncd CANARY\nquit\n' "$subnet.10" | client inetutils-ftp -n >"$tmp/ftp.log" 2>&1 || true
  stop
fi

# --- sip: sipsak asks Kamailio, both name themselves ---------------------------------------------------------------------------------------------
if wanted sip; then
  cat >"$tmp/kamailio.cfg" <<END
loadmodule "sl.so"
request_route { sl_send_reply("200", "OK"); }
END
  daemon kamailio kamailio -DD -E -f "$tmp/kamailio.cfg" -l "udp:$subnet.10:5060" -Y "$tmp" -P "$tmp/kamailio.pid" -m 64 -M 8
  record sip/proxy.pcap 'udp port 5060'
  client sipsak -s "sip:CANARY@$subnet.10:5060" >"$tmp/sipsak.log" 2>&1 || true
  stop
fi

# --- onvif: a camera out of ipycam announces itself, and onvif-zeep asks with a user's name what it is ---------------------------------------
if wanted onvif; then
  ip -n "$run-server" route add 224.0.0.0/4 dev eth0
  record http/onvif.pcap 'tcp port 8080 or udp port 3702'
  daemon camera "$py" -c "
import os, time, ipycam
os.chdir('$tmp')
camera = ipycam.IPCamera(ipycam.CameraConfig(
    name='EC-50', manufacturer='EXAMPLECOM', model='EC-50', serial_number='EC50-00731', firmware_version='3.1.4',
    local_ip='$subnet.10', username='CANARY', password='CANARY'))
camera.start()
time.sleep(60)"
  sleep 4
  client "$py" -c "
import os, onvif
wsdl = next(p for p in (os.path.join(os.path.dirname(os.path.dirname(onvif.__file__)), 'wsdl'),
                        os.path.join(os.path.dirname(onvif.__file__), 'wsdl')) if os.path.isdir(p))
camera = onvif.ONVIFCamera('$subnet.10', 8080, 'CANARY', 'CANARY', wsdl)
camera.devicemgmt.GetDeviceInformation()" >"$tmp/zeep.log" 2>&1 || true
  stop
fi

# --- smb: somebody puts a file into a share, all three called CANARY ---------------------------------------------------------------------------
if wanted smb; then
  mkdir -p "$tmp/samba" "$tmp/share"
  cat >"$tmp/smb.conf" <<END
[global]
  netbios name = FILES-2
  workgroup = WARD
  private dir = $tmp/samba
  lock directory = $tmp/samba
  state directory = $tmp/samba
  cache directory = $tmp/samba
  pid directory = $tmp/samba
  ncalrpc dir = $tmp/samba
  log file = $tmp/samba.log
  map to guest = Bad User
  force user = root
  smb ports = 445
[CANARY]
  path = $tmp/share
  guest ok = yes
  writeable = yes
END
  echo CANARY >"$tmp/CANARY.txt"
  daemon smbd smbd -F --no-process-group -s "$tmp/smb.conf"
  record smb/share.pcap 'tcp port 445'
  client smbclient -s "$tmp/smb.conf" -m SMB2 -U 'CANARY%CANARY' "//$subnet.10/CANARY" -c "lcd $tmp; put CANARY.txt; ls" >"$tmp/smbclient.log" || true
  stop
fi
