#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The IHE device profiles: a gateway that sends the results (DEC), alarms (ACM) and infusion events (IPEC) of devices behind it, and the
enterprise's end. usage: hl7_profiles.py serve | send ADDRESS

The sender is the MLLP client of the package `hl7`; messages are parsed and written by `hl7apy`, once with other separators. The server is
`hl7apy`'s. Every person-like field says CANARY. Devices are invented."""
import sys

import hl7
from hl7.client import MLLPClient
from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

PORT = 4700
NOW = "20260101120000+0000"
PID = "PID|1||CANARY-MRN-3^^^EGH^MR||CANARY^PATIENT^HL7||19000101|O|||1 CANARY STREET^^CANARYTOWN||CANARY-PHONE"
PV1 = "PV1|1|I|NICU^R7^B12^EXAMPLE GENERAL HOSPITAL^^^EAST^3||||CANARY11^CANARY^ATTENDING"
PROFILES = {"R01": "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO", "R40": "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO",
            "R42": "IHE_PCD_010^IHE PCD^1.3.6.1.4.1.19376.1.6.1.10.1^ISO"}
MONITOR = ("OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||CANARY12^CANARY^NURSE||"
           "AM-MON-0077^BEDSIDE 9^02AC3EFFFE000177^EUI-64")
PUMP = "OBX|1||70049^MDC_DEV_PUMP_INFUS_LVP_MDS^MDC|1.0.0.0|||||||X|||||||FLOW-2210^FLOWMASTER 2^02AC3EFFFE000122^EUI-64"


def message(event, number, version, *segments):
    structure = f"ORU_{event}"
    head = rf"MSH|^~\&|WARDGATE^02AC3EFFFE000121^EUI-64|EXAMPLE GENERAL HOSPITAL|COLLECT|EXAMPLE GENERAL HOSPITAL|{NOW}|CANARY|ORU^{event}^{structure}" \
           rf"|CANARY-{number}|P|{version}|||NE|AL||UNICODE UTF-8|||{PROFILES[event]}"
    return "\r".join([head, PID, PV1, f"OBR|1|CANARY-{number}^WARDGATE|CANARY-{number}^WARDGATE|{segments[0]}|||{NOW}|||CANARY13^CANARY^COLLECTOR",
                      *segments[1:], "NTE|1||CANARY note"]) + "\r"


def identity(mds, maker, model, serial, software):
    return [f"OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|{mds}.0.0.1|{maker}||||||R",
            f"OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|{mds}.0.0.2|{model}||||||R",
            f"OBX|4|ST|531972^MDC_ID_PROD_SPEC_SERIAL^MDC|{mds}.0.0.3|{serial}||||||R",
            f"OBX|5|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|{mds}.0.0.4|{software}||||||R"]


def alarm(number, phase):
    return message("R40", number, "2.6", "196616^MDC_EVT_ALARM^MDC", MONITOR,
                   "OBX|2|CWE|196616^MDC_EVT_ALARM^MDC|1.2.1.147842.1|196648^MDC_EVT_HI^MDC^^^^^^CANARY alarm text||||||R",
                   "OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.2.1.147842.2|177|||||R",
                   f"OBX|4|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.2.1.147842.3|{phase}||||||R",
                   "OBX|5|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.2.1.147842.4|active||||||R")


def infusion(number, code, name):
    return message("R42", number, "2.6", f"{code}^{name}^MDC", PUMP,
                   f"OBX|2|CWE|68487^MDC_ATTR_EVT_COND^MDC|1.0.0.1|{code}^{name}^MDC||||||R",
                   "OBX|3|ST|184514^MDC_DRUG_NAME_LABEL^MDC|1.1.1.7|CANARY drug||||||R")


MESSAGES = [
    # A rack: one MDS with two pumps as modules that have identifiers of their own; and a ventilator, in one message.
    message("R01", 1, "2.6", "69985^MDC_DEV_PUMP_INFUS_MDS^MDC",
            "OBX|1||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|1.0.0.0|||||||X|||||||RACK-0031^TOWER 6^02AC3EFFFE000131^EUI-64",
            *identity(1, "TAILSPIN INFUSION", "TOWER 6", "RACK-0031", "1.8"),
            "OBX|6||70050^MDC_DEV_PUMP_INFUS_LVP_VMD^MDC|1.1.0.0|||||||X|||||||FLOW-2211^FLOWMASTER 2^02AC3EFFFE000132^EUI-64",
            "OBX|7||70054^MDC_DEV_PUMP_INFUS_SYRINGE_VMD^MDC|1.2.0.0|||||||X|||||||SYR-2212^SYRMASTER^02AC3EFFFE000133^EUI-64",
            "OBX|8|NM|157784^MDC_FLOW_FLUID_PUMP^MDC|1.1.1.1|5|265266^MDC_DIM_MILLI_L_PER_HR^MDC|||||R",
            "OBX|9||70001^MDC_DEV_SYS_PT_VENT_MDS^MDC|2.0.0.0|||||||X|||||||VENT-0404^AIRWAVE 3^02AC3EFFFE000134^EUI-64",
            *identity(2, "ADATUM RESPIRATORY", "AIRWAVE 3", "VENT-0404", "6.2.0")),
    message("R01", 2, "2.6", "69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC", MONITOR,
            *identity(1, "ACME MEDICAL", "BEDSIDE 9", "AM-MON-0077", "4.11.2")),
    alarm(3, "start"), alarm(4, "continue"), alarm(5, "end"),
    infusion(6, 197288, "MDC_EVT_PUMP_DELIV_START"), infusion(7, 0, "MDC_EVT_PUMP_DELIV_STOP"),
]


def answer(text):
    got = parse_message(text, find_groups=False)
    ack = Message("ACK", version="2.5.1")
    ack.msh.msh_3, ack.msh.msh_4 = "COLLECT", "EXAMPLE GENERAL HOSPITAL"
    ack.msh.msh_5, ack.msh.msh_9, ack.msh.msh_11 = "WARDGATE", "ACK", "P"
    ack.msh.msh_10 = "CANARY-A" + got.msh.msh_10.value
    ack.add_segment("MSA")
    ack.msa.msa_1, ack.msa.msa_2, ack.msa.msa_3 = "AA", got.msh.msh_10.value, "CANARY text"
    return ack.to_mllp()


class Accept(AbstractHandler):
    def reply(self):
        return answer(self.incoming_message)


if sys.argv[1] == "serve":
    kinds = {f"ORU{mark}{event}{mark}ORU_{event}": (Accept,) for event in PROFILES for mark in "^$"}
    MLLPServer("0.0.0.0", PORT, kinds).serve_forever()
else:
    other = {"SEGMENT": "\r", "FIELD": "!", "COMPONENT": "$", "REPETITION": "*", "ESCAPE": "%", "SUBCOMPONENT": "+", "GROUP": "\r"}
    for number, text in enumerate(MESSAGES):
        if number == 1:  # the same content in the separators that hl7apy is told
            text = parse_message(text, find_groups=False).to_er7(encoding_chars=other) + "\r"
            text = text.replace("!^~\\&!", "!$*%+!", 1)  # hl7apy leaves MSH-2 as it was
        with MLLPClient(sys.argv[2], PORT) as client:
            client.socket.settimeout(5)
            code = str(hl7.parse(client.send_message(text).decode().strip("\x0b\x1c\r")).segment("MSA")[1])
        print(f"hl7_profiles: message {number + 1}: MSA-1 {code}")
        if code != "AA":
            sys.exit(1)
