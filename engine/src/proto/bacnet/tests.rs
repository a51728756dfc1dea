use super::*;

const I_AM_5: &[u8] = &[
    0x81, 0x0b, 0, 20, 1, 0, 0x10, 0, 0xc4, 2, 0, 0, 5, 0x22, 5, 0xc4, 0x91, 0, 0x21, 24,
];

fn ack(number: u8, property: u8, text: &str) -> Vec<u8> {
    let mut apdu = vec![
        0x30,
        number,
        READ_PROPERTY,
        0x0c,
        2,
        0,
        0,
        5,
        0x19,
        property,
    ];
    apdu.extend([0x3e, 0x75, text.len() as u8 + 1, 0]);
    apdu.extend(text.as_bytes());
    apdu.push(0x3f);
    datagram(&[0], &apdu)
}

fn datagram(control: &[u8], apdu: &[u8]) -> Vec<u8> {
    let len = 5 + control.len() + apdu.len();
    let mut out = vec![BVLC, 0x0a, 0, len as u8, 1];
    out.extend(control);
    out.extend(apdu);
    out
}

fn segment(bytes: &[u8]) -> Segment<'_> {
    Segment {
        bytes,
        from: Role::Peer,
        time_ns: 0,
        ports: (47808, 47808),
        cut: false,
    }
}

fn say(messages: &[&[u8]]) -> Vec<String> {
    let mut said = Vec::new();
    let mut controller = Controller::default();
    for bytes in messages {
        controller.observe(&segment(bytes), &mut |seen| said.push(line(&seen)));
    }
    said
}

fn line(seen: &Observation<'_>) -> String {
    match seen {
        Observation::Fact {
            subject,
            field,
            value,
        } => {
            let fact = format!("{} {}", field.name(), value.escape_ascii());
            match subject {
                Subject::Reported(id) => format!("[{}] {fact}", id.escape_ascii()),
                _ => fact,
            }
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn a_device_says_that_it_is_there() {
    assert_eq!(probe(&segment(I_AM_5)), Verdict::Match(Role::Peer));
    assert_eq!(
        say(&[I_AM_5]),
        [
            "Confirmed",
            "bacnet.device_instance 5",
            "bacnet.vendor_id 24"
        ]
    );
}

#[test]
fn properties_of_the_device_object() {
    let ask = datagram(&[4], &[0, 5, 9, READ_PROPERTY, 0x0c, 2, 0, 0, 5, 0x19, 70]);
    assert_eq!(
        say(&[&ask, &ack(9, 70, "FX-7"), &ack(9, 28, "CANARY's office")]),
        ["Confirmed", "bacnet.model_name FX-7"]
    );
    // An answer to a question that was not seen.
    assert_eq!(say(&[&ack(1, 44, "1.2")]), ["bacnet.firmware_revision 1.2"]);
}

#[test]
fn several_properties_at_once() {
    let mut apdu = vec![0x30, 1, READ_PROPERTY_MULTIPLE, 0x0c, 2, 0, 0, 5, 0x1e];
    for (property, text) in [(121, "Acme"), (28, "CANARY"), (58, "Plant 3")] {
        apdu.extend([0x29, property, 0x4e, 0x75, text.len() as u8 + 1, 0]);
        apdu.extend(text.as_bytes());
        apdu.push(0x4f);
    }
    apdu.push(0x1f);
    assert_eq!(
        say(&[&datagram(&[0], &apdu)]),
        ["bacnet.vendor_name Acme", "bacnet.location Plant 3"]
    );
}

/// As a Johnson Controls NAE answers, who is asked by the number of nobody in particular.
#[test]
fn wide_texts_and_numbers_of_the_device_object() {
    let answer = |property: u8, value: &[u8]| {
        let mut apdu = vec![0x30, 1, READ_PROPERTY, 0x0c, 2, 0x3f, 0xff, 0xff, 0x19];
        apdu.extend([property, 0x3e]);
        apdu.extend(value);
        apdu.push(0x3f);
        datagram(&[0], &apdu)
    };
    let said = say(&[
        &answer(75, &[0xc4, 2, 0, 1, 0xf4]),
        &answer(120, &[0x21, 5]),
        &answer(121, b"\x75\x07\x04\0J\0C\0I"),
        &answer(70, b"\x75\x05\x04\xd8\0\0K"),
        &answer(58, b"\x75\x05\x05B\xfcro"),
        &answer(77, b"\x75\x03\x01JA"),
        &answer(75, &[0xc4, 0, 0, 1, 0xf4]),
    ]);
    let expected = [
        "bacnet.device_instance 500",
        "bacnet.vendor_id 5",
        "bacnet.vendor_name JCI",
        "bacnet.location B\\xfcro",
    ];
    assert_eq!(said, expected);
}

/// From station 7 of network 5.
const FROM: [u8; 5] = [8, 0, 5, 1, 7];

/// One property of device 5, read by a question with this number, from behind a router.
fn routed_ack(from: &[u8], number: u8, property: u8, text: &str) -> Vec<u8> {
    datagram(from, &ack(number, property, text)[6..])
}

/// A question for station 7 of network 5.
fn ask_behind(station: u8, number: u8) -> Vec<u8> {
    let apdu = [0, 5, number, READ_PROPERTY, 0x0c, 2, 0, 0, 5, 0x19, 70];
    datagram(&[0x24, 0, 5, 1, station, 255], &apdu)
}

#[test]
fn what_a_router_passes_on_is_not_its_own() {
    let mut apdu = I_AM_5[6..].to_vec();
    let routed = datagram(&FROM, &apdu);
    let own = datagram(&[0], &ack(9, 70, "Router")[6..]);
    assert_eq!(
        say(&[&routed, &own]),
        [
            "Confirmed",
            "[bacnet|5|5|07] bacnet.device_instance 5",
            "[bacnet|5|5|07] bacnet.vendor_id 24",
            "bacnet.model_name Router",
        ]
    );
    // Another object than a device.
    apdu[3] = 0;
    assert_eq!(say(&[&datagram(&[0], &apdu)]), ["Malformed"]);
}

#[test]
fn properties_of_a_device_behind_a_router() {
    let answer = routed_ack(&FROM, 9, 70, "FX-7");
    let model = "[bacnet|5|5|07] bacnet.model_name FX-7";
    assert_eq!(say(&[&ask_behind(7, 9), &answer]), ["Confirmed", model]);
    // What another station was asked, what the router itself was asked, and what nobody was.
    let to_router = datagram(&[4], &ask_behind(7, 9)[11..]);
    assert_eq!(say(&[&ask_behind(8, 9), &answer]), [model]);
    assert_eq!(say(&[&to_router, &answer]), [model]);
    assert_eq!(say(&[&ask_behind(7, 8), &answer]), [model]);
    // The router answers for itself what a station was asked.
    assert_eq!(
        say(&[&ask_behind(7, 9), &ack(9, 70, "R")]),
        ["bacnet.model_name R"]
    );
    let several = [0x30, 1, READ_PROPERTY_MULTIPLE, 0x0c, 2, 0, 0, 6, 0x1e]
        .into_iter()
        .chain([0x29, 120, 0x4e, 0x21, 24, 0x4f, 0x29, 44, 0x4e])
        .chain(*b"\x74\x001.2\x4f\x1f");
    assert_eq!(
        say(&[&datagram(&FROM, &several.collect::<Vec<u8>>())]),
        [
            "[bacnet|6|5|07] bacnet.vendor_id 24",
            "[bacnet|6|5|07] bacnet.firmware_revision 1.2"
        ]
    );
}

/// Who was asked as nobody in particular has a name once it says its number.
#[test]
fn nobody_is_no_device_behind_a_router() {
    let answer = |property: u8, value: &[u8]| {
        let mut apdu = vec![0x30, 1, READ_PROPERTY, 0x0c, 2, 0x3f, 0xff, 0xff, 0x19];
        apdu.extend([property, 0x3e]);
        apdu.extend(value);
        apdu.push(0x3f);
        datagram(&FROM, &apdu)
    };
    let mut i_am = I_AM_5[6..].to_vec();
    i_am[3..7].copy_from_slice(&[2, 0x3f, 0xff, 0xff]);
    let said = say(&[
        &answer(120, &[0x21, 5]),
        &answer(70, b"\x73\0FX"),
        &answer(75, &[0xc4, 2, 0, 1, 0xf4]),
        &datagram(&FROM, &i_am),
    ]);
    assert_eq!(
        said,
        ["[bacnet|500|5|07] bacnet.device_instance 500", "Confirmed"]
    );
}

#[test]
fn who_has_no_address_is_nobody() {
    for from in [
        &[8, 0, 0, 1, 7][..],
        &[8, 255, 255, 1, 7],
        &[8, 0, 5, 0],
        &[8, 0, 5, 8, 1, 2, 3, 4, 5, 6, 7, 8],
    ] {
        let said = say(&[
            &datagram(from, &I_AM_5[6..]),
            &routed_ack(from, 9, 70, "FX-7"),
        ]);
        assert_eq!(said, [""; 0], "{from:?}");
    }
}

/// What a BBMD forwards of the host with this address and port.
fn forwarded(host: [u8; 6], control: &[u8], apdu: &[u8]) -> Vec<u8> {
    let mut bytes = vec![BVLC, FORWARDED, 0, 0];
    bytes.extend(host);
    bytes.push(1);
    bytes.extend(control);
    bytes.extend(apdu);
    bytes[3] = bytes.len() as u8;
    bytes
}

const FAR: [u8; 6] = [10, 0, 0, 9, 0xba, 0xc0];

#[test]
fn what_is_forwarded_is_its_makers() {
    let i_am = forwarded(FAR, &[0], &I_AM_5[6..]);
    assert_eq!(probe(&segment(&i_am)), Verdict::Match(Role::Peer));
    let own = datagram(&[0], &ack(9, 70, "BBMD")[6..]);
    assert_eq!(
        say(&[&i_am, &own]),
        [
            "Confirmed",
            "[bacnet|5|0|0a000009bac0] bacnet.device_instance 5",
            "[bacnet|5|0|0a000009bac0] bacnet.vendor_id 24",
            "bacnet.model_name BBMD",
        ]
    );
    // Of a station behind a router of the other subnet.
    assert_eq!(
        say(&[&forwarded(FAR, &FROM, &I_AM_5[6..])])[1],
        "[bacnet|5|5|07] bacnet.device_instance 5"
    );
    for len in 0..i_am.len() - 1 {
        let mut cut = i_am[..len].to_vec();
        if let Some(said) = cut.get_mut(3) {
            *said = len as u8;
        }
        assert!(say(&[&cut]).iter().all(|line| line == "Malformed"), "{len}");
    }
}

/// Broadcasts alone are forwarded: an answer, asked for or not, is none of the host that it names.
#[test]
fn a_forwarded_answer_is_nobodys() {
    let ask = datagram(&[4], &[0, 5, 9, READ_PROPERTY, 0x0c, 2, 0, 0, 5, 0x19, 70]);
    for control in [&[0][..], &FROM] {
        let answer = forwarded(FAR, control, &ack(9, 70, "FX-7")[6..]);
        assert_eq!(say(&[&ask, &answer]), [""; 0]);
        assert_eq!(say(&[I_AM_5, &answer]), say(&[I_AM_5]));
    }
}

#[test]
fn what_is_forwarded_of_no_host_is_nobodys() {
    for host in [
        [0, 0, 0, 0, 0xba, 0xc0],
        [127, 0, 0, 1, 0xba, 0xc0],
        [239, 255, 186, 192, 0xba, 0xc0],
        [255, 255, 255, 255, 0xba, 0xc0],
        [10, 0, 0, 9, 0, 0],
    ] {
        let i_am = forwarded(host, &[0], &I_AM_5[6..]);
        let answer = forwarded(host, &[0], &ack(9, 70, "FX-7")[6..]);
        assert_eq!(say(&[&i_am, &answer]), [""; 0], "{host:?}");
    }
    // Nor is that of a station that calls itself one of the same network.
    let alien = [8, 0, 0, 6, 10, 0, 0, 9, 0xba, 0xc0];
    for bytes in [
        datagram(&alien, &I_AM_5[6..]),
        forwarded(FAR, &alien, &I_AM_5[6..]),
    ] {
        assert_eq!(say(&[&bytes]), [""; 0]);
    }
}

/// What a foreign device has its BBMD distribute is the foreign device's own.
#[test]
fn what_is_to_be_distributed_is_the_senders() {
    let mut bytes = I_AM_5.to_vec();
    bytes[1] = 0x09;
    assert_eq!(say(&[&bytes]), say(&[I_AM_5]));
}

const CONTEXT: LinkContext = LinkContext {
    src_mac: [2, 0, 0, 0, 0, 1],
    dst_mac: [0xff; 6],
    src: None,
    dst: None,
    ttl: 0,
};

/// A frame with this behind its LLC header: whether it is sound, and what it says.
fn frame(inside: &[u8]) -> (bool, Vec<String>) {
    let bytes = [&[ACCESS_POINT, ACCESS_POINT, UNNUMBERED][..], inside].concat();
    let mut said = Vec::new();
    let sound = (ON_LINK.observe)(&bytes, &CONTEXT, &mut |seen| said.push(line(&seen)));
    (sound, said)
}

#[test]
fn the_same_straight_on_a_link() {
    let (sound, said) = frame(&I_AM_5[4..]);
    assert!(sound);
    assert_eq!(said, say(&[I_AM_5]));
    let answer = ack(9, 70, "FX-7");
    assert_eq!(
        frame(&answer[4..]),
        (true, vec!["bacnet.model_name FX-7".to_owned()])
    );
    // Nobody proves what a router says of a station behind it.
    let routed = routed_ack(&FROM, 9, 70, "FX-7");
    assert_eq!(frame(&routed[4..]), (true, Vec::new()));
    // Who is a router to network 7?
    assert_eq!(frame(&[1, 0x80, 0, 0, 7]), (true, Vec::new()));
    // Of another version, with reserved bits, and not to its end.
    for bytes in [&[2, 0, 0x10, 8][..], &[1, 0x40, 0x10, 8], &[1], b""] {
        assert_eq!(frame(bytes), (false, Vec::new()));
    }
    for len in 4..answer.len() - 1 {
        assert!(frame(&answer[4..len]).1.is_empty());
    }
    let other = |header: [u8; 3]| {
        let bytes = [&header[..], &I_AM_5[4..]].concat();
        on_link(&bytes, &CONTEXT, &mut |seen| panic!("{seen:?}"))
    };
    assert!(!other([ACCESS_POINT, 0x42, UNNUMBERED]));
    // XID and TEST are no messages.
    assert!(other([ACCESS_POINT, ACCESS_POINT, 0xaf]));
    assert!(other([ACCESS_POINT, ACCESS_POINT, 0xe3]));
}

#[test]
fn what_only_looks_alike_is_refused() {
    for bytes in [
        &I_AM_5[..19],
        &[0x81, 0x0d, 0, 4],
        &[0x81, 0x0a, 0, 6, 2, 0],
        b"",
    ] {
        assert_eq!(probe(&segment(bytes)), Verdict::Reject);
    }
}

#[test]
fn every_prefix_and_any_bytes() {
    let whole = ack(9, 70, "FX-7");
    for len in 0..whole.len() {
        say(&[&whole[..len]]);
    }
    let routed = routed_ack(&FROM, 9, 70, "FX-7");
    for len in 0..routed.len() {
        say(&[&ask_behind(7, 9), &routed[..len]]);
    }
    bolero::check!().for_each(|bytes: &[u8]| {
        say(&[bytes]);
        say(&[&datagram(&[0], bytes)]);
        say(&[&datagram(&FROM, bytes)]);
        say(&[&forwarded(FAR, &[0], bytes)]);
        frame(bytes);
    });
}
