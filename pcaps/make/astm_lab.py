#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""An analyser and its host by the package `astm-2025`: E1381 frames with checksums, E1394 records. usage: astm_lab.py serve | send ADDRESS

Two transfers: a frame for each record, then all records in frames of 120 bytes. Every person-like field says CANARY."""
import builtins
import sys

# The package still calls a built-in function of Python 2.
builtins.buffer = lambda data, start, size: data[start:start + size]

from astm.client import Client
from astm.server import BaseRecordsDispatcher, Server

PORT = 4701


class Text(bytes):
    """What the package writes unchanged, and takes for a letter: its own handling of str ends in a recursion on Python 3."""

    def __new__(cls, text):
        return super().__new__(cls, text.encode())

    def __eq__(self, other):
        return self.decode() == other if isinstance(other, str) else bytes.__eq__(self, other)

    def __hash__(self):
        return hash(self.decode())


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bytes) else Text(value)



def records(sample):
    yield ["H", b"\\^&", None, "CANARY-PASSWORD", ["EXAMPLE-900", "01.02.03", "ZZ-0001"], "1 CANARY STREET", None, "CANARY-PHONE",
           None, "LABHOST", "CANARY comment", "P", "LIS2-A2", "20260101120000"]
    yield ["P", "1", "CANARY-MRN-4", "CANARY-LAB-4", "CANARY-ID-4", ["CANARY", "PATIENT"], ["CANARY", "MAIDEN"], "19000101", "F", None, "1 CANARY STREET",
           None, "CANARY-PHONE", "CANARY PHYSICIAN"]
    yield ["C", "1", "L", "CANARY patient comment", "G"]
    yield ["O", "1", f"CANARY-SPECIMEN-{sample}", None, [None, None, None, "GLU"], "R", None, None, None, None, "CANARY COLLECTOR"]
    for number, (test, value) in enumerate([("GLU", "5.4"), ("CREA", "71")], 1):
        yield ["R", str(number), [None, None, None, test], value, "mmol/L", None, "N", None, "F", None, "CANARY OPERATOR", None, "20260101120000"]
    yield ["L", "1", "N"]


def send(sample):
    def emitter():
        for record in records(sample):
            if not (yield plain(record)):
                raise SystemExit("astm_lab: a record was refused")
    return emitter


if sys.argv[1] == "serve":
    Server("0.0.0.0", PORT, dispatcher=BaseRecordsDispatcher).serve_forever()
else:
    for sample, options in [(1, {}), (2, {"bulk_mode": True, "chunk_size": 120})]:
        Client(send(sample), host=sys.argv[2], port=PORT, timeout=5, **options).run()
        print(f"astm_lab: transfer {sample} done")
