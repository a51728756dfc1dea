#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Hosts for answers.sh: BACnet controllers, one that writes UCS-2 and two behind a router, and who asks them; a camera that announces itself, and a reference clock."""

import asyncio
import socket
import struct
import sys
import time

DEVICE = ("device", 4712)


def bacnet_application(address, device):
    from bacpypes3.app import Application
    from bacpypes3.local.networkport import NetworkPortObject

    port = NetworkPortObject(
        f"{address}/24", objectIdentifier=("network-port", 1), objectName="port"
    )
    return Application.from_object_list([device, port])


async def bacnet_device(address):
    from bacpypes3.local.device import DeviceObject
    from bacpypes3.primitivedata import CharacterString

    class Controller(DeviceObject):
        """With the serial number of revision 16 of the standard, which bacpypes3 does not have."""

        serialNumber: CharacterString

    CharacterString._encoding = 4
    device = Controller(
        objectIdentifier=DEVICE,
        objectName="AHU-ICU-1",
        vendorIdentifier=5,
        vendorName="Acme Controls",
        modelName="NX-45",
        firmwareRevision="5.1.0.4400",
        applicationSoftwareVersion="5.1",
        location="Plant room 2",
        description="CANARY calls the caretaker",
        serialNumber="NX45-00731",
    )
    app = bacnet_application(address, device)
    await asyncio.sleep(60)
    app.close()


async def bacnet_client(address):
    from bacpypes3.local.device import DeviceObject
    from bacpypes3.pdu import Address
    from bacpypes3.primitivedata import ObjectIdentifier

    me = DeviceObject(
        objectIdentifier=("device", 99), objectName="workplace", vendorIdentifier=15
    )
    app = bacnet_application(address, me)
    target, device = Address("10.37.0.10"), ObjectIdentifier("device,4712")
    names = "object-identifier vendor-identifier vendor-name model-name firmware-revision"
    names += " application-software-version object-name location description serial-number"
    for name in names.split():
        await app.read_property(target, device, name)
    app.close()


def bacnet_controller(number, name, model, **more):
    from bacpypes3.local.device import DeviceObject

    return DeviceObject(
        objectIdentifier=("device", number),
        objectName=name,
        vendorIdentifier=24,
        vendorName="Acme Controls",
        modelName=model,
        description="CANARY calls the caretaker",
        **more,
    )


async def bacnet_router(*addresses):
    from bacpypes3.app import Application
    from bacpypes3.local.networkport import NetworkPortObject

    device = bacnet_controller(2000, "ROUTER-B1", "RT-2", firmwareRevision="2.0")
    ports = [
        NetworkPortObject(
            f"{address}/24",
            objectIdentifier=("network-port", network),
            objectName=f"port-{network}",
            networkNumber=network,
            networkNumberQuality="configured",
        )
        for network, address in enumerate(addresses, 1)
    ]
    app = Application.from_object_list([device, *ports])
    await asyncio.sleep(60)
    app.close()


async def bacnet_behind(address, number):
    about = {
        "2001": ("VAV-2-114", "VAV-10", {"location": "Operating room 2", "firmwareRevision": "3.1"}),
        "2002": ("FCU-2-115", "FCU-7", {"location": "Corridor 2", "firmwareRevision": "1.9"}),
    }
    name, model, more = about[number]
    device = bacnet_controller(int(number), name, model, applicationSoftwareVersion="1.0", **more)
    app = bacnet_application(address, device)
    await asyncio.sleep(60)
    app.close()


async def bacnet_far_client(address):
    """Asks who is there, then the router and a controller behind it; of the other it knows no more than it says itself."""
    from bacpypes3.local.device import DeviceObject
    from bacpypes3.pdu import Address, GlobalBroadcast
    from bacpypes3.primitivedata import ObjectIdentifier

    me = DeviceObject(
        objectIdentifier=("device", 99), objectName="workplace", vendorIdentifier=15
    )
    app = bacnet_application(address, me)
    await app.who_is(address=GlobalBroadcast())
    await asyncio.sleep(1)
    router = ObjectIdentifier("device,2000")
    await app.read_property(Address("10.37.0.10"), router, "model-name")
    far, device = Address("2:10.38.0.30"), ObjectIdentifier("device,2001")
    for name in ("object-name", "vendor-name", "model-name", "description"):
        await app.read_property(far, device, name)
    versions = ["firmware-revision", "application-software-version", "location"]
    await app.read_property_multiple(far, [device, versions])
    app.close()


def camera():
    from wsdiscovery import QName, Scope
    from wsdiscovery.publishing import ThreadedWSPublishing

    base = "onvif://www.onvif.org/"
    scopes = ["hardware/DC-200", "name/Acme%20DC-200", "location/Ward-3", "Profile/Streaming"]
    publishing = ThreadedWSPublishing()
    publishing.start()
    publishing.publishService(
        types=[QName("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter")],
        scopes=[Scope(base + scope) for scope in scopes],
        xAddrs=["http://10.37.0.10/onvif/device_service"],
    )
    time.sleep(4)
    publishing.clearLocalServices()
    time.sleep(2)
    publishing.stop()


def clock(path):
    """A reference clock that is always right, by the socket that chronyd offers to gpsd."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    while True:
        now = time.time()
        seconds, micros = int(now), int(now % 1 * 1e6)
        sock.sendto(struct.pack("@qqdiiii", seconds, micros, 0.0, 0, 0, 0, 0x534F434B), path)
        time.sleep(0.2)


def main(part, *rest):
    parts = {
        "bacnet-device": bacnet_device,
        "bacnet-client": bacnet_client,
        "bacnet-router": bacnet_router,
        "bacnet-behind": bacnet_behind,
        "bacnet-far-client": bacnet_far_client,
    }
    if part in parts:
        asyncio.run(parts[part](*rest))
    else:
        {"camera": camera, "clock": clock}[part](*rest)


main(*sys.argv[1:])
