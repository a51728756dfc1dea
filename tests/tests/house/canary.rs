use std::fs;

use medtap_engine::runtime::Analysis;
use medtap_tests::{captures, matcher, replay_with, table_text};

/// Stands in the captures wherever a person could: pcaps/README.md.
const CANARY: &[u8] = b"canary";

/// Captures whose conversations have a place for persons. At least these hold the canary, so
/// that the search below searches something.
const HOLD_PERSONS: &[&str] = &[
    "pcaps/hospital.pcapng",
    "pcaps/dhcp/lease.pcap",
    "pcaps/atna/audit.pcap",
    "pcaps/dicom/archive_forward.pcap",
    "pcaps/dicom/encodings.pcap",
    "pcaps/dicom/get_forward.pcap",
    "pcaps/dicom/persons.pcap",
    "pcaps/dicom/persons_refused.pcap",
    "pcaps/dicom/rejects.pcap",
    "pcaps/dicom/services.pcap",
    "pcaps/dicom/store_ct.pcap",
    "pcaps/dicom/worklist.pcap",
    "pcaps/dicomweb/orthanc.pcap",
    "pcaps/dicomweb/h2c.pcap",
    "pcaps/dicomweb/persons.pcap",
    "pcaps/fhir/h2c.pcap",
    "pcaps/fhir/persons.pcap",
    "pcaps/fhir/server.pcap",
    "pcaps/astm/analyser.pcap",
    "pcaps/astm/bare.pcap",
    "pcaps/hl7/oru_ack.pcap",
    "pcaps/hl7/profiles.pcap",
    "pcaps/hl7/two_ports.pcap",
    "pcaps/syslog/logger.pcap",
    "pcaps/poct1/greeting.pcap",
    "pcaps/http/sdc.pcap",
    "pcaps/intellivue/monitor.pcap",
    "pcaps/ieee11073/oximeter.pcap",
    "pcaps/medibus/ventilator.pcap",
    "pcaps/alaris/pump.pcap",
    "pcaps/wacp/spot.pcap",
    "pcaps/unity/monitor.pcap",
    "pcaps/dri/monitor.pcap",
    "pcaps/tap/pages.pcap",
    "pcaps/addp/discovery.pcap",
    "pcaps/alaris_disc/units.pcap",
    "pcaps/ascomalarm/alarm.pcap",
    "pcaps/http2/upgrade.pcap",
    "pcaps/tftp/read.pcap",
    "pcaps/pjl/name.pcap",
];

/// Captures of log-ins, calls, shares and agents, where users, files and contacts are named: they
/// hold the canary too. Their bytes are not changed: what names somebody there is of one form.
const HOLD_USERS: &[&str] = &[
    "pcaps/lldp/inventory.pcap",
    "pcaps/mdns/keys.pcap",
    "pcaps/snmp/agent.pcap",
    "pcaps/snmp/entities.pcap",
    "pcaps/ftp/account.pcap",
    "pcaps/telnet/login.pcap",
    "pcaps/sip/call.pcap",
    "pcaps/sip/proxy.pcap",
    "pcaps/http/onvif.pcap",
    "pcaps/smb/version1.pcap",
    "pcaps/smb/version3.pcap",
    "pcaps/smb/share.pcap",
    "pcaps/kerberos/tickets.pcap",
    "pcaps/ldap/binds.pcap",
    "pcaps/mqtt/log_on.pcap",
    "pcaps/mysql/greeting.pcap",
    "pcaps/nbdgm/announcements.pcap",
    "pcaps/nfs/list.pcap",
    "pcaps/pgsql/clear.pcap",
    "pcaps/radius/access.pcap",
    "pcaps/radius/dynamic.pcap",
    "pcaps/rdp/tls.pcap",
    "pcaps/resp/password.pcap",
    "pcaps/rlogin/login.pcap",
    "pcaps/rsh/command.pcap",
    "pcaps/rtsp/stream.pcap",
    "pcaps/socks/version5.pcap",
    "pcaps/tacplus/session.pcap",
    "pcaps/tds/log_in.pcap",
    "pcaps/tns/refused.pcap",
    "pcaps/eapol/md5.pcap",
    "pcaps/telnet/serial.pcap",
    "pcaps/telnet/setup.pcap",
    "pcaps/rtsp/basic.pcap",
    "pcaps/ipp/printer.pcap",
    "pcaps/tns/accepted.pcap",
    "pcaps/winrm/shell.pcap",
    "pcaps/pjl/status.pcap",
    "pcaps/rdp/segments.pcap",
];

fn holds_canary(bytes: &[u8]) -> bool {
    let (&first, rest) = CANARY.split_first().expect("a word");
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .iter()
        .position(|b| b.to_ascii_lowercase() == first)
    {
        at += found + 1;
        let here = bytes.get(at..at + rest.len());
        if here.is_some_and(|here| here.eq_ignore_ascii_case(rest)) {
            return true;
        }
    }
    false
}

/// As UTF-16 too: both byte orders hold the letters with a zero between.
fn holds_canary_in_any_form(bytes: &[u8]) -> bool {
    let letters = bytes.iter().copied().filter(|&byte| byte != 0);
    holds_canary(bytes) || holds_canary(&letters.collect::<Vec<_>>())
}

/// No person's name leaves the engine: not in the table's text, not in its bytes.
#[test]
fn no_output_names_a_person() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let saved = folder.path().join("saved.table");
    for capture in captures() {
        let name = medtap_tests::relative(&capture);
        let input = fs::read(&capture).expect("a committed capture");
        if HOLD_PERSONS
            .iter()
            .chain(HOLD_USERS)
            .any(|held| *held == name)
        {
            assert!(
                holds_canary_in_any_form(&input),
                "{name} holds no canary to search for"
            );
        }
        let mut analysis = Analysis::new(matcher());
        analysis.flow_records = true;
        let run = replay_with(&capture, &analysis).expect("a committed capture opens");
        let text = table_text(&run.reader());
        assert!(!holds_canary(text.as_bytes()), "{name}: {text}");
        run.table.save(&saved).expect("a saved table");
        let bytes = fs::read(&saved).expect("a saved table");
        assert!(!holds_canary_in_any_form(&bytes), "{name}: saved table");
    }
}

/// The approved texts name no person either, whoever approved them.
#[test]
fn no_expected_text_names_a_person() {
    for capture in captures() {
        let expected = capture.with_extension("expect");
        let bytes = fs::read(&expected).unwrap_or_default();
        assert!(!holds_canary(&bytes), "{}", expected.display());
    }
}

#[test]
fn the_search_finds_it() {
    assert!(holds_canary(b"xcaCANARYs-iPhone"));
    assert!(holds_canary(b"ccanary"));
    assert!(!holds_canary(b"canar"));
    assert!(holds_canary_in_any_form(b"C\0A\0N\0A\0R\0Y\0"));
}

/// Nothing that the program prints, writes or logs names a person, however much it says.
#[test]
fn nothing_that_the_program_says_names_a_person() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flows = folder.path().join("flows.jsonl");
    let table = folder.path().join("saved.table");
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    for capture in HOLD_PERSONS {
        for output in ["wide", "json", "jsonl", "csv"] {
            let ran = medtap_tests::medtap(&[
                "analyze",
                capture,
                "--output",
                output,
                "--flows",
                &path(&flows),
                "--save-table",
                &path(&table),
            ]);
            assert_eq!(ran.code, Some(0), "{capture}: {}", ran.stderr);
            let written = fs::read(&flows).expect("the flows");
            for (what, bytes) in [
                ("output", ran.stdout.as_slice()),
                ("messages", ran.stderr.as_bytes()),
                ("flows", &written),
            ] {
                assert!(
                    !holds_canary_in_any_form(bytes),
                    "{capture} {output}: {what}"
                );
            }
            fs::remove_file(&table).expect("the saved table");
        }
    }
}

/// Where a person can stand: a capture, what stands before the canary there, and how far before.
const PLACES: &[(&str, &str, &[u8], usize)] = &[
    ("HL7 PID", "hl7/two_ports", b"\rPID|", 200),
    ("HL7 NK1", "hl7/two_ports", b"\rNK1|", 100),
    ("HL7 PV1", "hl7/two_ports", b"\rPV1|", 150),
    ("HL7 OBX text", "hl7/profiles", b"|ST|", 120),
    ("HL7 MSH-10", "hl7/profiles", b"|ORU^R01^ORU_R01|", 10),
    ("DICOM patient", "dicom/persons", b"\x10\x00\x10\x00", 20),
    ("DICOM private", "dicom/persons", b"\x11\x00\x10\x00", 60),
    ("DICOM user", "dicom/services", b"\x58\x00", 20),
    (
        "patient of a note",
        "dicom/rejects",
        b"\x10\x00\x10\x00PN",
        10,
    ),
    (
        "meaning of a code",
        "dicom/rejects",
        b"\x08\x00\x04\x01LO",
        10,
    ),
    ("text of a note", "dicom/rejects", b"\x40\x00\x60\xa1UT", 10),
    (
        "person of a report",
        "dicom/rejects",
        b"\x40\x00\x23\xa1PN",
        10,
    ),
    (
        "FHIR Patient",
        "fhir/h2c",
        b"\"resourceType\": \"Patient\"",
        60,
    ),
    ("FHIR URL", "fhir/server", b"GET /fhir/Device?", 30),
    (
        "QIDO URL",
        "dicomweb/orthanc",
        b"GET /dicom-web/studies?",
        40,
    ),
    ("QIDO by tag", "dicomweb/persons", b"/series?00100010=", 5),
    ("WADO-RS URL", "dicomweb/orthanc", b"/metadata?", 10),
    (
        "WADO-RS query",
        "dicomweb/persons",
        b"2.25.2026010100.4.1.1?",
        20,
    ),
    ("WADO-RS path", "dicomweb/persons", b"/studies/", 5),
    ("WADO-URI", "dicomweb/persons", b"/wado?PatientID=", 5),
    ("WADO-URI name", "dicomweb/persons", b"&PatientName=", 5),
    ("WADO-URI text", "dicomweb/persons", b"&annotation=", 5),
    (
        "STOW URL",
        "dicomweb/persons",
        b"POST /dicom-web/studies?",
        20,
    ),
    ("name of a part", "dicomweb/persons", b"; filename=\"", 5),
    (
        "DICOM Error Comment",
        "dicom/persons_refused",
        b"\0\0\x02\x09",
        10,
    ),
    ("FHIR search", "fhir/persons", b"GET /Patient?family=", 5),
    ("FHIR birth date", "fhir/persons", b"birthdate=", 30),
    ("FHIR path", "fhir/persons", b"GET /Patient/", 5),
    ("FHIR reference", "fhir/persons", b"patient=Patient/", 5),
    ("FHIR form", "fhir/persons", b"\r\n\r\nfamily=", 5),
    ("FHIR location", "fhir/persons", b"location: /Patient/", 5),
    ("name of a body", "fhir/persons", b"filename=\"", 5),
    ("SDC patient", "http/sdc", b"PatientContextState", 600),
    ("LIS2 P", "astm/analyser", b"P|1|", 60),
    ("LIS2 O", "astm/analyser", b"O|1|", 60),
    ("LIS2 C", "astm/analyser", b"C|1|", 60),
    ("LIS2 Q", "astm/bare", b"Q|1|", 60),
    ("LIS2 H-4", "astm/analyser", b"H|\\^&|", 40),
    ("POCT1 patient", "poct1/greeting", b"<PT", 100),
    ("POCT1 patients", "poct1/greeting", b"PTL.R01", 300),
    ("POCT1 operators", "poct1/greeting", b"OPL.R01", 300),
    (
        "ATNA participant",
        "atna/audit",
        b"ActiveParticipant UserID=\"",
        10,
    ),
    ("file name", "tftp/read", b"\x00\x01", 10),
    ("job name", "pjl/name", b"JOB NAME", 20),
    // A monitor writes in UTF-16.
    (
        "IntelliVue patient",
        "intellivue/monitor",
        b"\0C\0A\0N\0A\0R\0",
        2,
    ),
];

/// Every place where a person can stand has a canary, so that the searches above mean something.
#[test]
fn every_place_of_a_person_holds_one() {
    for (place, capture, before, within) in PLACES {
        let path = medtap_tests::root().join(format!("pcaps/{capture}.pcap"));
        let bytes = fs::read(&path).expect("a committed capture");
        let marks = bytes.windows(before.len()).enumerate();
        let held = marks.filter(|(_, mark)| mark == before).any(|(at, _)| {
            let end = at + before.len() + within + CANARY.len();
            holds_canary_in_any_form(&bytes[at..end.min(bytes.len())])
        });
        assert!(held, "{place}: none in {capture}");
    }
}

/// Nor does anything that is said of files that are cut, and of such whose last record is longer
/// than any.
#[test]
fn nothing_said_of_damaged_files_names_a_person() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for (at, capture) in HOLD_PERSONS.iter().enumerate() {
        let mut bytes = fs::read(medtap_tests::root().join(capture)).expect("a committed capture");
        let cut = bytes.len() * 3 / 4;
        bytes.extend([0xff; 16]);
        bytes.extend(CANARY.repeat(100));
        for (len, name) in [(cut, "cut"), (bytes.len(), "long")] {
            let path = folder.path().join(format!("{at}.{name}"));
            fs::write(&path, &bytes[..len]).expect("a damaged file");
            files.push(path.into_os_string());
        }
    }
    for output in ["json", "wide"] {
        let options = ["analyze", "--output", output].map(Into::into);
        let ran = medtap_tests::medtap(&[&options[..], &files].concat());
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        for (what, bytes) in [
            ("output", ran.stdout.as_slice()),
            ("messages", ran.stderr.as_bytes()),
        ] {
            assert!(!holds_canary_in_any_form(bytes), "{output}: {what}");
        }
    }
}

/// Where the payloads of a capture are: every byte of a packet after the smallest headers.
fn payloads(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    const HEADERS_LEN: usize = 42;
    let mut found = Vec::new();
    let mut at = 24;
    while let Some(len) = bytes.get(at + 8..at + 12) {
        let len = u32::from_le_bytes(len.try_into().expect("four bytes")) as usize;
        let packet = at + 16..at + 16 + len;
        at = packet.end;
        found.push(packet.start + HEADERS_LEN.min(len)..packet.end);
    }
    found.retain(|payload| !payload.is_empty());
    found
}

/// A message that is malformed shifts no reader into a person: bytes of it are changed, one to
/// three at a time, as chance and the marks of formats have it.
#[test]
fn no_changed_byte_lets_a_person_out() {
    const ROUNDS: u64 = 20;
    const MARKS: &[u8] = b"\0\x01\x02\x0d\x20\"&,:;<>=?/[]{}|^\\\x7f\x80\xff";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut errors = Vec::new();
    // The hospital is in another format; its conversations of persons are here one by one.
    for name in HOLD_PERSONS.iter().filter(|name| name.ends_with(".pcap")) {
        let input = fs::read(medtap_tests::root().join(name)).expect("a committed capture");
        let payloads = payloads(&input);
        let path = folder.path().join("changed.pcap");
        for seed in 0..ROUNDS {
            // splitmix64.
            let mut state = seed.wrapping_add(name.len() as u64) << 32;
            let mut below = |end: usize| {
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                ((mixed ^ (mixed >> 31)) % end as u64) as usize
            };
            let mut changed = input.clone();
            for _ in 0..1 + below(3) {
                let payload = payloads[below(payloads.len())].clone();
                let at = payload.start + below(payload.len());
                changed[at] = match below(2) {
                    0 => MARKS[below(MARKS.len())],
                    _ => changed[at] ^ (1 << below(8)),
                };
            }
            fs::write(&path, &changed).expect("a changed capture");
            let analysis = Analysis::new(matcher());
            let run = replay_with(&path, &analysis).expect("a capture opens");
            let text = table_text(&run.reader());
            if let Some(line) = text.lines().find(|line| holds_canary(line.as_bytes())) {
                errors.push(format!("{name}, seed {seed}: {line}"));
            }
        }
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
