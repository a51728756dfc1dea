# SPDX-License-Identifier: MIT OR Apache-2.0
"""A ventilator that speaks IEEE 11073 SDC: sdc_provider.py ADDRESS [FOLDER OF KEYS], see sdc.sh.

The place is the device's own; everything that names a person is CANARY.
"""
import pathlib
import sys
import time
import uuid

from sdc11073.certloader import mk_ssl_contexts_from_folder
from sdc11073.location import SdcLocation
from sdc11073.mdib import ProviderMdib
from sdc11073.provider import SdcProvider
from sdc11073.wsdiscovery import WSDiscovery
from sdc11073.xml_types.dpws_types import ThisDeviceType, ThisModelType

address, keys = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
mdib = ProviderMdib.from_mdib_file(str(pathlib.Path(__file__).with_name("sdc_mdib.xml")))
discovery = WSDiscovery(address)
discovery.start()
provider = SdcProvider(
    ws_discovery=discovery,
    epr=uuid.UUID("0a1b2c3d-0000-4000-8000-0000000000aa"),
    this_model=ThisModelType(manufacturer="ACME MEDICAL", manufacturer_url="http://acme.example",
                             model_name="BREATHE 700", model_number="B700-20"),
    this_device=ThisDeviceType(friendly_name="CANARY", firmware_version="FW 3.2", serial_number="AM-VE-0007"),
    device_mdib_container=mdib,
    ssl_context_container=mk_ssl_contexts_from_folder(keys) if keys else None,
)
provider.start_all(start_rtsample_loop=False)
provider.set_location(SdcLocation(fac="TEST HOSPITAL", bldng="North", flr="3", poc="ICU", rm="Room 5", bed="B07"))


def admit(number):
    """Associates a patient and an operator."""
    with mdib.context_state_transaction() as manager:
        patient = manager.mk_context_state("patient", f"patient_{number}", set_associated=True)
        patient.CoreData.Givenname = "CANARY"
        patient.CoreData.Familyname = "CANARY"
        patient.CoreData.Birthname = "CANARY"
        patient.CoreData.Title = "CANARY"
        manager.mk_context_state("operator", f"operator_{number}", set_associated=True)


admit(1)
time.sleep(4)
admit(2)
with mdib.alert_state_transaction() as manager:
    manager.get_state("condition").Presence = True
time.sleep(2)
with mdib.alert_state_transaction() as manager:
    manager.get_state("condition").Presence = False
time.sleep(1)
provider.stop_all()
discovery.stop()
