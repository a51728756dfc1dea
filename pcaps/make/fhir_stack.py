#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A FHIR R5 server out of PyPI fhirstarter on uvicorn (port 8080), with CANARY wherever a person could stand."""
import warnings

warnings.filterwarnings("ignore")
import uvicorn
from fhir.resources.bundle import Bundle
from fhir.resources.device import Device
from fhir.resources.patient import Patient
from fhirstarter import FHIRProvider, FHIRStarter, InteractionContext
from fhirstarter.exceptions import FHIRResourceNotFoundError

MONITOR = Device.model_validate({
    "resourceType": "Device", "id": "monitor-1", "manufacturer": "ACME MEDICAL", "serialNumber": "AM-MON-0099", "modelNumber": "BEDSIDE 9",
    "name": [{"value": "CANARY's monitor", "type": "user-friendly-name"}],
    "version": [{"type": {"coding": [{"code": "531975"}]}, "value": "4.11.2"}],
    "type": [{"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "69965"}], "text": "CANARY text"}],
    "contact": [{"system": "phone", "value": "CANARY phone"}], "note": [{"text": "CANARY note"}]})
PATIENT = Patient.model_validate({
    "resourceType": "Patient", "id": "CANARY-MRN-1", "name": [{"family": "CANARY", "given": ["CANARY"]}], "birthDate": "1900-01-01",
    "address": [{"text": "1 CANARY STREET"}]})
provider = FHIRProvider()


def bundle(resource):
    return Bundle(type="searchset", total=1, entry=[{"resource": resource}])


@provider.read(Device)
async def read_device(context: InteractionContext, id_: str) -> Device:
    return MONITOR


@provider.search_type(Device)
async def find_device(context: InteractionContext, serial_number: str | None) -> Bundle:
    return bundle(MONITOR)


@provider.read(Patient)
async def read_patient(context: InteractionContext, id_: str) -> Patient:
    if id_ != PATIENT.id:
        raise FHIRResourceNotFoundError
    return PATIENT


@provider.search_type(Patient)
async def find_patient(context: InteractionContext, family: str | None, birthdate: list[str] | None, address: str | None) -> Bundle:
    return bundle(PATIENT)


@provider.create(Patient)
async def create_patient(context: InteractionContext, resource: Patient) -> str:
    return "CANARY-MRN-2"


def name(statement, _request, _response):
    statement["software"] = {"name": "TAILSPIN FHIR", "version": "3.1"}
    statement["publisher"] = "CANARY publisher"
    return statement


app = FHIRStarter(title="CANARY site")
app.add_providers(provider)
app.set_capability_statement_modifier(name)
uvicorn.run(app, host="0.0.0.0", port=8080, log_level="warning")
