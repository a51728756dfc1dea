#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A modality out of pynetdicom: asks for its worklist, reports the step, stores its images.
usage: modality.py ct|us OBJECT_DIR ARCHIVE_IP RIS_IP; ends with an error when a peer does not answer with success."""
import sys

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, UltrasoundImageStorage
from pynetdicom import AE
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import (ModalityPerformedProcedureStep, ModalityWorklistInformationFind, Verification)

kind, objects, archive, ris = sys.argv[1:5]
TITLE = {"ct": "CT_ROOM1", "us": "US_CART3"}[kind]
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


def connect(address, port, called, contexts, identity=()):
    ae = AE(ae_title=TITLE)
    ae.implementation_class_uid = {"ct": "2.25.20260101001", "us": "2.25.20260101002"}[kind]
    ae.implementation_version_name = {"ct": "ACME_TOMO_731", "us": "FABRI_E9_204"}[kind]
    for context in contexts:
        ae.add_requested_context(context, SYNTAXES)
    assoc = ae.associate(address, port, ae_title=called, ext_neg=list(identity))
    if not assoc.is_established:
        sys.exit(f"{kind}: {called} at {address}:{port} did not accept the association")
    return assoc


def ok(what, status):
    if not status or status.Status not in (0x0000, 0xFF00):
        sys.exit(f"{kind}: {what} was answered with {status.Status if status else 'nothing'}")
    print(f"{kind}: {what}: status 0x{status.Status:04X}")


def echo():
    assoc = connect(archive, 104, "ARCHIVE", [Verification])
    ok("C-ECHO", assoc.send_c_echo())
    assoc.release()


def worklist():
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle = "CT", TITLE
    for keyword in ("ScheduledStationName", "ScheduledProcedureStepLocation", "ScheduledPerformingPhysicianName",
                    "ScheduledProcedureStepStartDate", "ScheduledProcedureStepDescription"):
        setattr(step, keyword, "")
    query = Dataset()
    query.PatientName = query.PatientID = query.AccessionNumber = ""
    query.ScheduledProcedureStepSequence = Sequence([step])
    assoc = connect(ris, 104, "RIS_WL", [ModalityWorklistInformationFind])
    found = 0
    for status, answer in assoc.send_c_find(query, ModalityWorklistInformationFind):
        ok("worklist C-FIND", status)
        found += answer is not None
    assoc.release()
    if not found:
        sys.exit("ct: the worklist is empty")


def performed_step(finish):
    uid = "2.25.2026010100.7.1"
    assoc = connect(ris, 4006, "RIS_MPPS", [ModalityPerformedProcedureStep])
    ds = Dataset()
    if not finish:
        ds.SpecificCharacterSet = "ISO_IR 100"
        ds.Modality, ds.PerformedStationAETitle, ds.PerformedStationName = "CT", TITLE, "CTSTN01"
        ds.PerformedLocation, ds.PerformedProcedureStepStatus = "ROOM 1", "IN PROGRESS"
        ds.PerformedProcedureStepID = "CANARY-PPS-1"
        ds.PatientName, ds.PatientID = "CANARY^PATIENT^DICOM", "CANARY-MRN-1"
        ds.PerformedProcedureStepStartDate, ds.PerformedProcedureStepStartTime = "20260101", "120000"
        ds.PerformedProcedureStepDescription = "CANARY performed text"
        ds.PerformedSeriesSequence = Sequence([])
        ok("MPPS N-CREATE", assoc.send_n_create(ds, ModalityPerformedProcedureStep, uid)[0])
    else:
        series = Dataset()
        series.PerformingPhysicianName, series.OperatorsName = "CANARY^PERFORMER", "CANARY^OPERATOR"
        series.ProtocolName, series.SeriesInstanceUID = "CANARY protocol", "2.25.2026010100.2.1.2"
        ds.PerformedProcedureStepStatus = "COMPLETED"
        ds.PerformedProcedureStepEndDate, ds.PerformedProcedureStepEndTime = "20260101", "121000"
        ds.PerformedSeriesSequence = Sequence([series])
        ok("MPPS N-SET", assoc.send_n_set(ds, ModalityPerformedProcedureStep, uid)[0])
    assoc.release()


def store(names, sop_class, identity=()):
    assoc = connect(archive, 104, "ARCHIVE", [sop_class], identity)
    for name in names:
        ok(f"C-STORE {name}", assoc.send_c_store(dcmread(f"{objects}/{name}.dcm")))
    assoc.release()


if kind == "ct":
    echo()
    worklist()
    performed_step(finish=False)
    store(["ct1"], CTImageStorage)  # by itself: the smallest complete store
    store(["ct2"], CTImageStorage)
    performed_step(finish=True)
else:
    user = UserIdentityNegotiation()  # sub-item 58H carries a log-in name: another place where a person can hide
    user.user_identity_type, user.primary_field = 1, b"CANARY-USER"
    store(["us1"], UltrasoundImageStorage, [user])
