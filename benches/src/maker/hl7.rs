//! Made HL7 v2 messages over MLLP (HL7 v2.5.1, chapters 2 and 7; appendix C of the
//! implementation guide for the frame). The patient's name is a canary.

use super::Random;

/// An observation result of so many observations.
pub fn result(application: &str, number: u32, observations: u32, random: &mut Random) -> Vec<u8> {
    let mut text = format!(
        "\x0bMSH|^~\\&|{application}|WARD^1.2.3.4^ISO|ENGINE|HOSPITAL|20260101000000||\
         ORU^R01^ORU_R01|M{number}|P|2.5.1\r\
         SFT|Maker Works|1.0|{application}|4711\r\
         PID|1||CANARY-{number}^^^HOSPITAL||CANARY^PATIENT||19000101|O\r\
         PV1|1|I|WARD^ROOM^BED\r\
         OBR|1|||VITALS^Vital signs^99MDT|||20260101000000\r"
    );
    for index in 1..=observations {
        let value = 40 + random.below(80);
        text += &format!("OBX|{index}|NM|8867-4^Heart rate^LN||{value}|/min|||||F\r");
    }
    text += "\x1c\r";
    text.into_bytes()
}

/// A monitor's vital signs as a gateway sends them (IHE PCD-01): one of sixteen monitors.
pub fn monitor(gateway: &str, number: u32, random: &mut Random) -> Vec<u8> {
    let bed = number % 16;
    let mut text = format!(
        "\x0bMSH|^~\\&|{gateway}|HOSPITAL|ENGINE|HOSPITAL|20260101000000||\
         ORU^R01^ORU_R01|M{number}|P|2.6|||NE|AL||UNICODE UTF-8|||\
         IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r\
         PID|1||CANARY-{number}^^^HOSPITAL||CANARY^PATIENT||19000101|O\r\
         PV1|1|I|WARD^R{bed}^B{bed}\r\
         OBR|1|||182777000^monitoring of patient^SCT|||20260101000000\r\
         OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||\
         {gateway}-{bed}^BEDSIDE 9^02AC3EFFFE0001{bed:02X}^EUI-64\r"
    );
    for (index, code) in [
        (2, "147842^MDC_ECG_HEART_RATE"),
        (3, "150456^MDC_PULS_OXIM_SAT_O2"),
    ] {
        let value = 40 + random.below(80);
        text += &format!("OBX|{index}|NM|{code}^MDC|1.1.1.{index}|{value}||||||R\r");
    }
    text += "\x1c\r";
    text.into_bytes()
}

/// The answer to message `number`.
pub fn acknowledgement(application: &str, number: u32) -> Vec<u8> {
    format!(
        "\x0bMSH|^~\\&|ENGINE|HOSPITAL|{application}|WARD^1.2.3.4^ISO|20260101000000||\
         ACK^R01^ACK|A{number}|P|2.5.1\r\
         SFT|Maker Works|2.0|Interface engine|4712\r\
         MSA|AA|M{number}\r\x1c\r"
    )
    .into_bytes()
}
