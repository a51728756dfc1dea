#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Make the DICOM objects and the worklist file that hospital.sh sends. usage: objects.py OUT_DIR

Every equipment attribute is invented, and every person, number or free text that belongs to a patient or to staff
carries the word CANARY, so that a test can look for that one word in every output.
Pixels are a gradient: nothing that could be a picture of anybody.
"""
import sys
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, UltrasoundImageStorage
from pynetdicom.sop_class import ModalityWorklistInformationFind

ROOT = "2.25.2026010100"  # 2.25 = UIDs out of UUIDs; the numbers are ours and fixed, so that a second run gives the same objects

# Patient, staff and order module: the canaries.
PEOPLE = dict(
    PatientName="CANARY^PATIENT^DICOM", PatientID="CANARY-MRN-1", PatientBirthDate="19000101", PatientSex="O",
    OtherPatientIDs="CANARY-OTHER-ID", PatientAddress="1 CANARY STREET", PatientTelephoneNumbers="CANARY-PHONE",
    PatientComments="CANARY patient comment", ReferringPhysicianName="CANARY^REFERRER",
    PerformingPhysicianName="CANARY^PERFORMER", OperatorsName="CANARY^OPERATOR", AccessionNumber="CANARY-ACC-1",
    StudyDescription="CANARY study text", SeriesDescription="CANARY series text", ImageComments="CANARY image comment",
    ProtocolName="CANARY protocol", StudyID="CANARY-STUDY-1",
)

EQUIPMENT = {
    "ct": dict(Modality="CT", Manufacturer="ACME MEDICAL", ManufacturerModelName="TOMOGRAPH 64",
               DeviceSerialNumber="AM-CT-001977", SoftwareVersions=["syn 7.3.1", "FW 12.04"], StationName="CTSTN01",
               StationAETitle="CT_ROOM1", InstitutionName="EXAMPLE GENERAL HOSPITAL",
               InstitutionalDepartmentName="RADIOLOGY", DeviceUID=f"{ROOT}.1.1", DateOfLastCalibration="20251215",
               GantryID="GANTRY-7", DateOfManufacture="20210309", DateOfInstallation="20210601"),
    "mr": dict(Modality="MR", Manufacturer="NORTHWIND IMAGING", ManufacturerModelName="MAGNETRON 3T",
               DeviceSerialNumber="NW300417", SoftwareVersions="N5.2 SP1", StationName="MRSTN02",
               StationAETitle="MR_ROOM2", InstitutionName="EXAMPLE GENERAL HOSPITAL",
               InstitutionalDepartmentName="RADIOLOGY", MagneticFieldStrength="3"),
    "us": dict(Modality="US", Manufacturer="FABRIKAM ULTRASOUND", ManufacturerModelName="SONO E9",
               DeviceSerialNumber="FU-E9-55012", SoftwareVersions="204.17", StationName="US-CART-3",
               InstitutionName="EXAMPLE GENERAL HOSPITAL", InstitutionalDepartmentName="CARDIOLOGY",
               TransducerData=["C5-2", "SN 8841"]),
}
CLASS = {"ct": CTImageStorage, "mr": MRImageStorage, "us": UltrasoundImageStorage}


def image(kind, number, side, bits):
    ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    uid = f"{ROOT}.{ {'ct': 2, 'mr': 3, 'us': 4}[kind] }.{number}"
    ds.file_meta.MediaStorageSOPClassUID = CLASS[kind]
    ds.file_meta.MediaStorageSOPInstanceUID = uid
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID, ds.SOPInstanceUID = CLASS[kind], uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = "20260101"
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = "120000"
    ds.SeriesNumber, ds.InstanceNumber = 1, number
    for source in (PEOPLE, EQUIPMENT[kind]):
        for keyword, value in source.items():
            setattr(ds, keyword, value)
    if kind == "ct":  # a UDI with a serial, and a second device that had a hand in the image
        udi = Dataset()
        udi.UniqueDeviceIdentifier = "(01)09521234543213(11)210309(21)AM-CT-001977"
        ds.UDISequence = Sequence([udi])
        other = Dataset()
        other.Manufacturer, other.ManufacturerModelName = "CONTOSO CONTRAST", "INJECTOR 2"
        other.DeviceSerialNumber, other.SoftwareVersions = "CC-INJ-0815", "1.9"
        other.OperatorsName = "CANARY^INJECTOR^OPERATOR"
        ds.ContributingEquipmentSequence = Sequence([other])
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = side
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0
    step = bits // 8
    ds.PixelData = b"".join(((r * 3 + c) % 251).to_bytes(step, "little") for r in range(side) for c in range(side))
    ds["PixelData"].VR = "OW" if bits == 16 else "OB"
    return ds


def worklist():
    """One scheduled step for the CT and one for the MR, in the form that wlmscpfs reads."""
    for kind in ("ct", "mr"):
        equipment = EQUIPMENT[kind]
        step = Dataset()
        step.Modality = equipment["Modality"]
        step.ScheduledStationAETitle = equipment["StationAETitle"]
        step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20260101", "1200"
        step.ScheduledPerformingPhysicianName = "CANARY^SCHEDULED"
        step.ScheduledProcedureStepDescription = "CANARY step text"
        step.ScheduledProcedureStepID = "CANARY-SPS-1"
        step.ScheduledStationName = equipment["StationName"]
        step.ScheduledProcedureStepLocation = "ROOM 1" if kind == "ct" else "ROOM 2"
        ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        ds.file_meta.MediaStorageSOPClassUID = ModalityWorklistInformationFind
        ds.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.5.{1 if kind == 'ct' else 2}"
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SpecificCharacterSet = "ISO_IR 100"
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferringPhysicianName",
                        "AccessionNumber"):
            setattr(ds, keyword, PEOPLE[keyword])
        ds.StudyInstanceUID = f"{ROOT}.6.1"
        ds.RequestedProcedureID, ds.RequestedProcedureDescription = "CANARY-RP-1", "CANARY requested text"
        ds.ScheduledProcedureStepSequence = Sequence([step])
        yield kind, ds


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    # ct1, us1: tiny. mr1: 256 KiB of pixels, so that one object spans many PDUs and some two hundred segments.
    for name, ds in (("ct1", image("ct", 1, 32, 16)), ("ct2", image("ct", 2, 32, 16)), ("mr1", image("mr", 1, 362, 16)),
                     ("us1", image("us", 1, 64, 8))):
        ds.save_as(out / f"{name}.dcm", enforce_file_format=True)
    lists = out / "worklists" / "RIS_WL"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "lockfile").touch()
    for kind, ds in worklist():
        ds.save_as(lists / f"{kind}.wl", enforce_file_format=True)


if __name__ == "__main__":
    main()
