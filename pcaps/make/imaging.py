#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Services of DICOM beyond storing and finding, by pynetdicom.
usage: imaging.py archive | imaging.py services ARCHIVE_IP | imaging.py persons ARCHIVE_IP; the archive reports commitments back to port 11114 of the asker."""
import sys
import threading
import time

from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import ModalityPerformedProcedureStep, Printer, StorageCommitmentPushModel, Verification

COMMITMENT = "1.2.840.10008.1.20.1.1"  # the well-known instance
PRINTER = "1.2.840.10008.5.1.1.17"
STEP = "2.25.2026010100.7.9"


def transaction():
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "2.25.2026010100.2.1"
    ds = Dataset()
    ds.TransactionUID, ds.ReferencedSOPSequence = "2.25.2026010100.8.1", Sequence([item])
    ds.PatientName = "CANARY^COMMITMENT"
    return ds


def archive():
    def report(address):
        time.sleep(0.5)
        ae = AE(ae_title="ARCHIVE2")
        ae.add_requested_context(StorageCommitmentPushModel)
        assoc = ae.associate(address, 11114, ae_title="CT_ROOM1")
        assoc.send_n_event_report(transaction(), 1, StorageCommitmentPushModel, COMMITMENT)
        assoc.release()

    def action(event):
        threading.Thread(target=report, args=(event.assoc.requestor.address,)).start()
        return 0x0000, None

    def printer(event):
        ds = Dataset()
        ds.PrinterStatus, ds.PrinterStatusInfo, ds.PrinterName = "NORMAL", "NORMAL", "CANARY printer"
        ds.Manufacturer, ds.ManufacturerModelName = "FABRIKAM FILM", "DRYFILM 20"
        ds.DeviceSerialNumber, ds.SoftwareVersions = "FF-2000-31", "3.1"
        ds.DateOfLastCalibration = "20251101"
        return 0x0000, ds

    ae = AE(ae_title="ARCHIVE2")
    ae.require_called_aet = True
    for context in (StorageCommitmentPushModel, ModalityPerformedProcedureStep, Printer, Verification):
        ae.add_supported_context(context)
    ae.start_server(("0.0.0.0", 11115), evt_handlers=[
        (evt.EVT_N_ACTION, action), (evt.EVT_N_GET, printer),
        (evt.EVT_N_CREATE, lambda event: (0x0000, event.attribute_list)),
        (evt.EVT_N_SET, lambda event: (0x0000, Dataset())),
    ])


def connect(address, context, called="ARCHIVE2"):
    ae = AE(ae_title="CT_ROOM1")
    ae.add_requested_context(context)
    user = UserIdentityNegotiation()
    user.user_identity_type, user.primary_field, user.secondary_field = 2, b"CANARY-USER", b"CANARY-PASS"
    return ae.associate(address, 11115, ae_title=called, ext_neg=[user])


def services(address):
    ae = AE(ae_title="CT_ROOM1")
    ae.add_supported_context(StorageCommitmentPushModel)
    reported = threading.Event()

    def note(event):
        reported.set()
        return 0x0000, None

    server = ae.start_server(("0.0.0.0", 11114), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, note)])
    assoc = connect(address, StorageCommitmentPushModel)
    status, _ = assoc.send_n_action(transaction(), 1, StorageCommitmentPushModel, COMMITMENT)
    assert status.Status == 0, status
    assoc.release()
    assert reported.wait(10), "no report of the commitment"
    server.shutdown()

    assoc = connect(address, ModalityPerformedProcedureStep)
    ds = Dataset()
    ds.Modality, ds.PerformedStationAETitle, ds.PerformedStationName = "CT", "CT_ROOM1", "CTSTN01"
    ds.PerformedLocation, ds.PerformedProcedureStepStatus = "ROOM 1", "IN PROGRESS"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "CANARY^PATIENT", "CANARY-MRN-1", "19000101"
    ds.PerformedProcedureStepDescription = "CANARY step text"
    assert assoc.send_n_create(ds, ModalityPerformedProcedureStep, STEP)[0].Status == 0
    ds = Dataset()
    ds.PerformedProcedureStepStatus = "DISCONTINUED"
    ds.CommentsOnThePerformedProcedureStep = "CANARY comment"
    assert assoc.send_n_set(ds, ModalityPerformedProcedureStep, STEP)[0].Status == 0
    assoc.release()

    assoc = connect(address, Printer)
    assert assoc.send_n_get([0x00080070, 0x00081090], Printer, PRINTER)[0].Status == 0
    assoc.release()
    assert connect(address, Verification, called="NOBODY").is_rejected
    connect(address, Verification).abort()


# What is said of equipment, and what must hold something else than a text.
KEPT = {0x00080005, 0x00080016, 0x00080018, 0x00080055, 0x00080060, 0x00080070, 0x00080080, 0x00081010, 0x00081040, 0x00081090,
        0x00181000, 0x00181002, 0x00181008, 0x0018100B, 0x00181020, 0x00181200, 0x00181204, 0x00181205, 0x0018700A, 0x0018702A, 0x0018702B}


def persons(address):
    """An object with CANARY in every text of the dictionary but those of equipment, at its root, in sequences and in private
    elements."""
    texts = {"PN": "CANARY^PERSON", "LO": "CANARY", "SH": "CANARY", "ST": "CANARY text", "LT": "CANARY text", "UT": "CANARY text",
             "UC": "CANARY", "AE": "CANARY", "CS": "CANARY"}

    def fill(ds, everything):
        for tag, (vr, _, _, _, keyword) in sorted(DicomDictionary.items()):
            if 0x00080000 <= tag < 0x7FE00000 and keyword and vr in texts and (everything or tag not in KEPT):
                ds.add_new(tag, vr, texts[vr])
        block = ds.private_block(0x0011, "CANARY PRIVATE", create=True)
        for number, vr in enumerate(texts, 1):
            block.add_new(number, vr, texts[vr])
        return ds

    ds = fill(Dataset(), everything=False)
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, "2.25.2026010100.2.77"
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "CT", "ACME MEDICAL", "TOMOGRAPH 64"
    ds.DeviceSerialNumber, ds.StationName, ds.StationAETitle = "AM-CT-001977", "CTSTN01", "CT_ROOM1"
    for keyword in ("ReferencedImageSequence", "RequestAttributesSequence", "ContributingEquipmentSequence", "ContentSequence"):
        setattr(ds, keyword, Sequence([fill(Dataset(), everything=True)]))
    udi = Dataset()
    udi.UniqueDeviceIdentifier, udi.DeviceDescription = "(01)09521234543213(21)AM-CT-001977", "CANARY text"
    ds.UDISequence = Sequence([udi])
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        ae = AE(ae_title="CT_ROOM1")
        ae.add_requested_context(CTImageStorage, syntax)
        assoc = ae.associate(address, 11113, ae_title="STORE")
        ds.file_meta.TransferSyntaxUID = syntax
        assert assoc.send_c_store(ds).Status == 0
        assoc.release()


if sys.argv[1] == "archive":
    archive()
elif sys.argv[1] == "persons":
    persons(sys.argv[2])
else:
    services(sys.argv[2])
