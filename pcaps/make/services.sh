#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of servers and controllers: snmp, smb, ftp, telnet, vnc, ntp, bacnet, modbus, enip, rdp, sip, mqtt,
# ldap, mysql.
#
#   sudo pcaps/make/services.sh [OUT_DIR]        OUT_DIR: where the captures go; default: the folder above this script
#   VENV=/path/to/venv                           a Python environment with the packages below
#
# Two namespaces and a veth pair between them: real, unmodified servers in the one, real clients in the other, each conversation
# recorded by tcpdump on the server's side. Nothing touches an interface of the machine itself.
#
# Debian packages (bookworm):
#   iproute2 ethtool tcpdump snmpd snmp samba smbclient vsftpd curl inetutils-telnetd inetutils-inetd telnet expect chrony ntpsec-ntpdig
#   tigervnc-standalone-server tigervnc-viewer xvfb xrdp freerdp2-x11 openssl
#   sip-tester mosquitto mosquitto-clients slapd ldap-utils mariadb-server mariadb-client
# PyPI packages: bacpypes3 pymodbus cpppo
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3

. "$here/needs.sh"
need ip ethtool tcpdump snmpd snmpget smbd smbclient vsftpd curl inetutils-inetd telnet expect chronyd ntpdig Xtigervnc \
    xtigervncviewer Xvfb xrdp xfreerdp openssl sipp mosquitto mosquitto_pub slapd slapadd ldapsearch ldapwhoami mariadbd mariadb
need_modules "$py" 'bacpypes3, pymodbus, cpppo' 'bacpypes3 pymodbus cpppo'
end_if_missing

. "$here/two_hosts.sh"

# --- snmp: net-snmp, asked by its own tools; the contact is never to be read ----------------------------------------------
cat >"$tmp/snmpd.conf" <<END
rocommunity public
sysDescr Linux ups-mgr-1 5.10.0 UPS Network Management Card
sysObjectID 1.3.6.1.4.1.318.1.3.27
sysName ups-mgr-1
sysLocation Plant room B
sysContact CANARY PERSON
createUser canary SHA canarycanary AES canarycanary
rouser canary priv
agentAddress udp:161
END
daemon snmpd snmpd -f -Lo -C -c "$tmp/snmpd.conf" -p "$tmp/snmpd.pid"
record snmp/agent.pcap 'udp port 161'
client snmpget -v2c -c public 10.30.0.10 1.3.6.1.2.1.1.1.0 1.3.6.1.2.1.1.2.0 1.3.6.1.2.1.1.4.0 1.3.6.1.2.1.1.5.0 1.3.6.1.2.1.1.6.0 >/dev/null
client snmpwalk -v1 -c public 10.30.0.10 1.3.6.1.2.1.1 >/dev/null
client snmpget -v3 -u canary -l authPriv -a SHA -A canarycanary -x AES -X canarycanary 10.30.0.10 1.3.6.1.2.1.1.5.0 >/dev/null
stop

# --- smb: samba, by dialect 1 and 3 -----------------------------------------------------------------------------------------
mkdir -p "$tmp/samba" "$tmp/share"
cat >"$tmp/smb.conf" <<END
[global]
  netbios name = FILES-1
  workgroup = WARD
  server min protocol = NT1
  private dir = $tmp/samba
  lock directory = $tmp/samba
  state directory = $tmp/samba
  cache directory = $tmp/samba
  pid directory = $tmp/samba
  ncalrpc dir = $tmp/samba
  log file = $tmp/samba.log
  map to guest = Bad User
  smb ports = 445
[share]
  path = $tmp/share
  guest ok = yes
[C$]
  path = $tmp/share
  valid users = root
END
printf 'CANARY\nCANARY\n' | smbpasswd -c "$tmp/smb.conf" -s -a root >/dev/null
daemon smbd smbd -F --no-process-group -s "$tmp/smb.conf"
record smb/version1.pcap 'tcp port 445'
client smbclient -s "$tmp/smb.conf" --option='client min protocol=NT1' -m NT1 -U 'CANARY%CANARY' //10.30.0.10/share -c 'ls' >/dev/null || true
stop
record smb/version3.pcap 'tcp port 445'
client smbclient -s "$tmp/smb.conf" -m SMB3 -U 'CANARY%CANARY' //10.30.0.10/share -c 'ls' >/dev/null || true
stop

record smb/administration.pcap 'tcp port 445'
client smbclient -s "$tmp/smb.conf" -m SMB3 -U 'root%CANARY' '//10.30.0.10/C$' -c 'ls' >/dev/null || true
stop

# --- ftp: vsftpd with an account in clear, and anonymous ------------------------------------------------------------------
mkdir -p "$tmp/ftp" "$tmp/empty"
cat >"$tmp/vsftpd.conf" <<END
listen=YES
background=NO
anonymous_enable=YES
anon_root=$tmp/ftp
secure_chroot_dir=$tmp/empty
seccomp_sandbox=NO
ftpd_banner=Acme Imaging FTP server 2.1
END
daemon vsftpd vsftpd "$tmp/vsftpd.conf"
record ftp/anonymous.pcap 'tcp port 21'
client curl -sS -u anonymous:CANARY ftp://10.30.0.10/ >/dev/null || true
stop

# --- telnet: GNU inetutils, a refused and an accepted log-in --------------------------------------------------------------
cat >"$tmp/login" <<'END'
#!/bin/bash
# Asks as login(1) does; anybody may in.
printf 'ward-gw login: '; read -r _
printf 'Password: '; stty -echo; read -r _; stty echo
printf '\r\nWelcome\r\nward-gw$ '
read -r _
END
chmod +x "$tmp/login"
echo "telnet stream tcp nowait root $(command -v telnetd) telnetd -E $tmp/login" >"$tmp/inetd.conf"
daemon inetd inetutils-inetd -d "$tmp/inetd.conf"
record telnet/login.pcap 'tcp port 23'
client expect -c 'set timeout 5
spawn telnet 10.30.0.10
expect "login:"; sleep 0.3; send "CANARY\r"
expect "assword:"; sleep 0.3; send "CANARY\r"
expect "\\$"; sleep 0.3; send "exit\r"
expect eof' >/dev/null || true
stop

# --- ntp: chrony with a clock of its own ------------------------------------------------------------------------------------
printf 'local stratum 3\nallow\nport 123\ncmdport 0\nbindcmdaddress /\npidfile %s\n' "$tmp/chronyd.pid" >"$tmp/chrony.conf"
daemon chronyd chronyd -d -x -U -f "$tmp/chrony.conf"
sleep 2
record ntp/clock.pcap 'udp port 123'
client ntpdig -d 10.30.0.10 >/dev/null 2>&1 || true
stop

# --- vnc: TigerVNC without a password -----------------------------------------------------------------------------------------
daemon vnc Xtigervnc :1 -SecurityTypes None -localhost 0 -rfbport 5901 -geometry 320x240
record vnc/open.pcap 'tcp port 5901'
client sh -c 'Xvfb :77 -nolisten tcp >/dev/null 2>&1 & x=$!; sleep 1; DISPLAY=:77 timeout 3 xtigervncviewer -SecurityTypes None 10.30.0.10::5901 \
  >/dev/null 2>&1; kill $x' || true
stop

# --- rdp: xrdp, asked by FreeRDP -----------------------------------------------------------------------------------------------
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=terminal-1 -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
sed -e "s#^certificate=.*#certificate=$tmp/cert.pem#; s#^key_file=.*#key_file=$tmp/key.pem#" /etc/xrdp/xrdp.ini >"$tmp/xrdp.ini"
daemon xrdp xrdp --nodaemon --config "$tmp/xrdp.ini" --port 3389
record rdp/tls.pcap 'tcp port 3389'
client sh -c 'Xvfb :78 -nolisten tcp >/dev/null 2>&1 & x=$!; sleep 1; DISPLAY=:78 timeout 4 xfreerdp /v:10.30.0.10 /u:CANARY /p:CANARY \
  /cert:ignore /sec:tls >/dev/null 2>&1; kill $x' || true
stop

# --- bacnet, modbus, enip: controllers in Python ---------------------------------------------------------------------------
daemon bacnet "$py" "$here/controllers.py" bacnet-device 10.30.0.10
record bacnet/device.pcap 'udp port 47808'
client "$py" "$here/controllers.py" bacnet-client 10.30.0.20 >/dev/null
stop
daemon modbus "$py" "$here/controllers.py" modbus-device 10.30.0.10
record modbus/identity.pcap 'tcp port 502'
client "$py" "$here/controllers.py" modbus-client 10.30.0.10 >/dev/null
stop
daemon enip "$py" -m cpppo.server.enip -a 10.30.0.10:44818 'AHU=INT[4]'
sleep 2
record enip/identity.pcap 'port 44818'
client "$py" -m cpppo.server.enip.client -a 10.30.0.10:44818 -i >/dev/null || true
client "$py" -m cpppo.server.enip.list_services -a 10.30.0.10:44818 --list-identity >/dev/null || true
stop

# --- sip: SIPp calls SIPp; who calls is CANARY -------------------------------------------------------------------------------
daemon sipp sipp -sn uas -i 10.30.0.10 -p 5060 -nostdin
record sip/call.pcap 'udp port 5060'
client sipp -sn uac -i 10.30.0.20 -p 5060 -s CANARY -m 1 -nostdin 10.30.0.10:5060 >/dev/null 2>&1 || true
stop

# --- mqtt: mosquitto, once with a password and once without ---------------------------------------------------------------------
printf 'listener 1883 10.30.0.10\nallow_anonymous true\n' >"$tmp/mosquitto.conf"
daemon mosquitto mosquitto -c "$tmp/mosquitto.conf"
record mqtt/log_on.pcap 'tcp port 1883'
client mosquitto_pub -h 10.30.0.10 -i CANARY -u CANARY -P CANARY -t ward/CANARY -m CANARY
client mosquitto_pub -h 10.30.0.10 -V mqttv5 -i CANARY2 -t ward/x -m CANARY
stop

# --- ldap: OpenLDAP: the root's entry anonymously, then a bind with a password ------------------------------------------------------
mkdir -p "$tmp/ldap"
cat >"$tmp/slapd.conf" <<END
include /etc/ldap/schema/core.schema
moduleload back_mdb
modulepath /usr/lib/ldap
pidfile $tmp/slapd.pid
database mdb
suffix "dc=ward,dc=example"
rootdn "cn=CANARY,dc=ward,dc=example"
rootpw CANARY
directory $tmp/ldap
END
daemon slapd slapd -d 0 -f "$tmp/slapd.conf" -h ldap://10.30.0.10
record ldap/binds.pcap 'tcp port 389'
client ldapsearch -x -H ldap://10.30.0.10 -b '' -s base '*' '+' >/dev/null
client ldapwhoami -x -H ldap://10.30.0.10 -D 'cn=CANARY,dc=ward,dc=example' -w CANARY >/dev/null
stop

# --- mysql: MariaDB ---------------------------------------------------------------------------------------------------------------
mkdir -p "$tmp/mysql"
mariadb-install-db --no-defaults --datadir="$tmp/mysql" --auth-root-authentication-method=normal >/dev/null 2>&1 || true
chown -R mysql "$tmp/mysql"
daemon mariadbd mariadbd --no-defaults --skip-grant-tables --skip-networking=0 --user=mysql --datadir="$tmp/mysql" --socket="$tmp/mysql/s" --pid-file="$tmp/mysql/p" --bind-address=10.30.0.10
sleep 3
record mysql/greeting.pcap 'tcp port 3306'
client mariadb --no-defaults --skip-ssl -h 10.30.0.10 -u CANARY -pCANARY -e 'select 1' >/dev/null 2>&1 || true
stop
