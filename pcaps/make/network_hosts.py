# SPDX-License-Identifier: MIT OR Apache-2.0
"""Hosts that network.sh needs and no package has.

quic-server, quic-client: PyPI aioquic at both ends, whose handshakes are real. mssql, oracle, tacacs, shell: the server's half of a
conversation with a real client, in the bytes that the documents of each protocol give. telephone, manager, panel, printer, asker,
neighbour, gateway and road speak as documented at both ends. CANARY stands wherever a person could.
"""

import asyncio
import socket
import struct
import sys


async def quic_server(address, key, certificate):
    from aioquic.asyncio import serve
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.packet import QuicProtocolVersion

    versions = [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2]
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], supported_versions=versions)
    configuration.load_cert_chain(certificate, key)
    await serve(address, 443, configuration=configuration)
    await asyncio.Event().wait()


async def quic_client(address, version):
    import ssl

    from aioquic.asyncio import connect
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.packet import QuicProtocolVersion

    number = QuicProtocolVersion.VERSION_1 if version == "1" else QuicProtocolVersion.VERSION_2
    configuration = QuicConfiguration(
        alpn_protocols=["h3"],
        server_name="portal.ward.example",
        verify_mode=ssl.CERT_NONE,
        supported_versions=[number],
        original_version=number,
    )
    async with connect(address, 443, configuration=configuration) as connection:
        await connection.ping()


def one_client(address, port, talk):
    """Serves clients one after another, for ever."""
    listener = socket.create_server((address, port))
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                talk(connection)
            except OSError:
                pass


def exactly(connection, length):
    data = b""
    while len(data) < length:
        more = connection.recv(length - len(data))
        if not more:
            raise OSError("the client went")
        data += more
    return data


def tds_packet(connection):
    kind, _, length = struct.unpack(">BBH4x", exactly(connection, 8))
    return kind, exactly(connection, length - 8)


def mssql(connection):
    """MS-TDS 2.2.6.5 and 2.2.7.14: a pre-login of version 15.0.2000 that cannot encrypt, and a log-in that is taken."""
    while True:
        kind, _ = tds_packet(connection)
        if kind == 18:
            options = bytes([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255]) + bytes([15, 0, 7, 208, 0, 0, 2])
            connection.sendall(struct.pack(">BBHHBB", 4, 1, len(options) + 8, 0, 1, 0) + options)
        elif kind == 16:
            name = "Microsoft SQL Server\0\0".encode("utf-16-le")
            body = bytes([1]) + bytes.fromhex("74000004") + bytes([len(name) // 2]) + name + bytes([15, 0, 7, 208])
            answer = b"\xad" + struct.pack("<H", len(body)) + body + b"\xfd" + bytes(12)
            connection.sendall(struct.pack(">BBHHBB", 4, 1, len(answer) + 8, 0, 1, 0) + answer)
        else:
            return


def oracle(connection):
    """TNS: a listener that knows no such service refuses and names its release."""
    length = struct.unpack(">H", exactly(connection, 2))[0]
    exactly(connection, length - 2)
    text = b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))"
    body = bytes([0x22, 0]) + struct.pack(">H", len(text)) + text
    connection.sendall(struct.pack(">HHBBH", len(body) + 8, 0, 4, 0, 0) + body)


def tacacs(connection):
    """RFC 8907: an answer to each packet, of a body that nobody without the key can read."""
    while True:
        version, kind, sequence, flags, session, length = struct.unpack(">BBBBII", exactly(connection, 12))
        exactly(connection, length)
        connection.sendall(struct.pack(">BBBBII", version, kind, sequence + 1, flags, session, 6) + b"CANARY")


def shell(connection):
    """RFC 1282: four texts are answered by a zero. A port for errors is connected to, as rsh wants it."""
    texts = []
    while len(texts) < 4:
        text = b""
        while (byte := exactly(connection, 1)) != b"\0":
            text += byte
        texts.append(text)
        if len(texts) == 1 and text not in (b"", b"0"):
            errors = socket.socket()
            errors.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            errors.bind((connection.getsockname()[0], 1021))
            errors.connect((connection.getpeername()[0], int(text)))
    connection.sendall(b"\0CANARY\n")


def skinny(number, body):
    return struct.pack("<III", len(body) + 4, 0, number) + body


def manager(connection):
    """Takes a registration and answers signs of life."""
    while True:
        length, _, number = struct.unpack("<III", exactly(connection, 12))
        exactly(connection, length - 4)
        if number == 1:
            connection.sendall(skinny(0x81, struct.pack("<I8sHxxI", 30, b"M/D/Y\0", 0, 60)))
        elif number == 0:
            connection.sendall(skinny(0x100, b""))


def telephone(address):
    """A Cisco 7960 registers and lives."""
    with socket.create_connection((address, 2000)) as connection:
        name = b"SEP001B2C030405".ljust(16, b"\0")
        connection.sendall(skinny(1, name + struct.pack("<II4sII", 0, 1, bytes([10, 30, 0, 20]), 7, 0)))
        connection.recv(100)
        connection.sendall(skinny(0, b""))
        connection.recv(100)


def printer(connection):
    """PJL: a printer says its name when it is asked."""
    while b"INFO ID" not in connection.recv(1000):
        pass
    connection.sendall(b'@PJL INFO ID\r\n"INKJOY LaserStar 400"\r\n\x0c')
    connection.recv(1000)


def asker(address):
    """Asks a printer for its name and sends it a job."""
    with socket.create_connection((address, 9100)) as connection:
        connection.sendall(b"\x1b%-12345X@PJL INFO ID\r\n")
        connection.recv(100)
        connection.sendall(b'@PJL JOB NAME="CANARY"\r\n@PJL ENTER LANGUAGE=POSTSCRIPT\r\n%!PS\n(CANARY) show\n\x1b%-12345X')


def neighbour(address):
    """RFC 4795: a host answers to its name."""
    group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    group.bind(("", 5355))
    group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.252") + socket.inet_aton(address))
    while True:
        question, sender = group.recvfrom(1000)
        answer = question[:2] + bytes.fromhex("8000000100010000 0000") + question[12:]
        answer += bytes.fromhex("c00c00010001 0000001e 0004") + socket.inet_aton(address)
        group.sendto(answer, sender)


def panel(address):
    """Asks the group for a name."""
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    asking.settimeout(5)
    asking.sendto(bytes.fromhex("1234000000010000 00000000") + b"\x06ward-7\0\0\x01\0\x01", ("224.0.0.252", 5355))
    asking.recv(1000)


def ike(initiator, responder, flags, marks):
    """RFC 7296 3.1: an IKE_SA_INIT of vendor marks and a nonce."""
    kinds = [43] * len(marks) + [40, 0]
    bodies = [*marks, b"n" * 32]
    payloads = b"".join(struct.pack(">BxH", following, len(body) + 4) + body for following, body in zip(kinds[1:], bodies))
    return initiator + responder + struct.pack(">BBBBII", kinds[0], 0x20, 34, flags, 0, 28 + len(payloads)) + payloads


def gateway(address):
    """Answers who wants a tunnel."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 500))
    while True:
        question, sender = server.recvfrom(2000)
        server.sendto(ike(question[:8], b"respondr", 0x20, [bytes.fromhex("882fe56d6fd20dbc2251613b2ebe5beb")]), sender)


def road(address):
    """Wants a tunnel."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(5)
    client.sendto(ike(b"initiatr", bytes(8), 0x08, [bytes.fromhex("4048b7d56ebce88525e7de7f00d6c2d3")]), (address, 500))
    client.recv(2000)


SERVERS = {
    "mssql": (1433, mssql),
    "oracle": (1521, oracle),
    "tacacs": (49, tacacs),
    "rsh": (514, shell),
    "rlogin": (513, shell),
    "manager": (2000, manager),
    "printer": (9100, printer),
}
OTHERS = {"telephone": telephone, "asker": asker, "neighbour": neighbour, "panel": panel, "gateway": gateway, "road": road}



def main(role, address, *rest):
    if role == "quic-server":
        asyncio.run(quic_server(address, *rest))
    elif role == "quic-client":
        asyncio.run(quic_client(address, *rest))
    elif role in OTHERS:
        OTHERS[role](address)
    else:
        port, talk = SERVERS[role]
        one_client(address, port, talk)


if __name__ == "__main__":
    main(*sys.argv[1:])
