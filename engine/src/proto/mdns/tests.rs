//! Messages are built here record by record, so that each test shows what it needs.

use super::*;

/// The name on the wire, without compression.
fn name(text: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn record(owner: &[&str], kind: u16, class: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let len = data.len() as u16;
    [
        &name(owner)[..],
        &kind.to_be_bytes(),
        &class.to_be_bytes(),
        &ttl.to_be_bytes(),
        &len.to_be_bytes(),
        data,
    ]
    .concat()
}

/// An answer with these records.
fn answer(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\0\0\x84\0\0\0\0".to_vec();
    bytes.push(records.len() as u8);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend(records.concat());
    bytes
}

fn host(label: &str) -> Vec<u8> {
    record(&[label, "local"], TYPE_A, 0x8001, 120, &[10, 0, 0, 9])
}

fn service(instance: &str, service: &str, target: &str) -> Vec<u8> {
    let data = [&[0, 0, 0, 0, 2, 0x77][..], &name(&[target, "local"])].concat();
    let owner = [instance, service, "_tcp", "local"];
    record(&owner, TYPE_SRV, 0x8001, 120, &data)
}

fn pointer(service: &str, instance: &str) -> Vec<u8> {
    let data = name(&[instance, service, "_tcp", "local"]);
    record(&[service, "_tcp", "local"], TYPE_PTR, 1, 4500, &data)
}

fn texts(instance: &str, service: &str, pairs: &[&str]) -> Vec<u8> {
    let mut data = name(pairs);
    data.pop();
    let owner = [instance, service, "_tcp", "local"];
    record(&owner, TYPE_TXT, 0x8001, 4500, &data)
}

fn segment(bytes: &[u8]) -> Segment<'_> {
    Segment {
        bytes,
        from: Role::Peer,
        time_ns: 0,
        ports: (PORT, PORT),
        cut: false,
    }
}

fn say(session: &mut Responder, bytes: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    session.observe(&segment(bytes), &mut |seen| match seen {
        Observation::Confirmed => {}
        Observation::Fact { field, value, .. } => {
            said.push(format!("{} {}", field.name(), value.escape_ascii()));
        }
        other => said.push(format!("{other:?}")),
    });
    said
}

fn say_once(records: &[Vec<u8>]) -> Vec<String> {
    say(&mut Responder::default(), &answer(records))
}

fn printer() -> Vec<Vec<u8>> {
    vec![
        pointer("_ipp", "Acme AX-10"),
        service("Acme AX-10", "_ipp", "AX10"),
        texts(
            "Acme AX-10",
            "_ipp",
            &[
                "txtvers=1",
                "rp=ipp/print",
                "ty=Acme AX-10 MFP",
                "usb_MFG=Acme",
                "usb_MDL=AX-10",
                "note=Ward 7",
                "UUID=42",
            ],
        ),
        host("AX10"),
    ]
}

#[test]
fn a_printer_says_what_it_is() {
    let bytes = answer(&printer());
    assert_eq!(probe(&segment(&bytes)), Verdict::Match(Role::Peer));
    assert_eq!(
        say_once(&printer()),
        [
            "mdns.hostname AX10",
            "mdns.service _ipp._tcp",
            "mdns.instance Acme AX-10",
            "mdns.txt.product Acme AX-10 MFP",
            "mdns.txt.manufacturer Acme",
            "mdns.txt.model AX-10",
            "mdns.txt.note Ward 7",
        ]
    );
}

#[test]
fn a_shared_queue_is_not_the_host() {
    let mut records = printer();
    records[2] = texts("Acme AX-10", "_ipp", &["rp=printers/x", "usb_MFG=Acme"]);
    assert_eq!(
        say_once(&records),
        ["mdns.hostname AX10", "mdns.service _ipp._tcp"]
    );
}

#[test]
fn a_text_of_another_host_is_not_believed() {
    let mut records = printer();
    records[1] = service("Acme AX-10", "_ipp", "OTHER");
    assert_eq!(
        say_once(&records),
        ["mdns.hostname AX10", "mdns.service _ipp._tcp"]
    );
    records.remove(1);
    assert_eq!(say_once(&records).len(), 2, "no service record at all");
}

#[test]
fn a_person_names_no_instance() {
    for owner in ["Anna's printer", "Anna\u{2019}s printer", "AX @ anna"] {
        let records = [
            service(owner, "_ipp", "AX10"),
            texts(owner, "_ipp", &["ty=AX"]),
            host("AX10"),
        ];
        let said = say_once(&records);
        assert!(!said.iter().any(|fact| fact.contains("nna")), "{said:?}");
        assert!(said.contains(&"mdns.txt.product AX".to_owned()));
    }
    let records = [service("Anna", "_smb", "AX10"), host("AX10")];
    assert_eq!(
        say_once(&records),
        ["mdns.hostname AX10", "mdns.service _smb._tcp"]
    );
}

#[test]
fn one_who_speaks_for_others_is_not_heard() {
    assert!(say_once(&[host("a"), host("b")]).is_empty());
    let mut session = Responder::default();
    assert_eq!(say(&mut session, &answer(&[host("a")])).len(), 1);
    assert_eq!(say(&mut session, &answer(&[host("A")])).len(), 1);
    assert!(say(&mut session, &answer(&[host("b")])).is_empty());
    assert!(say(&mut session, &answer(&printer())).is_empty());
}

#[test]
fn only_standing_answers_of_the_port_count() {
    let gone = record(&["a", "local"], TYPE_A, 0x8001, 0, &[10, 0, 0, 9]);
    let shared = record(&["a", "local"], TYPE_A, 1, 120, &[10, 0, 0, 9]);
    let deep = record(&["a", "b", "local"], TYPE_A, 0x8001, 120, &[10, 0, 0, 9]);
    let global = record(&["a", "test"], TYPE_A, 0x8001, 120, &[10, 0, 0, 9]);
    assert!(say_once(&[gone, shared, deep, global]).is_empty());

    let mut query = answer(&[host("a")]);
    query[2] = 0;
    assert!(say(&mut Responder::default(), &query).is_empty());

    let bytes = answer(&[host("a")]);
    let mut elsewhere = segment(&bytes);
    elsewhere.ports = (40_000, PORT);
    let mut facts = 0;
    Responder::default().observe(&elsewhere, &mut |_| facts += 1);
    assert_eq!(facts, 0);
    elsewhere.ports = (40_000, 53);
    assert_eq!(probe(&elsewhere), Verdict::Reject);
}

#[test]
fn a_list_of_service_types() {
    let data = name(&["_DICOM", "_tcp", "local"]);
    let owner = ["_services", "_dns-sd", "_udp", "local"];
    let list = record(&owner, TYPE_PTR, 1, 4500, &data);
    let odd = record(&owner, TYPE_PTR, 1, 4500, &name(&["a", "_tcp", "local"]));
    assert_eq!(
        say_once(&[list.clone(), list, odd]),
        ["mdns.service _dicom._tcp"]
    );
}

#[test]
fn a_modality_and_a_computer() {
    let modality = [
        service("CT1", "_dicom", "ct1"),
        texts("CT1", "_dicom", &["AET=CT1_AE", "PrimaryDeviceType=CT"]),
        host("ct1"),
    ];
    assert_eq!(
        say_once(&modality),
        [
            "mdns.hostname ct1",
            "mdns.service _dicom._tcp",
            "mdns.txt.aet CT1_AE",
            "mdns.txt.primary_device_type CT",
        ]
    );
    let computer = [
        texts("Anna's Mac", "_device-info", &["model=Mac14,2"]),
        host("mac"),
    ];
    assert_eq!(
        say_once(&computer),
        ["mdns.hostname mac", "mdns.device_info.model Mac14,2"]
    );
    assert!(say_once(&computer[..1]).is_empty());
}

#[test]
fn every_prefix_and_any_bytes() {
    let whole = answer(&printer());
    for len in 0..whole.len() {
        assert_eq!(probe(&segment(&whole[..len])), Verdict::Reject);
        let mut cut = segment(&whole[..len]);
        cut.cut = true;
        Responder::default().observe(&cut, &mut |_| {});
    }
    bolero::check!()
        .with_iterations(2_000)
        .with_max_len(256)
        .for_each(|bytes: &[u8]| {
            say(&mut Responder::default(), bytes);
            let data = record(&["a", "_ipp", "_tcp", "local"], TYPE_TXT, 1, 9, bytes);
            say_once(&[service("a", "_ipp", "h"), data, host("h")]);
        });
}
