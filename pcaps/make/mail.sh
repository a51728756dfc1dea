#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of mail, chat, and of ways through proxies and translators: smtp, imap, pop, xmpp, socks, stun, dtls, nbdgm, and
# the control messages of ntp.
#
#   sudo pcaps/make/mail.sh [-o PROTOCOL] [OUT_DIR]           -o: this one alone; OUT_DIR: default the folder above this script
#
# Two namespaces and a veth pair between them (two_hosts.sh), as services.sh has it.
#
# Debian packages (bookworm):
#   iproute2 ethtool tcpdump openssl curl exim4-daemon-light dovecot-imapd dovecot-pop3d prosody microsocks coturn samba ntpsec
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

only=
[ "${1:-}" != -o ] || { only=$2; shift 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")

. "$here/needs.sh"
need ip ethtool tcpdump openssl curl exim4 dovecot prosody microsocks turnserver turnutils_stunclient nmbd ntpd ntpq
end_if_missing

. "$here/two_hosts.sh"
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=mail.ward.example -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
chmod 644 "$tmp/key.pem"
start_tls() {                       # start_tls PROTOCOL PORT: the hellos of TLS inside it, version 1.2, so that the certificate is in clear
  client sh -c "sleep 1 | openssl s_client -tls1_2 -starttls $1 -xmpphost ward.example -connect 10.30.0.10:$2" >/dev/null 2>&1 || true
}

# --- smtp: exim, greeted and encrypted --------------------------------------------------------------------------------------------
if wanted smtp; then
  install -d -o Debian-exim "$tmp/spool"
  cat >"$tmp/exim.conf" <<EOF
primary_hostname = mail.ward.example
spool_directory = $tmp/spool
log_file_path = $tmp/spool/%slog
tls_advertise_hosts = *
tls_certificate = $tmp/cert.pem
tls_privatekey = $tmp/key.pem
acl_smtp_rcpt = deny
never_users =
host_lookup =
rfc1413_query_timeout = 0s
begin acl
deny:
  deny
EOF
  daemon exim exim4 -C "$tmp/exim.conf" -bdf -oX '<; 10.30.0.10.25' -oP "$tmp/exim.pid"
  sleep 2
  record smtp/starttls.pcap 'tcp port 25'
  start_tls smtp 25
  stop
fi

# --- imap and pop: dovecot, a log-in in clear and one encrypted -------------------------------------------------------------------
if wanted imap || wanted pop; then
  install -d "$tmp/dovecot"
  echo 'CANARY:{plain}CANARY:65534:65534::/tmp' >"$tmp/users"
  cat >"$tmp/dovecot.conf" <<EOF
base_dir = $tmp/dovecot
log_path = $tmp/dovecot.log
protocols = imap pop3
listen = 10.30.0.10
ssl = yes
ssl_cert = <$tmp/cert.pem
ssl_key = <$tmp/key.pem
disable_plaintext_auth = no
auth_username_format = %u
mail_location = maildir:$tmp/dovecot/mail
first_valid_uid = 1
passdb {
  driver = passwd-file
  args = $tmp/users
}
userdb {
  driver = passwd-file
  args = $tmp/users
}
EOF
  chmod 644 "$tmp/users"
  daemon dovecot dovecot -F -c "$tmp/dovecot.conf"
  sleep 2
  if wanted imap; then
    record imap/clear.pcap 'tcp port 143'
    client curl -s imap://10.30.0.10/ --user CANARY:CANARY --login-options AUTH=PLAIN >/dev/null || true
    stop
    record imap/starttls.pcap 'tcp port 143'
    start_tls imap 143
    stop
  fi
  if wanted pop; then
    record pop/clear.pcap 'tcp port 110'
    client curl -s pop3://10.30.0.10/ --user CANARY:CANARY >/dev/null || true
    stop
  fi
fi

# --- xmpp: prosody, encrypted ------------------------------------------------------------------------------------------------------
if wanted xmpp; then
  install -d -o prosody "$tmp/prosody"
  install -o prosody -m 600 "$tmp/key.pem" "$tmp/prosody/key.pem"
  cat >"$tmp/prosody.cfg.lua" <<EOF
data_path = "$tmp/prosody"
pidfile = "$tmp/prosody/pid"
interfaces = { "10.30.0.10" }
run_as_root = false
modules_enabled = { "tls", "saslauth" }
log = { error = "$tmp/prosody/log" }
VirtualHost "ward.example"
  ssl = { key = "$tmp/prosody/key.pem", certificate = "$tmp/cert.pem" }
EOF
  daemon prosody setpriv --reuid=prosody --regid=prosody --clear-groups prosody -F --config "$tmp/prosody.cfg.lua"
  sleep 2
  record xmpp/starttls.pcap 'tcp port 5222'
  start_tls xmpp 5222
  stop
fi

# --- socks: microsocks asks for a password; through it nothing, then HTTP ----------------------------------------------------------
if wanted socks; then
  daemon web python3 -m http.server 8080 --bind 10.30.0.10 --directory /usr/share/doc/curl
  daemon socks microsocks -i 10.30.0.10 -p 1080 -u CANARY -P CANARY
  record socks/version5.pcap 'tcp port 1080'
  client curl -s --socks5 CANARY:CANARY@10.30.0.10:1080 http://10.30.0.10:1/ >/dev/null || true
  client curl -s --socks5 CANARY:CANARY@10.30.0.10:1080 http://10.30.0.10:8080/ >/dev/null || true
  stop
fi

# --- stun: coturn and its own client ----------------------------------------------------------------------------------------------
if wanted stun; then
  daemon turn turnserver -n --listening-ip 10.30.0.10 --no-tls --no-dtls --no-cli --log-file stdout --pidfile "$tmp/turn.pid" --db "$tmp/turn.db"
  sleep 1
  record stun/binding.pcap 'udp port 3478'
  client turnutils_stunclient 10.30.0.10 >/dev/null || true
  stop
fi

# --- dtls: openssl at both ends ----------------------------------------------------------------------------------------------------
if wanted dtls; then
  daemon dtls openssl s_server -dtls1_2 -accept 10.30.0.10:4433 -cert "$tmp/cert.pem" -key "$tmp/key.pem" -quiet
  record dtls/version12.pcap 'udp port 4433'
  client sh -c 'sleep 1 | openssl s_client -dtls1_2 -connect 10.30.0.10:4433' >/dev/null 2>&1 || true
  stop
fi

# --- nbdgm: nmbd announces itself and its work group -------------------------------------------------------------------------------
if wanted nbdgm; then
  install -d "$tmp/samba"
  cat >"$tmp/smb.conf" <<EOF
[global]
  netbios name = CT-WS1
  workgroup = RADIOLOGY
  server string = CANARY
  interfaces = eth0
  bind interfaces only = yes
  local master = yes
  preferred master = yes
  os level = 65
  lock directory = $tmp/samba
  state directory = $tmp/samba
  cache directory = $tmp/samba
  pid directory = $tmp/samba
  private dir = $tmp/samba
  log file = $tmp/samba/log
EOF
  record nbdgm/announcements.pcap 'udp port 138'
  daemon nmbd nmbd -F --no-process-group -s "$tmp/smb.conf"
  sleep 45
  stop
fi

# --- ntp: ntpq asks ntpd for its variables -----------------------------------------------------------------------------------------
if wanted ntp; then
  cat >"$tmp/ntp.conf" <<EOF
server 127.127.1.0
restrict default
restrict 10.30.0.0 mask 255.255.255.0
EOF
  daemon ntpd ntpd -n -c "$tmp/ntp.conf"
  sleep 3
  record ntp/control.pcap 'udp port 123'
  client ntpq -n -c rv 10.30.0.10 >/dev/null || true
  stop
fi
