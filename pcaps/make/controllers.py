#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Building controllers for services.sh: bacpypes3 and pymodbus, a device and who asks it."""

import asyncio
import sys


async def bacnet_device(address):
    from bacpypes3.app import Application
    from bacpypes3.local.device import DeviceObject
    from bacpypes3.local.networkport import NetworkPortObject

    device = DeviceObject(
        objectIdentifier=("device", 4711),
        objectName="AHU-OR-3",
        vendorIdentifier=24,
        vendorName="Acme Controls",
        modelName="FX-70",
        firmwareRevision="4.2.1",
        applicationSoftwareVersion="7.0",
        location="Roof, air handling of the operating rooms",
        description="CANARY calls the caretaker",
    )
    port = NetworkPortObject(
        f"{address}/24", objectIdentifier=("network-port", 1), objectName="port"
    )
    app = Application.from_object_list([device, port])
    await asyncio.sleep(60)
    app.close()


async def bacnet_client(address):
    from bacpypes3.app import Application
    from bacpypes3.local.device import DeviceObject
    from bacpypes3.local.networkport import NetworkPortObject
    from bacpypes3.pdu import Address
    from bacpypes3.primitivedata import ObjectIdentifier

    me = DeviceObject(
        objectIdentifier=("device", 99), objectName="workplace", vendorIdentifier=15
    )
    port = NetworkPortObject(
        f"{address}/24", objectIdentifier=("network-port", 1), objectName="port"
    )
    app = Application.from_object_list([me, port])
    found = await app.who_is(timeout=2)
    target = Address("10.30.0.10")
    device = ObjectIdentifier("device,4711")
    for name in ("vendor-name", "model-name", "firmware-revision", "description"):
        await app.read_property(target, device, name)
    await app.read_property_multiple(
        target,
        [device, ["application-software-version", "location", "object-name", "description"]],
    )
    app.close()
    assert found, "no device answered"


async def modbus_device(address):
    from pymodbus import ModbusDeviceIdentification
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext
    from pymodbus.server import StartAsyncTcpServer

    try:
        from pymodbus.datastore import ModbusDeviceContext as Context
    except ImportError:
        from pymodbus.datastore import ModbusSlaveContext as Context
    identity = ModbusDeviceIdentification(
        info_name={
            "VendorName": "Acme Gas",
            "ProductCode": "MGP-8",
            "MajorMinorRevision": "V2.14",
            "ProductName": "Medical gas panel",
            "ModelName": "MGP-8 alarm panel",
        }
    )
    context = Context(hr=ModbusSequentialDataBlock(1, [17] * 100))
    await StartAsyncTcpServer(
        context=ModbusServerContext(context, single=True),
        identity=identity,
        address=(address, 502),
    )


async def modbus_client(address):
    from pymodbus.client import AsyncModbusTcpClient

    client = AsyncModbusTcpClient(address, port=502)
    await client.connect()
    await client.read_holding_registers(0, count=4)
    await client.read_device_information(read_code=1, object_id=0)
    await client.read_device_information(read_code=2, object_id=0)
    client.close()


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1].replace("-", "_")](sys.argv[2]))
