#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ask a printer about itself and print one page, with the package `pyipp`. usage: ipp_print.py ADDRESS
The user's and the document's names are canaries. (CUPS's own client would name the kernel of the machine.)"""
import asyncio
import sys

from pyipp import IPP
from pyipp.enums import IppOperation


async def main():
    async with IPP(host=f"ipp://{sys.argv[1]}:631/ipp/print") as ipp:
        printer = await ipp.printer()
        print("printer:", printer.info.manufacturer, printer.info.model)
        await ipp.execute(IppOperation.PRINT_JOB, {
            "operation-attributes-tag": {"requesting-user-name": "CANARY-USER", "job-name": "CANARY patient letter.pdf",
                                         "document-format": "application/pdf"},
            "data": b"%PDF-1.4\n% CANARY letter\n%%EOF\n",
        })
        print("printed")


asyncio.run(main())
