#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Make the captures of bedside protocols for which no public stack exists.

    pcaps/make/bedside.py [DIR]        DIR: the folder of the captures; default: the one above this script

The bytes follow the documents that docs/protocols.md names for each protocol; where a patient, a
text or a password would stand, CANARY stands. So these captures prove that the parsers read what
the documents say, and nothing about real devices. The same bytes come out at every run.
"""
import struct
import sys
from pathlib import Path

START = 1_790_000_000


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Host:
    def __init__(self, mac, address):
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.address = bytes(int(part) for part in address.split("."))


class Capture:
    """Frames of Ethernet and IPv4, a hundredth of a second apart."""

    def __init__(self):
        self.frames, self.number = [], 0

    def _frame(self, source, target, protocol, segment):
        self.number += 1
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), self.number, 0, 64, protocol, 0,
                           source.address, target.address)
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        self.frames.append(target.mac + source.mac + b"\x08\x00" + head + segment)

    def _sum(self, source, target, protocol, segment, at):
        pseudo = source.address + target.address + struct.pack("!BBH", 0, protocol, len(segment))
        return segment[:at] + struct.pack("!H", checksum(pseudo + segment)) + segment[at + 2:]

    def udp(self, source, target, ports, payload):
        segment = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
        self._frame(source, target, 17, self._sum(source, target, 17, segment, 6))

    def tcp(self, client, server, ports, talk):
        """A connection from SYN to FIN; talk holds ("c" or "s", bytes)."""
        ends = {"c": [client, server, ports, 1000], "s": [server, client, ports[::-1], 2000]}

        def send(who, flags, payload=b""):
            source, target, (src, dst), sequence = ends[who]
            other = ends["s" if who == "c" else "c"]
            ack = other[3] if flags & 0x10 else 0
            segment = struct.pack("!HHIIBBHHH", src, dst, sequence, ack, 0x50, flags, 8192, 0, 0) + payload
            self._frame(source, target, 6, self._sum(source, target, 6, segment, 16))
            ends[who][3] += len(payload) + (1 if flags & 3 else 0)

        send("c", 0x02), send("s", 0x12), send("c", 0x10)
        for who, payload in talk:
            send(who, 0x18, payload)
            send("s" if who == "c" else "c", 0x10)
        send("c", 0x11), send("s", 0x11), send("c", 0x10)

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for number, frame in enumerate(self.frames):
                time = (START + number // 100, number % 100 * 10_000)
                out.write(struct.pack("<IIII", *time, len(frame), len(frame)) + frame)


EVERYBODY = Host("ff:ff:ff:ff:ff:ff", "10.20.30.255")
COLLECTOR = Host("00:50:56:20:30:05", "10.20.30.5")


def block(*parts, head=b""):
    body = b"".join(parts)
    return head + struct.pack("!H", len(body)) + body


def attributes(*entries):
    body = b"".join(block(value, head=struct.pack("!H", kind)) for kind, value in entries)
    return struct.pack("!HH", len(entries), len(body)) + body


def specifications(*entries):
    body = b"".join(struct.pack("!HH", kind, part) + block(text) for kind, part, text in entries)
    return struct.pack("!HH", len(entries), len(body)) + body


def utf16(text, size=None):
    data = text.encode("utf-16-be")
    return data.ljust(size, b"\0") if size else data


def intellivue(folder):
    monitor = Host("00:09:fb:20:30:40", "10.20.30.40")
    model = block(b"EXAMPLE\0") + block(b"MX000\0")
    production = specifications((1, 8, b"ZZ00000001\0\0"), (2, 8, b"MX000\0"), (4, 0x58, b"X.00.01\0"),
                                (3, 8, b"A.01"))
    identity = [(0x0986, bytes.fromhex("0001114d")), (0x092D, production + b"CANARY stale"), (0x0928, model)]
    address = monitor.mac + monitor.address + bytes([255, 255, 255, 0])
    protocols = bytes.fromhex("00020010000100015e290000000500015e290000")
    listed = attributes(identity[0], (0xF135, utf16("BED 07", 34)), (0xF100, address), (0xF101, protocols),
                        *identity[1:])
    report = bytes.fromhex("002300000000") + struct.pack("!IHH", 65536, 0x0D17, len(listed)) + listed
    operation = struct.pack("!HHH", 0, 0, len(report)) + report
    indication = bytes.fromhex("00000100") + struct.pack("!HH", 1, len(operation)) + operation
    capture = Capture()
    capture.udp(monitor, EVERYBODY, (24005, 24005), indication)
    ports = (50001, 24105)
    oid = bytes.fromhex("06082a8648ce1402010100")
    opening = bytes.fromhex("050813010016010280001402000 2c1".replace(" ", "")) + b"\x31\x80" + oid + b"\0\0"

    def data(kind, command, body, first=b""):
        operation = first + struct.pack("!HHH", 1, command, len(body)) + body
        return bytes.fromhex("e1000002") + struct.pack("!HH", kind, len(operation)) + operation

    def polled(code, group, *listed):
        observation = struct.pack("!H", 0) + attributes(*listed)
        context = struct.pack("!HHH", 0, 1, len(observation)) + observation
        reply = struct.pack("!HI8sHHH", 1, 99, b"\x20" * 8, 1, code, group)
        reply += struct.pack("!HH", 1, len(context)) + context
        return data(2, 7, bytes.fromhex("0021000000000c16") + block(reply))

    def poll(code, group):
        request = struct.pack("!HHHH", 1, 1, code, group)
        return data(1, 7, bytes.fromhex("002100000000000000000c16") + block(request))

    created = bytes.fromhex("002100000000") + attributes(*identity, (0x091E, block(utf16("ICU-3"))),
                                                          (0x0946, b"\x40\0"), (0x090D, b"\0\x02"))
    event = bytes.fromhex("002100000000") + struct.pack("!IH", 1, 0x0D06) + block(created)
    patient = [(0x095C, block(utf16("CANARY"))), (0x0958, block(utf16("CANARY"))), (0x0957, b"\0\x02"),
               (0x0928, block(b"CANARY") + block(b"CANARY"))]
    for who, message in [
        ("c", b"\x0d" + bytes([len(opening)]) + opening),
        ("s", b"\x0e" + bytes([len(opening)]) + opening),
        ("s", data(1, 1, event)),
        ("c", data(2, 1, bytes.fromhex("0021000000000000000d060000"))),
        ("c", poll(0x21, 0)),
        ("s", polled(0x21, 0x080C, *identity)),
        ("c", poll(0x2A, 0x0807)),
        ("s", polled(0x2A, 0x0807, *patient)),
        ("c", poll(0x06, 0x0803)),
        ("s", polled(0x06, 0x0803, (0x0950, b"CANARY"))),
        ("c", b"\x09\x02\xc1\0"),
    ]:
        if who == "c":
            capture.udp(COLLECTOR, monitor, ports, message)
        else:
            capture.udp(monitor, COLLECTOR, ports[::-1], message)
    capture.write(folder / "intellivue/monitor.pcap")


def ieee11073(folder):
    agent = Host("00:09:1f:20:30:41", "10.20.30.41")

    def party(kind, eui):
        return bytes.fromhex("80000000800080000000" "00000000") + struct.pack("!I", kind) + block(eui) \
            + bytes.fromhex("4000" "0001" "0101" "00000000")

    request = bytes.fromhex("80000000") + struct.pack("!H", 1) \
        + block(b"\x50\x79" + block(party(0x00800000, bytes.fromhex("0200000000000001"))))
    answer = bytes.fromhex("00035079") + block(party(0x80000000, bytes.fromhex("0200000000000002")))

    def data(message, content):
        return b"\xe7\0" + block(block(b"\0\x01" + struct.pack("!H", message) + block(content)))

    listed = attributes(
        (0x0928, block(b"ACME MEDICAL\0\0") + block(b"OXI 9\0")),
        (0x092D, specifications((1, 0, b"AM-OX-0011"), (3, 0, b"B"), (5, 0, b"2.1"), (4, 0, b"4.0"))),
        (0x0A1E, block(b"CANARY")),
        (0x0A5A, bytes.fromhex("0001000410040001")))
    capture = Capture()
    capture.tcp(agent, COLLECTOR, (50002, 6024), [
        ("c", b"\xe2\0" + block(request)),
        ("s", b"\xe3\0" + block(answer)),
        ("c", data(0x0101, bytes.fromhex("0000000000000d1c0006") + b"CANARY")),
        ("s", data(0x0201, bytes.fromhex("0000000000000d1c000440000000"))),
        ("s", data(0x0103, bytes.fromhex("000000000000"))),
        ("c", data(0x0203, b"\0\0" + listed)),
        ("c", b"\xe4\0\0\x02\0\0"),
        ("s", b"\xe5\0\0\x02\0\0"),
    ])
    capture.write(folder / "ieee11073/oximeter.pcap")


def medibus(folder):
    converter = Host("00:80:a3:20:30:42", "10.20.30.42")

    def frame(text):
        return text + b"%02X\r" % (sum(text) & 255)

    capture = Capture()
    capture.tcp(COLLECTOR, converter, (50003, 10001), [
        ("c", frame(b"\x1bQ")), ("s", frame(b"\x01Q")), ("c", frame(b"\x1bR")),
        ("s", frame(b"\x01R8210'EXAMPLE VENT'02.10:06.00")), ("c", frame(b"\x1b$")),
        ("s", frame(b"\x01$05 CANARY")), ("c", frame(b"\x1b'")), ("s", frame(b"\x01'  7CANARY      ")),
        ("c", frame(b"\x1bU")), ("s", frame(b"\x01U")),
    ])
    capture.write(folder / "medibus/ventilator.pcap")


def alaris(folder):
    def frame(text):
        crc = 0xFFFF
        for byte in text:
            crc ^= byte << 8
            for _ in range(8):
                crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
        return b"!%s|%04X\r" % (text, crc)

    capture = Capture()
    capture.tcp(COLLECTOR, Host("00:40:9d:20:30:43", "10.20.30.43"), (50004, 2101), [
        ("c", frame(b"INST_SERIALNO")), ("s", frame(b"INST_SERIALNO^8002-00017")),
        ("c", frame(b"INF_START")), ("s", frame(b"INF_START")), ("c", frame(b"INF")),
        ("s", frame(b"INF^CANARY^CANARY")), ("c", frame(b"INF_STOP")), ("s", frame(b"INF_STOP")),
    ])
    capture.write(folder / "alaris/pump.pcap")


def wacp(folder):
    def crc(data):
        value = 0xFFFF
        for byte in data:
            value ^= byte
            for _ in range(8):
                value = value >> 1 ^ (0x8408 if value & 1 else 0)
        return value

    def packet(kind, content):
        body = struct.pack("!IIB", kind, len(content), 0) + content
        body += struct.pack("!H", crc(body))
        head = bytes.fromhex("17010c") + struct.pack("!IH", 9 + len(body) + 2, 0x011A) + body
        return head + struct.pack("!H", crc(head))

    described = bytearray(147 - 22)
    for at, text in [(31, b"\0\x6c"), (45, b"EXAMPLE SPOT"), (77, b"ZZ-0044"), (109, b"901-000")]:
        described[at - 18:at - 18 + len(text)] = text
    capture = Capture()
    capture.tcp(Host("00:1a:fa:20:30:44", "10.20.30.44"), COLLECTOR, (50005, 281), [
        ("c", packet(0x001D0B01, b"RNDZCONNECT")), ("s", packet(0x00180B00, b"")),
        ("c", packet(0x00180F00, bytes(described))), ("c", packet(0x00030100, b"CANARY")),
    ])
    capture.write(folder / "wacp/spot.pcap")


def unity(folder):
    monitor = Host("00:00:a1:20:30:45", "10.20.30.45")
    place = b"ICU2|BED07".ljust(32, b"\0")
    capture = Capture()
    for number in range(4):
        for port, body in [(2000, struct.pack("!I", 0xED003780 + number)), (7000, b"CANARY" * 20)]:
            head = EVERYBODY.address + b"\0\0" + monitor.address + b"\0\0" + bytes(6) \
                + struct.pack("!HHH", number, 0, 0)
            capture.udp(monitor, EVERYBODY, (port, port), head + place + struct.pack("!HH", 0, len(body)) + body)
    capture.write(folder / "unity/monitor.pcap")


def dri(folder):
    def record(plug, kind, part, data):
        head = struct.pack("<HBBHIIH", 40 + len(data), 1, 6, plug, START, 0, kind)
        head += struct.pack("<hB", 0, part) + struct.pack("<hB", 0, 0xFF)
        record = head.ljust(40, b"\0") + data
        record += bytes([sum(record) & 255])
        return b"\x7e" + record.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"

    capture = Capture()
    capture.tcp(COLLECTOR, Host("00:90:e8:20:30:46", "10.20.30.46"), (50006, 4001), [
        ("c", record(0, 0, 0, b"\1\0\5\0\0\0\0\0\0")), ("s", record(17, 0, 1, b"CANARY}~" * 30)),
        ("s", record(17, 4, 1, b"CANARY ALARM")),
    ])
    capture.write(folder / "dri/monitor.pcap")


def tap(folder):
    def page(text):
        body = b"\2" + text + b"\3"
        total = sum(body)
        return body + bytes(0x30 + (total >> shift & 15) for shift in (8, 4, 0)) + b"\r"

    capture = Capture()
    capture.tcp(Host("00:50:56:20:30:47", "10.20.30.47"), COLLECTOR, (50007, 3100), [
        ("c", b"\r"), ("s", b"ID="), ("c", b"\x1bPG1\r"), ("s", b"110 1.8\r\6\r\x1b[p\r"),
        ("c", page(b"4711\rCANARY ROOM 5 CALL\r")), ("s", b"\6\r"),
        ("c", page(b"4712\rCANARY BED 7\r")), ("s", b"\6\r"), ("c", b"\4\r"), ("s", b"\x1b\4\r"),
    ])
    capture.write(folder / "tap/pages.pcap")


def masimo(folder):
    line = b"01/02/26 10:11:%02d SN=0000098765 SPO2=098%% BPM=072%% PI=02.60%% SPCO=--.-%% SPMET=--.-%%" \
        b" DESAT=-- PIDELTA=+-- PVI=--- ALARM=0000 EXC=000000\r\n"
    capture = Capture()
    capture.tcp(COLLECTOR, Host("00:80:a3:20:30:48", "10.20.30.48"), (50008, 10002),
                [("s", line % second) for second in range(4)])
    capture.write(folder / "masimo/oximeter.pcap")


def registered(folder):
    """Nothing is known of what these say: bytes that mean nothing, at the ports that are registered for them."""
    capture = Capture()
    capture.tcp(Host("00:50:56:20:30:4c", "10.20.30.76"), COLLECTOR, (50012, 3613), [
        ("c", b"\x01\x80CANARY\x80" * 8), ("s", b"\x02\x80"), ("c", b"\x03\x80CANARY")])
    # Asked, and not answered: nothing is there.
    capture.tcp(Host("00:50:56:20:30:4d", "10.20.30.77"), COLLECTOR, (50013, 3613), [("c", b"\x01\x80CANARY\x80" * 8)])
    # A program that has the port by chance.
    capture.tcp(Host("00:50:56:20:30:4e", "10.20.30.78"), COLLECTOR, (3613, 9100), [("c", b"\x01\x80CANARY\x80" * 8), ("s", b"\x02\x80")])
    capture.write(folder / "alaris_disc/units.pcap")

    unit, server = Host("00:50:56:20:30:4f", "10.20.30.79"), COLLECTOR
    capture = Capture()
    capture.udp(unit, server, (50014, 4077), b"\x80\x01CANARY")
    capture.udp(server, unit, (4077, 50014), b"\x80\x02")
    capture.write(folder / "ascomalarm/alarm.pcap")


def servers(folder):
    lantronix = Host("00:80:a3:20:30:49", "10.20.30.49")
    setup = (bytes(8) + b"CANA" + bytes(108)).ljust(120, b"\0")
    capture = Capture()
    ask, answer = (50009, 30718), (30718, 50009)
    capture.udp(COLLECTOR, lantronix, ask, b"\0\0\0\xf6")
    capture.udp(lantronix, COLLECTOR, answer, b"\0\0\0\xf7" + bytes(range(16)) + bytes(4) + lantronix.mac)
    capture.udp(COLLECTOR, lantronix, ask, b"\0\0\0\xf8")
    capture.udp(lantronix, COLLECTOR, answer, b"\0\0\0\xf9" + setup)
    capture.udp(COLLECTOR, lantronix, ask, b"\0\0\0\xfa" + setup)
    capture.udp(lantronix, COLLECTOR, answer, b"\0\0\0\xfb")
    capture.write(folder / "lantronix/setup.pcap")

    capture = Capture()
    capture.tcp(COLLECTOR, lantronix, (50015, 9999), [
        ("s", b"MAC address 0080A3203049\r\nSoftware version V6.6.0.2 (080926) XPTEXE\r\n\r\nPress Enter for Setup Mode \r\n"),
        ("c", b"\r\n"), ("s", b"\r\n*** basic parameters\r\nHardware: CANARY\r\n")])
    # A service of another kind at that port, whose text ends likewise, and to which nobody answers a line.
    capture.tcp(COLLECTOR, Host("00:50:56:20:30:50", "10.20.30.80"), (50016, 9999), [("s", b"Welcome\r\nlogin: "), ("c", b"\x01\x02\x03CANARY\r\n"), ("s", b"OK")])
    capture.write(folder / "telnet/setup.pcap")

    digi = Host("00:40:9d:20:30:4a", "10.20.30.74")

    def addp(command, *fields):
        body = b"".join(fields)
        return b"DIGI" + struct.pack("!HH", command, len(body)) + body

    def field(kind, value):
        return bytes([kind, len(value)]) + value

    capture = Capture()
    capture.udp(COLLECTOR, EVERYBODY, (50010, 2362), addp(1, b"\xff" * 6))
    capture.udp(digi, COLLECTOR, (2362, 50010), addp(2, field(1, digi.mac), field(2, digi.address),
                field(0x0D, b"Example PortServer"), field(0x21, b"CANARY"),
                field(0x08, b"Version 82000000_A 01/01/2020"), field(0x04, b"icu-serial-2")))
    capture.write(folder / "addp/discovery.pcap")

    moxa = Host("00:90:e8:20:30:4b", "10.20.30.75")
    capture = Capture()
    capture.udp(COLLECTOR, EVERYBODY, (50011, 4800), bytes.fromhex("0100000800000000"))
    capture.udp(moxa, COLLECTOR, (4800, 50011),
                bytes.fromhex("8100001800000000") + b"CANARY" + moxa.mac + moxa.address)
    capture.write(folder / "moxa/search.pcap")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    for make in (intellivue, ieee11073, medibus, alaris, wacp, unity, dri, tap, masimo, registered, servers):
        make(target)
