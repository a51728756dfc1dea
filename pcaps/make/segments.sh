#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Make the captures of remote control from one network into another: vnc/segments, rdp/segments.
#
#   sudo pcaps/make/segments.sh [OUT_DIR]      OUT_DIR: where the captures go; default: the folder above this script
#
# A router joins an office (10.43.10.20) and a ward (10.43.20.10); what is recorded is its port to the ward. The software at both ends is
# real and unmodified; nothing touches an interface of the machine.
#
# Debian packages (bookworm): iproute2 ethtool tcpdump openssl tigervnc-standalone-server tigervnc-viewer xvfb xrdp freerdp2-x11
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "${1:-$here/..}")
. "$here/needs.sh"
need ip ethtool tcpdump openssl Xtigervnc xtigervncviewer Xvfb xrdp xfreerdp
end_if_missing

# The router is called `server` because what is recorded is recorded there, on its port to the ward.
hosts='server office ward'
# shellcheck source=namespaces.sh
. "$here/namespaces.sh"

port() {                            # port INTERFACE MAC ADDRESS HOST MAC ADDRESS: the router's, and who is there
  ip -n "$run-server" link add "$1" address "$2" type veth peer name eth0 address "$5" netns "$run-$4"
  ip -n "$run-server" addr add "$3/24" brd + dev "$1"
  ip -n "$run-$4" addr add "$6/24" brd + dev eth0
  plug server "$1"
  plug "$4" eth0
  ip -n "$run-$4" route add default via "$3"
}
port eth0 00:1b:54:43:20:01 10.43.20.1 ward 00:0c:29:43:20:10 10.43.20.10
port eth1 00:1b:54:43:10:01 10.43.10.1 office 18:66:da:43:10:20 10.43.10.20
ip netns exec "$run-server" sysctl -qw net.ipv4.ip_forward=1

# --- vnc: TigerVNC at both ends; its viewer needs a screen ------------------------------------------------------------------------
background office screen Xvfb :71 -screen 0 640x480x24 -nolisten tcp
background ward vnc Xtigervnc :72 -SecurityTypes None -localhost 0 -rfbport 5900 -geometry 64x48
record vnc/segments.pcap 'tcp port 5900'
ip netns exec "$run-office" timeout -k 1 3 env DISPLAY=:71 xtigervncviewer 10.43.20.10::5900 >"$tmp/viewer.log" 2>&1 </dev/null || true
stop

# --- rdp: FreeRDP's client and xrdp -------------------------------------------------------------------------------------------------
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=ward-ws.ward.example -keyout "$tmp/rdp.key" -out "$tmp/rdp.pem" 2>/dev/null
sed -e "s|^certificate=.*|certificate=$tmp/rdp.pem|" -e "s|^key_file=.*|key_file=$tmp/rdp.key|" -e 's|^security_layer=.*|security_layer=tls|' \
  -e 's|^#\?LogFile=.*|LogFile=/dev/null|' /etc/xrdp/xrdp.ini >"$tmp/xrdp.ini"
background ward xrdp unshare -m sh -c "mount -t tmpfs none /run && mkdir -p /run/xrdp && exec xrdp --nodaemon --config $tmp/xrdp.ini"
sleep 2
record rdp/segments.pcap 'tcp port 3389'
ip netns exec "$run-office" timeout -k 1 4 env DISPLAY=:71 HOME="$tmp" xfreerdp /v:10.43.20.10 /u:CANARY /p:CANARY /cert:ignore /sec:tls \
  >"$tmp/freerdp.log" 2>&1 </dev/null || true
stop
