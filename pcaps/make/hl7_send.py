#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""HL7 v2 senders over the MLLP client of the package `hl7`. usage: hl7_send.py gateway|adt|analyser|analyser-error ENGINE_IP
Every person-like field says CANARY. Devices are invented."""
import sys
import time

import hl7
from hl7.client import MLLPClient

who, engine = sys.argv[1:3]
PID = "PID|1||CANARY-MRN-2^^^EGH^MR||CANARY^PATIENT^HL7||19000101|O|||1 CANARY STREET^^CANARYTOWN||CANARY-PHONE"
PV1 = "PV1|1|I|ICU^R12^B03^EXAMPLE GENERAL HOSPITAL||||CANARY01^CANARY^ATTENDING|CANARY02^CANARY^REFERRING"
NOW = "20260101120000+0000"

# IHE PCD-01 (device to enterprise): two monitors behind one gateway, then one message that names a pump by PRT (2.8.2).
MONITOR = "\r".join([
    rf"MSH|^~\&|BEDGATE^02AC3EFFFE000021^EUI-64|EXAMPLE GENERAL HOSPITAL|ENGINE|EXAMPLE GENERAL HOSPITAL|{NOW}||ORU^R01^ORU_R01|GW00000{{n}}|P|2.6|||NE|AL||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO",
    PID, PV1,
    f"OBR|1|GW{{n}}^BEDGATE^02AC3EFFFE000021^EUI-64|GW{{n}}^BEDGATE^02AC3EFFFE000021^EUI-64|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||{NOW}|||CANARY03^CANARY^COLLECTOR||||||CANARY04^CANARY^ORDERER",
    "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||{serial}^BEDSIDE 9^{eui}^EUI-64",
    "OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|ACME MEDICAL||||||R",
    "OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.2|BEDSIDE 9||||||R",
    "OBX|4|ST|531972^MDC_ID_PROD_SPEC_SERIAL^MDC|1.0.0.3|{serial}||||||R",
    "OBX|5|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.4|4.11.2||||||R",
    "OBX|6|ST|531976^MDC_ID_PROD_SPEC_FW^MDC|1.0.0.5|B-118||||||R",
    "OBX|7||70686^MDC_DEV_PRESS_BLD_NONINV_VMD^MDC|1.1.0.0|||||||X",
    "OBX|8|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.1.1|120|266016^MDC_DIM_MMHG^MDC|||||R|||||CANARY05^CANARY^OBSERVER",
    "OBX|9|NM|147842^MDC_ECG_HEART_RATE^MDC|1.2.1.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R",
    "NTE|1||CANARY note", "",
])
PUMP = "\r".join([
    rf"MSH|^~\&|BEDGATE^02AC3EFFFE000021^EUI-64|EXAMPLE GENERAL HOSPITAL|ENGINE|EXAMPLE GENERAL HOSPITAL|{NOW}||ORU^R01^ORU_R01|GW000003|P|2.8.2|||NE|AL||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO",
    PID, PV1,
    f"OBR|1|GW3^BEDGATE^02AC3EFFFE000021^EUI-64|GW3^BEDGATE^02AC3EFFFE000021^EUI-64|69985^MDC_DEV_PUMP_INFUS_MDS^MDC|||{NOW}",
    "OBX|1||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|1.0.0.0|||||||X",
    "PRT|1|UC||EQUIP^Equipment^HL70912|CANARY06^CANARY^NURSE|||||FLOW-1207^FLOWMASTER 2^02AC3EFFFE000112^EUI-64||||||(01)09521234543220(11)220115(21)FLOW-1207^GS1^2.51.1.1^ISO|20220115|||FLOW-1207",
    "OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|TAILSPIN INFUSION||||||R",
    "OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.2|FLOWMASTER 2||||||R",
    "OBX|4||69986^MDC_DEV_PUMP_INFUS_VMD^MDC|1.1.0.0|||||||X",
    "OBX|5|NM|157784^MDC_FLOW_FLUID_PUMP^MDC|1.1.1.1|5|265266^MDC_DIM_MILLI_L_PER_HR^MDC|||||R", "",
])
ADT = "\r".join([
    rf"MSH|^~\&|PATADMIN|EXAMPLE GENERAL HOSPITAL|ENGINE|EXAMPLE GENERAL HOSPITAL|{NOW}||ADT^{{event}}^ADT_A01|ADT00000{{n}}|P|2.5.1|||AL|NE",
    "SFT|WINGTIP SOFTWARE^L|9.2|WINGTIP ADMISSION|B4711||20250301",
    f"EVN|{{event}}|{NOW}|||CANARY07^CANARY^CLERK", PID,
    "NK1|1|CANARY^RELATIVE^HL7|SPO|1 CANARY STREET||CANARY-PHONE", PV1, "",
])
LAB = "\r".join([
    rf"MSH|^~\&|CHEMLINE|CENTRAL LAB|LABENGINE|EXAMPLE GENERAL HOSPITAL|{NOW}||{{type}}|LAB00000{{n}}|P|2.5.1|||AL|NE||8859/1",
    "SFT|LITWARE DIAGNOSTICS^L|3.0.8|CHEMLINE CONTROL|BUILD 2291||20240712", "",
])
RESULT = LAB.format(type="ORU^R01^ORU_R01", n="{n}") + "\r".join([
    PID, "OBR|1|CANARY-ORD-1|CANARY-FILL-1|2345-7^Glucose^LN|||20260101115900|||CANARY08^CANARY^PHLEBOTOMIST",
    "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F|||20260101115950|CENTRAL LAB|CANARY09^CANARY^TECHNICIAN||CHEMLINE-500-0093^LITWARE DIAGNOSTICS",
    "NTE|1||CANARY lab note", "",
])
STATUS = LAB.format(type="ESU^U01^ESU_U01", n="{n}") + \
    f"EQU|CHEMLINE-500-0093^LITWARE DIAGNOSTICS|{NOW}|OP^Normal Operation^HL70365|R^Remote^HL70366|N^Normal^HL70367\r"


def send(port, messages, expect="AA"):
    with MLLPClient(engine, port) as client:
        client.socket.settimeout(5)
        for message in messages:
            ack = client.send_message(message)
            code = str(hl7.parse(ack.decode().strip("\x0b\x1c\r")).segment("MSA")[1])
            print(f"{who}: port {port}: MSA-1 {code}")
            if code != expect:
                sys.exit(f"{who}: expected {expect}")
            time.sleep(0.3)


if who == "gateway":  # three messages over one connection
    send(2575, [MONITOR.format(n=1, serial="AM-MON-0042", eui="02AC3EFFFE000101"),
                MONITOR.format(n=2, serial="AM-MON-0043", eui="02AC3EFFFE000102"), PUMP])
elif who == "adt":
    send(2575, [ADT.format(event="A01", n=1), ADT.format(event="A08", n=2)])
    send(2575, [ADT.format(event="A99", n=3)], expect="AE")
elif who == "analyser":  # a new connection for every message
    send(6661, [RESULT.format(n=1)])
    send(6661, [STATUS.format(n=2)])
elif who == "analyser-error":
    send(6661, [LAB.format(type="SSU^U03^SSU_U03", n=3)], expect="AE")
else:
    sys.exit("who?")
