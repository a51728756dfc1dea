#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The RIS's receiver of performed procedure steps (pynetdicom, port 4006)."""
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityPerformedProcedureStep

ae = AE(ae_title="RIS_MPPS")
ae.add_supported_context(ModalityPerformedProcedureStep)
ae.start_server(("0.0.0.0", 4006), evt_handlers=[
    (evt.EVT_N_CREATE, lambda event: (0x0000, event.attribute_list)),
    (evt.EVT_N_SET, lambda event: (0x0000, Dataset())),
])
