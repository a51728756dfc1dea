#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""DICOM that fails, with a person in the text of the failure, by pynetdicom. usage: persons.py archive | persons.py modality ARCHIVE_IP OBJECT"""
import sys

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, ModalityPerformedProcedureStep, StudyRootQueryRetrieveInformationModelFind

CONTEXTS = CTImageStorage, ModalityPerformedProcedureStep, StudyRootQueryRetrieveInformationModelFind


def refusal(status):
    ds = Dataset()
    ds.Status, ds.ErrorComment, ds.OffendingElement = status, "CANARY^PATIENT is not known", [0x00100020]
    return ds


def archive():
    def find(event):
        yield refusal(0xA900), None

    ae = AE(ae_title="ARCHIVE")
    for context in CONTEXTS:
        ae.add_supported_context(context)
    ae.start_server(("0.0.0.0", 11112), evt_handlers=[
        (evt.EVT_C_STORE, lambda event: refusal(0xA700)), (evt.EVT_C_FIND, find),
        (evt.EVT_N_CREATE, lambda event: (refusal(0x0110), None))])


def modality(address, path):
    ae = AE(ae_title="CT_ROOM1")
    for context in CONTEXTS:
        ae.add_requested_context(context)
    assoc = ae.associate(address, 11112, ae_title="ARCHIVE")
    assert assoc.send_c_store(dcmread(path)).Status == 0xA700
    ds = Dataset()
    ds.QueryRetrieveLevel, ds.PatientName, ds.PatientID = "STUDY", "CANARY*", "CANARY-MRN-1"
    assert [status.Status for status, _ in assoc.send_c_find(ds, CONTEXTS[2])] == [0xA900]
    ds = Dataset()
    ds.Modality, ds.PerformedStationAETitle, ds.PerformedStationName = "CT", "CT_ROOM1", "CTSTN01"
    ds.PerformedProcedureStepStatus, ds.PatientName = "IN PROGRESS", "CANARY^PATIENT"
    assert assoc.send_n_create(ds, ModalityPerformedProcedureStep, "2.25.2026010100.7.10")[0].Status == 0x0110
    assoc.release()


if sys.argv[1] == "archive":
    archive()
else:
    modality(*sys.argv[2:])
