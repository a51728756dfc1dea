#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A FHIR R4 server for the captures: a few resources over real HTTP (port 8080), with CANARY wherever a person could stand."""
import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CODE = {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "69986"}], "text": "CANARY text"}
PUMP = {
    "resourceType": "Device", "id": "pump-1", "manufacturer": "TAILSPIN INFUSION", "serialNumber": "FLOW-1207",
    "deviceName": [{"name": "CANARY's pump", "type": "user-friendly-name"}, {"name": "FLOWMASTER 2", "type": "model-name"}],
    "version": [{"type": {"coding": [{"code": "531975"}]}, "value": "5.1"}, {"type": {"coding": [{"code": "531976"}]}, "value": "F-22"}],
    "udiCarrier": [{"deviceIdentifier": "09521234543213", "carrierHRF": "(01)09521234543213(21)FLOW-1207"}],
    "type": CODE, "contact": [{"value": "CANARY phone"}], "note": [{"text": "CANARY note"}],
}
IMPLANT = {"resourceType": "Device", "id": "implant", "manufacturer": "CANARY IMPLANTS", "serialNumber": "CANARY-SN",
           "patient": {"reference": "Patient/CANARY", "display": "CANARY"}}
METRIC = {"resourceType": "DeviceMetric", "id": "m", "category": "measurement",
          "type": {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "157784"}]}, "source": {"reference": "Device/pump-1"}}
PATIENT = {"resourceType": "Patient", "id": "CANARY", "serialNumber": "CANARY-SN", "manufacturer": "CANARY",
           "name": [{"family": "CANARY", "given": ["CANARY"]}], "birthDate": "1900-01-01",
           "address": [{"text": "1 CANARY STREET"}], "identifier": [{"value": "CANARY-MRN-1"}]}
BUNDLE = {"resourceType": "Bundle", "type": "searchset", "total": 4,
          "entry": [{"fullUrl": "http://CANARY", "resource": r} for r in (PATIENT, PUMP, IMPLANT, METRIC)]}
STATEMENT = {"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1",
             "publisher": "CANARY publisher", "contact": [{"name": "CANARY"}], "date": "2026-01-01", "format": ["json", "xml"],
             "software": {"name": "WINGTIP FHIR", "version": "9.2.1"}, "implementation": {"description": "CANARY site"},
             "rest": [{"mode": "server", "resource": [{"type": "Device"}, {"type": "Patient"}]}]}
XML = """<?xml version="1.0" encoding="UTF-8"?>
<Bundle xmlns="http://hl7.org/fhir"><type value="searchset"/>
<entry><resource><Patient><id value="CANARY"/><name><family value="CANARY"/></name></Patient></resource></entry>
<entry><resource><Device><id value="CANARY"/><manufacturer value="TAILSPIN INFUSION"/><serialNumber value="FLOW-1208"/>
<deviceName><name value="FLOWMASTER 2"/><type value="model-name"/></deviceName>
<note><text value="CANARY"/></note></Device></resource></entry></Bundle>"""
SMART = {"issuer": "http://emr.example/CANARY", "token_endpoint": "http://emr.example/token", "capabilities": ["launch-ehr"]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "WingtipHTTP/9.2", ""

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.partition("?")[0]
        body, kind = json.dumps(BUNDLE), "application/fhir+json; charset=utf-8"
        if path.endswith("/metadata"):
            body, kind = json.dumps(STATEMENT), "application/json"
        elif path.endswith("/smart-configuration"):
            body, kind = json.dumps(SMART), "application/json"
        elif path.endswith("/Patient/CANARY"):
            body = json.dumps(PATIENT)
        elif "xml" in self.headers.get("Accept", ""):
            body, kind = XML, "application/fhir+xml"
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            data = gzip.compress(data)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT


ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
