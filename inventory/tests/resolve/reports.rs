//! Which reports are one device, and which are the reporter itself.

use medtap_inventory::{Options, Reason, resolve_explained};
use medtap_table::Subject;
use medtap_table::vocabulary::{Attribute, Field};

use crate::sample::{BRAUN, CISCO, LOCAL, LOCAL2, Sample, binding, proven, reported, value, with};

const CT: &str = "dicom:serial|acme|tomo|sn-77";

/// A CT that stores to an archive which forwards its image to a third.
fn forwarding() -> Sample {
    let mut sample = Sample::default();
    let ct = sample.add(proven(LOCAL, "10.0.0.1"));
    let archive = sample.add(proven(LOCAL2, "10.0.0.2"));
    sample.say(ct, Field::DicomAeTitle, "CT_ROOM1");
    sample.say(archive, Field::DicomAeTitle, "ARCHIVE1");
    sample.roles(ct, &["storage_scu"]);
    sample.roles(
        archive,
        &["storage_scp", "query_scp", "storage_scu", "forwarder"],
    );
    for reporter in [ct, archive] {
        let image = sample.report(reporter, CT);
        sample.image(image, "ACME", "TOMO", "SN-77");
        sample.say(image, Field::DicomStationName, "CTSTN01");
        sample.say(image, Field::DicomStationAeTitle, "CT_ROOM1");
    }
    sample
}

#[test]
fn an_archive_that_forwards_an_image_is_not_the_scanner() {
    let inventory = forwarding().inventory();
    assert_eq!(inventory.devices.len(), 2);
    let ct = with(&inventory, "10.0.0.1");
    assert_eq!(value(ct, "serial_number"), "SN-77");
    assert!(ct.reported_by.is_empty(), "it has an address");
    let archive = with(&inventory, "10.0.0.2");
    assert_eq!(value(archive, "manufacturer"), "");
    assert_eq!((archive.category, archive.class), ("pacs", "clinical_it"));
}

/// Without sight of the scanner, its image stays a report.
#[test]
fn what_only_an_archive_reports_stays_reported() {
    let mut sample = Sample::default();
    let archive = sample.add(proven(LOCAL2, "10.0.0.2"));
    sample.say(archive, Field::DicomAeTitle, "ARCHIVE1");
    sample.roles(archive, &["storage_scu"]);
    let image = sample.report(archive, CT);
    sample.image(image, "ACME", "TOMO", "SN-77");
    let inventory = sample.inventory();
    let reports = reported(&inventory);
    assert_eq!(reports.len(), 1);
    assert_eq!(
        reports[0].reported_by,
        [with(&inventory, "10.0.0.2").id.clone()]
    );
    assert!(reports[0].first_seen.is_some());
    assert_eq!(value(with(&inventory, "10.0.0.2"), "serial_number"), "");
}

#[test]
fn a_modality_that_reports_one_device_alone_is_it() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.say(host, Field::DicomAeTitle, "SCANNER_A");
    sample.roles(host, &["storage_scu", "worklist_scu"]);
    let image = sample.report(host, CT);
    sample.image(image, "ACME", "TOMO", "SN-77");
    let (inventory, joins) = resolve_explained(&sample.reader(), &Options::default());
    assert_eq!(inventory.devices.len(), 1);
    assert_eq!(joins.len(), 1);
    assert_eq!(joins[0].reason, Reason::OwnModality);
    assert_eq!(joins[0].device, inventory.devices[0].id);

    // One more, and it is a gateway; a default AE title names nobody.
    let mut two = sample.clone();
    let other = two.report(0, "dicom:serial|acme|tomo|sn-78");
    two.image(other, "ACME", "TOMO", "SN-78");
    assert_eq!(two.inventory().devices.len(), 3);
    let mut default = sample.clone();
    for fact in &mut default.facts {
        if fact.field == Field::DicomAeTitle {
            fact.raw = "STORESCU".into();
            fact.value = "STORESCU".into();
        }
    }
    assert_eq!(default.inventory().devices.len(), 2);
}

#[test]
fn a_host_with_the_name_of_the_station_is_it() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.say(host, Field::DhcpHostname, "us-cart-3.hospital.example");
    let image = sample.report(host, "dicom:station|acme|sono|us cart 3");
    sample.say(image, Field::DicomModel, "SONO");
    sample.say(image, Field::DicomStationName, "US_CART_3");
    assert_eq!(sample.inventory().devices.len(), 1);
}

/// A device behind a BACnet router is one, whoever passes its words on; that of another address
/// space with the same numbers is another.
#[test]
fn a_device_of_an_internetwork_is_one_in_its_address_space() {
    let mut sample = Sample::default();
    let router = sample.add(proven(LOCAL, "10.0.0.1"));
    let other = sample.add(proven(LOCAL2, "10.0.0.2"));
    let elsewhere = sample.add(Subject {
        scope: 1,
        ..proven(CISCO, "10.0.0.1")
    });
    for reporter in [router, other, elsewhere] {
        let row = sample.report(reporter, "bacnet|4711|5|07");
        sample.say(row, Field::BacnetModel, "FX-7");
    }
    // Two that have one number by mistake.
    sample.report(router, "bacnet|4711|5|08");
    let inventory = sample.inventory();
    let mut reporters: Vec<usize> = reported(&inventory)
        .iter()
        .map(|device| device.reported_by.len())
        .collect();
    reporters.sort_unstable();
    assert_eq!(reporters, [1, 1, 2]);
    assert_eq!(sample.shuffled(7).inventory(), inventory);
}

/// A BBMD forwards what others broadcast, and its own words too.
#[test]
fn the_maker_of_a_forwarded_broadcast_is_met_at_its_address() {
    let mut sample = Sample::default();
    let bbmd = sample.add(proven(LOCAL, "10.0.0.1"));
    let far = sample.add(binding(CISCO, "10.0.9.2", 63));
    sample.say(far, Field::BacnetInstance, "2002");
    let row = sample.report(bbmd, "bacnet|2002|0|0a000902bac0");
    sample.say(row, Field::BacnetModel, "FX-7");
    sample.report(bbmd, "bacnet|2000|0|0a000001bac0");
    let (inventory, joins) = resolve_explained(&sample.reader(), &Options::default());
    assert!(reported(&inventory).is_empty());
    assert_eq!(value(with(&inventory, "10.0.9.2"), "model"), "FX-7");
    let reasons: Vec<Reason> = joins.iter().map(|join| join.reason).collect();
    assert_eq!(reasons, [Reason::Address; 2]);
    assert_eq!(sample.shuffled(7).inventory(), inventory);

    // Another number, another address space, what only looks like an address, and a router's own.
    let count = inventory.devices.len();
    let elsewhere = sample.add(Subject {
        scope: 1,
        ..proven(LOCAL2, "10.0.0.3")
    });
    for (reporter, name) in [
        (bbmd, "bacnet|2003|0|0a000902bac0"),
        (elsewhere, "bacnet|2002|0|0a000902bac0"),
        (bbmd, "bacnet|2002|0|0a000902"),
        (bbmd, "bacnet|2000|7|0a000001bac0"),
        // What a router says of a station that it names so.
        (bbmd, "bacnet|2002|7|0a000902bac0"),
    ] {
        sample.report(reporter, name);
    }
    let more = sample.inventory();
    assert_eq!(reported(&more).len(), 5);
    assert_eq!(more.devices.len(), count + 6);
}

#[test]
fn where_two_seem_to_be_it_neither_is() {
    let mut sample = Sample::default();
    for (mac, ip) in [(LOCAL, "10.0.0.1"), (LOCAL2, "10.0.0.2")] {
        let host = sample.add(proven(mac, ip));
        sample.say(host, Field::DicomAeTitle, "CT_ROOM1");
        let image = sample.report(host, CT);
        sample.image(image, "ACME", "TOMO", "SN-77");
        sample.say(image, Field::DicomStationAeTitle, "CT_ROOM1");
    }
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 3);
    assert_eq!(reported(&inventory)[0].reported_by.len(), 2);
}

#[test]
fn placeholders_never_join() {
    for serial in ["0", "00000", "12345", "N/A", "UNKNOWN", "XXXX"] {
        let mut sample = Sample::default();
        for (mac, ip) in [(LOCAL, "10.0.0.1"), (LOCAL2, "10.0.0.2")] {
            let host = sample.add(proven(mac, ip));
            sample.say(host, Field::MdnsTxtManufacturer, "ACME");
            sample.say(host, Field::MdnsTxtSerial, serial);
        }
        assert_eq!(sample.inventory().devices.len(), 2, "{serial}");
    }
}

#[test]
fn the_same_maker_and_serial_number_are_one_device_but_not_when_cut() {
    let sample = |cut: bool| {
        let mut sample = Sample::default();
        let names = [("ACME Inc.", "sn  77"), ("Acme", "SN 77")];
        for ((mac, ip), (maker, serial)) in [(LOCAL, "10.0.0.1"), (LOCAL2, "10.0.0.2")]
            .into_iter()
            .zip(names)
        {
            let host = sample.add(proven(mac, ip));
            sample.say(host, Field::MdnsTxtManufacturer, maker);
            sample.say(host, Field::MdnsTxtSerial, serial).value_cut = cut;
        }
        sample.inventory()
    };
    let joined = sample(false);
    assert_eq!(joined.devices.len(), 1);
    assert_eq!(joined.devices[0].macs.len(), 2);
    assert_eq!(sample(true).devices.len(), 2);
}

/// Two cards that say one serial number: of one machine, unless model or name say otherwise.
#[test]
fn what_two_machines_bear_joins_nobody_and_is_told_of_both() {
    type Said = &'static [(Field, &'static str)];
    let second = (LOCAL2, "10.0.0.2");
    let hosts = |said: [Said; 2]| {
        let mut sample = Sample::default();
        for ((mac, ip), said) in [(LOCAL, "10.0.0.1"), second].into_iter().zip(said) {
            let host = sample.add(proven(mac, ip));
            sample.say(host, Field::DicomManufacturer, "Acme");
            sample.say(host, Field::DicomSerialNumber, "SN 77");
            for (field, value) in said {
                sample.say(host, *field, value);
            }
        }
        sample
    };
    const MODEL: Field = Field::DicomModel;
    const NAME: Field = Field::DhcpHostname;
    let cases: [([Said; 2], usize, u8); 5] = [
        ([&[], &[]], 1, 0),
        ([&[(MODEL, "A 1")], &[(MODEL, "a  1")]], 1, 0),
        ([&[(MODEL, "A 1")], &[(MODEL, "A 2")]], 2, 70),
        ([&[(NAME, "ct-1")], &[(NAME, "ct-2")]], 2, 40),
        ([&[(NAME, "ct-1")], &[(Field::MdnsHostname, "ct-2")]], 1, 0),
    ];
    for (said, devices, confidence) in cases {
        let sample = hosts(said);
        let inventory = sample.inventory();
        assert_eq!(inventory.devices.len(), devices, "{said:?}");
        for device in &inventory.devices {
            let mut told = device
                .findings
                .iter()
                .filter(|f| f.id == "duplicate_serial");
            let told = told.next().map(|f| (f.confidence, f.evidence.clone()));
            assert_eq!(
                told.as_ref().map_or(0, |told| told.0),
                confidence,
                "{said:?}"
            );
            let other =
                told.is_none_or(|told| told.1.starts_with("acme|sn 77 is also of mac|0|02"));
            assert!(other, "{said:?}");
        }
        // A report of the number belongs to neither, where two bear it.
        let mut reported = sample.clone();
        let gateway = reported.add(proven(CISCO, "10.0.0.3"));
        let row = reported.report(gateway, "poct1:serial|acme|SN 77");
        reported.say(row, Field::DicomManufacturer, "Acme");
        reported.say(row, Field::DicomSerialNumber, "SN 77");
        let all = if devices == 2 { 4 } else { 2 };
        assert_eq!(reported.inventory().devices.len(), all, "{said:?}");
        assert_eq!(reported.shuffled(7).inventory(), reported.inventory());
    }
}

#[test]
fn a_udi_joins_only_with_its_serial_number() {
    for (udi, devices) in [
        ("(01)09521234543213(11)210309(21)SN-77", 3),
        ("(01)09521234543213(11)210309", 4),
        ("(01)09521234543213(21)00000", 4),
    ] {
        let mut sample = Sample::default();
        for (mac, ip, entity) in [(LOCAL, "10.0.0.1", "a-1"), (LOCAL2, "10.0.0.2", "b-2")] {
            let gateway = sample.add(proven(mac, ip));
            let row = sample.report(gateway, &format!("hl7:ei|{entity}|some space"));
            sample.say(row, Field::Hl7DeviceUdi, udi);
        }
        assert_eq!(sample.inventory().devices.len(), devices, "{udi}");
    }
}

#[test]
fn an_ae_title_joins_where_one_device_alone_has_it() {
    let mut sample = forwarding();
    let ris = sample.add(proven(BRAUN, "10.0.0.3"));
    sample.roles(ris, &["worklist_scp"]);
    let step = sample.report(ris, "dicom:ae|ct_room1");
    sample.say(step, Field::DicomStationAeTitle, "CT_ROOM1");
    sample.say(step, Field::DicomLocation, "ROOM 1");
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 3);
    assert_eq!(value(with(&inventory, "10.0.0.1"), "location"), "ROOM 1");

    // A second scanner behind the same AE title: which of them, nobody knows.
    let other = sample.report(1, "dicom:serial|acme|tomo|sn-78");
    sample.image(other, "ACME", "TOMO", "SN-78");
    sample.say(other, Field::DicomStationAeTitle, "CT_ROOM1");
    assert_eq!(value(with(&sample.inventory(), "10.0.0.1"), "location"), "");
}

#[test]
fn station_ae_title_and_model_join_unless_serial_numbers_differ() {
    let sample = |serials: [&str; 2]| {
        let mut sample = Sample::default();
        let archive = sample.add(proven(LOCAL, "10.0.0.1"));
        for (number, serial) in serials.into_iter().enumerate() {
            let image = sample.report(archive, &format!("hl7:ei|{number}00a|space"));
            sample.say(image, Field::DicomStationAeTitle, "CT_ROOM1");
            sample.say(image, Field::DicomStationName, "CTSTN01");
            sample.say(image, Field::DicomModel, "TOMO");
            sample.say(image, Field::DicomSerialNumber, serial);
        }
        sample.inventory().devices.len()
    };
    assert_eq!(sample(["SN-77", "0"]), 2);
    assert_eq!(sample(["SN-77", "SN-78"]), 3);
}

/// Several devices by one gateway, and an analyser that speaks of itself.
#[test]
fn a_gateway_stays_a_gateway_and_an_analyser_is_what_it_reports() {
    let mut sample = Sample::default();
    let gateway = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.say(gateway, Field::Hl7Role, "oru_sender");
    sample.say(gateway, Field::Hl7SoftwareVendor, "ACME");
    for serial in ["MON-42", "MON-43"] {
        let row = sample.report(gateway, &format!("hl7:serial|acme|bedside|{serial}"));
        sample.say(row, Field::Hl7DeviceManufacturer, "ACME");
        sample.say(row, Field::Hl7DeviceSerial, serial);
    }
    let analyser = sample.add(proven(LOCAL2, "10.0.0.2"));
    sample.say(analyser, Field::Hl7Role, "esu_sender");
    sample.say(analyser, Field::Hl7SoftwareVendor, "Litware Diagnostics");
    let row = sample.report(analyser, "hl7:ei|chem-93|litware diagnostics");
    sample.say(row, Field::Hl7DeviceId, "CHEM-93^LITWARE DIAGNOSTICS");
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 4);
    assert_eq!(with(&inventory, "10.0.0.1").category, "device_gateway");
    let analyser = with(&inventory, "10.0.0.2");
    assert_eq!(
        (analyser.category, analyser.class),
        ("lab_analyzer", "medical")
    );

    // One monitor behind a gateway of the same maker stays what it is: reported.
    let mut one = Sample::default();
    let gateway = one.add(proven(LOCAL, "10.0.0.1"));
    one.say(gateway, Field::Hl7Role, "oru_sender");
    one.say(gateway, Field::Hl7SoftwareVendor, "ACME");
    let row = one.report(gateway, "hl7:serial|acme|bedside|mon-42");
    one.say(row, Field::Hl7DeviceManufacturer, "ACME");
    assert_eq!(one.inventory().devices.len(), 2);
}

/// A console that also receives images for comparison is what its own images say.
#[test]
fn the_kind_of_its_own_images_wins_over_other_parts() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    sample.say(host, Field::DicomAeTitle, "MR_ROOM2");
    sample.roles(
        host,
        &["storage_scu", "storage_scp", "query_scu", "move_scu"],
    );
    let image = sample.report(host, CT);
    sample.image(image, "ACME", "MAGNETRON", "SN-77");
    sample.say(image, Field::DicomStationAeTitle, "MR_ROOM2");
    for (subject, field, raw, category, confidence) in [
        (image, Field::DicomModality, "MR", "mr", 90),
        (host, Field::DicomRole, "storage_scp", "pacs", 35),
    ] {
        let fact = sample.say(subject, field, raw);
        fact.attribute = Attribute::Category;
        fact.value = category.into();
        fact.confidence = confidence;
    }
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 1);
    let device = &inventory.devices[0];
    assert_eq!((device.category, device.category_confidence), ("mr", 95));
}

/// A work list names the modality that asks for it, also where no image was seen.
#[test]
fn an_ae_title_of_a_work_list_is_the_modality_that_calls_itself_so() {
    let sample = |title: &str, roles: &[&str]| {
        let mut sample = Sample::default();
        let host = sample.add(proven(LOCAL, "10.0.0.1"));
        sample.say(host, Field::DicomAeTitle, title);
        sample.roles(host, roles);
        let ris = sample.add(proven(LOCAL2, "10.0.0.2"));
        sample.report(ris, &format!("dicom:ae|{}", title.to_lowercase()));
        sample.inventory().devices.len()
    };
    assert_eq!(sample("CT_ROOM1", &["worklist_scu"]), 2);
    assert_eq!(
        sample("CT_ROOM1", &["storage_scu"]),
        3,
        "no sign of a modality"
    );
    assert_eq!(sample("CT_ROOM1", &["worklist_scu", "storage_scp"]), 3);
    assert_eq!(
        sample("STORESCU", &["worklist_scu"]),
        3,
        "many have this one"
    );
}

/// An instrument greets by its own name: it is the host that it speaks through, until another
/// speaks through the same one.
#[test]
fn who_greets_alone_is_the_host() {
    for greetings in [1, 2] {
        let mut sample = Sample::default();
        let host = sample.add(proven(LOCAL, "10.0.0.1"));
        for number in 1..=greetings {
            let row = sample.report(host, &format!("poct1:serial|acme|gluco 5|zz{number}7"));
            sample.say(row, Field::Poct1Manufacturer, "ACME");
            sample.say(row, Field::Poct1Serial, &format!("ZZ{number}7"));
        }
        let inventory = sample.inventory();
        let host = with(&inventory, "10.0.0.1");
        let alone = greetings == 1;
        assert_eq!(inventory.devices.len(), if alone { 1 } else { 3 });
        assert_eq!(
            value(host, "serial_number"),
            if alone { "ZZ17" } else { "" }
        );
        let category = if alone { "unknown" } else { "device_gateway" };
        assert_eq!(host.category, category);
    }
}

/// A monitor that sends by itself names itself in the header as in its row; a gateway names
/// itself there, and is none of the devices that it reports.
#[test]
fn a_header_with_the_identifier_of_the_row_is_the_devices_own() {
    for (sender, devices) in [("080019FFFE0B4020", 1), ("080019FFFE000001", 2)] {
        let mut sample = Sample::default();
        let host = sample.add(proven(LOCAL, "10.0.0.1"));
        sample.say(host, Field::Hl7Role, "oru_sender");
        sample.say(host, Field::Hl7DeviceId, sender);
        let row = sample.report(host, "hl7:ei|080019fffe0b4020|b40_ge");
        sample.say(row, Field::Hl7DeviceId, "080019FFFE0B4020^B40_GE");
        sample.say(row, Field::Hl7DeviceModel, "B40");
        assert_eq!(sample.inventory().devices.len(), devices, "{sender}");
    }
}
