#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A FHIR client out of fhirpy: searches for devices and reads a patient. usage: fhir_client.py SERVER_IP"""
import sys

from fhirpy import SyncFHIRClient

client = SyncFHIRClient(f"http://{sys.argv[1]}:8080/fhir", authorization="Bearer CANARY-TOKEN",
                        extra_headers={"Accept": "application/fhir+json"})
client.execute("/metadata", method="get")
client.resources("Device").search(patient="CANARY-MRN-1").fetch_raw()
client.execute("/Patient/CANARY", method="get")
