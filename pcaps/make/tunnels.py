#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""One end of a tunnel for tunnels.sh, over real sockets: tunnels.py KIND OWN OTHER

What goes through `inside0` is the kernel's own; only the headers around it are written here, after the documents that KINDS names."""

import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, TUN, TAP, NO_INFO = 0x400454CA, 1, 2, 0x1000
IN_UDP = None


def plain(header):
    """A header that is always the same."""
    return (lambda packet: header + packet), (lambda packet: packet[len(header):])


def gtp():
    """With a sequence number and a PDU session container, as a base station of the fifth generation sends."""
    def wrap(packet):
        options = struct.pack("!HBBBBBB", 1, 0, 0x85, 1, 0x10, 9, 0)
        return struct.pack("!BBHI", 0x36, 255, len(options) + len(packet), 0x1234) + options + packet
    return wrap, lambda packet: packet[16:]


def l2tp():
    """With length and sequence numbers, and PPP with address and control."""
    def wrap(packet):
        head = struct.pack("!HHHHH", 7, 9, 1, 0, 0xFF03) + b"\0\x21" + packet
        return struct.pack("!HH", 0x4802, 4 + len(head)) + head
    return wrap, lambda packet: packet[16:]


def pptp():
    """With a sequence number, and PPP without address and control."""
    def wrap(packet):
        frame = b"\0\x21" + packet
        return struct.pack("!HHHHI", 0x3001, 0x880B, len(frame), 7, 1) + frame
    return wrap, lambda packet: packet[14:]


def aruba():
    """An aggregate of one frame in a data frame of IEEE 802.11 from a station to its access point."""
    def wrap(frame):
        inside = b"\xaa\xaa\x03\0\0\0" + frame[12:]
        inside += bytes(-(len(inside) + 14) % 4)
        part = frame[:12] + struct.pack("!H", 6 + len(frame[12:])) + inside
        station = struct.pack("!HH", 0x8801, 0) + b"\x02\0\0\0\0\x99" + frame[6:12] + frame[:6] + b"\x10\0\x80\0"
        return struct.pack("!HH", 0, 0x8200) + station + part
    def unwrap(packet):
        part = packet[4 + 26:]
        (length,) = struct.unpack_from("!H", part, 12)
        return part[:12] + part[20:14 + length]
    return wrap, unwrap


def teredo():
    """From a server, with the origin's port and address."""
    return plain(struct.pack("!HHI", 0, 0xFFFF ^ 40000, 0xFFFFFFFF ^ 0xC0000207))


# The kind of device, the protocol and port outside, and how to wrap and unwrap.
KINDS = {
    "gtp": (TUN, IN_UDP, 2152, gtp()),                                               # 3GPP TS 29.281, 38.415
    "l2tp": (TUN, IN_UDP, 1701, l2tp()),                                             # RFC 2661
    "l2tp3": (TAP, 115, 0, plain(bytes.fromhex("00000005c0ffee0140000001"))),        # RFC 3931: cookie, sublayer
    "pptp": (TUN, 47, 0, pptp()),                                                    # RFC 2637
    "teredo": (TUN, IN_UDP, 3544, teredo()),                                         # RFC 4380
    "gre_udp": (TUN, IN_UDP, 4754, plain(bytes.fromhex("00000800"))),                # RFC 8086
    "vxlan_gpe": (TAP, IN_UDP, 4790, plain(bytes.fromhex("0c00000300138900"))),      # draft-ietf-nvo3-vxlan-gpe
    "mpls_udp": (TUN, IN_UDP, 6635, plain(bytes.fromhex("0006413f"))),               # RFC 7510
    "etherip": (TAP, 97, 0, plain(b"\x30\0")),                                       # RFC 3378
    "tzsp": (TAP, IN_UDP, 37008, plain(bytes.fromhex("01000001" "0a01b0" "01"))),    # Wireshark's TZSP
    "aruba": (TAP, 47, 0, aruba()),                                                  # IEEE 802.11-2020, 9.3.2.2
}


def main():
    kind, own, other = sys.argv[1:]
    device, protocol, port, (wrap, unwrap) = KINDS[kind]
    inside = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(inside, TUNSETIFF, struct.pack("16sH14x", b"inside0", device | NO_INFO))
    if protocol is IN_UDP:
        outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    else:
        outside = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    outside.bind((own, port))
    while True:
        ready, _, _ = select.select([inside, outside], [], [])
        if inside in ready:
            outside.sendto(wrap(os.read(inside, 2048)), (other, port))
        if outside in ready:
            packet = outside.recv(2048)
            os.write(inside, unwrap(packet if protocol is IN_UDP else packet[20:]))


if __name__ == "__main__":
    main()
