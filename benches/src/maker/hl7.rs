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
