#!/usr/bin/env python3
"""Compares the protocol that medtap names for each flow with tshark's and nDPI's views of it.

    tests/recognition.py CAPTURES [--folders a,b] [--medtap PROGRAM] [--cache DIR] [--differences N]

CAPTURES is a folder tree of captures that are not ours. A third of them, chosen by the hash of
their path, is held out: its differences are counted and never listed. The other two are slow, so
their views are kept in the cache. Prints the tables of docs/recognition.md.
"""

import argparse
import base64
import collections
import concurrent.futures
import csv
import hashlib
import json
import pathlib
import socket
import struct
import subprocess
import sys

TCP, UDP = 6, 17
SECONDS_MAX = 60
FIELDS = [
    "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
    "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport",
    "_ws.malformed", "tls.record",
]

# What tshark shows beside names: that it calls a packet malformed, that it read a record of TLS.
MALFORMED, RECORD = "_ws.malformed", "tls.record"
# tshark's names by the name that medtap gives the same conversation. What rides on a protocol
# counts as that protocol where tshark shows the carrier alone, and the other way round.
SAME = {
    "bacnet": "bvlc bacapp bacnet",
    "dhcp": "dhcp bootp",
    "dicom": "dicom",
    "enip": "enip cipio cip",
    "ftp": "ftp",
    "http": "http http2",
    "iec60870_104": "iec60870_104 iec60870_asdu",
    "ipmi": "ipmi rmcp asf",
    "isakmp": "isakmp udpencap",
    "ldap": "ldap cldap",
    "mdns": "mdns",
    "modbus": "mbtcp modbus",
    "redis": "resp redis",
    "rdp": "rdp rdpudp",
    "rpc": "rpc portmap nfs mount",
    "smb": "smb smb2 nbss",
    "tacplus": "tacplus",
    "tls": "tls ssl",
}
ONE_NAME = (
    "dns nbns llmnr ssdp snmp ntp sip mqtt mysql vnc telnet ssh syslog hl7 radius quic tds "
    "pgsql tns amqp coap ipp rtsp skinny rtp rtcp tftp kerberos rsh rlogin wg openvpn dhcpv6 "
    "s7comm opcua kip dnp3 fox omron smtp imap pop xmpp socks stun dtls nbdgm"
)
FAMILY = {name: name for name in ONE_NAME.split()}
FAMILY.update({theirs: ours for ours, names in SAME.items() for theirs in names.split()})
# What medtap tells apart inside a carrier that tshark names, and other spellings of ours.
CARRIER = {
    "dicomweb": "http", "fhir": "http", "sdc": "http", "upnp": "http", "ipp": "http",
    "winrm": "http",
    "atna": "syslog", "portmap": "rpc", "nfs": "rpc", "rmcp": "ipmi", "knxnetip": "kip",
}
# nDPI's names by ours. Its names of services behind a dot or alone are none of a protocol.
NDPI = {
    "dhcp": "DHCP", "dhcpv6": "DHCPV6", "dnp3": "DNP3", "dns": "DNS", "dtls": "DTLS",
    "enip": "EthernetIP", "ftp": "FTP_CONTROL", "iec60870_104": "IEC60870", "imap": "IMAP",
    "http": "HTTP HTTP_Connect HTTP_Proxy WebSocket SOAP OCSP IPP", "isakmp": "IPsec",
    "kerberos": "Kerberos", "ldap": "LDAP", "llmnr": "LLMNR", "mdns": "MDNS", "modbus": "Modbus",
    "mqtt": "MQTT", "mysql": "MySQL", "ntp": "NTP", "openvpn": "OpenVPN", "pgsql": "PostgreSQL",
    "pop": "POP3", "quic": "QUIC", "radius": "Radius", "rdp": "RDP", "redis": "Redis",
    "rpc": "NFS", "rtcp": "RTCP", "rtp": "RTP", "rtsp": "RTSP", "s7comm": "s7comm", "sip": "SIP",
    "skinny": "CiscoSkinny", "smb": "SMBv1 SMBv23", "smtp": "SMTP", "snmp": "SNMP",
    "socks": "SOCKS", "ssdp": "SSDP", "ssh": "SSH", "stun": "STUN", "syslog": "Syslog",
    "tds": "MsSQL-TDS", "telnet": "Telnet", "tftp": "TFTP", "tns": "Oracle", "vnc": "VNC",
    "tls": "TLS DoH_DoT SMTPS IMAPS POPS", "wg": "WireGuard", "wsd": "WSD", "xmpp": "Jabber",
    "amqp": "AMQP", "coap": "COAP",
}
NDPI_FAMILY = {theirs: ours for ours, names in NDPI.items() for theirs in names.split()}
# NetBIOS is three protocols, on a port each (RFC 1001).
NETBIOS = {"137": "nbns", "138": "nbdgm", "139": "smb"}
# What tshark also shows of a protocol that is part of another.
PART = {"quic": {"tls"}, "openvpn": {"tls"}, "nbdgm": {"smb"}}
# Names that stand for each other: tshark goes by the port among those of DNS, and shows of voice
# whose session it did not see (RFC 5761: one port for both) the reports alone.
KIN = [{"dns", "mdns", "llmnr"}, {"rtp", "rtcp"}]


def community_id(protocol, source, source_port, target, target_port):
    """The Community ID of a flow, version 1, seed 0; None where an address is none."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    try:
        ends = [
            (socket.inet_pton(family, source), source_port),
            (socket.inet_pton(family, target), target_port),
        ]
    except OSError:
        return None
    (low, low_port), (high, high_port) = sorted(ends)
    data = struct.pack("!H", 0) + low + high + struct.pack("!BBHH", protocol, 0, low_port, high_port)
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def flow_of(line):
    """The innermost flow of a packet and the protocols above its transport, as tshark shows them."""
    values = line.split("|")
    if len(values) < len(FIELDS):
        return None
    stack = values[0].split(":")
    carriers = [place for place, name in enumerate(stack) if name in ("tcp", "udp")]
    if not carriers:
        return None
    carrier = carriers[-1]
    # What an ICMP error quotes was not sent between these ends: it is no flow of theirs.
    if "icmp" in stack[:carrier] or "icmpv6" in stack[:carrier]:
        return None
    networks = [name for name in stack[:carrier] if name in ("ip", "ipv6")]
    if not networks:
        return None
    source, target = values[1:3] if networks[-1] == "ip" else values[3:5]
    ports = values[5:7] if stack[carrier] == "tcp" else values[7:9]
    if not all(port.isdigit() for port in ports):
        return None
    protocol = TCP if stack[carrier] == "tcp" else UDP
    key = community_id(protocol, source, int(ports[0]), target, int(ports[1]))
    shown = [mark for mark, value in zip((MALFORMED, RECORD), values[9:11]) if value]
    return key and (key, stack[carrier + 1:] + shown)


def view_of_tshark(capture):
    """Flow by Community ID to the protocols that tshark names in it; None if it takes too long."""
    command = ["tshark", "-n", "-r", str(capture), "-T", "fields"]
    command += ["-E", "occurrence=l", "-E", "separator=|"]
    command += [part for field in FIELDS for part in ("-e", field)]
    try:
        output = subprocess.run(
            command, capture_output=True, timeout=SECONDS_MAX, text=True, errors="replace"
        ).stdout
    except subprocess.TimeoutExpired:
        return None
    flows = {}
    for found in filter(None, map(flow_of, output.splitlines())):
        flows.setdefault(found[0], set()).update(found[1])
    return {key: sorted(names) for key, names in flows.items()}


def view_of_ndpi(capture, scratch):
    """Flow by Community ID to the protocols that nDPI names by content; None if it takes too long."""
    place = scratch.with_suffix(".csv")
    place.unlink(missing_ok=True)
    try:
        subprocess.run(
            ["ndpiReader", "-q", "-d", "-t", "-i", capture, "-C", place],
            capture_output=True, timeout=SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        return None
    flows = {}
    if place.exists():
        for row in csv.reader(place.read_text(errors="replace").splitlines()):
            flow = flow_of_ndpi(row)
            if flow:
                flows.setdefault(flow[0], set()).add(flow[1])
        place.unlink()
    return {key: sorted(names) for key, names in flows.items()}


def flow_of_ndpi(row):
    """A flow of TCP or UDP in nDPI's list, and its name for it: `TLS.Google` is TLS."""
    if len(row) < 11 or row[1] not in (str(TCP), str(UDP)):
        return None
    source, source_port, target, target_port = row[5:9]
    name = row[10].split(".")[0]
    if name == "NetBIOS":
        name = NETBIOS.get(target_port) or NETBIOS.get(source_port) or name
    key = community_id(int(row[1]), source, int(source_port), target, int(target_port))
    return key and (key, name)


def kept(place, make):
    """What an earlier run made, or makes it."""
    if place.exists():
        return json.loads(place.read_text())
    made = make()
    place.write_text(json.dumps(made))
    return made


def view_of_medtap(program, capture, scratch):
    """Flow by Community ID to the protocols that medtap names in it, if it names any."""
    place = scratch.with_suffix(".jsonl")
    place.unlink(missing_ok=True)
    command = [program, "analyze", "--workers", "1", "-o", "jsonl", "--flows", place, capture]
    try:
        subprocess.run(command, capture_output=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return None
    flows = {}
    if place.exists():
        for line in place.read_text().splitlines():
            flow = json.loads(line)
            if flow["orig"]["port"] is not None:
                names = flows.setdefault(flow["community_id"], set())
                names.update([flow["protocol"]] if flow["protocol"] else [])
        place.unlink()
    return flows


def families_of_tshark(names):
    """The listed protocols that tshark names in a flow."""
    families = {FAMILY[name] for name in names if name in FAMILY}
    for whole in families & PART.keys():
        families = families - PART[whole]
    return families


def families_of_ndpi(names):
    """The listed protocols that nDPI names in a flow."""
    return {NDPI_FAMILY.get(name, name) for name in names} & (NDPI.keys() | NETBIOS.values())


def outcome(ours, theirs, families):
    """Pairs of protocol and `right`, `other`, `missed` or `alone` for one flow."""
    named = {FAMILY.get(CARRIER.get(name, name), CARRIER.get(name, name)) for name in ours}
    if not named:
        return [(family, "missed") for family in families]
    agrees = named & families or named & set(theirs)
    agrees = agrees or any(kin & named and kin & families for kin in KIN)
    if agrees:
        return [(name, "right") for name in named]
    return [(name, "other" if families else "alone") for name in named]


def reason(ours, theirs, families):
    """What is known of a flow whose name medtap misses without looking at it, or `None`."""
    if ours is None:
        return "in flows that medtap does not see"
    if MALFORMED in theirs:
        return "in flows of which tshark itself calls packets malformed"
    if families == {"tls"} and RECORD not in theirs:
        return "named TLS by the port alone: tshark reads no record of it"
    return None


def views(capture, name, options):
    """medtap's, tshark's and nDPI's view of one capture."""
    scratch = options.cache / hashlib.sha1(name.encode()).hexdigest()
    tshark = kept(scratch.with_suffix(".tshark"), lambda: view_of_tshark(capture))
    ndpi = kept(scratch.with_suffix(".ndpi"), lambda: view_of_ndpi(capture, scratch))
    return view_of_medtap(options.medtap, capture, scratch), {"tshark": tshark, "nDPI": ndpi}


class Comparison:
    """The differences from one other view, in both parts."""

    def __init__(self, families):
        self.families = families
        self.counts = [collections.defaultdict(collections.Counter) for _ in range(2)]
        self.captures = [0, 0]
        self.reasons = [collections.Counter(), collections.Counter()]
        self.upheld = [0, 0]
        self.differences = collections.defaultdict(list)

    def add(self, name, ours, theirs, second):
        """`second` tells which of our names the third of the three gives a flow too."""
        part = int(is_held_out(name))
        self.captures[part] += 1
        for key, names in theirs.items():
            families = self.families(names)
            for protocol, kind in outcome(ours.get(key, set()), names, families):
                self.counts[part][protocol][kind] += 1
                self.upheld[part] += kind == "other" and protocol in second(key)
                why = kind == "missed" and reason(ours.get(key), names, families)
                if why:
                    self.reasons[part][why] += 1
                if kind != "right" and not part:
                    self.differences[kind, protocol].append(f"{name} {key} {','.join(names)}")

    def confirms(self, ours, theirs):
        """Flow by Community ID to those of our names that this other view has of it."""
        def right(key):
            names = (theirs or {}).get(key, [])
            found = outcome(ours.get(key, set()), names, self.families(names))
            return {protocol for protocol, kind in found if kind == "right"}
        return right

    def list(self, most):
        for (kind, protocol), found in sorted(self.differences.items()):
            for line in found[:most]:
                print(f"{kind} {protocol}: {line}")


def is_held_out(name):
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


def show(title, counts, captures, reasons, upheld):
    """One part as a table in Markdown."""
    total = collections.Counter()
    for row in counts.values():
        total.update(row)
    named = total["right"] + total["other"]
    wanted = named + total["missed"]
    print(f"{title}: {captures} captures, {wanted + total['alone']} flows.")
    if named:
        precision = 100 * total["right"] / named
        recall = 100 * total["right"] / wanted
        print(f"Precision {precision:.2f} %, recall {recall:.2f} %.")
        if upheld:
            alone = 100 * total["right"] / (named - upheld)
            print(f"{upheld} of the other names the third of the three gives too: {alone:.2f} %.")
        if reasons:
            proved = 100 * total["right"] / (wanted - reasons.total())
            because = "; ".join(f"{number} {why}" for why, number in sorted(reasons.items()))
            print(f"Of those missed: {because}. Recall of the others {proved:.2f} %.")
    print("\n| protocol | right | other name | missed | medtap alone |\n|---|---|---|---|---|")
    for name in sorted(counts):
        row = counts[name]
        cells = [str(row[kind]) for kind in ("right", "other", "missed", "alone")]
        print(f"| `{name}` | {' | '.join(cells)} |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captures", type=pathlib.Path)
    parser.add_argument("--folders", default="", help="folders of it alone, with commas between")
    parser.add_argument("--medtap", default="target/release/medtap")
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("target/recognition"))
    parser.add_argument("--jobs", type=int, default=2, help="captures at a time")
    parser.add_argument("--differences", type=int, default=0, help="list so many a protocol")
    options = parser.parse_args()
    if not options.captures.is_dir():
        sys.exit(f"recognition: {options.captures} is no folder of captures")
    options.cache.mkdir(parents=True, exist_ok=True)
    folders = [options.captures / name for name in options.folders.split(",") if name]
    captures = sorted(
        path
        for folder in folders or [options.captures]
        for path in folder.rglob("*")
        if path.is_file()
    )
    comparisons = {
        "tshark": Comparison(families_of_tshark),
        "nDPI": Comparison(families_of_ndpi),
    }
    names = [str(capture.relative_to(options.captures)) for capture in captures]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        found = pool.map(lambda one: views(*one, options), zip(captures, names))
        for name, (ours, others) in zip(names, found):
            for (other, theirs), third in zip(others.items(), reversed(others)):
                if ours is None or theirs is None:
                    print(f"recognition: {name} took too long, left out", file=sys.stderr)
                    continue
                second = comparisons[third].confirms(ours, others[third])
                comparisons[other].add(name, ours, theirs, second)
    for other, comparison in comparisons.items():
        for part, title in enumerate(("Looked at while tuning", "Held out")):
            parts = (
                comparison.counts, comparison.captures, comparison.reasons, comparison.upheld
            )
            show(f"{title}, beside {other}", *(each[part] for each in parts))
        comparison.list(options.differences)


if __name__ == "__main__":
    main()
