//! Bytes that nobody misses: left out of a stream and said twice, as behind a serial line.

use super::{PERSONS, block};
use crate::observe::Role::Client;
use crate::proto::damage;
use crate::proto::hl7::CLASSIFIER;
use crate::proto::hl7::session::is_day;
use crate::proto::replay::whole;

/// A laboratory's results and a monitor's, whose rows end in texts and in an identity.
const OTHERS: &str = "\
MSH|^~\\&|ANALYZER|TEST LAB|LIS|TEST HOSPITAL|20260101120000||ORU^R01^ORU_R01|CANARY-31|P|2.5.1
SFT|TESTVENDOR^L|3.0.8|CHEM CONTROL|BUILD 2291||20240712
PID|1||CANARY-MRN^^^EGH^MR||CANARY^PATIENT^HL7||19000101|O|||1 CANARY STREET^^CANARYTOWN
PD1|||CANARY PRACTICE^L|CANARY20^CANARY^FAMILY
PV1|1|O|DAY CLINIC^^^TEST LAB||||CANARY27^CANARY^ATTENDING
ORC|RE|CANARY-ORD|CANARY-FILL|||||||CANARY21^CANARY^CLERK
OBR|1|CANARY-ORD-1|CANARY-FILL-1|2345-7^Glucose^LN|||20260101115900|||CANARY22^CANARY^PHLEBOTOMIST
OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F|||20260101115950|TEST LAB|CANARY23^CANARY^TECHNICIAN\
||CHEM-500-0093^TESTVENDOR
OBX|2|ST|8251-1^Comment^LN||CANARY comment||||||F
NTE|1||CANARY lab note
OBR|2|CANARY-ORD-2|CANARY-FILL-2|2345-7^Glucose^LN
OBX|1|TX|8251-1^Comment^LN||CANARY second||||||F
MSH|^~\\&|TESTGW^0011220000000001^EUI-64|TEST HOSPITAL|EHR|TEST HOSPITAL|20260101120000||\
ORU^R01^ORU_R01|CANARY-32|P|2.6
PID|1||CANARY-MRN^^^EGH^MR||CANARY^PATIENT^HL7||19000101|O|||1 CANARY STREET^^CANARYTOWN
PV1|1|I|ICU^R12^B03^TEST HOSPITAL^^^EAST^3||||CANARY24^CANARY^ATTENDING
ORC|RE|CANARY-ORD|CANARY-FILL|||||||CANARY25^CANARY^CLERK
OBR|1|CANARY-3|CANARY-3|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||2026|||CANARY26^CANARY^X
OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||\
MON-77^MODEL 9^0011220000000077^EUI-64
OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|ACME MEDICAL||||||R
OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.2|MODEL 9||||||R
OBX|4|ST|531972^MDC_ID_PROD_SPEC_SERIAL^MDC|1.0.0.3|MON-77||||||R
OBX|5|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.4|4.11.2||||||R
OBX|6|ST|184514^MDC_DRUG_NAME_LABEL^MDC|1.1.1.7|CANARY drug||||||R
NTE|1||CANARY note";

/// Without the implant and the donation: of these only a field that got lost tells equipment
/// apart.
fn stream() -> Vec<u8> {
    let lines = PERSONS
        .lines()
        .filter(|line| !line.contains("IMPLANT") && !line.contains("DONOR"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let once = [block(&text), block(OTHERS)].concat();
    // Said again in other messages, it is believed without proof.
    let text = String::from_utf8_lossy(&once).replace("|CANARY-1", "|CANARY-5");
    let again = text.replace("|CANARY-3", "|CANARY-4");
    [&once, again.as_bytes()].concat()
}

/// Messages in blocks of their own, so often that they are known again as a whole.
fn repeated() -> Vec<u8> {
    let often = (0..24).flat_map(|number| {
        let messages = OTHERS.split("MSH|").skip(1);
        messages.map(move |message| {
            let text = format!("MSH|{}", message.trim_end());
            block(&text.replace("|CANARY-3", &format!("|CANARY-{number}-")))
        })
    });
    often.flatten().collect()
}

/// No person comes out, and what is whole still does.
#[test]
fn no_row_of_a_person_becomes_equipment_however_much_is_missed() {
    let stream = stream();
    let whole = whole(CLASSIFIER.session, &[(Client, &stream)]);
    for said in [
        "[hl7:ei|mon-77|0011220000000077] hl7.device.serial=MON-77",
        "[hl7:ei|mon-77|0011220000000077] hl7.device.manufacturer=ACME MEDICAL",
        "[hl7:ei|chem-500-0093|testvendor] hl7.device.id=CHEM-500-0093^TESTVENDOR",
        "[hl7:ei|flow-1|0011220000000112] hl7.device.udi=(01)09521234543220(21)FLOW-1",
    ] {
        assert!(
            whole.iter().any(|line| line.ends_with(said)),
            "{said} {whole:#?}"
        );
    }
    for stream in [stream, repeated()] {
        damage::check(CLASSIFIER.session, &stream, 2, &damage::names_nobody);
    }
}

/// Without proof a value waits for another message that says the same; the same message twice is
/// one.
#[test]
fn what_nothing_proves_is_believed_when_it_is_said_again() {
    let text = |id: &str| {
        let text = OTHERS.replace("MON-77^MODEL 9^0011220000000077^EUI-64", "MON-77^MODEL 9");
        block(&text.replace("|CANARY-32|", &format!("|CANARY-{id}|")))
    };
    let said = |ids: &[&str]| {
        let stream: Vec<u8> = ids.iter().flat_map(|id| text(id)).collect();
        let seen = whole(CLASSIFIER.session, &[(Client, &stream)]).concat();
        seen.contains("hl7.device.id=MON-77^MODEL 9")
    };
    assert!(!said(&["32"]));
    assert!(!said(&["32", "32"]));
    assert!(said(&["32", "33"]));
}

/// A row that is followed by the next number is whole; the last one has to prove itself.
#[test]
fn the_last_row_proves_itself() {
    let said = |last: &str| {
        let text = OTHERS.replace("531975^MDC_ID_PROD_SPEC_SW", last);
        let cut = text.split("\nOBX|6|").next().unwrap().to_owned();
        whole(CLASSIFIER.session, &[(Client, &block(&cut))]).concat()
    };
    assert!(said("531975^MDC_ID_PROD_SPEC_SW").contains("hl7.device.software=4.11.2"));
    let text = said("531970^MDC_ID_MODEL_MANUFACTURER");
    assert!(
        text.contains("hl7.device.manufacturer=ACME MEDICAL"),
        "{text}"
    );
    // A patient after a row: the end of a message is missing, and the next one's beginning.
    let merged = OTHERS.replace("\nNTE|1||CANARY note", "\nPID|1||CANARY");
    let seen = whole(CLASSIFIER.session, &[(Client, &block(&merged))]).concat();
    assert!(!seen.contains("hl7.device.serial"), "{seen}");
}

#[test]
fn a_day_is_one_of_the_calendar() {
    for day in [
        "2025",
        "202501",
        "20250101",
        "202501012359",
        "20250101120000.12+0100",
    ] {
        assert!(is_day(day.as_bytes()), "{day}");
    }
    for other in [
        "",
        "0250101",
        "2025010",
        "18990101",
        "20251301",
        "20250132",
        "2025010124",
        "20250101.1",
        "20250101120000.",
        "20250101+1",
        "2025-01-01",
    ] {
        assert!(!is_day(other.as_bytes()), "{other}");
    }
}

/// One separator less and one more: what follows the product is not its number, and the date,
/// which lost its first digit, shows it.
#[test]
fn software_that_shifted_says_nothing() {
    let row = "SFT|MAKER^L|4.5.6|MIDDLEWARE|BUILD77|CANARY|20250101";
    let said = |row: &str| {
        let known = "SFT|TESTVENDOR^L|3.0.8|CHEM CONTROL|BUILD 2291||20240712";
        let text = OTHERS.replace(known, row);
        whole(CLASSIFIER.session, &[(Client, &block(&text))]).concat()
    };
    assert!(said(row).contains("hl7.sft.binary_id=BUILD77"));
    let shifted = row.replace("E|B", "E#B").replace("|2025", "||025");
    assert!(!said(&shifted).contains("hl7.sft"), "{}", said(&shifted));
}
