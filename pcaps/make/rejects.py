#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rejection notes and dose reports, as files of pydicom. usage: rejects.py OUT_DIR

quality, safety, worklist: made at the CT's console, with the titles 113001, 113037, 113038 of DCM; expired: made there with
113039; bare: 113001 of a workstation that tells no serial number; repeated: the CT's dose report with a repeated acquisition.
Persons, and what codes are called, hold CANARY.
"""
import sys
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (CTImageStorage, ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage,
                         XRayRadiationDoseSRStorage)

from objects import EQUIPMENT, PEOPLE, ROOT


def code(value, scheme="DCM"):
    ds = Dataset()
    ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, scheme, f"CANARY meaning of {value}"
    return Sequence([ds])


def item(kind, name, **more):
    ds = Dataset()
    ds.RelationshipType, ds.ValueType, ds.ConceptNameCodeSequence = "CONTAINS", kind, code(name)
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


def reference():
    ds = Dataset()
    ds.ReferencedSOPClassUID, ds.ReferencedSOPInstanceUID = CTImageStorage, f"{ROOT}.2.1"
    return Sequence([ds])


def evidence():
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = f"{ROOT}.2.1.2", reference()
    study.StudyInstanceUID, study.ReferencedSeriesSequence = f"{ROOT}.2.1.1", Sequence([series])
    return Sequence([study])


def document(number, sop_class, modality, title, equipment, content):
    ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    uid = f"{ROOT}.9.{number}"
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop_class, uid
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for source in (PEOPLE, equipment):
        for keyword, value in source.items():
            setattr(ds, keyword, value)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop_class, uid, modality
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.2.1.1", f"{uid}.2"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = "20260101"
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = "120000"
    ds.SeriesNumber = ds.InstanceNumber = number
    ds.ReferencedPerformedProcedureStepSequence = Sequence()
    ds.ValueType, ds.ConceptNameCodeSequence, ds.ContinuityOfContent = "CONTAINER", code(title), "SEPARATE"
    ds.CurrentRequestedProcedureEvidenceSequence = evidence()
    ds.ContentSequence = Sequence(content)
    return ds


def note(number, title, equipment):
    image = Dataset()
    image.RelationshipType, image.ValueType, image.ReferencedSOPSequence = "CONTAINS", "IMAGE", reference()
    text = item("TEXT", "113012", TextValue="CANARY^PATIENT moved; CANARY^OPERATOR repeats it")
    return document(number, KeyObjectSelectionDocumentStorage, "KO", title, equipment, [text, image])


def dose(number, equipment):
    answers = [("128551", "373067005"), ("128551", "373066001")]
    events = []
    for name, answer in answers:
        said = item("CODE", name, ConceptCodeSequence=code(answer, "SCT"))
        why = item("TEXT", "128552", TextValue="CANARY^PATIENT moved")
        who = item("PNAME", "113870", PersonName="CANARY^OPERATOR")
        events.append(item("CONTAINER", "113706", ContinuityOfContent="SEPARATE", ContentSequence=Sequence([said, why, who])))
    return document(number, XRayRadiationDoseSRStorage, "SR", "113701", equipment, events)


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    kept = "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "StationName", "InstitutionalDepartmentName"
    ct = {keyword: EQUIPMENT["ct"][keyword] for keyword in kept}
    workstation = {"Manufacturer": "LITWARE VIEWING"}
    for name, ds in (("1-quality", note(1, "113001", ct)), ("2-safety", note(2, "113037", ct)),
                     ("3-worklist", note(3, "113038", ct)), ("4-expired", note(4, "113039", ct)),
                     ("5-bare", note(5, "113001", workstation)), ("6-repeated", dose(6, ct))):
        ds.save_as(out / f"{name}.dcm", enforce_file_format=True)


main()
