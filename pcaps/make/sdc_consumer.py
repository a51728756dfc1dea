# SPDX-License-Identifier: MIT OR Apache-2.0
"""A bedside display that asks one SDC device: sdc_consumer.py ADDRESS [FOLDER OF KEYS], see sdc.sh."""
import sys
import time

from sdc11073.certloader import mk_ssl_contexts_from_folder
from sdc11073.consumer.consumerimpl import SdcConsumer
from sdc11073.definitions_sdc import SdcV1Definitions
from sdc11073.mdib import ConsumerMdib
from sdc11073.wsdiscovery import WSDiscovery

address, keys = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
discovery = WSDiscovery(address)
discovery.start()
services = discovery.search_services(types=SdcV1Definitions.MedicalDeviceTypesFilter, timeout=2)
consumer = SdcConsumer.from_wsd_service(
    services[0], ssl_context_container=mk_ssl_contexts_from_folder(keys) if keys else None)
consumer.start_all()
mdib = ConsumerMdib(consumer)
mdib.init_mdib()
time.sleep(3)
consumer.stop_all()
discovery.stop()
