#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Controllers for plant.sh: real stacks where Python has one, and the bytes of public manuals over real sockets where not."""

import asyncio
import socket
import struct
import sys
import time

SERVER, CLIENT = "10.31.0.10", "10.31.0.20"


def s7_server():
    import snap7

    server = snap7.server.Server()
    server.start_to(SERVER, tcpport=102)
    time.sleep(60)


def s7_client():
    import snap7

    client = snap7.client.Client()
    client.connect(SERVER, 0, 2)
    client.read_szl(0x0011)
    client.read_szl(0x001C)
    client.disconnect()


async def opcua_server():
    from asyncua import Server, ua

    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://{SERVER}:4840/")
    server.set_server_name("Chiller plant")
    server.product_uri = "urn:acme.example:plant"
    await server.set_build_info(
        product_uri="urn:acme.example:plant",
        manufacturer_name="Acme Controls",
        product_name="Plant server",
        software_version="2.4.1",
        build_number="117",
        build_date=__import__("datetime").datetime(2026, 1, 2),
    )
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with server:
        await asyncio.sleep(120)


async def opcua_client():
    from asyncua import Client, ua

    client = Client(f"opc.tcp://{SERVER}:4840/")
    client.name = "CANARY"
    await client.connect_and_get_server_endpoints()
    async with Client(f"opc.tcp://{SERVER}:4840/") as client:
        nodes = [client.get_node(ua.NodeId(number, 0)) for number in (2261, 2262, 2263, 2264, 2265)]
        await client.read_values(nodes)
        await client.get_node(ua.NodeId(2256, 0)).read_value()


def iec104_server():
    import c104

    server = c104.Server(ip=SERVER, port=2404)
    station = server.add_station(common_address=47)
    point = station.add_point(io_address=11, type=c104.Type.M_ME_NC_1, report_ms=1000)
    point.value = 21.5
    server.start()
    time.sleep(60)


def iec104_client():
    import c104

    client = c104.Client()
    connection = client.add_connection(ip=SERVER, port=2404, init=c104.Init.INTERROGATION)
    connection.add_station(common_address=47)
    client.start()
    time.sleep(2)
    connection.unmute()
    connection.interrogation(common_address=47)
    time.sleep(3)
    client.stop()


def talk(port, messages, kind=socket.SOCK_STREAM):
    """Plays messages of both ends in turn: who sends, and the bytes."""
    name = sys.argv[1]
    if name.endswith("server"):
        listener = socket.socket(socket.AF_INET, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((SERVER, port))
        if kind == socket.SOCK_STREAM:
            listener.listen()
            end, _ = listener.accept()
        else:
            end = listener
    else:
        end = socket.socket(socket.AF_INET, kind)
        end.bind((CLIENT, 0))
        end.connect((SERVER, port))
    peer = None
    for sender, data in messages:
        if name.endswith(sender):
            if peer:
                end.sendto(data, peer)
            else:
                end.sendall(data)
        elif kind == socket.SOCK_STREAM:
            got = b""
            while len(got) < len(data):
                got += end.recv(len(data) - len(got))
        else:
            _, source = end.recvfrom(65535)
            peer = source if name.endswith("server") else None
    time.sleep(0.5)


FOX_STATION = """fox a 0 -1 fox hello
{
fox.version=s:1.0.1
id=i:122
hostName=s:ahu-station
hostAddress=s:10.31.0.10
app.name=s:Station
app.version=s:3.8.213
vm.name=s:Java HotSpot(TM) Client VM
vm.version=s:1.5.0_81-b06
os.name=s:QNX
os.version=s:6.4.1
station.name=s:CANARY
lang=s:en
hostId=s:Qnx-NPM6-0000-16A3-8210
vmUuid=s:11e8e9a6-0b40-571a-0000-00000000a096
brandId=s:vykon
authAgentTypeSpecs=s:fox:FoxUsernamePasswordAuthAgent
};;
"""
FOX_WORKPLACE = """fox a 1 -1 fox hello
{
fox.version=s:1.0
id=i:1
hostName=s:10.31.0.20
hostAddress=s:10.31.0.20
app.name=s:Workbench
app.version=s:3.8.213
os.name=s:Windows 7
os.version=s:6.1
lang=s:en
};;
"""


def fox():
    talk(1911, [("client", FOX_WORKPLACE.encode()), ("server", FOX_STATION.encode())])


def fins():
    ask = bytes.fromhex("8000020000000014000105010 0".replace(" ", ""))
    text = b"CJ2M-CPU31".ljust(20, b"\0") + b"02.01".ljust(10, b"\0") + b"02.10".ljust(10, b"\0")
    answer = bytes.fromhex("c0000200140000000001050100 00".replace(" ", "")) + text + bytes(52)
    talk(9600, [("client", ask), ("server", answer)], socket.SOCK_DGRAM)


def slmp():
    ask = bytes.fromhex("500000ffff0300060010000101 0000".replace(" ", ""))
    answer = bytes.fromhex("d00000ffff03001400 0000".replace(" ", "")) + b"R08CPU".ljust(16) + b"\x01\x48"
    talk(5007, [("client", ask), ("server", answer)])


def melsoft_message(first, second, rest, command, reference, data):
    """After Nozomi Networks' dissector and public captures: a question's or an answer's header, the command, its data."""
    cpu, tool = bytes.fromhex("00ffff03"), bytes.fromhex("0000fe03")
    ends = cpu + tool if first == 0x57 else tool + cpu
    inner = bytes([second, 0, rest]) + bytes(rest - 1) + struct.pack(">H", command) + struct.pack("<HH", reference, 0) + data
    return bytes([first, 0, 0, 0, 0, 0x11, 0x11, 7, 0]) + ends + bytes(2) + struct.pack("<H", len(inner)) + inner


def melsoft():
    """The type of a CPU is asked for, then a program, which is CANARY."""
    told = b"Q03UDECPU".ljust(16) + bytes.fromhex("68020008")
    program = "CANARY".encode("utf-16-le") + bytes(600)
    talk(
        5007,
        [
            ("client", melsoft_message(0x57, 0x1C, 0x0A, 0x0101, 1, b"\0\1")),
            ("server", melsoft_message(0xD7, 0x9C, 0x0C, 0x0101, 1, told)),
            ("client", melsoft_message(0x57, 0x1C, 0x0A, 0x1868, 2, bytes(8))),
            ("server", melsoft_message(0xD7, 0x9C, 0x0C, 0x1868, 2, program)),
        ],
    )


def melopen():
    told = b"FX5U-32MT/ES".ljust(16, b"\0") + bytes.fromhex("294a000800000000")
    ask = melsoft_message(0x57, 0x1C, 0x16, 0x0121, 1, b"\0\1")
    talk(5560, [("client", ask), ("server", melsoft_message(0xD7, 0x9C, 0x18, 0x0121, 1, told))], socket.SOCK_DGRAM)


def lora():
    gateway = bytes.fromhex("aa555a0000000101")
    talk(
        1700,
        [
            ("client", b"\x02\x12\x34\x02" + gateway),
            ("server", b"\x02\x12\x34\x04"),
            ("client", b"\x02\x12\x35\x00" + gateway + b'{"stat":{"rxnb":2,"desc":"CANARY"}}'),
            ("server", b"\x02\x12\x35\x01"),
        ],
        socket.SOCK_DGRAM,
    )


def lonworks():
    def packet(sequence):
        head = struct.pack(">HBBBBHIII", 28, 1, 1, 0, 0, 1, 0x0A0B0C0D, sequence, 5)
        return head + b"CANARY\0\0"

    messages = [(("client", "server")[n % 2], packet(n)) for n in range(6)]
    talk(1628, messages, socket.SOCK_DGRAM)


def s7_plant():
    """After Siemens' manual of system functions: list 001C of a controller whose site named it and its plant; its memory card is CANARY's."""

    def unit(inside):
        return struct.pack(">BBH", 3, 0, 4 + len(inside)) + inside

    def listed(function, error, data):
        parameters = bytes.fromhex("000112") + bytes([len(function) + len(error)]) + function + error
        head = struct.pack(">BBHHHH", 0x32, 7, 0, 1, len(parameters), len(data))
        return unit(bytes.fromhex("02f080") + head + parameters + data)

    ends = bytes.fromhex("c0010ac1020100c2020102")
    texts = {
        1: b"AHU-OR",
        2: b"CPU 314C-2 PN/DP",
        3: b"Plant room 2",
        4: b"Original Siemens Equipment",
        5: b"S C-ZZ0000000001",
        7: b"CPU 314C-2 PN/DP",
        8: b"MMC CANARY",
    }
    records = b"".join(struct.pack(">H32s", index, text) for index, text in texts.items())
    names = struct.pack(">HHHH", 0x1C, 0, 34, len(texts)) + records
    talk(
        102,
        [
            ("client", unit(bytes.fromhex("11e00000000100") + ends)),
            ("server", unit(bytes.fromhex("11d00001000200") + ends)),
            ("client", listed(bytes.fromhex("11440100"), b"", bytes.fromhex("ff090004001c0000"))),
            ("server", listed(bytes.fromhex("12840101"), bytes(4), struct.pack(">BBH", 0xFF, 9, len(names)) + names)),
        ],
    )


def dnp3_frame(control, to, by, user):
    """IEEE 1815, clause 9: a link frame, a check after its head and after each 16 bytes."""

    def checked(data):
        check = 0
        for byte in data:
            check ^= byte
            for _ in range(8):
                check = check >> 1 ^ (0xA6BC if check & 1 else 0)
        return data + struct.pack("<H", ~check & 0xFFFF)

    blocks = [user[at : at + 16] for at in range(0, len(user), 16)]
    head = struct.pack("<BBBBHH", 5, 0x64, 5 + len(user), control, to, by)
    return b"".join(map(checked, [head, *blocks]))


def rtu():
    """IEEE 1815, group 0: an outstation is asked for all its attributes; its site's name and code for it are CANARY."""
    attributes = {
        242: b"2.8.1",
        243: b"B",
        245: b"Substation 2",
        246: b"CANARY",
        247: b"CANARY",
        248: b"ZZ-0044",
        250: b"RTU 7",
        252: b"Acme Controls",
    }
    told = b"".join(bytes([0, variation, 0, 0, 0, 1, len(text)]) + text for variation, text in attributes.items())
    talk(
        20000,
        [
            ("client", dnp3_frame(0xC4, 48, 1, bytes.fromhex("c0c00100fe06"))),
            ("server", dnp3_frame(0x44, 1, 48, bytes.fromhex("c0c0810000") + told)),
        ],
    )


async def knx_client():
    """An interface is looked for as ETS does; knxd answers."""
    from xknx import XKNX
    from xknx.io import GatewayScanner

    xknx = XKNX()
    scanner = GatewayScanner(xknx, local_ip=CLIENT, timeout_in_seconds=3)
    print([gateway.name for gateway in await scanner.scan()])


def dcp_station():
    """Answers an identification as IEC 61158-6-10 says; pnio-dcp asks."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x8892))
    raw.bind(("eth0", 0))
    own = raw.getsockname()[4]

    def block(option, suboption, value, information=b"\0\0"):
        data = information + value
        return struct.pack(">BBH", option, suboption, len(data)) + data + b"\0" * (len(data) % 2)

    while True:
        frame = raw.recv(2048)
        if frame[14:16] != b"\xfe\xfe" or frame[16:18] != b"\x05\x00":
            continue
        body = block(2, 5, bytes.fromhex("010102010202020302 04".replace(" ", "")))
        body += block(2, 1, b"S7-1500")
        body += block(2, 2, b"heat-pump-2")
        body += block(2, 3, bytes.fromhex("002a010e"))
        body += block(2, 4, b"\x02\0")
        body += block(1, 2, bytes.fromhex("0a1f000affffff0000000000"), b"\0\x01")
        head = b"\xfe\xff\x05\x01" + frame[18:22] + b"\0\0" + struct.pack(">H", len(body))
        raw.send(frame[6:12] + own + b"\x88\x92" + head + body)


def dcp_client():
    import pnio_dcp

    dcp = pnio_dcp.DCP(CLIENT)
    print([device.name_of_station for device in dcp.identify_all(2)])


if __name__ == "__main__":
    actor = sys.argv[1].replace("-", "_")
    name = globals().get(actor) or globals()[actor.rsplit("_", 1)[0]]
    if asyncio.iscoroutinefunction(name):
        asyncio.run(name())
    else:
        name()
