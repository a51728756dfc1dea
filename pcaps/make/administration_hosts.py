# SPDX-License-Identifier: MIT OR Apache-2.0
"""Hosts that administration.sh needs and no package has.

listener, winrm, printer: the server's half of a conversation with a real client, in the bytes that the documents of each protocol give.
rtsp: GStreamer's server with a log-in. member: impacket, which asks a directory. CANARY stands wherever a person could.
"""

import http.server
import struct
import sys

from network_hosts import one_client

SOAP = """<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>{}</s:Body></s:Envelope>"""
IDENTITY = (
    '<wsmid:IdentifyResponse xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>"
    "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
    "<wsmid:ProductVersion>OS: 10.0.17763 SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse>"
)
# What a client asks for one after another: a shell, a command in it, what the command wrote.
SHELL = (
    '<w:Selector xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" Name="ShellId">11111111-2222-3333-4444-555555555555</w:Selector>'
    '<rsp:CommandId xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell">66666666-7777-8888-9999-000000000000</rsp:CommandId>'
    '<rsp:Stream xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell" Name="stdout">Q0FOQVJZ</rsp:Stream>'
    '<rsp:CommandState xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell" '
    'State="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done"><rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState>'
)


class WinRm(http.server.BaseHTTPRequestHandler):
    """[MS-WSMV]: answers to Identify, and to all of a shell in one text."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Microsoft-HTTPAPI/2.0", ""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        text = SOAP.format(IDENTITY if self.headers["WSMANIDENTIFY"] else SHELL).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def winrm(address):
    http.server.ThreadingHTTPServer((address, 5985), WinRm).serve_forever()


def listener(connection):
    """TNS: a listener that accepts, and goes."""
    connection.recv(4096)
    body = struct.pack(">HHHHHHHBB8xII5x", 318, 0x0001, 8192, 65535, 0x0001, 0, 41, 0x41, 0x41, 8192, 65535)
    connection.sendall(struct.pack(">HHBBH", len(body) + 8, 0, 2, 0, 0) + body)
    connection.recv(4096)


def printer(connection):
    """PJL: a printer says its name and how it is when it is asked."""
    connection.settimeout(5)
    while asked := connection.recv(1000):
        if b"INFO ID" in asked:
            connection.sendall(b'@PJL INFO ID\r\n"INKJOY LaserStar 400"\r\n\x0c')
        if b"INFO STATUS" in asked:
            connection.sendall(b'@PJL INFO STATUS\r\nCODE=10001\r\nDISPLAY="CANARY"\r\nONLINE=TRUE\r\n\x0c')


def rtsp(address):
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(address)
    server.set_service("8554")
    auth = GstRtspServer.RTSPAuth()
    auth.set_realm("EXAMPLECOM EC-50")
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("CANARY", "CANARY"), token)
    server.set_auth(auth)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( videotestsrc ! video/x-raw,format=RGB,width=16,height=16 ! rtpvrawpay name=pay0 )")
    role = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.new_from_string(role))
    server.get_mount_points().add_factory("/CANARY", factory)
    server.attach(None)
    GLib.MainLoop().run()


def member(address):
    """Reads the root's entry, and begins to log in by NTLM inside SASL."""
    from impacket.ldap.ldap import LDAPConnection, LDAPSessionError
    from impacket.ldap.ldapasn1 import Scope

    connection = LDAPConnection(f"ldap://{address}")
    connection.search(searchBase="", scope=Scope("baseObject"), attributes=["dnsHostName", "namingContexts"])
    try:
        connection.login("CANARY", "CANARY", "WARD", authenticationChoice="sasl")
    except LDAPSessionError:
        pass
    connection.close()


role, where = sys.argv[1:]
if role in ("listener", "printer"):
    one_client(where, *{"listener": (1521, listener), "printer": (9100, printer)}[role])
else:
    {"winrm": winrm, "rtsp": rtsp, "member": member}[role](where)
