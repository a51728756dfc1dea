#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The interface engine: port 2575 by the package `hl7` (asyncio; connections stay open), port 6661 by `hl7apy`
(one message a connection). Both acknowledge: AA, and AE for an event that they don't serve."""
import asyncio
import threading

from hl7.mllp import start_hl7_server
from hl7apy.core import Message
from hl7apy.mllp import AbstractErrorHandler, AbstractHandler, MLLPServer
from hl7apy.parser import parse_message


async def serve(reader, writer):
    while not writer.is_closing():
        try:
            message = await reader.readmessage()
        except asyncio.IncompleteReadError:
            break
        served = str(message.segment("MSH")[9][0][1]) in ("R01", "A01", "A08", "U01")
        writer.writemessage(message.create_ack("AA" if served else "AE", application="ENGINE",
                                               facility="EXAMPLE GENERAL HOSPITAL"))
        await writer.drain()
    writer.close()


def answer(text, code):
    got = parse_message(text, find_groups=False)
    ack = Message("ACK", version="2.5.1")
    ack.msh.msh_3, ack.msh.msh_4 = "LABENGINE", "EXAMPLE GENERAL HOSPITAL"
    ack.msh.msh_5, ack.msh.msh_9, ack.msh.msh_11 = got.msh.msh_3.value, "ACK", "P"
    ack.msh.msh_10 = "A" + got.msh.msh_10.value
    ack.add_segment("MSA")
    ack.msa.msa_1, ack.msa.msa_2 = code, got.msh.msh_10.value
    if code != "AA":
        ack.msa.msa_3 = "CANARY error text"
    return ack.to_mllp()


class Accept(AbstractHandler):
    def reply(self):
        return answer(self.incoming_message, "AA")


class Refuse(AbstractErrorHandler):
    def reply(self):
        return answer(self.incoming_message, "AE")


async def main():
    lab = MLLPServer("0.0.0.0", 6661, {"ORU^R01^ORU_R01": (Accept,), "ESU^U01^ESU_U01": (Accept,), "ERR": (Refuse,)})
    threading.Thread(target=lab.serve_forever, daemon=True).start()
    async with await start_hl7_server(serve, host="0.0.0.0", port=2575) as server:
        await server.serve_forever()


asyncio.run(main())
