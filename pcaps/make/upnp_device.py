#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""A UPnP network camera out of async-upnp-client's server: SSDP notify and search answers, description over HTTP.
usage: upnp_device.py ADDRESS"""
import asyncio
import sys
import xml.etree.ElementTree as ET
from datetime import timedelta

import async_upnp_client.server as upnp
from async_upnp_client.const import DeviceInfo

upnp.HEADER_SERVER = "ExampleOS/2.4 UPnP/1.0 PROSEWARE-CAM/5.6.3"  # what the fictional firmware calls itself
upnp.SsdpAdvertisementAnnouncer.ANNOUNCE_INTERVAL = timedelta(seconds=4)


class Camera(upnp.UpnpServerDevice):
    DEVICE_DEFINITION = DeviceInfo(
        device_type="urn:schemas-upnp-org:device:Basic:1", friendly_name="Corridor camera 2",
        manufacturer="PROSEWARE", manufacturer_url=None, model_description="Network camera",
        model_name="DOMEVIEW 4", model_number="DV4-20", model_url=None, serial_number="PW4-20-000731",
        udn="uuid:20260101-0001-4000-8000-02ac3e000062", upc=None, presentation_url=None, url="/device.xml", icons=[],
        xml=ET.Element("server_device"))
    EMBEDDED_DEVICES = []
    SERVICES = []


async def main():
    server = upnp.UpnpServer(Camera, (sys.argv[1], 0), http_port=49152)
    await server.async_start()
    await asyncio.sleep(3600)


asyncio.run(main())
