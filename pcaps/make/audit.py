#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""An audit trail as DICOM PS3.15 A.5 writes it, in syslog as RFC 5424, 5426 and 6587 frame it, for the captures.
usage: audit.py receive | audit.py send ADDRESS"""
import socket
import sys
import threading
import time

TRANSFER = """<?xml version="1.0" encoding="UTF-8"?>
<AuditMessage><EventIdentification EventActionCode="C" EventDateTime="2026-01-01T12:00:00Z" EventOutcomeIndicator="0">
<EventID csd-code="110104" codeSystemName="DCM" originalText="DICOM Instances Transferred"/></EventIdentification>
<ActiveParticipant UserID="CANARY-OPERATOR" AlternativeUserID="AETITLES=CT_ROOM1" UserName="CANARY" UserIsRequestor="true"
 NetworkAccessPointID="10.30.1.11" NetworkAccessPointTypeCode="2">
<RoleIDCode csd-code="110153" codeSystemName="DCM" originalText="Source Role ID"/></ActiveParticipant>
<ActiveParticipant UserID="CANARY-PROCESS" AlternativeUserID="AETITLES=ARCHIVE" UserName="CANARY" UserIsRequestor="false"
 NetworkAccessPointID="10.30.1.20" NetworkAccessPointTypeCode="2">
<RoleIDCode csd-code="110152" codeSystemName="DCM" originalText="Destination Role ID"/></ActiveParticipant>
<AuditSourceIdentification AuditEnterpriseSiteID="EXAMPLE SITE" AuditSourceID="ARCHIVE-NODE-1">
<AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>
<ParticipantObjectIdentification ParticipantObjectID="CANARY-MRN-1" ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1">
<ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881"/><ParticipantObjectName>CANARY^PATIENT</ParticipantObjectName>
</ParticipantObjectIdentification></AuditMessage>"""
LOGIN = """<?xml version="1.0" encoding="UTF-8"?>
<AuditMessage><EventIdentification EventActionCode="E" EventDateTime="2026-01-01T12:00:01Z" EventOutcomeIndicator="0">
<EventID csd-code="110114" codeSystemName="DCM" originalText="User Authentication"/></EventIdentification>
<ActiveParticipant UserID="CANARY-USER" AlternativeUserID="CANARY@EXAMPLE" UserName="CANARY" UserIsRequestor="true"
 NetworkAccessPointID="CANARYS-PC" NetworkAccessPointTypeCode="1"/>
<AuditSourceIdentification AuditEnterpriseSiteID="EXAMPLE SITE" AuditSourceID="ARCHIVE-NODE-1">
<AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification></AuditMessage>"""


def message(record):
    return f"<85>1 2026-01-01T12:00:00.000Z archive arcaudit 41 IHE+RFC-3881 - \ufeff{record}".encode()


def receive():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", 514))

    def serve(port):
        server = socket.create_server(("0.0.0.0", port))
        while True:
            connection, _ = server.accept()
            while connection.recv(65536):
                pass

    for port in (6514, 1601, 1602):
        threading.Thread(target=serve, args=(port,), daemon=True).start()
    while True:
        udp.recv(65536)


def send(address):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for record in (TRANSFER, LOGIN):
        udp.sendto(message(record), (address, 514))
        time.sleep(0.1)
    stream = socket.create_connection((address, 6514))
    for record in (TRANSFER, LOGIN):
        stream.sendall(b"%d %s" % (len(message(record)), message(record)))
    time.sleep(0.3)
    stream.close()


receive() if sys.argv[1] == "receive" else send(sys.argv[2])
