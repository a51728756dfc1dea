#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Hosts for answers.sh: BACnet controllers, one that writes UCS-2, two behind a router, some in a subnet that a BBMD joins to another and one straight on
Ethernet, and who asks them; a camera that announces itself, and a reference clock."""

import asyncio
import socket
import struct
import sys
import time

DEVICE = ("device", 4712)


def bacnet_application(address, device, **more):
    from bacpypes3.app import Application
    from bacpypes3.local.networkport import NetworkPortObject

    port = NetworkPortObject(
        f"{address}/24", objectIdentifier=("network-port", 1), objectName="port", **more
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


def bacnet_workplace():
    from bacpypes3.local.device import DeviceObject

    return DeviceObject(
        objectIdentifier=("device", 99), objectName="workplace", vendorIdentifier=15
    )


async def bacnet_client(address):
    from bacpypes3.pdu import Address
    from bacpypes3.primitivedata import ObjectIdentifier

    app = bacnet_application(address, bacnet_workplace())
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
    from bacpypes3.pdu import Address, GlobalBroadcast
    from bacpypes3.primitivedata import ObjectIdentifier

    app = bacnet_application(address, bacnet_workplace())
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


async def bacnet_bbmd(address, peer, number):
    """Forwards broadcasts to a peer in another subnet and takes foreign devices; the first asks whom it hears of, the second only says that it is there."""
    from bacpypes3.basetypes import BDTEntry, IPMode
    from bacpypes3.pdu import Address
    from bacpypes3.primitivedata import ObjectIdentifier

    device = bacnet_controller(int(number), f"BBMD-{number}", "BB-1", firmwareRevision="1.4")
    table = {
        "bacnetIPMode": IPMode.bbmd,
        "bbmdBroadcastDistributionTable": [BDTEntry(address), BDTEntry(peer)],
        "bbmdAcceptFDRegistrations": True,
        "bbmdForeignDeviceTable": [],
    }
    app = bacnet_application(address, device, **table)
    await asyncio.sleep(1)
    app.i_am()
    if number == "2100":
        await asyncio.sleep(4)
        await app.who_is(2102, 2102)
        target = Address("10.38.0.41"), ObjectIdentifier("device,2102")
        for name in ("object-name", "model-name", "description"):
            await app.read_property(*target, name)
        await asyncio.sleep(8)
    else:
        await asyncio.sleep(60)
    app.close()


async def bacnet_announced(address, number, bbmd=None):
    """Says that it is there by a broadcast, or as a foreign device by way of a BBMD."""
    from bacpypes3.basetypes import HostNPort, IPMode

    device = bacnet_controller(int(number), f"VAV-{number}", "VAV-10", location="Corridor 2")
    foreign = {}
    if bbmd:
        foreign = {
            "bacnetIPMode": IPMode.foreign,
            "fdBBMDAddress": HostNPort(bbmd),
            "fdSubscriptionLifetime": 60,
        }
    app = bacnet_application(address, device, **foreign)
    await asyncio.sleep(2)
    app.i_am()
    await asyncio.sleep(60)
    app.close()


def bacnet_on_link(device):
    """A stack on Ethernet: bacpypes3 has no such link, so that one, of LLC frames by a raw socket, is ours."""
    from bacpypes3.app import Application
    from bacpypes3.comm import Server
    from bacpypes3.pdu import PDU, Address, EthernetAddress, LocalBroadcast

    header, everybody = b"\x82\x82\x03", b"\xff" * 6
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(4))
    raw.bind(("eth0", 4))
    raw.setblocking(False)
    own = raw.getsockname()[4]

    class Link(Server):
        async def indication(self, pdu):
            broadcast = pdu.pduDestination.addrType == Address.localBroadcastAddr
            to = everybody if broadcast else pdu.pduDestination.addrAddr
            inside = header + pdu.pduData
            raw.send((to + own + struct.pack(">H", len(inside)) + inside).ljust(60, b"\0"))

        async def hear(self):
            while True:
                frame = await asyncio.get_running_loop().sock_recv(raw, 2048)
                to, by, inside = frame[:6], frame[6:12], frame[14:]
                inside = inside[: struct.unpack_from(">H", frame, 12)[0]]
                if by == own or to not in (own, everybody) or not inside.startswith(header):
                    continue
                target = LocalBroadcast() if to == everybody else EthernetAddress(to)
                await self.response(PDU(inside[3:], source=EthernetAddress(by), destination=target))

        def close(self):
            raw.close()

    link = Link()
    app = Application.from_object_list([device])
    app.nsap.bind(link, address=EthernetAddress(own))
    app.hearing = asyncio.create_task(link.hear())
    return app


async def bacnet_link_device():
    versions = {"firmwareRevision": "2.2", "applicationSoftwareVersion": "2.0"}
    device = bacnet_controller(2301, "CHILLER-1", "CH-40", location="Plant room 1", **versions)
    app = bacnet_on_link(device)
    await asyncio.sleep(60)
    app.hearing.cancel()


async def bacnet_link_client():
    from bacpypes3.pdu import LocalBroadcast
    from bacpypes3.primitivedata import ObjectIdentifier

    app = bacnet_on_link(bacnet_workplace())
    found = await app.who_is(address=LocalBroadcast(), timeout=2)
    target, device = found[0].pduSource, ObjectIdentifier("device,2301")
    for name in ("object-name", "vendor-name", "model-name", "description"):
        await app.read_property(target, device, name)
    versions = ["firmware-revision", "application-software-version", "location"]
    await app.read_property_multiple(target, [device, versions])
    app.hearing.cancel()


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
        "bacnet-bbmd": bacnet_bbmd,
        "bacnet-announced": bacnet_announced,
        "bacnet-link-device": bacnet_link_device,
        "bacnet-link-client": bacnet_link_client,
    }
    if part in parts:
        asyncio.run(parts[part](*rest))
    else:
        {"camera": camera, "clock": clock}[part](*rest)


main(*sys.argv[1:])
