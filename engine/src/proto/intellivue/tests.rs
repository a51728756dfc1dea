use super::*;
use medtap_table::vocabulary::Field;

/// A connect indication, made from the guide's layout; names are invented.
const INDICATION: &[u8] = b"\0\0\x01\0\0\x01\0\xba\0\0\0\0\0\xb4\0\x23\0\0\0\0\0\x01\0\0\
    \x0d\x17\0\xa6\0\x06\0\xa2\
    \x09\x86\0\x04\0\x01\x11\x4d\
    \xf1\x35\0\x22\0B\0E\0D\0 \x000\x007\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \xf1\0\0\x0e\x02\0\x5e\x10\xf0\x0a\x0a\x14\x1e\x28\xff\xff\xff\0\
    \xf1\x01\0\x14\0\x02\0\x10\0\x01\0\x01\x5e\x29\0\0\0\x05\0\x01\x5e\x29\0\0\
    \x09\x2d\0\x30\0\x03\0\x2c\0\x01\0\x08\0\x0cZZ00000001\0\0\
    \0\x02\0\x08\0\x06MX000\0\0\x04\0\x58\0\x08X.00.01\0\
    \x09\x28\0\x12\0\x08EXAMPLE\0\0\x06MX000\0";

const TOLD: [&str; 7] = [
    "intellivue.system_type=69965",
    "intellivue.bed_label=BED 07",
    "intellivue.serial_number=ZZ00000001",
    "intellivue.part_number=MX000",
    "intellivue.software=X.00.01",
    "intellivue.manufacturer=EXAMPLE",
    "intellivue.model=MX000",
];

/// A data message around an operation.
fn data(kind: u16, head: &[u8], command: u16, body: &[u8]) -> Vec<u8> {
    let mut operation = [head, &[0, 1], &command.to_be_bytes()].concat();
    operation.extend_from_slice(&(body.len() as u16).to_be_bytes());
    operation.extend_from_slice(body);
    let mut message = vec![0xe1, 0, 0, 2];
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&(operation.len() as u16).to_be_bytes());
    message.extend_from_slice(&operation);
    message
}

fn block(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, &(body.len() as u16).to_be_bytes(), body].concat()
}

/// An attribute of one or more, in a list.
fn list(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let each = attributes
        .iter()
        .map(|(id, value)| block(&id.to_be_bytes(), value));
    block(
        &(attributes.len() as u16).to_be_bytes(),
        &each.collect::<Vec<_>>().concat(),
    )
}

/// The answer to a poll of an object.
fn polled(action: u16, object: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut reply = vec![0, 1];
    if action == EXTENDED_POLL {
        reply.extend_from_slice(&[0, 1]);
    }
    reply.extend_from_slice(&[0; 12]);
    for word in [1, object, 0] {
        reply.extend_from_slice(&u16::to_be_bytes(word));
    }
    let observation = [&[0, 7][..], &list(attributes)].concat();
    let context = [&[0, 0][..], &block(&[0, 1], &observation)].concat();
    reply.extend_from_slice(&block(&[0, 1], &context));
    let body = block(
        &[&[0, 0x21, 0, 0, 0, 0][..], &action.to_be_bytes()].concat(),
        &reply,
    );
    data(RESULT, &[], ACTION, &body)
}

fn created(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let info = [&[0, 0x21, 0, 0, 0, 0][..], &list(attributes)].concat();
    let head = [
        &[0, 0x21, 0, 0, 0, 0, 0, 0, 0, 9][..],
        &MDS_CREATED.to_be_bytes(),
    ]
    .concat();
    data(INVOKE, &[], CONFIRMED_EVENT, &block(&head, &info))
}

fn segment(bytes: &[u8], from: Role) -> Segment<'_> {
    Segment {
        bytes,
        from,
        time_ns: 0,
        ports: (50_000, 24_105),
        cut: false,
    }
}

fn say(messages: &[(Role, &[u8])]) -> Vec<String> {
    let mut said = Vec::new();
    let mut export = Export::default();
    for (from, bytes) in messages {
        export.observe(&segment(bytes, *from), &mut |seen| {
            said.push(match seen {
                Observation::Fact { field, value, .. } => {
                    format!("{}={}", field.name(), value.escape_ascii())
                }
                Observation::Event { event, .. } => event.name().to_owned(),
                other => format!("{other:?}"),
            });
        });
    }
    said
}

const REQUEST: &[u8] = b"\x0d\x1c\x05\x08\x13\x01\0\x16\x01\x02\x80\0\x14\x02\0\x02\xc1\
    \x08\x2a\x86\x48\xce\x14\x02\x01\0\0\0\0\0";

#[test]
fn a_monitor_says_what_it_is_before_anybody_asks() {
    let verdict = probe(&segment(INDICATION, Role::Peer));
    assert_eq!(verdict, Verdict::Match(Role::Server));
    let said = say(&[(Role::Server, INDICATION)]);
    assert_eq!(said[0], "Confirmed");
    assert_eq!(said[1..], TOLD);
}

#[test]
fn an_association_is_confirmed_by_its_answer() {
    let accept = [&[0x0e][..], &REQUEST[1..]].concat();
    assert_eq!(
        probe(&segment(REQUEST, Role::Peer)),
        Verdict::Match(Role::Client)
    );
    assert_eq!(
        probe(&segment(&accept, Role::Peer)),
        Verdict::Match(Role::Server)
    );
    let label = b"\0\x08\0I\0C\0U\x003";
    let monitor = created(&[(0x091e, label), (0x0946, b"\x40\0"), (0x090d, b"\0\x02")]);
    let said = say(&[
        (Role::Client, REQUEST),
        (Role::Server, &accept),
        (Role::Server, &monitor),
        (Role::Client, b"\x09\x02\xc1\0"),
    ]);
    assert_eq!(
        said,
        [
            "Confirmed",
            "intellivue_association",
            "intellivue.bed_label=ICU3",
            "intellivue.mode=monitoring",
            "intellivue.area=intensive care",
        ]
    );
}

#[test]
fn only_the_monitors_own_object_is_read() {
    let model = b"\0\x04ACME\0\x02M1";
    for action in [POLL, EXTENDED_POLL] {
        let mds = polled(action, MDS, &[(0x0928, model)]);
        assert_eq!(
            probe(&segment(&mds, Role::Peer)),
            Verdict::Match(Role::Server)
        );
        assert_eq!(
            say(&[(Role::Server, &mds)]),
            ["intellivue.manufacturer=ACME", "intellivue.model=M1"]
        );
        for object in [0x2a, 0x06, 0x36] {
            let other = polled(action, object, &[(0x0928, model), (0x0957, b"CANARY")]);
            assert!(say(&[(Role::Server, &other)]).is_empty());
        }
    }
    let patient = polled(
        POLL,
        MDS,
        &[(0x095c, b"\0\x0c\0C\0A\0N\0A\0R\0Y"), (0x0902, b"x")],
    );
    assert!(say(&[(Role::Server, &patient)]).is_empty());
}

#[test]
fn a_label_that_could_be_a_person_is_left_out() {
    for (label, told) in [
        ("MUELLER, ANNA", false),
        ("Dr. X", false),
        ("ICU-3/B", true),
    ] {
        let units: Vec<u8> = label.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let monitor = created(&[(0x091e, &block(&[], &units))]);
        assert_eq!(
            !say(&[(Role::Server, &monitor)]).is_empty(),
            told,
            "{label}"
        );
    }
}

#[test]
fn what_only_looks_alike_is_refused() {
    let mut longer = INDICATION.to_vec();
    longer.push(0);
    for bytes in [
        &INDICATION[..INDICATION.len() - 1],
        &longer,
        b"\xe1\0\0\x02\0\x01\0\x05\0\0\0",
        b"\x0d\x05hello",
        b"\x19\x02\0\0",
        b"\x09\0",
        b"",
    ] {
        assert_eq!(probe(&segment(bytes, Role::Peer)), Verdict::Reject);
    }
}

/// Facts come from the list of attributes alone, whatever the bytes.
#[test]
fn fuzz_messages() {
    let known = [
        Field::IntellivueManufacturer,
        Field::IntellivueModel,
        Field::IntellivueBedLabel,
    ];
    let patient = polled(POLL, 0x2a, &[(0x0928, b"\0\x06CANARY\0\x06CANARY")]);
    bolero::check!()
        .with_iterations(4_000)
        .with_max_len(256)
        .for_each(|bytes: &[u8]| {
            say(&[(Role::Server, bytes)]);
            let at = bytes.first().map_or(0, |byte| usize::from(*byte));
            let mixed = [&INDICATION[..at.min(194)], bytes].concat();
            say(&[(Role::Server, &mixed)]);
            // One byte of a patient's object, changed: not its object code.
            let mut changed = patient.clone();
            if let [place, value, ..] = *bytes {
                let place = usize::from(place) % changed.len();
                if !(24..46).contains(&place) {
                    changed[place] = value;
                    let said = say(&[(Role::Server, &changed)]).concat();
                    assert!(!known.iter().any(|field| said.contains(field.name())));
                }
            }
        });
}

#[test]
fn a_list_that_is_cut_is_told_as_such() {
    let mut cut = INDICATION.to_vec();
    let at = cut
        .windows(4)
        .position(|part| part == b"\0\x06\0\xa2")
        .unwrap();
    cut[at + 3] = 0xff;
    let said = say(&[(Role::Server, &cut)]);
    assert!(said.contains(&"Faulty(Truncated)".to_owned()), "{said:?}");
}
