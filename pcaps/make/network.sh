#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of what else runs in a network: quic, pgsql, resp, amqp, tds, tns, rtsp, sip over TCP, kerberos, rpc, tacplus, tftp,
# rmcp, rtp and rtcp, coap, wg, openvpn, isakmp, dhcpv6, llmnr, rsh, rlogin, skinny, pjl, stp, igmp, eapol.
#
#   sudo pcaps/make/network.sh [-o PROTOCOL] [OUT_DIR]        -o: this one alone; OUT_DIR: default the folder above this script
#   VENV=/path/to/venv                                        a Python environment with the packages below
#
# Two namespaces and a veth pair between them (two_hosts.sh), as services.sh has it. Servers that cannot be had stand in network_hosts.py;
# their clients are real.
#
# Debian packages (bookworm):
#   iproute2 ethtool tcpdump openssl postgresql redis-server rabbitmq-server freetds-bin ffmpeg sip-tester krb5-kdc krb5-admin-server
#   krb5-user rpcbind nfs-ganesha nfs-ganesha-vfs libnfs-utils tftpd-hpa atftp openipmi ipmitool libcoap3-bin wireguard-go
#   wireguard-tools openvpn dnsmasq isc-dhcp-client rsh-redone-client hostapd wpasupplicant
# PyPI packages: aioquic pika oracledb tacacs_plus
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

only=
[ "${1:-}" != -o ] || { only=$2; shift 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
py=${VENV:+$VENV/bin/}python3

. "$here/needs.sh"
need ip ethtool tcpdump openssl psql redis-server redis-cli rabbitmq-server tsql ffmpeg sipp krb5kdc kadmin.local kinit rpcbind \
    rpcinfo ganesha.nfsd nfs-ls in.tftpd atftp ipmi_sim ipmitool coap-server-notls coap-client-notls wireguard-go wg openvpn dnsmasq \
    dhclient rsh-redone-rsh rsh-redone-rlogin hostapd wpa_supplicant script
need_modules "$py" 'aioquic, pika, oracledb, tacacs_plus' 'aioquic pika oracledb tacacs_plus'
end_if_missing

. "$here/two_hosts.sh"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
hosts() { daemon "$1" "$py" "$here/network_hosts.py" "$1" 10.30.0.10 "${@:2}"; }

# --- quic: aioquic at both ends, version 1 and version 2 ------------------------------------------------------------------------
if wanted quic; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=portal.ward.example -keyout "$tmp/quic.key" -out "$tmp/quic.pem" 2>/dev/null
  hosts quic-server "$tmp/quic.key" "$tmp/quic.pem"
  sleep 1
  for version in 1 2; do
    record "quic/version$version.pcap" 'udp port 443'
    client "$py" "$here/network_hosts.py" quic-client 10.30.0.10 "$version"
    stop
  done
fi

# --- pgsql: PostgreSQL with a password in clear -----------------------------------------------------------------------------------
if wanted pgsql; then
  bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
  install -d -o postgres "$tmp/pgsql"
  echo CANARY >"$tmp/pgsql.password"
  chmod 644 "$tmp/pgsql.password"
  server setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/initdb" -D "$tmp/pgsql" -A password --pwfile="$tmp/pgsql.password" >/dev/null
  echo 'host all all 10.30.0.0/24 password' >>"$tmp/pgsql/pg_hba.conf"
  daemon postgres setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D "$tmp/pgsql" -c listen_addresses=10.30.0.10 \
    -c unix_socket_directories="$tmp/pgsql"
  sleep 2
  record pgsql/clear.pcap 'tcp port 5432'
  client env PGPASSWORD=CANARY psql -h 10.30.0.10 -U postgres -c "select 'CANARY'" >/dev/null
  stop
fi

# --- resp: Redis with a password ----------------------------------------------------------------------------------------------------
if wanted resp; then
  daemon redis redis-server --bind 10.30.0.10 --requirepass CANARY --save '' --dir "$tmp"
  record resp/password.pcap 'tcp port 6379'
  client redis-cli -h 10.30.0.10 --no-auth-warning -a CANARY info server >/dev/null
  client redis-cli -3 -h 10.30.0.10 --no-auth-warning -a CANARY set CANARY CANARY >/dev/null
  stop
fi

# --- amqp: RabbitMQ, asked by pika ----------------------------------------------------------------------------------------------------
if wanted amqp; then
  mkdir -p "$tmp/rabbit"
  printf 'loopback_users = none\nlisteners.tcp.1 = 10.30.0.10:5672\ndefault_user = CANARY\ndefault_pass = CANARY\n' >"$tmp/rabbit/rabbitmq.conf"
  chown -R rabbitmq "$tmp/rabbit"
  daemon rabbit setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups env HOME="$tmp/rabbit" HOSTNAME=broker RABBITMQ_NODENAME=r@localhost \
    RABBITMQ_CONFIG_FILE="$tmp/rabbit/rabbitmq" RABBITMQ_MNESIA_BASE="$tmp/rabbit" RABBITMQ_LOG_BASE="$tmp/rabbit" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$tmp/rabbit/plugins" /usr/lib/rabbitmq/bin/rabbitmq-server
  for _ in $(seq 120); do server ss -ltn | grep -q 10.30.0.10:5672 && break; sleep 1; done
  record amqp/broker.pcap 'tcp port 5672'
  client "$py" -c 'import pika
c = pika.BlockingConnection(pika.ConnectionParameters("10.30.0.10", credentials=pika.PlainCredentials("CANARY", "CANARY")))
c.close()'
  stop
fi

# --- tds, tns, tacplus: real clients of servers in network_hosts.py --------------------------------------------------------------------
if wanted tds; then
  hosts mssql
  record tds/log_in.pcap 'tcp port 1433'
  printf 'exit\n' | client env TDSVER=7.4 tsql -H 10.30.0.10 -p 1433 -U CANARY -P CANARY >/dev/null 2>&1 || true
  stop
fi
if wanted tns; then
  hosts oracle
  record tns/refused.pcap 'tcp port 1521'
  client "$py" -c 'import oracledb
oracledb.connect(user="CANARY", password="CANARY", dsn="10.30.0.10:1521/CANARY")' >/dev/null 2>&1 || true
  stop
fi
if wanted tacplus; then
  hosts tacacs
  record tacplus/session.pcap 'tcp port 49'
  client tacacs_client -H 10.30.0.10 -k CANARY -u CANARY authenticate --password CANARY >/dev/null 2>&1 \
    || client "$(dirname "$(command -v "$py")")/tacacs_client" -H 10.30.0.10 -k CANARY -u CANARY authenticate --password CANARY >/dev/null 2>&1 || true
  stop
fi

# --- rtsp: ffmpeg sends a stream to ffmpeg, the stream itself by UDP ---------------------------------------------------------------------
if wanted rtsp; then
  daemon ffmpeg ffmpeg -loglevel error -rtsp_flags listen -i rtsp://10.30.0.10:8554/CANARY -t 3 -f null -
  record rtsp/stream.pcap 'tcp port 8554'
  client timeout 6 ffmpeg -loglevel error -re -f lavfi -i testsrc=size=64x64:rate=5 -t 2 -f rtsp -rtsp_transport tcp rtsp://10.30.0.10:8554/CANARY \
    >/dev/null 2>&1 || true
  stop
fi

# --- sip over TCP -------------------------------------------------------------------------------------------------------------------------
if wanted sip; then
  daemon sipp sipp -sn uas -t t1 -i 10.30.0.10 -p 5060 -nostdin
  record sip/stream.pcap 'tcp port 5060'
  client sipp -sn uac -t t1 -i 10.30.0.20 -p 5060 -s CANARY -m 1 -nostdin 10.30.0.10:5060 >/dev/null 2>&1 || true
  stop
fi

# --- kerberos: MIT's key centre, a ticket over UDP and one over TCP ---------------------------------------------------------------------------
if wanted kerberos; then
  cat >"$tmp/krb5.conf" <<END
[libdefaults]
  default_realm = WARD.EXAMPLE
  dns_lookup_kdc = false
[realms]
  WARD.EXAMPLE = {
    kdc = 10.30.0.10
  }
END
  sed 's/^  dns_lookup_kdc.*/  udp_preference_limit = 1/' "$tmp/krb5.conf" >"$tmp/krb5-tcp.conf"
  cat >"$tmp/kdc.conf" <<END
[realms]
  WARD.EXAMPLE = {
    database_name = $tmp/principal
    key_stash_file = $tmp/stash
  }
END
  export KRB5_KDC_PROFILE="$tmp/kdc.conf" KRB5_CONFIG="$tmp/krb5.conf"
  kdb5_util create -s -P CANARY >/dev/null 2>&1
  kadmin.local -q 'addprinc -pw CANARY CANARY' >/dev/null 2>&1
  daemon kdc krb5kdc -n
  record kerberos/tickets.pcap 'port 88'
  for file in krb5 krb5-tcp; do
    printf 'CANARY\n' | client env KRB5_CONFIG="$tmp/$file.conf" KRB5CCNAME="$tmp/cache" kinit CANARY >/dev/null
  done
  stop
fi

# --- rpc: the port mapper and a server of files, asked by libnfs; its program of locks ----------------------------------------------------
if wanted rpc; then
  daemon rpcbind rpcbind -f -w
  mkdir -p "$tmp/export"
  touch "$tmp/export/CANARY"
  cat >"$tmp/ganesha.conf" <<END
NFS_CORE_PARAM { Protocols = 3; Bind_addr = 10.30.0.10; mount_path_pseudo = false; }
EXPORT { Export_Id = 1; Path = $tmp/export; Pseudo = /export; Access_Type = RW; Squash = None; SecType = sys; Protocols = 3; FSAL { Name = VFS; } }
END
  daemon ganesha ganesha.nfsd -F -L "$tmp/ganesha.txt" -f "$tmp/ganesha.conf" -p "$tmp/ganesha.pid"
  sleep 4
  record nfs/list.pcap 'host 10.30.0.20 and not arp'
  client nfs-ls "nfs://10.30.0.10$tmp/export" >/dev/null
  stop
  record rpc/locks.pcap 'host 10.30.0.20 and udp and not port 111'
  client rpcinfo -u 10.30.0.10 100021 4 >/dev/null
  stop
fi

# --- tftp -------------------------------------------------------------------------------------------------------------------------------------
if wanted tftp; then
  mkdir -p "$tmp/tftp"
  head -c 2000 /dev/zero | tr '\0' x >"$tmp/tftp/CANARY.cfg"
  chmod -R a+rX "$tmp/tftp"
  daemon tftpd in.tftpd -L -a 10.30.0.10:69 -s "$tmp/tftp"
  record tftp/read.pcap 'udp'
  client atftp -g -r CANARY.cfg -l /dev/null 10.30.0.10
  stop
fi

# --- rmcp: OpenIPMI's simulator, asked by ipmitool in version 1.5 and 2.0 -----------------------------------------------------------------------
if wanted rmcp; then
  mkdir -p "$tmp/ipmi"
  cat >"$tmp/lan.conf" <<END
name "bmc-1"
set_working_mc 0x20
  startlan 1
    addr 10.30.0.10 623
    priv_limit admin
    allowed_auths_admin none md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true "" "" admin 10 none md5 straight
END
  echo 'mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 2 65 0x9f 0x2a2 0x100 persist_sdr
mc_enable 0x20' >"$tmp/sim.emu"
  daemon ipmi ipmi_sim -n -c "$tmp/lan.conf" -f "$tmp/sim.emu" -s "$tmp/ipmi"
  record rmcp/controller.pcap 'udp port 623'
  client ipmitool -I lan -H 10.30.0.10 -A NONE -U '' -P '' mc info >/dev/null 2>&1 || true
  stop
fi

# --- rtp and rtcp: ffmpeg sends a stream ----------------------------------------------------------------------------------------------------
if wanted rtp; then
  daemon listen ffmpeg -loglevel error -protocol_whitelist udp,rtp -i rtp://10.30.0.10:5004 -f null -
  record rtp/stream.pcap 'udp port 5004'
  client ffmpeg -loglevel error -re -f lavfi -i sine=frequency=440 -t 2 -acodec pcm_alaw -f rtp rtp://10.30.0.10:5004 >/dev/null
  stop
  record rtcp/reports.pcap 'udp port 5005'
  client ffmpeg -loglevel error -re -f lavfi -i sine=frequency=440 -t 8 -acodec pcm_alaw -f rtp rtp://10.30.0.10:5004 >/dev/null
  stop
fi

# --- coap: libcoap at both ends ----------------------------------------------------------------------------------------------------------------
if wanted coap; then
  daemon coap coap-server-notls -A 10.30.0.10
  record coap/time.pcap 'udp port 5683'
  client coap-client-notls -m get coap://10.30.0.10/.well-known/core >/dev/null
  client coap-client-notls -m put -e CANARY coap://10.30.0.10/example_data >/dev/null
  stop
fi

# --- wg: wireguard-go at both ends ----------------------------------------------------------------------------------------------------------------
if wanted wg; then
  for host in server client; do (umask 077; wg genkey >"$tmp/$host.key"); wg pubkey <"$tmp/$host.key" >"$tmp/$host.pub"; done
  tunnel() {                        # tunnel HOST PEER DEVICE ADDRESS [ENDPOINT]
    ip netns exec "$run-$1" wireguard-go "$3" >"$tmp/$3.log" 2>&1
    ip netns exec "$run-$1" wg set "$3" listen-port 51820 private-key "$tmp/$1.key" peer "$(cat "$tmp/$2.pub")" allowed-ips 10.31.0.0/24 ${5:+endpoint "$5"}
    ip -n "$run-$1" addr add "$4/24" dev "$3"
    ip -n "$run-$1" link set "$3" up
  }
  tunnel server client "wgs$$" 10.31.0.10
  record wg/tunnel.pcap 'udp port 51820'
  tunnel client server "wgc$$" 10.31.0.20 10.30.0.10:51820
  client bash -c 'for _ in 1 2 3 4; do echo CANARY >/dev/udp/10.31.0.10/9; sleep 0.2; done'
  stop
fi

# --- openvpn: over UDP, and over TCP with a key that hides the sessions -----------------------------------------------------------------------------
if wanted openvpn; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=tunnel -keyout "$tmp/vpn.key" -out "$tmp/vpn.pem" 2>/dev/null
  mark=$(openssl x509 -in "$tmp/vpn.pem" -noout -fingerprint -sha256 | cut -d= -f2)
  openvpn --genkey secret "$tmp/vpn.secret"
  for case in udp tcp; do
    hidden=()
    [ "$case" = udp ] || hidden=(--tls-crypt "$tmp/vpn.secret")
    common=(openvpn --dev tun --disable-dco --cert "$tmp/vpn.pem" --key "$tmp/vpn.key" --peer-fingerprint "$mark" --dh none "${hidden[@]}")
    daemon "vpn-$case" "${common[@]}" --tls-server --proto "${case/tcp/tcp-server}" --local 10.30.0.10 --ifconfig 10.32.0.1 10.32.0.2
    record "openvpn/$case.pcap" 'port 1194'
    client timeout 6 "${common[@]}" --tls-client --proto "${case/tcp/tcp-client}" --nobind --remote 10.30.0.10 --ifconfig 10.32.0.2 10.32.0.1 >"$tmp/vpnc.log" 2>&1 || true
    stop
  done
fi

# --- dhcpv6: dnsmasq and ISC's client ------------------------------------------------------------------------------------------------------------------
if wanted dhcpv6; then
  for host in server client; do
    ip netns exec "$run-$host" sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.eth0.accept_dad=0
    ip -n "$run-$host" link set eth0 down
    ip -n "$run-$host" link set eth0 up
  done
  ip -n "$run-server" addr add fd30::1/64 dev eth0 nodad
  sleep 2
  daemon dnsmasq dnsmasq -d -C /dev/null -i eth0 --port=0 --dhcp-range=fd30::100,fd30::200,64,1h --dhcp-leasefile="$tmp/leases"
  printf 'send fqdn.fqdn "ward-7";\nsend fqdn.encoded on;\n' >"$tmp/dhclient.conf"
  record dhcpv6/lease.pcap 'udp port 546 or udp port 547'
  client timeout 20 dhclient -6 -1 -d -cf "$tmp/dhclient.conf" -lf "$tmp/dhclient.leases" -pf "$tmp/dhclient.pid" -sf /bin/true eth0 >"$tmp/dhclient.log" 2>&1 || true
  stop
fi

# --- llmnr, isakmp, skinny, pjl: both ends as documented; rsh, rlogin: real clients ----------------------------------------------------------------------------------
if wanted llmnr; then
  hosts neighbour
  record llmnr/name.pcap 'udp port 5355'
  client "$py" "$here/network_hosts.py" panel 10.30.0.20
  stop
fi
if wanted isakmp; then
  hosts gateway
  record isakmp/version2.pcap 'udp port 500'
  client "$py" "$here/network_hosts.py" road 10.30.0.10
  stop
fi
if wanted skinny; then
  hosts manager
  record skinny/telephone.pcap 'tcp port 2000'
  client "$py" "$here/network_hosts.py" telephone 10.30.0.10
  stop
fi
if wanted pjl; then
  hosts printer
  record pjl/name.pcap 'tcp port 9100'
  client "$py" "$here/network_hosts.py" asker 10.30.0.10
  stop
fi
if wanted rsh; then
  hosts rsh
  hosts rlogin
  record rsh/command.pcap 'tcp port 514'
  client rsh-redone-rsh -n -l CANARY 10.30.0.10 CANARY >/dev/null 2>&1 || true
  stop
  record rlogin/login.pcap 'tcp port 513'
  client script -qc 'rsh-redone-rlogin -l CANARY 10.30.0.10' /dev/null >/dev/null 2>&1 </dev/null || true
  stop
fi

# --- stp and igmp: the kernel's bridge is root and querier; a host joins a group ---------------------------------------------------------------------------------------
if wanted stp; then
  ip -n "$run-server" link add br0 type bridge stp_state 1 forward_delay 200 hello_time 100 mcast_querier 1 mcast_query_interval 200
  ip -n "$run-server" link set eth0 master br0
  ip -n "$run-server" link set br0 up
  record stp/root.pcap 'ether dst 01:80:c2:00:00:00'
  sleep 5
  stop
  record igmp/querier.pcap 'igmp'
  client timeout 12 "$py" -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.255.0.7") + socket.inet_aton("10.30.0.20"))
time.sleep(10)'
  stop
  ip -n "$run-server" link del br0
fi

# --- eapol: hostapd asks wpa_supplicant on a wire; the identity is CANARY ---------------------------------------------------------------------------------------------------
if wanted eapol; then
  echo '"CANARY" MD5 "CANARY"' >"$tmp/eap_users"
  printf 'interface=eth0\ndriver=wired\nieee8021x=1\neap_server=1\neap_user_file=%s\nuse_pae_group_addr=1\n' "$tmp/eap_users" >"$tmp/hostapd.conf"
  printf 'ap_scan=0\nnetwork={\n  key_mgmt=IEEE8021X\n  eap=MD5\n  identity="CANARY"\n  password="CANARY"\n  eapol_flags=0\n}\n' >"$tmp/supplicant.conf"
  daemon hostapd hostapd "$tmp/hostapd.conf"
  record eapol/md5.pcap 'ether proto 0x888e'
  client timeout 8 wpa_supplicant -D wired -i eth0 -c "$tmp/supplicant.conf" >"$tmp/supplicant.log" 2>&1 || true
  stop
fi
