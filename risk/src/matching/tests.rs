use super::*;
use crate::feeds::Feeds;
use crate::subject::{Component, ComponentKind};

fn component(kind: ComponentKind, vendor: &str, product: &str, version: &str) -> Component {
    let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Component {
        kind,
        vendor: told(vendor),
        product: product.to_owned(),
        version: told(version),
        build: None,
        field: "dicom.userinfo.version".to_owned(),
        raw: version.to_owned(),
        seen: (0, 0),
        confidence: 90,
    }
}

pub(super) fn device(vendor: &str, product: &str, version: &str) -> Component {
    component(ComponentKind::Device, vendor, product, version)
}

pub(super) fn application(vendor: &str, product: &str, version: &str) -> Component {
    component(ComponentKind::Application, vendor, product, version)
}

pub(super) fn system(product: &str, version: &str) -> Component {
    component(ComponentKind::OperatingSystem, "", product, version)
}

/// A CSAF document of one product branch and one CVE.
pub(super) fn csaf(
    id: &str,
    category: &str,
    vendor: &str,
    product: &str,
    versions: &str,
    rest: &str,
) -> String {
    let status = if rest.is_empty() {
        r#""product_status": {"known_affected": ["P"]}"#
    } else {
        rest
    };
    format!(
        r#"{{"document": {{"category": "{category}", "csaf_version": "2.0", "title": "t",
        "publisher": {{"category": "coordinator", "name": "CISA"}},
        "tracking": {{"id": "{id}", "version": "1",
        "current_release_date": "2024-01-02T00:00:00Z"}}}},
        "product_tree": {{"branches": [{{"category": "vendor", "name": "{vendor}", "branches": [
        {{"category": "product_name", "name": "{product}", "branches": [
        {{"category": "product_version_range", "name": "{versions}",
        "product": {{"name": "x", "product_id": "P"}}}}]}}]}}]}},
        "vulnerabilities": [{{"cve": "CVE-2024-0001", {status},
        "scores": [{{"products": ["P"], "cvss_v3": {{"baseScore": 9.8,
        "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}}}],
        "remediations": [{{"category": "mitigation", "details": "Keep it off the internet."}},
        {{"category": "vendor_fix", "details": "Update to 2.0.", "product_ids": ["P"]}}]}}]}}"#
    )
}

fn advisory(vendor: &str, product: &str, versions: &str) -> Feeds {
    let text = csaf(
        "ICSMA-24-001-01",
        "csaf_security_advisory",
        vendor,
        product,
        versions,
        "",
    );
    read(&[("a.json", &text)])
}

pub(super) fn read(files: &[(&str, &str)]) -> Feeds {
    let feeds = Feeds::read_bytes(files.iter().map(|(name, text)| (*name, text.as_bytes())));
    assert_eq!(feeds.refused, []);
    assert!(
        feeds.list.iter().all(|feed| feed.rejected == 0),
        "{:?}",
        feeds.list
    );
    feeds
}

pub(super) fn tiers(feeds: &Feeds, components: &[Component]) -> Vec<Applicability> {
    let found = Matcher::new(feeds).matches(components);
    found.iter().map(|found| found.applicability).collect()
}

/// Where it must match, and how surely.
#[test]
fn positive_corpus() {
    use Applicability::*;
    for (vendor, product, versions, component, tier) in [
        (
            "Philips",
            "IntelliVue MX40 Patient Worn Monitor",
            "< B.06.18",
            device("Philips", "IntelliVue MX40", "B.06.17"),
            ExactVersionInRange,
        ),
        // A condition that traffic does not show.
        (
            "Philips",
            "IntelliVue MX40 Patient Worn Monitor (WLAN only)",
            "< B.06.18",
            device("Philips", "IntelliVue MX40", "B.06.17"),
            ModelVersionUnknown,
        ),
        (
            "Becton, Dickinson and Company (BD)",
            "Alaris 8015 PC unit",
            "<= 9.33",
            device("BD", "Alaris PC Unit Model 8015", "9.7"),
            ExactVersionInRange,
        ),
        (
            "OFFIS",
            "DCMTK",
            "< 3.6.7",
            application("offis", "dcmtk", "3.6.6"),
            ExactVersionInRange,
        ),
        (
            "OFFIS",
            "DCMTK",
            "< 3.6.7",
            application("", "dcmtk", "3.6.6"),
            ExactVersionInRange,
        ),
        (
            "OFFIS",
            "DCMTK",
            "< 3.6.7",
            application("offis", "dcmtk", ""),
            ModelVersionUnknown,
        ),
        (
            "Philips",
            "IntelliVue patient monitor MX400-MX850",
            "<=N",
            device("Philips Medical Systems", "MX800", "K.21.42"),
            ExactVersionInRange,
        ),
        (
            "GE Healthcare",
            "Innova 2000",
            "vers:all/*",
            device("GE MEDICAL SYSTEMS", "Innova 2000", ""),
            ExactVersionInRange,
        ),
        (
            "Smiths Medical",
            "Medfusion 4000 Wireless Syringe Infusion Pump",
            "1.1 | 1.6",
            device("Smiths Medical", "Medfusion 4000", "1.6"),
            KnownAffected,
        ),
        (
            "Philips",
            "Patient Information Center iX (PIC iX)",
            "B.02 | C.02 | C.03",
            application("Philips", "PIC iX", "C.02"),
            KnownAffected,
        ),
        (
            "Baxter",
            "Welch Allyn Connex Spot Monitor (CSM)",
            "<=1.52",
            device("Welch Allyn", "Connex Spot Monitor", "1.50"),
            ExactVersionInRange,
        ),
        (
            "Dräger",
            "Infinity Delta",
            "vers:all/*",
            device("Drägerwerk AG & Co. KGaA", "Infinity Delta", "VF9"),
            ExactVersionInRange,
        ),
        // A range that has another scheme, or that can't be read, is no exact match.
        (
            "B. Braun Medical",
            "SpaceStation with SpaceCom 2",
            "<= 012U000061",
            device("B. Braun", "SpaceCom", "L80"),
            ModelVersionUnknown,
        ),
        (
            "Silex Technology",
            "GEH-500",
            "<= 1.54 (integrated into GE MobileLink)",
            device("Silex Technology", "GEH-500", "1.50"),
            ModelVersionUnknown,
        ),
        // Only the family is known.
        (
            "Philips",
            "IntelliVue MX40",
            "< B.06.18",
            device("Philips", "IntelliVue", ""),
            FamilyOnly,
        ),
    ] {
        let feeds = advisory(vendor, product, versions);
        let found = tiers(&feeds, std::slice::from_ref(&component));
        assert_eq!(
            found,
            [tier],
            "{vendor} {product} {versions}: {component:?}"
        );
    }
}

/// Where it must not match.
#[test]
fn negative_corpus() {
    for (vendor, product, versions, component) in [
        // The same vendor, another product.
        (
            "Philips",
            "IntelliVue MX40",
            "< B.06.18",
            device("Philips", "IntelliVue MX800", "B.06"),
        ),
        (
            "Philips",
            "IntelliVue MX40",
            "vers:all/*",
            device("Philips", "Xcelera", "1.0"),
        ),
        (
            "GE Healthcare",
            "LOGIQ 7",
            "vers:all/*",
            device("GE Healthcare", "LOGIQ 9", ""),
        ),
        (
            "GE Healthcare",
            "Innova 2000",
            "vers:all/*",
            device("GE Healthcare", "Innova 3100", ""),
        ),
        (
            "BD",
            "Alaris 8015 PC unit",
            "<= 9.33",
            device("BD", "Alaris Systems Manager", "4.33"),
        ),
        (
            "OFFIS",
            "DCMTK",
            "< 3.6.7",
            application("offis", "dcmtk-viewer", "3.6.0"),
        ),
        (
            "Apache",
            "Tomcat",
            "< 10",
            application("apache", "http_server", "2.4.1"),
        ),
        (
            "Baxter",
            "Spectrum IQ",
            "vers:all/*",
            device("Baxter", "Sigma Spectrum", "8.0"),
        ),
        // The same word, another vendor.
        (
            "Philips",
            "Delta",
            "vers:all/*",
            device("Dräger", "Delta", "1.0"),
        ),
        (
            "Dräger",
            "Infinity Delta",
            "vers:all/*",
            device("Philips", "Infinity Delta", "1"),
        ),
        (
            "OpenClinic GA",
            "Orthanc",
            "< 2",
            application("orthanc-server", "orthanc", "1.0"),
        ),
        (
            "Contec Health",
            "CMS8000",
            "vers:all/*",
            device("Epsimed", "CMS8000", "1.0"),
        ),
        (
            "Spacelabs",
            "Windows 7",
            "vers:all/*",
            system("Windows 7", "6.1.7601"),
        ),
        // A brand of somebody else's.
        (
            "Baxter",
            "Welch Allyn Connex Spot Monitor (CSM)",
            "<=1.52",
            device("Acme", "Welch Allyn Connex Spot Monitor", "1.0"),
        ),
        // No vendor, and a name that many use.
        (
            "Philips",
            "Version",
            "<= R8.0.3",
            device("", "Version", "R8.0.1"),
        ),
        (
            "Dräger",
            "Delta XL",
            "vers:all/*",
            device("", "Delta XL", ""),
        ),
        // The version just outside.
        (
            "OFFIS",
            "DCMTK",
            "< 3.6.7",
            application("offis", "dcmtk", "3.6.7"),
        ),
        (
            "Philips",
            "IntelliVue MX40",
            "< B.06.18",
            device("Philips", "MX40", "B.06.18"),
        ),
        (
            "BD",
            "Alaris 8015 PC unit",
            "<= 9.33",
            device("BD", "Alaris 8015 PCU", "9.33.1"),
        ),
        (
            "BD",
            "Pyxis ES",
            ">= 1.3.4 | < 1.5.3",
            device("BD", "Pyxis ES", "1.3.3"),
        ),
        (
            "Smiths Medical",
            "Medfusion 4000",
            "1.1 | 1.6",
            device("Smiths Medical", "Medfusion 4000", "1.5"),
        ),
        (
            "B. Braun",
            "SpaceCom",
            "<= U61 |<= L81",
            device("B. Braun", "SpaceCom", "L82"),
        ),
        // A family's member is not another member.
        (
            "BD",
            "BD Pyxis CIISafe",
            "vers:all/*",
            device("BD", "Pyxis MedStation ES", "1.6"),
        ),
        // Nothing but noise.
        (
            "Philips",
            "System",
            "vers:all/*",
            device("Philips", "Philips", "1.0"),
        ),
    ] {
        let feeds = advisory(vendor, product, versions);
        let found = tiers(&feeds, std::slice::from_ref(&component));
        assert_eq!(found, [], "{vendor} {product} {versions}: {component:?}");
    }
}

#[test]
fn a_match_says_why_and_what_to_do() {
    let epss = "#model_version:v2025.03.14,score_date:2026-08-16T00:00:00+0000\n\
                cve,epss,percentile\nCVE-2024-0001,0.25,0.9\n";
    let kev = "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,\
               requiredAction,dueDate,knownRansomwareCampaignUse,notes,cwes\n\
               CVE-2024-0001,OFFIS,DCMTK,x,2024-02-01,x,x,2024-02-22,Known,,\n";
    let text = csaf(
        "ICSMA-24-001-01",
        "csaf_security_advisory",
        "OFFIS",
        "DCMTK",
        "< 3.6.7",
        "",
    );
    let feeds = read(&[("a.json", &text), ("epss.csv", epss), ("kev.csv", kev)]);
    let found = Matcher::new(&feeds).matches(&[application("OFFIS", "DCMTK", "3.6.6")]);
    let [found] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(found.cve.to_string(), "CVE-2024-0001");
    assert_eq!(found.evidence[0].document, "ICSMA-24-001-01");
    assert_eq!(found.evidence[0].stated, "OFFIS DCMTK < 3.6.7");
    assert_eq!(found.evidence[0].updated, "2024-01-02");
    let kev = found.in_kev.as_ref().unwrap();
    assert!(kev.ransomware && kev.due_date.to_string() == "2024-02-22");
    let epss = found.epss.as_ref().unwrap();
    assert_eq!((epss.probability, &*epss.model), (0.25, "v2025.03.14"));
    assert_eq!(&*epss.date, "2026-08-16");
    assert!(found.automatable.unwrap().yes && found.automatable.unwrap().derived);
    let remediation = found.remediation.as_ref().unwrap();
    assert_eq!(remediation.category, Category::VendorFix);
    assert_eq!(remediation.details, "Update to 2.0.");
}

#[test]
fn the_catalogue_alone_says_no_more_than_the_family() {
    let kev = "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,\
               requiredAction,dueDate,knownRansomwareCampaignUse,notes,cwes\n\
               CVE-2017-0144,Microsoft,Windows,x,2022-02-10,x,x,2022-08-10,Known,,\n\
               CVE-2023-43208,NextGen Healthcare,Mirth Connect,,2024-05-20,,,2024-06-10,Known,,\n\
               CVE-2021-41773,Apache,HTTP Server,x,2021-11-03,x,x,2021-11-17,Known,,\n";
    let feeds = read(&[("kev.csv", kev)]);
    let found = Matcher::new(&feeds).matches(&[
        system("Windows", "6.1.7601"),
        application("", "Mirth Connect", "4.0"),
        application("apache", "tomcat", "9.0"),
    ]);
    let found: Vec<_> = found
        .iter()
        .map(|found| (found.component, found.cve.to_string(), found.applicability))
        .collect();
    let family = Applicability::FamilyOnly;
    assert_eq!(
        found,
        [
            (0, "CVE-2017-0144".to_owned(), family),
            (1, "CVE-2023-43208".to_owned(), family)
        ]
    );
}

#[test]
fn a_manufacturers_word_clears_and_a_newer_one_counts() {
    let affected = csaf(
        "A-1",
        "csaf_security_advisory",
        "OFFIS",
        "DCMTK",
        "< 3.6.7",
        "",
    );
    let clear = r#""product_status": {"known_not_affected": ["P"]}"#;
    let clear = csaf("V-1", "csaf_vex", "OFFIS", "DCMTK", "3.6.6", clear);
    let dcmtk = [application("offis", "dcmtk", "3.6.6")];
    let feeds = read(&[("a.json", &affected), ("v.json", &clear)]);
    assert_eq!(tiers(&feeds, &dcmtk), [Applicability::NotAffected]);
    // It is about that version alone.
    let older = [application("offis", "dcmtk", "3.6.5")];
    assert_eq!(tiers(&feeds, &older), [Applicability::ExactVersionInRange]);
    let unknown = [application("offis", "dcmtk", "")];
    assert_eq!(
        tiers(&feeds, &unknown),
        [Applicability::ModelVersionUnknown]
    );
    // The same document, revised.
    let revised = affected
        .replace("known_affected", "fixed")
        .replace("2024-01-02", "2025-01-02");
    for order in [[&affected, &revised], [&revised, &affected]] {
        let feeds = read(&[("one.json", order[0]), ("two.json", order[1])]);
        assert_eq!(tiers(&feeds, &dcmtk), [Applicability::Fixed]);
        assert_eq!(feeds.list.iter().filter(|feed| feed.superseded).count(), 1);
    }
    let investigated = affected.replace("known_affected", "under_investigation");
    let feeds = read(&[("a.json", &investigated)]);
    let found = Matcher::new(&feeds).matches(&dcmtk);
    assert!(found[0].under_investigation);
    assert_eq!(found[0].applicability, Applicability::ExactVersionInRange);
}

#[test]
fn verdicts_of_people_count_and_expire() {
    let feeds = advisory("OFFIS", "DCMTK", "< 3.6.7");
    let dcmtk = [application("offis", "dcmtk", "3.6.6")];
    let verdicts = Verdicts::parse_toml(
        r#"
        [[verdict]]
        cve = "CVE-2024-0001"
        vendor = "OFFIS"
        product = "DCMTK"
        versions = "<= 3.6.6"
        opinion = "not_affected"
        author = "biomedical engineering"
        date = "2026-01-01"
        until = "2026-06-30"
        reason = "The vulnerable tool is not installed."
        [[verdict]]
        cve = "CVE-2024-0001"
        device = "d2"
        opinion = "affected"
        author = "security"
        date = "2025-01-01"
        reason = "Tested."
        "#,
    )
    .unwrap();
    let day = |text: &str| text.parse().unwrap();
    let apply = |device: &str, today: &str| {
        let mut found = Matcher::new(&feeds).matches(&dcmtk);
        verdicts.apply(device, &dcmtk, &mut found, day(today));
        found[0].applicability
    };
    assert_eq!(apply("d1", "2026-06-30"), Applicability::NotAffected);
    assert_eq!(
        apply("d1", "2026-07-01"),
        Applicability::ExactVersionInRange
    );
    assert_eq!(apply("d2", "2026-06-30"), Applicability::KnownAffected);
    for (broken, reason) in [
        ("[[verdict]]\ncve = \"CVE-2024-0001\"\n", "missing field"),
        ("[[verdict]]\nowner = \"x\"\n", "unknown field"),
    ] {
        let error = Verdicts::parse_toml(broken).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let nobody = r#"{"verdict": [{"cve": "CVE-2024-0001", "device": "d", "opinion": "fixed",
        "author": " ", "date": "2026-01-01", "reason": "x"}]}"#;
    let error = Verdicts::parse_json(nobody).unwrap_err().to_string();
    assert_eq!(error, "verdict 1 (CVE-2024-0001): it has no `author`");
}

#[test]
fn a_fleet_gives_what_each_device_gives() {
    let feeds = advisory("OFFIS", "DCMTK", "< 3.6.7");
    let matcher = Matcher::new(&feeds);
    let old = [
        application("offis", "dcmtk", "3.6.6"),
        system("Windows", "6.1.7601"),
    ];
    let new = [application("offis", "dcmtk", "3.6.7")];
    let devices: Vec<&[Component]> = vec![&old, &new, &[], &old];
    let found = matcher.fleet(&devices);
    for (device, found) in devices.iter().zip(&found) {
        assert_eq!(**found, matcher.matches(device)[..]);
    }
    assert!(std::sync::Arc::ptr_eq(&found[0], &found[3]));
}

#[test]
fn names_are_whole() {
    Names::parse(include_str!("../../data/names.toml")).unwrap();
    let names = Names::embedded();
    assert_eq!(names.vendors("Becton, Dickinson and Company (BD)"), ["bd"]);
    assert_eq!(
        names.vendors("Silex Technology and GE Healthcare"),
        ["gehealthcare", "silextechnology"]
    );
    assert_eq!(names.vendors("Acme Corp."), ["acme"]);
    assert_eq!(names.vendors("  "), [""; 0]);
}

/// Real advisories against components as devices show them.
#[test]
fn real_advisories_match_what_they_name() {
    let Some(folder) = std::env::var_os("MEDTAP_DATA") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder).join("feeds");
    if !folder.is_dir() {
        return;
    }
    let feeds = Feeds::read(&[folder.join("kev"), folder.join("epss"), folder.join("csaf")]);
    let feeds = feeds.unwrap();
    let matcher = Matcher::new(&feeds);
    let advisories = |component: Component| {
        let found = matcher.matches(&[component]);
        let found = found.iter().filter(|found| found.applicability.is_scored());
        let mut documents: Vec<_> = found
            .flat_map(|found| {
                found
                    .evidence
                    .iter()
                    .map(|evidence| evidence.document.clone())
            })
            .collect();
        documents.sort();
        documents.dedup();
        documents
    };
    for (component, expected) in [
        (
            application("offis", "dcmtk", "3.6.6"),
            &["ICSMA-22-174-01"][..],
        ),
        (application("offis", "dcmtk", "3.6.7"), &[]),
        (
            device("Philips", "IntelliVue MX800", "K.21.42"),
            &["ICSMA-18-156-01", "ICSMA-20-254-01"],
        ),
        (device("Philips", "IntelliVue MX800", "P.01"), &[]),
        (
            device("B. Braun", "SpaceCom", "L81"),
            &["ICSMA-17-082-02", "ICSMA-20-296-02", "ICSMA-21-294-01"],
        ),
        (
            device("Hillrom", "Connex Spot Monitor", "1.51"),
            &["ICSMA-21-152-01", "ICSMA-24-151-02"],
        ),
        (
            device("Baxter", "Welch Allyn Connex Spot Monitor", "1.52"),
            &["ICSMA-24-151-02"],
        ),
        (device("Contec Health", "CMS8000", ""), &["ICSMA-22-244-01"]),
        (
            device("Roche", "Accu-Chek Inform II", ""),
            &["ICSMA-18-310-01"],
        ),
        (
            application("MicroDicom", "DICOM Viewer", "2024.1"),
            &["ICSMA-24-163-01"],
        ),
        (device("Hamilton Medical", "HAMILTON-T1", "2.2.4"), &[]),
        (device("Acme", "IntelliVue MX800", "K.21.42"), &[]),
    ] {
        assert_eq!(advisories(component.clone()), expected, "{component:?}");
    }
}
