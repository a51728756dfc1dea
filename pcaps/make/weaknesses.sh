#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of what ought not to be in use any more: ftp/log_in, ssh/old_algorithms, tls/old_version,
# tls/weak_certificate, tls/expired_certificate.
#
#   sudo pcaps/make/weaknesses.sh [OUT_DIR]      OUT_DIR: where the captures go; default: the folder above this script
#
# Real, unmodified servers, told to allow what they refuse by themselves. Nothing touches an interface of the machine.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump openssl openssh-server openssh-client vsftpd curl
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
. "$here/needs.sh"
need ip ethtool tcpdump openssl sshd ssh ssh-keygen vsftpd curl
end_if_missing

. "$here/two_hosts.sh"

# --- certificates of a hospital's own authority: one sound, one with a short key and an old signature, one past its day ------
cat >"$tmp/ca.cnf" <<END
[ca]
default_ca = own
[own]
database = $tmp/index
serial = $tmp/serial
new_certs_dir = $tmp
policy = any
unique_subject = no
[any]
commonName = supplied
END
: >"$tmp/index"
echo 01 >"$tmp/serial"
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=Hospital CA' -keyout "$tmp/ca.key" -out "$tmp/ca.pem" 2>/dev/null
issue() {                           # issue NAME BITS DIGEST FIRST LAST
  openssl req -newkey "rsa:$2" -nodes -subj "/CN=$1.example" -keyout "$tmp/$1.key" -out "$tmp/$1.csr" 2>/dev/null
  openssl ca -batch -config "$tmp/ca.cnf" -keyfile "$tmp/ca.key" -cert "$tmp/ca.pem" -md "$3" -startdate "$4" -enddate "$5" \
    -in "$tmp/$1.csr" -out "$tmp/$1.pem" -notext 2>/dev/null
}
issue sound 2048 sha256 20260101000000Z 20491231000000Z
issue weak 1024 sha1 20260101000000Z 20491231000000Z
issue expired 2048 sha256 20200101000000Z 20210101000000Z

tls() {                             # tls FILE PORT CERTIFICATE VERSION: a server, and a client that looks at nothing
  daemon "$3" openssl s_server -quiet -accept "$2" -cert "$tmp/$3.pem" -key "$tmp/$3.key" "-$4" -cipher 'ALL:@SECLEVEL=0'
  record "$1" "tcp port $2"
  client sh -c "printf Q | openssl s_client -quiet -connect $subnet.10:$2 -$4 -cipher ALL:@SECLEVEL=0" >/dev/null 2>&1 || true
  stop
}
tls tls/old_version.pcap 443 sound tls1
tls tls/weak_certificate.pcap 8443 weak tls1_2
tls tls/expired_certificate.pcap 9443 expired tls1_2

# --- ssh: OpenSSH with what it left off years ago -----------------------------------------------------------------------------
ssh-keygen -q -t rsa -N '' -f "$tmp/host"
mkdir -p /run/sshd
daemon sshd "$(command -v sshd)" -D -f /dev/null -h "$tmp/host" -o PidFile="$tmp/sshd.pid" -o KexAlgorithms=diffie-hellman-group1-sha1 \
  -o Ciphers=3des-cbc
record ssh/old_algorithms.pcap 'tcp port 22'
client ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o Ciphers=3des-cbc \
  -o KexAlgorithms=diffie-hellman-group1-sha1 "nobody@$subnet.10" true >/dev/null 2>&1 || true
stop

# --- ftp: a log-in by name and password, in clear ---------------------------------------------------------------------
mkdir -p "$tmp/empty"
cat >"$tmp/vsftpd.conf" <<END
listen=YES
background=NO
anonymous_enable=NO
local_enable=YES
guest_enable=YES
guest_username=ftp
pam_service_name=vsftpd
secure_chroot_dir=$tmp/empty
seccomp_sandbox=NO
END
# Whoever asks is let in as a guest; that PAM agrees is true in the server's own view of the files alone.
printf 'auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n' >"$tmp/pam"
daemon vsftpd sh -c "mount --bind $tmp/pam /etc/pam.d/vsftpd && exec vsftpd $tmp/vsftpd.conf"
record ftp/log_in.pcap 'tcp port 21'
client curl -sS -u CANARY:CANARY "ftp://$subnet.10/" >/dev/null 2>&1 || true
stop
