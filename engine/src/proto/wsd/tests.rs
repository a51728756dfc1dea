use super::*;

fn envelope(body: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" \
         xmlns:d=\"{DISCOVERY}\"><s:Header><a:RelatesTo>urn:uuid:1</a:RelatesTo>\
         <d:AppSequence InstanceId=\"17\" MessageNumber=\"3\"/></s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
    .into_bytes()
}

const DEVICE: &str = "<a:EndpointReference><a:Address>urn:uuid:00000000-0000-4000-8000-0000000000aa\
    </a:Address></a:EndpointReference><d:Types \
    xmlns:p=\"http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01\" \
    xmlns:m=\"http://standards.ieee.org/downloads/11073/11073-20702-2016\">p:Device \
    m:MedicalDevice</d:Types><d:Scopes>sdc.ctxt.loc:/sdc.ctxt.loc.detail/H1%2F%2F%2FICU%2F%2FB07?\
    fac=H1&amp;poc=ICU&amp;rm=Room%205&amp;bed=B07 \
    sdc.ctxt.pat:/x/CANARY sdc.ctxt.opr:/x/CANARY \
    sdc.cdc.type:/urn%3Aoid%3A1.2.840.10004.1.1.1.0.0.1//69965 \
    sdc.cdc.type:///69985 sdc.cdc.type:/urn%3Aoid%3A9//1 \
    sdc.mds.pkp:1.2.840.10004.20701.1.1</d:Scopes><d:XAddrs>ftp://no \
    https://10.20.30.41:51001/aa?x=CANARY https://10.20.30.42/</d:XAddrs>";

const SAID: [&str; 10] = [
    "wsd.type MedicalDevice",
    "wsd.endpoint urn:uuid:00000000-0000-4000-8000-0000000000aa",
    "wsd.instance_id urn:uuid:00000000-0000-4000-8000-0000000000aa 17",
    "wsd.address https://10.20.30.41:51001/aa",
    "wsd.facility H1",
    "wsd.location ICU/Room 5/B07",
    "wsd.device_type 69965",
    "wsd.device_type 69985",
    "wsd.service_role 1.2.840.10004.20701.1.1",
    "",
];

fn segment(bytes: &[u8]) -> Segment<'_> {
    Segment {
        bytes,
        from: Role::Peer,
        time_ns: 0,
        ports: (50_000, 3702),
        cut: false,
    }
}

fn say(bytes: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    Announcer::default().observe(&segment(bytes), &mut |seen| {
        said.push(match seen {
            Observation::Fact { field, value, .. } => {
                format!("{} {}", field.name(), value.escape_ascii())
            }
            Observation::Event { event, .. } => event.name().to_owned(),
            other => format!("{other:?}"),
        });
    });
    said
}

#[test]
fn a_medical_device_says_what_it_is_and_where() {
    let hello = envelope(&format!("<d:Hello>{DEVICE}</d:Hello>"));
    assert_eq!(probe(&segment(&hello)), Verdict::Match(Role::Peer));
    let said = say(&hello);
    assert_eq!(said[..2], ["Confirmed", "wsd_hello"]);
    assert_eq!(said[2..], SAID[..9]);
    let answer = format!("<d:ProbeMatches><d:ProbeMatch>{DEVICE}</d:ProbeMatch></d:ProbeMatches>");
    assert_eq!(say(&envelope(&answer))[1..], SAID[..9]);
}

#[test]
fn a_message_that_is_sent_again_says_nothing_new() {
    let hello = envelope("<d:Hello/>");
    let hello = String::from_utf8(hello).unwrap();
    let hello = hello.replace("RelatesTo", "MessageID");
    let mut announcer = Announcer::default();
    let mut hellos = 0;
    for id in ["1", "2", "1", "2"] {
        let message = hello.replace("urn:uuid:1", id);
        announcer.observe(&segment(message.as_bytes()), &mut |seen| {
            hellos += usize::from(matches!(seen, Observation::Event { .. }));
        });
    }
    assert_eq!(hellos, 2);
}

/// A datagram is known again by all of its bytes, and only where it names itself.
#[test]
fn a_message_without_a_name_is_told_each_time() {
    let hello = envelope("<d:Hello/>");
    let mut announcer = Announcer::default();
    let mut hellos = 0;
    for _ in 0..3 {
        announcer.observe(&segment(&hello), &mut |seen| {
            hellos += usize::from(matches!(seen, Observation::Event { .. }));
        });
    }
    assert_eq!(hellos, 3);
}

#[test]
fn a_proxy_speaks_for_others() {
    let one = format!("<d:ProbeMatch>{DEVICE}</d:ProbeMatch>");
    let two = envelope(&format!("<d:ProbeMatches>{one}{one}</d:ProbeMatches>"));
    assert_eq!(say(&two), ["Confirmed"]);
    let proxy = "<d:Hello><d:Types>d:DiscoveryProxy</d:Types></d:Hello>";
    assert_eq!(say(&envelope(proxy)), ["Confirmed"]);
}

#[test]
fn who_looks_says_what_for() {
    let probe = "<d:Probe><d:Types xmlns:m=\"http://standards.ieee.org/downloads/11073/\
        11073-20702-2016\">m:MedicalDevice</d:Types></d:Probe>";
    let said = say(&envelope(probe));
    assert_eq!(said, ["Confirmed", "wsd.searched MedicalDevice"]);
    let bye = "<d:Bye><a:EndpointReference/></d:Bye>";
    assert_eq!(say(&envelope(bye)), ["Confirmed", "wsd_bye"]);
}

#[test]
fn a_camera_says_its_hardware() {
    let hello = format!(
        "<e:Envelope xmlns:e=\"{SOAP}\" xmlns:w=\"{ADDRESSING_2004}\" xmlns:d=\"{DISCOVERY_2005}\" \
         xmlns:dn=\"{ONVIF}\"><e:Body><d:Hello><d:Types>dn:NetworkVideoTransmitter</d:Types>\
         <d:Scopes>onvif://www.onvif.org/type/video_encoder \
         onvif://www.onvif.org/hardware/DV4%2D20 onvif://www.onvif.org/name/PROSEWARE%20DV4 \
         onvif://www.onvif.org/name/Dr.%20CANARY onvif://www.onvif.org/name/CANARY%2C%20Anna \
         onvif://www.onvif.org/location/ward/3 onvif://www.onvif.org/name/%zz</d:Scopes>\
         </d:Hello></e:Body></e:Envelope>"
    );
    assert_eq!(
        say(hello.as_bytes())[2..],
        [
            "wsd.type NetworkVideoTransmitter",
            "wsd.onvif.hardware DV4-20",
            "wsd.onvif.name PROSEWARE DV4",
            "wsd.onvif.location ward/3",
        ]
    );
}

#[test]
fn what_only_looks_alike_is_refused() {
    let other = format!("<s:Envelope xmlns:s=\"{SOAP}\"><s:Body><Hello/></s:Body></s:Envelope>");
    for bytes in [
        other.as_bytes(),
        b"<x/>",
        b"",
        b"<",
        b"NOTIFY * HTTP/1.1\r\n",
    ] {
        assert_eq!(probe(&segment(bytes)), Verdict::Reject);
    }
    let hello = envelope(&format!("<d:Hello>{DEVICE}</d:Hello>"));
    let mut cut = segment(&hello[..hello.len() - 30]);
    assert_eq!(probe(&cut), Verdict::Reject);
    cut.cut = true;
    assert_eq!(probe(&cut), Verdict::Match(Role::Peer));
}

/// Whatever is thrown into a message, no scope of a person comes out.
#[test]
fn fuzz_messages() {
    let hello = envelope(&format!("<d:Hello>{DEVICE}</d:Hello>"));
    for len in 0..hello.len() {
        assert!(!say(&hello[..len]).concat().contains("CANARY"));
    }
    bolero::check!()
        .with_iterations(2_000)
        .with_max_len(256)
        .for_each(|bytes: &[u8]| {
            let _ = probe(&segment(bytes));
            let at = bytes.first().map_or(0, |byte| usize::from(*byte) * 7);
            let at = at.min(hello.len());
            let said = say(&[&hello[..at], bytes, &hello[at..]].concat());
            assert!(!said.concat().contains("CANARY"));
        });
}
