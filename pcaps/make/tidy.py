#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rewrite a pcapng: packets in order of time, and nothing about the machine that recorded it. usage: tidy.py IN OUT

dumpcap names the processor and kernel in the section header and interleaves interfaces loosely. Kept: every packet with its time
to the nanosecond, and each interface's name and resolution."""
import struct
import sys

data = open(sys.argv[1], "rb").read()


def options(raw):
    while len(raw) >= 4:
        code, size = struct.unpack_from("<HH", raw)
        if code == 0:
            return
        yield code, raw[4:4 + size]
        raw = raw[4 + (size + 3) // 4 * 4:]


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def block(kind, body):
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


interfaces, packets, at = [], [], 0
while at < len(data):
    kind, size = struct.unpack_from("<II", data, at)
    body = data[at + 8:at + size - 4]
    if kind == 1:  # interface description: keep if_name (2), if_tsresol (9)
        link, snap = struct.unpack_from("<HxxI", body)
        kept = [(c, v) for c, v in options(body[8:]) if c in (2, 9)]
        tick = next((10 ** (9 - v[0]) for c, v in kept if c == 9), 1000)
        interfaces.append((link, snap, dict(kept).get(2, b""), tick))
    elif kind == 6:  # enhanced packet
        number, high, low, kept, wire = struct.unpack_from("<IIIII", body)
        time = (high << 32 | low) * interfaces[number][3]
        packets.append((time, len(packets), number, wire, body[20:20 + kept]))
    at += size

with open(sys.argv[2], "wb") as out:
    out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
    for link, snap, name, _ in interfaces:
        out.write(block(1, struct.pack("<HHI", link, 0, snap) + option(2, name) + option(9, b"\x09") + option(0, b"")))
    for time, _, number, wire, frame in sorted(packets, key=lambda p: p[:2]):
        head = struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(frame), wire)
        out.write(block(6, head + frame + b"\0" * (-len(frame) % 4)))
