//! Which value wins, which category, what is counted.

use std::collections::BTreeMap;

use medtap_inventory::model::{Device, Time};
use medtap_inventory::trace::Rulings;
use medtap_inventory::{Extent, Options, Resolution, resolve};
use medtap_table::vocabulary::{Attribute, Counter, Event, Field, Protocol};
use medtap_table::{Activity, EdgeFlags, Source, SubjectId};

use crate::sample::{BRAUN, CISCO, HOUR_NS, LOCAL, LOCAL2, MONDAY_NS, Sample, proven, value, with};

#[test]
fn the_surest_value_wins_and_the_others_are_conflicts() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.say(host, Field::DhcpHostname, "ct-1");
    sample.say(host, Field::MdnsHostname, "CT-1.local");
    sample.say(host, Field::LldpSystemName, "other");
    let inventory = sample.inventory();
    let name = inventory.devices[0]
        .attributes
        .get("hostname")
        .unwrap()
        .as_ref()
        .unwrap();
    // 85 and 80 do not depend on each other: 97 together.
    assert_eq!((&*name.value, name.confidence), ("CT-1.local", 97));
    let fields: Vec<&str> = name.sources.iter().map(|source| source.field).collect();
    assert_eq!(fields, ["mdns.hostname", "dhcp.option.hostname"]);
    assert_eq!(name.conflicts.len(), 1);
    assert_eq!(
        (&*name.conflicts[0].value, name.conflicts[0].confidence),
        ("other", 90)
    );
    assert_eq!(
        inventory.devices[0].attributes.values().count(),
        Attribute::SHOWN.len()
    );
}

#[test]
fn a_family_contradicts_none_of_its_members_and_adds_nothing_to_them() {
    let system = |named: &[&str]| {
        let mut sample = Sample::default();
        let host = sample.add(proven(LOCAL, "10.0.0.1"));
        for (field, name) in [Field::TcpSyn, Field::SshServerVersion].iter().zip(named) {
            let fact = sample.say(host, *field, name);
            (fact.attribute, fact.confidence) = (Attribute::Os, 45);
        }
        let inventory = sample.inventory();
        let os = inventory.devices[0]
            .attributes
            .get("os")
            .unwrap()
            .clone()
            .unwrap();
        let sources = os.sources.len();
        (os.value, os.confidence, sources, os.conflicts.len())
    };
    assert_eq!(system(&["Linux"]), ("Linux".to_owned(), 45, 1, 0));
    let debian = ("Debian".to_owned(), 45, 2, 0);
    assert_eq!(system(&["Linux", "Debian"]), debian);
    assert_eq!(system(&["Debian", "Linux"]), debian);
    assert_eq!(system(&["Linux", "Windows"]).3, 1);
}

#[test]
fn what_was_only_observed_is_no_value() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.say(host, Field::HttpServer, "nginx");
    let inventory = sample.inventory();
    assert!(
        inventory.devices[0]
            .attributes
            .values()
            .all(Option::is_none)
    );
}

#[test]
fn the_maker_of_the_network_part_is_a_hint() {
    let maker = |name: &str| {
        let mut sample = Sample::default();
        let host = sample.add(proven(BRAUN, "10.0.0.1"));
        if !name.is_empty() {
            sample.say(host, Field::MdnsTxtManufacturer, name);
        }
        let inventory = sample.inventory();
        inventory.devices[0]
            .attributes
            .get("manufacturer")
            .unwrap()
            .clone()
            .unwrap()
    };
    let alone = maker("");
    assert_eq!((alone.confidence, alone.sources[0].field), (30, "eth.oui"));
    assert_eq!(alone.sources[0].raw, "00:12:21");
    let same = maker("B. BRAUN MELSUNGEN GmbH");
    assert!(same.conflicts.is_empty() && same.sources.len() == 2);
    let other = maker("ACME");
    assert_eq!((&*other.value, other.conflicts.len()), ("ACME", 1));
    assert_eq!(other.conflicts[0].confidence, 30);
}

fn category(roles: &[&str]) -> (&'static str, u8) {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.roles(host, roles);
    let inventory = sample.inventory();
    let device = &inventory.devices[0];
    (device.category, device.category_confidence)
}

#[test]
fn parts_in_dicom_tell_the_category() {
    assert_eq!(category(&["storage_scp", "query_scp"]).0, "pacs");
    assert_eq!(category(&["storage_scp", "move_scp", "move_scu"]).0, "pacs");
    assert_eq!(
        category(&["storage_scp", "move_scu", "query_scu"]),
        ("workstation", 70)
    );
    assert_eq!(category(&["echo_scu"]), ("unknown", 0));
}

#[test]
fn agreeing_evidence_adds_up_and_guesses_are_not_told() {
    let told = |said: &[(&str, Field, &str, u8)]| {
        let mut sample = Sample::default();
        let host = sample.add(proven(LOCAL, "10.0.0.1"));
        for (category, field, raw, confidence) in said {
            let fact = sample.say(host, *field, raw);
            fact.attribute = Attribute::Category;
            fact.value = (*category).to_owned().into();
            fact.confidence = *confidence;
        }
        let inventory = sample.inventory();
        let device = &inventory.devices[0];
        (device.category, device.category_confidence)
    };
    let printer = ("printer", Field::MdnsService, "_ipp._tcp", 70);
    let page = ("printer", Field::HttpServer, "x", 50);
    assert_eq!(told(&[printer, page]), ("printer", 85));
    assert_eq!(
        told(&[("camera", Field::SsdpServer, "y", 15)]),
        ("unknown", 0)
    );
    assert_eq!(
        told(&[("no such", Field::SsdpServer, "y", 95)]),
        ("unknown", 0)
    );
    // That it asks for a work list fits the one kind of modality that is seen.
    let ct = ("ct", Field::DicomSopClass, "1", 20);
    let modality = ("modality", Field::DicomRole, "worklist_scu", 50);
    assert_eq!(told(&[ct, modality]), ("ct", 60));
}

#[test]
fn messages_tell_engines_and_admissions() {
    let mut sample = Sample::default();
    let engine = sample.add(proven(CISCO, "10.0.0.1"));
    sample.say(engine, Field::Hl7Role, "adt_receiver");
    for (mac, ip) in [(LOCAL, "10.0.0.2"), (LOCAL2, "10.0.0.3")] {
        let sender = sample.add(proven(mac, ip));
        sample.say(sender, Field::Hl7Role, "adt_sender");
        sample.talk(sender, engine, Some(Protocol::Hl7), 2575);
    }
    let inventory = sample.inventory();
    let engine = with(&inventory, "10.0.0.1");
    assert_eq!(
        (engine.category, engine.category_confidence),
        ("interface_engine", 45)
    );
    let sender = with(&inventory, "10.0.0.2");
    assert_eq!((sender.category, sender.category_confidence), ("emr", 35));
}

#[test]
fn protocols_and_peers_are_merged() {
    let mut sample = Sample::default();
    let client = sample.add(proven(LOCAL, "10.0.0.1"));
    let server = sample.add(proven(LOCAL2, "10.0.0.2"));
    sample.talk(client, server, Some(Protocol::Dicom), 104);
    sample.talk(client, server, Some(Protocol::Dicom), 104);
    sample.talk(client, server, None, 9999);
    sample.talk(client, server, Some(Protocol::Arp), 0);
    let arp = &mut sample.edges.last_mut().unwrap().0;
    (arp.transport, arp.flags) = (0, EdgeFlags::PEERS);
    let inventory = sample.inventory();
    let (client, server) = (with(&inventory, "10.0.0.1"), with(&inventory, "10.0.0.2"));
    let uses = |device: &medtap_inventory::model::Device| -> Vec<String> {
        let text = device
            .protocols
            .iter()
            .map(|p| format!("{} {} {:?}", p.name, p.role, p.port));
        text.collect()
    };
    assert_eq!(uses(client), ["arp peer None", "dicom client Some(104)"]);
    assert_eq!(
        uses(server),
        ["dicom server Some(104)"],
        "asked is not answered"
    );
    assert_eq!(client.peers.len(), 1);
    assert_eq!(client.peers[0].id.as_str(), server.id);
    assert_eq!(client.peers[0].protocols, ["arp", "dicom"]);
    assert_eq!(client.peers[0].bytes, 4000);
}

#[test]
fn activity_tells_the_busiest_hour_and_the_quietest_window() {
    let mut sample = Sample::default();
    sample.add(proven(LOCAL, "10.0.0.1"));
    let told = |days: u64| {
        let mut writer = sample.writer();
        let stores = Activity::new(SubjectId(0), Event::DicomStore);
        let stores = writer.add_activity(&stores).unwrap();
        for hour in (0..24).filter(|hour| !(2..6).contains(hour)) {
            writer.count_event(stores, MONDAY_NS + hour * HOUR_NS, 1);
        }
        writer.count_event(stores, MONDAY_NS + 14 * HOUR_NS, 5);
        writer.set_source(&Source {
            packets: 1,
            first_seen_ns: MONDAY_NS,
            last_seen_ns: MONDAY_NS + days * 24 * HOUR_NS,
            ..Source::default()
        });
        let inventory = resolve(&writer.reader(), &Options::default());
        inventory.devices[0].activity["dicom_store"].clone()
    };
    let activity = told(1);
    assert_eq!(activity.total, 25);
    assert_eq!(activity.busiest_hour.as_deref(), Some("Mon 14:00"));
    assert_eq!(activity.quietest_window.as_deref(), Some("02:00-06:00"));
    assert_eq!(told(0).quietest_window, None, "nobody watched");
}

#[test]
fn source_and_coverage_come_from_the_table() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.add(proven(LOCAL2, "10.0.0.2"));
    sample.say(host, Field::DhcpHostname, "ct-1");
    let mut writer = sample.writer();
    let counters = [
        (Counter::OneWayFlows, 3),
        (Counter::UnknownFlows, 2),
        (Counter::FlowsRefused, 4),
        (Counter::Gaps, 9),
    ];
    writer.set_counters(0, counters).unwrap();
    writer.set_source(&Source {
        packets: 5,
        duplicates: 1,
        last_seen_ns: MONDAY_NS,
        partial: true,
        ..Source::default()
    });
    let reader = writer.reader();
    let inventory = resolve(&reader, &Options::default());
    assert!(inventory.partial);
    assert_eq!(inventory.as_of, Some(Time(MONDAY_NS)));
    assert_eq!(
        (inventory.source.limits_hit, inventory.source.duplicates),
        (4, 1)
    );
    let coverage = &inventory.coverage;
    assert_eq!((coverage.one_way_flows, coverage.unknown_flows), (3, 2));
    assert_eq!(coverage.attributes["hostname"].to_string(), "0.5");
    let as_of = Some(Time(7));
    assert_eq!(resolve(&reader, &Options { as_of }).as_of, as_of);
    assert_eq!(value(with(&inventory, "10.0.0.2"), "hostname"), "");
}

#[test]
fn what_rules_call_a_weakness_is_a_finding_once() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    let other = sample.add(proven(LOCAL2, "10.0.0.2"));
    for version in ["TLS 1.0", "SSL 3.0"] {
        let fact = sample.say(host, Field::TlsVersion, version);
        fact.attribute = Attribute::Finding;
        fact.value = "weak_tls".into();
        fact.rule = 122_001;
    }
    sample.say(other, Field::TlsVersion, "TLS 1.2");
    // A name that this version does not know is no finding.
    let unknown = sample.say(other, Field::TlsCipher, "x");
    unknown.attribute = Attribute::Finding;
    let inventory = sample.inventory();
    let findings = inventory.devices.iter().flat_map(|d| &d.findings);
    let findings: Vec<_> = findings.collect();
    let [first] = &findings[..] else {
        panic!("expected one finding: {findings:?}");
    };
    assert_eq!((&*first.id, first.confidence), ("weak_tls", 90));
    assert_eq!(first.weight, None);
    assert_eq!(
        first.evidence,
        "tls.handshake.version = SSL 3.0, tls.handshake.version = TLS 1.0"
    );
}

#[test]
fn a_system_is_unsupported_only_after_the_latest_of_its_dates() {
    let findings_at = |dates: &[&'static str], day: u64| {
        let mut sample = Sample::default();
        let host = sample.add(proven(LOCAL, "10.0.0.1"));
        for date in dates {
            let fact = sample.say(host, Field::NtlmVersion, "6.1.7601");
            fact.attribute = Attribute::EndOfSupport;
            fact.value = (*date).into();
        }
        let table = sample.writer();
        let as_of = Some(Time(MONDAY_NS + day * 24 * HOUR_NS));
        let inventory = resolve(&table.reader(), &Options { as_of });
        let findings = inventory.devices[0].findings.clone();
        findings
            .into_iter()
            .map(|finding| finding.id)
            .collect::<Vec<_>>()
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(findings_at(&["2020-01-14"], 0), ["end_of_support"]);
    assert_eq!(findings_at(&["2020-01-14", "2030-01-01"], 0), none);
    // The last day counts as supported: 2026-03-02 is day 0.
    assert_eq!(findings_at(&["2026-03-02"], 0), none);
    assert_eq!(findings_at(&["2026-03-02"], 1), ["end_of_support"]);
}

#[test]
fn a_certificate_is_expired_where_it_is_shown_after_its_last_day() {
    let findings = |last: &'static str| {
        let mut sample = Sample::default();
        let host = sample.add(proven(LOCAL, "10.0.0.1"));
        sample.say(host, Field::TlsCertificateNotAfter, last);
        let as_of = Some(Time(MONDAY_NS + 24 * HOUR_NS));
        let inventory = resolve(&sample.writer().reader(), &Options { as_of });
        inventory.devices[0].findings.len()
    };
    // It was shown until 13:00 of 2026-03-02.
    assert_eq!(findings("2026-03-02T12:59:59Z"), 1);
    assert_eq!(findings("2026-03-02T13:00:01Z"), 0);
    assert_eq!(findings("never"), 0);
}

/// A list shows what the whole device says, only less of it.
#[test]
fn what_is_listed_is_part_of_the_whole() {
    let mut sample = Sample::default();
    let scanner = sample.add(proven(BRAUN, "10.0.0.1"));
    sample.say(scanner, Field::DhcpHostname, "ct-1");
    sample.say(scanner, Field::DhcpHostname, "other");
    sample.say(scanner, Field::DicomManufacturer, "ACME");
    sample.roles(scanner, &["storage_scu", "worklist_scu"]);
    let archive = sample.add(proven(LOCAL, "10.0.0.2"));
    sample.roles(archive, &["storage_scp", "query_scp"]);
    sample.talk(scanner, archive, Some(Protocol::Dicom), 104);
    let table = sample.reader();
    let found = Resolution::new(&table, &Options::default(), &Rulings::default());
    let [listed, shown, whole] =
        [Extent::Listed, Extent::Shown, Extent::Whole].map(|extent| found.inventory(extent));
    assert_ne!(shown, whole);
    let json = |inventory| serde_json::to_value(inventory).unwrap();
    assert_eq!(json(&shown), json(&whole));
    assert_eq!(listed.coverage, whole.coverage);
    assert_eq!(listed.devices.len(), 2);
    for (listed, whole) in listed.devices.into_iter().zip(whole.devices) {
        let mut less = Device {
            peers: Vec::new(),
            activity: BTreeMap::new(),
            findings: Vec::new(),
            recognised: Vec::new(),
            unnamed: Vec::new(),
            ..whole
        };
        for value in less.attributes.values_mut().flatten() {
            value.sources.clear();
            value.conflicts.clear();
        }
        assert_eq!(listed, less);
    }
}
