#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""An analyser that sends LIS2-A2 records over TCP without frames, and asks its host what to measure; the host answers with an order.
Own bytes after the published record layouts: no stack sends this. usage: astm_bare.py serve | send ADDRESS"""
import socket
import sys

PORT = 4702
HOST = "H|\\^&|||LABHOST-9^5.1.0|||||EXAMPLE-900||P|LIS2-A2|20260101120001\rP|1||CANARY-LAB-5||CANARY^PATIENT||19000101|F\r" \
       "O|1|CANARY-SPECIMEN-5||^^^GLU|R\rL|1|N\r"
QUERY = "H|\\^&||CANARY-PASSWORD|EXAMPLE-900^01.02.03^ZZ-0002|||||LABHOST||P|LIS2-A2|20260101120000\rQ|1|^CANARY-SPECIMEN-5||ALL\rL|1|N\r"
RESULT = "H|\\^&||CANARY-PASSWORD|EXAMPLE-900^01.02.03^ZZ-0002|||||LABHOST||P|LIS2-A2|20260101120500\rP|1||CANARY-LAB-5||CANARY^PATIENT||19000101|F\r" \
         "O|1|CANARY-SPECIMEN-5||^^^GLU|R\rR|1|^^^GLU|5.4|mmol/L||N||F||CANARY OPERATOR\rL|1|N\r"

if sys.argv[1] == "serve":
    with socket.create_server(("0.0.0.0", PORT)) as server:
        peer, _ = server.accept()
        peer.recv(4096)
        peer.sendall(HOST.encode())
        peer.recv(4096)
        peer.close()
else:
    with socket.create_connection((sys.argv[2], PORT)) as peer:
        peer.sendall(QUERY.encode())
        peer.recv(4096)
        peer.sendall(RESULT.encode())
        print("astm_bare: sent")
