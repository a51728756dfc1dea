#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A point-of-care device and its data manager, POCT1-A2: greeting, status, a result, and the lists of patients and operators. Own documents
after the published message catalogues: no public stack exists. usage: poct1_talk.py serve | send ADDRESS"""
import socket
import sys

PORT = 4703
PROLOGUE = '<?xml version="1.0" encoding="utf-8"?>'


def document(root, number, body):
    return f'{PROLOGUE}<{root}><HDR><HDR.message_type V="{root}"/><HDR.control_id V="{number}"/><HDR.version_id V="POCT1"/>' \
           f'<HDR.creation_dttm V="2026-01-01T12:00:00-00:00"/></HDR>{body}</{root}>'


def accepted(number, of):
    return document("ACK.R01", number, f'<ACK><ACK.type_cd V="AA"/><ACK.ack_control_id V="{of}"/></ACK>')


DEVICE = [
    document("HEL.R01", 101, '<DEV><DEV.device_id V="EXM^GLUCO 5^ZZ5001"/><DEV.vendor_id V="EXM"/><DEV.model_id V="GLUCO 5"/><DEV.serial_id V="ZZ5001"/>'
             '<DEV.manufacturer_name V="EXAMPLE DIAGNOSTICS"/><DEV.hw_version V="2"/><DEV.sw_version V="1.2.3"/><DEV.device_name V="CANARY\'s meter"/>'
             '<DCP><DCP.application_timeout V="60"/></DCP><DSC><DSC.connection_profile_cd V="SA"/><DSC.topics_supported_cd V="OP_LST"/></DSC></DEV>'),
    document("DST.R01", 102, '<DST><DST.status_dttm V="2026-01-01T12:00:00-00:00"/><DST.new_observations_qty V="1"/><DST.condition_cd V="R"/></DST>'),
    document("OBS.R01", 103, '<SVC><SVC.role_cd V="OBS"/><SVC.observation_dttm V="2026-01-01T11:59:00-00:00"/><PT><PT.patient_id V="CANARY-MRN-6"/>'
             '<PT.name V="CANARY^PATIENT"/><PT.birth_date V="1900-01-01"/><OBS><OBS.observation_id V="GLU"/><OBS.value V="5.4" U="mmol/L"/>'
             '<NTE><NTE.text V="CANARY note"/></NTE></OBS></PT><OPR><OPR.operator_id V="CANARY-OP-6"/></OPR></SVC>'),
]
LISTS = document("OPL.R01", 205, '<OPR><OPR.operator_id V="CANARY-OP-7"/><OPR.name V="CANARY^OPERATOR"/></OPR>') + \
    document("PTL.R01", 206, '<PT><PT.patient_id V="CANARY-MRN-7"/><PT.name V="CANARY^PATIENT"/></PT>')

if sys.argv[1] == "serve":
    with socket.create_server(("0.0.0.0", PORT)) as server:
        peer, _ = server.accept()
        for number in (101, 102, 103):
            peer.recv(4096)
            peer.sendall(accepted(100 + number, number).encode())
        peer.sendall(LISTS.encode())
        peer.recv(4096)
        peer.close()
else:
    with socket.create_connection((sys.argv[2], PORT)) as peer:
        for text in DEVICE:
            peer.sendall(text.encode())
            peer.recv(4096)
        peer.recv(4096)
        peer.sendall((accepted(104, 205) + accepted(105, 206)).encode())
        print("poct1_talk: sent")
