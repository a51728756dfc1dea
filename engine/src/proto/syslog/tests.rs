use super::*;
use crate::proto::driver::check_any;
use crate::proto::replay::{Replay, however_cut};

/// One UDP payload after another.
fn datagrams(payloads: &[&[u8]]) -> Vec<String> {
    let mut replay = Replay::new((OVER_UDP.session)());
    for payload in payloads {
        replay.feed(Role::Client, payload);
    }
    assert!(
        !replay.seen.concat().contains("CANARY"),
        "{:#?}",
        replay.seen
    );
    replay.seen
}

const RECORD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><AuditMessage>
<EventIdentification EventActionCode="C" EventOutcomeIndicator="0">
<EventID csd-code="110104" codeSystemName="DCM" originalText="DICOM Instances Transferred"/>
</EventIdentification>
<ActiveParticipant UserID="CANARY" AlternativeUserID="AETITLES=CT_1;CT_1B" UserName="CANARY"
 UserIsRequestor="true" NetworkAccessPointID="10.0.0.5" NetworkAccessPointTypeCode="2">
<RoleIDCode csd-code="110153" codeSystemName="DCM" originalText="Source"/></ActiveParticipant>
<ActiveParticipant UserID="CANARY" AlternativeUserID="AETITLES=CANARY" UserName="CANARY"
 UserIsRequestor="false" NetworkAccessPointID="CANARY" NetworkAccessPointTypeCode="1"/>
<AuditSourceIdentification AuditEnterpriseSiteID="WARD-SITE" AuditSourceID="ARCHIVE-1">
<AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>
<ParticipantObjectIdentification ParticipantObjectID="CANARY" ParticipantObjectTypeCode="1">
<ParticipantObjectName>CANARY</ParticipantObjectName></ParticipantObjectIdentification>
</AuditMessage>"#;

fn audit(host: &str) -> String {
    format!("<85>1 2026-01-02T03:04:05Z {host} archive 1 IHE+RFC-3881 - \u{feff}{RECORD}")
}

const AUDIT_LINES: [&str; 7] = [
    "client atna.audit_source_id=ARCHIVE-1",
    "client atna.audit_enterprise_site_id=WARD-SITE",
    "client atna.audit_source_type=4",
    "client>[dicom:ae|ct_1] atna.ae_title=CT_1",
    "client>[dicom:ae|ct_1] atna.network_access_point=10.0.0.5",
    "client>[dicom:ae|ct_1b] atna.ae_title=CT_1B",
    "client>[dicom:ae|ct_1b] atna.network_access_point=10.0.0.5",
];

#[test]
fn a_host_is_believed_once_it_has_named_itself_twice() {
    let seen = datagrams(&[
        b"<13>1 2026-01-02T03:04:05Z pump-7 app 1 - - CANARY",
        b"<13>1 2026-01-02T03:04:06Z pump-7 kernel 1 - - CANARY",
        b"<13>Jan  2 03:04:05 pump-7 sshd[1]: login of CANARY",
    ]);
    assert_eq!(
        seen,
        [
            "Confirmed",
            "client syslog.hostname=pump-7",
            "client syslog.appname=app",
            "client syslog.appname=kernel",
            "client syslog.appname=sshd",
        ]
    );
    // A relay speaks for others.
    let relay = datagrams(&[
        b"<13>Jan  2 03:04:05 a x: y",
        b"<13>Jan  2 03:04:05 b x: y",
        b"<13>Jan  2 03:04:05 a x: y",
    ]);
    assert_eq!(relay, ["Confirmed"]);
    assert_eq!(datagrams(&[b"CANARY"]), ["Malformed"]);
}

#[test]
fn an_audit_trail_names_its_source_and_nodes() {
    let message = audit("arc");
    let seen = datagrams(&[message.as_bytes(), message.as_bytes()]);
    assert_eq!(
        seen[..4],
        [
            "Confirmed",
            "Carries(Atna)",
            "client atna.role=audit_source",
            "event client atna_record",
        ]
    );
    assert_eq!(seen[4..11], AUDIT_LINES);
    let records = seen.iter().filter(|line| line.contains("atna_record"));
    assert_eq!(records.count(), 2);
    // One that passes on another's record is not its source.
    let other = audit("arc").replace("ARCHIVE-1", "OTHER-2");
    let seen = datagrams(&[message.as_bytes(), other.as_bytes()]);
    assert!(!seen.concat().contains("OTHER-2"));
    let cut = &message[..message.len() - 5];
    assert_eq!(
        datagrams(&[cut.as_bytes()]),
        ["Confirmed", "Faulty(Truncated)"]
    );
}

#[test]
fn streams_count_octets_or_end_lines() {
    let message = audit("arc");
    let counted = format!("{} {message}", message.len());
    let lines = format!("{}\n", message.replace('\n', " "));
    for text in [counted, lines] {
        let twice = [text.as_bytes(), text.as_bytes()].concat();
        let seen = however_cut(OVER_TCP.session, &[(Role::Client, &twice)]);
        assert_eq!(seen[3], "server atna.role=audit_repository");
        assert_eq!(seen[5..12], AUDIT_LINES);
        assert_eq!(seen[12], "client syslog.hostname=arc");
        assert!(!seen.concat().contains("CANARY"));
    }
    // One of 99,999 octets is stepped over.
    let mut long = b"99999 ".to_vec();
    long.resize(6 + 99_999, b'x');
    long.extend(format!("{} {message}", message.len()).as_bytes());
    let mut replay = Replay::new((OVER_TCP.session)());
    long.chunks(1448)
        .for_each(|piece| replay.feed(Role::Client, piece));
    assert_eq!(replay.seen[4], "event client atna_record");
}

#[test]
fn probes_of_streams() {
    let ask = |bytes: &[u8]| crate::proto::driver::probe(&OVER_TCP, bytes, (5, 6));
    assert_eq!(ask(b"33 <13>1 - h"), Verdict::Match(Role::Client));
    assert_eq!(ask(b"<13>Jan  2 03:04:05 a"), Verdict::Match(Role::Client));
    for more in [&b"3"[..], b"33", b"33 ", b"33 <13>", b"<1"] {
        assert_eq!(ask(more), Verdict::NeedMore, "{}", more.escape_ascii());
    }
    for none in [
        &b"033 <"[..],
        b"333333 <",
        b"33x",
        b"33 x",
        b"220 mail",
        b"<xml>",
    ] {
        assert_eq!(ask(none), Verdict::Reject, "{}", none.escape_ascii());
    }
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(1000)
        .for_each(|bytes: &[u8]| {
            check_any(&OVER_TCP, bytes, SYSLOG_MESSAGE_BYTES_MAX + 64);
            let at = bytes
                .first()
                .map_or(0, |byte| usize::from(*byte) * RECORD.len() / 256);
            let (head, tail) = RECORD.split_at(at);
            let start = b"<85>1 - h a - IHE+RFC-3881 - ";
            let message = [start, head.as_bytes(), bytes, tail.as_bytes()].concat();
            let mut replay = Replay::new((OVER_UDP.session)());
            replay.feed(Role::Client, &message);
            assert!(!replay.seen.concat().contains("CANARY"));
        });
}
