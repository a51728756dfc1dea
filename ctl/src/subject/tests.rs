//! Subjects of devices made by hand.

use medtap_inventory::model::{Conversation, DeviceId, Peer, Time};
use medtap_risk::subject::ComponentKind;

use super::*;
use crate::render::samples;

/// Subjects by id, of the samples with something added.
fn subjects(change: impl FnOnce(&mut Inventory)) -> HashMap<String, Subject> {
    let mut inventory = samples::assessed();
    change(&mut inventory);
    let rules = Rules::load(None).unwrap();
    let subjects = Site::new(&inventory, &rules, &Known::default()).subjects();
    subjects
        .into_iter()
        .map(|subject| (subject.id.clone(), subject))
        .collect()
}

const SCANNER: &str = "3f9a61c2d4e5b607";
const ARCHIVE: &str = "a01b2c3d4e5f6071";
const PUMP: &str = "77aa00bb11cc22dd";

fn conversation(protocol: &'static str, opened: bool) -> Conversation {
    Conversation {
        protocol: Some(protocol),
        port: Some(104),
        opened,
        answered: true,
        times: 3,
        first_seen: Time(1),
        last_seen: Time(2),
    }
}

#[test]
fn what_runs_on_it_has_its_source() {
    let subjects = subjects(|_| {});
    let scanner = &subjects[SCANNER];
    let told: Vec<(ComponentKind, &str, Option<&str>, &str)> = scanner
        .components
        .iter()
        .map(|c| {
            (
                c.kind,
                c.product.as_str(),
                c.version.as_deref(),
                c.field.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                ComponentKind::Device,
                "Scan 64",
                Some("2.9"),
                "dicom.software_versions"
            ),
            (
                ComponentKind::OperatingSystem,
                "Windows 7",
                None,
                "nbns.name"
            ),
        ]
    );
    assert_eq!(scanner.components[0].vendor.as_deref(), Some("Acme"));
    assert!(subjects[PUMP].components.is_empty());
}

/// The owner of a block of MAC addresses is no maker of software.
#[test]
fn hints_name_nothing() {
    let subjects = subjects(|inventory| {
        let device = &mut inventory.devices[0];
        for name in ["manufacturer", "model"] {
            let value = device.attributes.get_mut(name).unwrap();
            value.as_mut().unwrap().confidence = 30;
        }
    });
    let scanner = &subjects[SCANNER];
    assert_eq!(scanner.vendor, None);
    let kinds: Vec<ComponentKind> = scanner.components.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ComponentKind::OperatingSystem]);
}

#[test]
fn behind_a_gateway_nothing_can_be_assessed() {
    let subjects = subjects(|inventory| {
        let pump = &mut inventory.devices[1];
        (pump.packets_sent, pump.packets_received) = (0, 0);
    });
    assert!(!subjects[PUMP].sight.assessable && subjects[PUMP].sight.identified);
    assert!(subjects[SCANNER].sight.assessable);
    // It hangs on the one that reports it.
    assert_eq!(subjects[ARCHIVE].usage.dependants, Some(1));
}

#[test]
fn reach_is_what_was_answered() {
    let inside = subjects(|_| {});
    assert!(!inside[SCANNER].reach.answered_public);
    assert!(
        inside[SCANNER].reach.coverage_low,
        "no conversation was seen"
    );
    let outside = subjects(|inventory| {
        inventory.devices[2].addresses = vec!["203.0.114.9".parse().unwrap()];
        inventory.devices[0].peers = vec![Peer {
            id: DeviceId::new(ARCHIVE).unwrap(),
            protocols: vec!["dicom"],
            bytes: 1,
            conversations: vec![conversation("dicom", true), conversation("http", false)],
        }];
    });
    let reach = outside[SCANNER].reach;
    assert!(reach.talks_public && reach.answered_public && !reach.coverage_low);
    let services = &outside[SCANNER].services;
    assert!(
        services
            .iter()
            .any(|s| s.protocol == Protocol::from_name("http"))
    );
    assert_eq!(outside[SCANNER].peers.len(), 2);
}

/// Who is behind a firewall, a declared proxy or a shared address, nobody sees: both clocks run.
#[test]
fn what_hides_others_is_told() {
    let asked_by = |change: fn(&mut Device)| {
        let found = subjects(|inventory| {
            change(&mut inventory.devices[2]);
            inventory.devices[0].peers = vec![Peer {
                id: DeviceId::new(ARCHIVE).unwrap(),
                protocols: vec!["dicom"],
                bytes: 1,
                conversations: vec![conversation("dicom", false)],
            }];
        });
        found[SCANNER].reach.behind_nat_or_proxy
    };
    assert!(!asked_by(|_| {}));
    assert!(asked_by(|other| other.category = "firewall"));
    assert!(asked_by(|other| {
        let mut finding = samples::scanner_finding();
        finding.id = "address_shared".to_owned();
        other.findings.push(finding);
    }));
    let mut inventory = samples::assessed();
    inventory.devices[0].peers = vec![Peer {
        id: DeviceId::new(ARCHIVE).unwrap(),
        protocols: vec!["dicom"],
        bytes: 1,
        conversations: vec![conversation("dicom", false)],
    }];
    let known = Known {
        declared: medtap_risk::declared::Declared::parse(
            "[[control]]\nid = \"PX\"\nkind = \"proxy\"\ndevices = [\"CT1\"]\nport = 104\n\
             through = \"192.0.2.32\"\nowner = \"x\"\nsince = \"2026-01-01\"\n\
             expires = \"2027-01-01\"\n",
        )
        .unwrap(),
        ..Known::default()
    };
    let rules = Rules::load(None).unwrap();
    let subjects = Site::new(&inventory, &rules, &known).subjects();
    assert!(subjects[0].reach.behind_nat_or_proxy);
    assert!(!subjects[2].reach.behind_nat_or_proxy);
}

/// In use is what spoke of patients within the hour.
#[test]
fn use_is_told_by_the_last_hour() {
    let used = |last: u64| {
        let found = subjects(|inventory| {
            let as_of = inventory.as_of.unwrap().0;
            let mut spoke = conversation("dicom", true);
            spoke.last_seen = Time(as_of - last);
            inventory.devices[0].peers = vec![Peer {
                id: DeviceId::new(ARCHIVE).unwrap(),
                protocols: vec!["dicom"],
                bytes: 1,
                conversations: vec![spoke],
            }];
        });
        found[SCANNER].usage.in_use
    };
    assert_eq!(used(60_000_000_000), Some(true));
    assert_eq!(used(3_600_000_000_000), Some(false));
    assert_eq!(subjects(|_| {})[SCANNER].usage.in_use, None);
}

/// Air that an operating room hangs on counts as such where the site says so.
#[test]
fn critical_rooms_are_declared() {
    let mut inventory = samples::assessed();
    inventory.devices[3].category = "hvac";
    inventory.devices[3].class = "building";
    let known = Known {
        declared: medtap_risk::declared::Declared::parse("serve_critical_rooms = [\"VLAN 20\"]")
            .unwrap(),
        ..Known::default()
    };
    let rules = Rules::load(None).unwrap();
    let subjects = Site::new(&inventory, &rules, &known).subjects();
    let serve: Vec<bool> = subjects.iter().map(|s| s.serves_critical_room).collect();
    assert_eq!(serve, [false, false, false, true]);
}

#[test]
fn a_segment_with_plain_it_is_shared() {
    let shared = subjects(|inventory| inventory.devices[3].class = "it");
    assert!(shared[SCANNER].reach.shares_vlan_with_it);
    assert!(
        !shared[PUMP].reach.shares_vlan_with_it,
        "nobody knows where it is"
    );
    assert!(!subjects(|_| {})[SCANNER].reach.shares_vlan_with_it);
}

#[test]
fn short_watching_says_nothing_of_use() {
    let short = subjects(|_| {});
    let usage = &short[SCANNER].usage;
    assert_eq!((usage.utilisation, usage.hours.is_some()), (None, false));
    let week = 7 * 24 * 3_600_000_000_000u64;
    let long = subjects(|inventory| {
        let last = &mut inventory.source.last_seen;
        *last = last.map(|time| Time(time.0 + week));
    });
    let usage = &long[SCANNER].usage;
    assert_eq!(usage.utilisation.map(Share::get), Some(4.0 / 168.0));
    assert_eq!(usage.alternatives.as_deref(), Some(&[][..]));
    assert_eq!(usage.hours.as_ref().map(|hours| hours[35]), Some(5));
}

#[test]
fn threats_are_no_findings() {
    let subjects = subjects(|inventory| {
        let mut finding = inventory.devices[0].findings[0].clone();
        finding.id = FindingId::Scanning.name().to_owned();
        inventory.devices[0].findings.push(finding);
    });
    let scanner = &subjects[SCANNER];
    assert_eq!((scanner.findings.len(), scanner.threats.len()), (1, 1));
    assert_eq!(scanner.threats[0].id, FindingId::Scanning);
}

/// What memory, the site's systems and its declarations say reaches the subject.
#[test]
fn what_the_site_says_is_joined() {
    use medtap_inventory::context::Asset;
    use medtap_risk::declared::Declared;
    use medtap_risk::subject::{ControlKind, Criticality};

    let mut inventory = samples::inventory();
    let asset = |values: &[(&'static str, &str)]| Asset {
        tag: "A-1".to_owned(),
        line: 2,
        values: values.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(),
    };
    let told = asset(&[
        ("technical_owner", "biomed"),
        ("criticality", "critical"),
        ("fda_class", "iii"),
        ("life_supporting", "true"),
        ("mds2_on_file", "false"),
        ("incidents", "3"),
        ("next_maintenance", "2026-01-02"),
    ]);
    let half = asset(&[("fda_class", "i")]);
    let declared = "[[segment]]\nname = \"imaging\"\nkind = \"isolated\"\nvlans = [20]\n\
                    [[segment]]\nname = \"guests\"\nkind = \"guest\"\n\
                    subnets = [\"192.0.2.32/32\"]\n\
                    [[control]]\nid = \"FW\"\nkind = \"segmentation\"\n\
                    devices = [\"imaging\"]\nowner = \"net\"\n\
                    since = \"2026-01-01\"\nexpires = \"2027-01-01\"\n";
    let known = Known {
        assets: HashMap::from([(SCANNER.to_owned(), told), (ARCHIVE.to_owned(), half)]),
        declared: Declared::parse(declared).unwrap(),
        ..Known::default()
    };
    inventory.devices[2].addresses = vec![[192, 0, 2, 32].into()];
    inventory.devices[0].peers[0].conversations = vec![conversation("dicom", false)];
    let rules = Rules::load(None).unwrap();
    let subjects = Site::new(&inventory, &rules, &known).subjects();
    let scanner = &subjects[0];
    assert_eq!(scanner.upkeep.owner.as_deref(), Some("biomed"));
    assert_eq!(scanner.upkeep.mds2, Some(false));
    assert_eq!(scanner.upkeep.incidents, Some(3));
    assert_eq!(
        scanner.upkeep.maintenance_due,
        Some(1_767_312_000_000_000_000)
    );
    assert_eq!(scanner.upkeep.approved, None);
    assert_eq!(scanner.usage.criticality, Some(Criticality::Critical));
    let fda = scanner.fda.as_ref().unwrap();
    assert_eq!((fda.class, fda.life_sustaining), (Some(3), true));
    assert!(matches!(
        &scanner.controls[0].kind,
        ControlKind::Segmentation { .. }
    ));
    assert!(scanner.peers[0].names.contains(&"guests".to_owned()));
    assert!(scanner.reach.from_user_segment);
    assert!(!scanner.reach.isolated_gateway_only, "a guest was seen");
    // A class without a word on life says too little, and would lower what the kind says.
    assert_eq!(subjects[2].fda, None);
    let controls: Vec<usize> = subjects
        .iter()
        .map(|subject| subject.controls.len())
        .collect();
    assert_eq!(controls, [1, 0, 1, 1]);
}

/// A log-in over the clear weakens the end that lets in.
#[test]
fn a_log_in_burdens_the_server() {
    let found = |role: &'static str, id: &str, evidence: &str| {
        let mut inventory = samples::assessed();
        let scanner = &mut inventory.devices[0];
        scanner.protocols = vec![medtap_inventory::model::ProtocolUse {
            name: "ftp",
            role,
            port: Some(21),
            encrypted: false,
        }];
        scanner.findings[0].id = id.to_owned();
        scanner.findings[0].evidence = evidence.to_owned();
        let rules = Rules::load(None).unwrap();
        let known = Known::default();
        let subject = Site::new(&inventory, &rules, &known)
            .subjects()
            .swap_remove(0);
        let protocols = subject.findings.iter().map(|finding| finding.protocol);
        protocols.collect::<Vec<_>>()
    };
    let ftp = [Some(Protocol::Ftp)];
    assert_eq!(found("server", "ftp_login", "ftp.login = USER"), ftp);
    assert!(found("client", "ftp_login", "ftp.login = USER").is_empty());
    // Where the protocol was not seen in use it is not known which end it is; and what is no
    // log-in burdens both.
    assert_eq!(
        found("client", "telnet_login", "telnet.login = yes").len(),
        1
    );
    assert_eq!(found("client", "smbv1", "ftp.login = x"), ftp);
}
