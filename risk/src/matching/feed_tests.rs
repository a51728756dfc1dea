use super::tests::{application, device, read, system, tiers};
use super::*;

/// An NVD file of one CVE with these configurations.
fn nvd(configurations: &str) -> String {
    format!(
        r#"{{"resultsPerPage": 1, "startIndex": 0, "totalResults": 1, "format": "NVD_CVE",
        "version": "2.0", "timestamp": "2026-08-16T00:00:00.000", "vulnerabilities": [
        {{"cve": {{"id": "CVE-2017-0144", "published": "2017-03-17T00:59:04.040",
        "lastModified": "2025-04-20T01:37:25.860", "vulnStatus": "Analyzed",
        "descriptions": [{{"lang": "en", "value": "x"}}],
        "metrics": {{"cvssMetricV31": [{{"type": "Primary", "cvssData": {{"version": "3.1",
        "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 8.8}}}}]}},
        "configurations": [{configurations}]}}}}]}}"#
    )
}

/// A configuration of one node.
fn node(matches: &[String]) -> String {
    let matches = matches.join(",");
    format!(r#"{{"nodes": [{{"operator": "OR", "negate": false, "cpeMatch": [{matches}]}}]}}"#)
}

fn cpe(vulnerable: bool, name: &str, bounds: &str) -> String {
    format!(r#"{{"vulnerable": {vulnerable}, "criteria": "cpe:2.3:{name}"{bounds}}}"#)
}

#[test]
fn bounds_of_nvd() {
    let bounds = r#", "versionStartIncluding": "1.0", "versionEndExcluding": "2.0""#;
    let text = nvd(&node(&[cpe(
        true,
        "a:apache:http_server:*:*:*:*:*:*:*:*",
        bounds,
    )]));
    let feeds = read(&[("nvd.json", &text)]);
    let tier = |version: &str| tiers(&feeds, &[application("apache", "http_server", version)]);
    assert_eq!(tier("1.0"), [Applicability::ExactVersionInRange]);
    assert_eq!(tier("1.9.9"), [Applicability::ExactVersionInRange]);
    assert_eq!(tier("2.0"), []);
    assert_eq!(tier("0.9"), []);
    assert_eq!(tier(""), [Applicability::ModelVersionUnknown]);
    let found = Matcher::new(&feeds).matches(&[application("apache", "http_server", "1.5")]);
    assert_eq!(
        found[0].evidence[0].stated,
        "apache http_server >= 1.0 | < 2.0"
    );
    assert_eq!(found[0].exploit().unwrap().cve, "CVE-2017-0144");
    // A package of a distribution may be mended.
    let mut packaged = application("apache", "http_server", "1.5");
    packaged.raw = "Apache/1.5 (Debian)".to_owned();
    assert_eq!(
        tiers(&feeds, &[packaged]),
        [Applicability::OsBuildPatchUnknown]
    );
    let exact = nvd(&node(&[cpe(
        true,
        "a:openbsd:openssh:7.4:p1:*:*:*:*:*:*",
        "",
    )]));
    let feeds = read(&[("nvd.json", &exact)]);
    let tier = |version: &str| tiers(&feeds, &[application("openbsd", "openssh", version)]);
    assert_eq!(tier("7.4p1"), [Applicability::ExactVersionInRange]);
    assert_eq!(tier("7.4p2"), []);
    assert_eq!(tier("7.5"), []);
}

#[test]
fn windows_by_build_service_pack_and_revision() {
    let seven = nvd(&node(&[
        cpe(true, "o:microsoft:windows_7:-:sp1:*:*:*:*:*:*", ""),
        cpe(
            true,
            "o:microsoft:windows_server_2008:r2:sp1:*:*:*:*:x64:*",
            "",
        ),
    ]));
    let feeds = read(&[("nvd.json", &seven)]);
    let patch = Applicability::OsBuildPatchUnknown;
    assert_eq!(tiers(&feeds, &[system("Windows", "6.1.7601")]), [patch]);
    assert_eq!(tiers(&feeds, &[system("Windows 7", "")]), [patch]);
    assert_eq!(
        tiers(
            &feeds,
            &[system("Windows 7 Professional 7601 Service Pack 1", "")]
        ),
        [patch]
    );
    assert_eq!(tiers(&feeds, &[system("Windows", "6.1")]), [patch]);
    assert_eq!(
        tiers(&feeds, &[system("Windows Server 2008 R2", "6.1.7601")]),
        [patch]
    );
    for other in [
        system("Windows", "6.1.7600"),
        system("Windows", "10.0.19045"),
        system("Windows", "6.0.6002"),
        system("Windows XP", "5.1.2600"),
        system("Windows Server 2008", "6.0.6002"),
        system("Windows CE", "6.0"),
        system("Linux", "6.1.7601"),
    ] {
        assert_eq!(tiers(&feeds, std::slice::from_ref(&other)), [], "{other:?}");
    }
    let ten = nvd(&node(&[cpe(
        true,
        "o:microsoft:windows_10_1809:*:*:*:*:*:*:x64:*",
        r#", "versionEndExcluding": "10.0.17763.3165""#,
    )]));
    let feeds = read(&[("nvd.json", &ten)]);
    let exact = Applicability::ExactVersionInRange;
    assert_eq!(
        tiers(&feeds, &[system("Windows", "10.0.17763.3164")]),
        [exact]
    );
    assert_eq!(tiers(&feeds, &[system("Windows", "10.0.17763.3165")]), []);
    assert_eq!(tiers(&feeds, &[system("Windows", "10.0.17763")]), [patch]);
    assert_eq!(tiers(&feeds, &[system("Windows 10 1809", "")]), [patch]);
    // Some Windows 10, and no build: the family.
    let family = Applicability::FamilyOnly;
    assert_eq!(tiers(&feeds, &[system("Windows", "10.0")]), [family]);
    assert_eq!(tiers(&feeds, &[system("Windows 10", "")]), [family]);
    assert_eq!(
        tiers(&feeds, &[system("Windows Server 2019", "10.0.17763")]),
        []
    );
    assert_eq!(tiers(&feeds, &[system("Windows", "10.0.19045")]), []);
    // Another processor.
    let mut x86 = system("Windows", "10.0.17763");
    x86.build = Some("x86".to_owned());
    assert_eq!(tiers(&feeds, &[x86]), []);
}

#[test]
fn what_must_also_be_there() {
    let on_windows = format!(
        r#"{{"operator": "AND", "nodes": [
        {{"operator": "OR", "negate": false, "cpeMatch": [{}]}},
        {{"operator": "OR", "negate": false, "cpeMatch": [{}]}}]}}"#,
        cpe(
            true,
            "a:offis:dcmtk:*:*:*:*:*:*:*:*",
            r#", "versionEndExcluding": "3.6.7""#
        ),
        cpe(false, "o:microsoft:windows_7:-:*:*:*:*:*:*:*", "")
    );
    let feeds = read(&[("nvd.json", &nvd(&on_windows))]);
    let dcmtk = || application("offis", "dcmtk", "3.6.6");
    assert_eq!(
        tiers(&feeds, &[dcmtk(), system("Windows", "6.1.7601")]),
        [Applicability::ExactVersionInRange]
    );
    assert_eq!(
        tiers(&feeds, &[dcmtk()]),
        [Applicability::ModelVersionUnknown]
    );
    assert_eq!(
        tiers(&feeds, &[dcmtk(), system("Windows", "10.0.19045")]),
        []
    );
    // The platform alone is not vulnerable.
    assert_eq!(tiers(&feeds, &[system("Windows", "6.1.7601")]), []);
    // A firmware is there with its own hardware.
    let firmware = format!(
        r#"{{"operator": "AND", "nodes": [
        {{"operator": "OR", "negate": false, "cpeMatch": [{}]}},
        {{"operator": "OR", "negate": false, "cpeMatch": [{}]}}]}}"#,
        cpe(true, "o:contec:cms8000_firmware:*:*:*:*:*:*:*:*", ""),
        cpe(false, "h:contec:cms8000:-:*:*:*:*:*:*:*", "")
    );
    let feeds = read(&[("nvd.json", &nvd(&firmware))]);
    let monitor = [device("Contec", "CMS8000", "2.1")];
    assert_eq!(
        tiers(&feeds, &monitor),
        [Applicability::ExactVersionInRange]
    );
}

#[test]
fn software_for_another_system_is_another() {
    let text = nvd(&node(&[cpe(
        true,
        "a:samba:samba:*:*:*:*:*:android:*:*",
        "",
    )]));
    let feeds = read(&[("nvd.json", &text)]);
    let samba = || application("samba", "samba", "4.0");
    assert_eq!(
        tiers(&feeds, &[samba()]),
        [Applicability::ModelVersionUnknown]
    );
    assert_eq!(tiers(&feeds, &[samba(), system("Windows", "6.1.7601")]), []);
}

#[test]
fn an_open_end_yields_to_an_advisory_that_has_one() {
    let open = nvd(&node(&[cpe(true, "a:offis:dcmtk:*:*:*:*:*:*:*:*", "")]));
    let advisory = super::tests::csaf(
        "A-1",
        "csaf_security_advisory",
        "OFFIS",
        "DCMTK",
        "< 3.6.7",
        "",
    );
    let advisory = advisory.replace("CVE-2024-0001", "CVE-2017-0144");
    let feeds = read(&[("nvd.json", &open), ("a.json", &advisory)]);
    assert_eq!(tiers(&feeds, &[application("offis", "dcmtk", "3.6.7")]), []);
    let inside = [application("offis", "dcmtk", "3.6.6")];
    assert_eq!(tiers(&feeds, &inside), [Applicability::ExactVersionInRange]);
}

#[test]
fn cve_records_tell_products_and_decision_points() {
    let record = |rest: &str| {
        format!(
            r#"{{"dataType": "CVE_RECORD", "dataVersion": "5.1", "cveMetadata": {{
            "cveId": "CVE-2024-0001", "state": "PUBLISHED", "assignerShortName": "icscert",
            "dateUpdated": "2025-01-02T00:00:00.000Z"}}, "containers": {{"cna": {{
            "affected": [{{"vendor": "OFFIS", "product": "DCMTK", "defaultStatus": "unaffected",
            "versions": [{{"version": "0", "lessThan": "3.6.7", "status": "affected",
            "versionType": "custom"}}]}}], "descriptions": []}}, "adp": [{{"providerMetadata":
            {{"orgId": "x", "shortName": "CISA-ADP"}}, "metrics": [{{"other": {{"type": "ssvc",
            "content": {{"id": "CVE-2024-0001", "options": [{rest}], "role": "CISA Coordinator",
            "timestamp": "2025-01-03T00:00:00Z", "version": "2.0.3"}}}}}}]}}]}}}}"#
        )
    };
    let points = r#"{"Exploitation": "poc"}, {"Automatable": "yes"},
        {"Technical Impact": "partial"}"#;
    let feeds = read(&[("cve.json", &record(points))]);
    let found = Matcher::new(&feeds).matches(&[application("offis", "dcmtk", "3.6.6")]);
    assert_eq!(found[0].applicability, Applicability::ExactVersionInRange);
    assert!(found[0].automatable.unwrap().yes && !found[0].automatable.unwrap().derived);
    assert!(!found[0].total_impact.unwrap().yes);
    assert_eq!(found[0].evidence[0].publisher, "icscert");
    assert_eq!(tiers(&feeds, &[application("offis", "dcmtk", "3.6.7")]), []);
    let feeds = read(&[("cve.json", &record(r#"{"Exploitation": "perhaps"}"#))]);
    assert_eq!(feeds.list[0].skipped, 1);
    let found = Matcher::new(&feeds).matches(&[application("offis", "dcmtk", "3.6.6")]);
    assert_eq!((found[0].ssvc, found[0].automatable), (None, None));
}

#[test]
fn open_vex_clears_a_package() {
    let advisory = super::tests::csaf(
        "A-1",
        "csaf_security_advisory",
        "OFFIS",
        "DCMTK",
        "< 3.6.7",
        "",
    );
    let vex = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/1",
        "author": "OFFIS", "timestamp": "2024-05-01T00:00:00Z", "version": 1, "statements": [
        {"vulnerability": {"name": "CVE-2024-0001"}, "status": "not_affected",
         "products": [{"@id": "pkg:generic/offis/dcmtk@3.6.6"}],
         "justification": "vulnerable_code_not_present"},
        {"vulnerability": {"name": "GHSA-x"}, "status": "fixed", "products": []}]}"#;
    let feeds = read(&[("a.json", &advisory), ("v.json", vex)]);
    let tier = |version: &str| tiers(&feeds, &[application("offis", "dcmtk", version)]);
    assert_eq!(tier("3.6.6"), [Applicability::NotAffected]);
    assert_eq!(tier("3.6.5"), [Applicability::ExactVersionInRange]);
    let vex = feeds
        .list
        .iter()
        .find(|feed| feed.path == "v.json")
        .unwrap();
    assert_eq!((vex.records, vex.skipped), (1, 1));
}

#[test]
fn bills_make_components_of_a_model() {
    let cyclone = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {
        "timestamp": "2026-01-01T00:00:00Z", "supplier": {"name": "Contec Medical Systems"},
        "component": {"type": "device", "name": "CMS8000", "version": "2.1"}}, "components": [
        {"type": "library", "name": "OpenSSL", "version": "1.0.2k",
         "cpe": "cpe:2.3:a:openssl:openssl:1.0.2k:*:*:*:*:*:*:*", "components": [
         {"type": "library", "name": "zlib", "version": "1.2.8",
          "purl": "pkg:generic/zlib@1.2.8"}]},
        {"type": "operating-system", "name": "linux_kernel", "version": "4.9",
         "publisher": "linux"}]}"#;
    let spdx = r#"{"spdxVersion": "SPDX-2.3", "name": "n", "creationInfo": {
        "created": "2026-01-01T00:00:00Z"}, "documentDescribes": ["SPDXRef-1"], "packages": [
        {"SPDXID": "SPDXRef-1", "name": "Pump", "versionInfo": "1",
         "supplier": "Organization: Acme"},
        {"SPDXID": "SPDXRef-2", "name": "openssl", "versionInfo": "1.1.1n-0+deb11u4",
         "supplier": "Person: Somebody", "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER",
         "referenceType": "purl",
         "referenceLocator": "pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u4"}]}]}"#;
    let feeds = read(&[("c.json", cyclone), ("s.json", spdx)]);
    let matcher = Matcher::new(&feeds);
    let bill = matcher.bill(&device("Contec", "CMS8000", "2.1")).unwrap();
    let parts = bill.components((1, 2));
    let names: Vec<_> = parts.iter().map(|part| part.product.as_str()).collect();
    assert_eq!(names, ["linux_kernel", "openssl", "zlib"]);
    assert_eq!(parts[1].vendor.as_deref(), Some("openssl"));
    assert_eq!(
        parts[0].kind,
        crate::subject::ComponentKind::OperatingSystem
    );
    assert!(matcher.bill(&device("Contec", "CMS8000", "2.2")).is_none());
    assert!(matcher.bill(&device("Epsimed", "CMS8000", "2.1")).is_none());
    let packages = matcher
        .bill(&device("Acme", "Pump", "1"))
        .unwrap()
        .components((1, 2));
    assert_eq!(
        packages[0].vendor.as_deref(),
        Some("openssl"),
        "a person is no vendor"
    );
    let text = nvd(&node(&[cpe(
        true,
        "a:openssl:openssl:*:*:*:*:*:*:*:*",
        r#", "versionEndExcluding": "3.0""#,
    )]));
    let feeds = read(&[("nvd.json", &text)]);
    assert_eq!(
        tiers(&feeds, &packages),
        [Applicability::OsBuildPatchUnknown]
    );
}

#[test]
fn recalls_name_the_product_in_full() {
    let text = r#"{"meta": {"last_updated": "2026-08-01"}, "results": [
        {"product_res_number": "Z-1-2025", "event_date_initiated": "2025-01-02",
         "recall_status": "Open, Classified", "product_code": "FRN",
         "recalling_firm": "Philips Medical Systems", "reason_for_recall": "Alarms may stop.",
         "product_description": "IntelliVue MX40, model 865350, patient worn monitor"},
        {"recall_number": "Z-2-2025", "recall_initiation_date": "20250203", "status": "Terminated",
         "classification": "Class II", "recalling_firm": "Acme", "reason_for_recall": "x",
         "product_description": "MX40 stand"}]}"#;
    let feeds = read(&[("r.json", text)]);
    let matcher = Matcher::new(&feeds);
    let found = matcher.recalls(&device("Philips", "IntelliVue MX40", ""));
    assert_eq!(found.len(), 1);
    assert!(found[0].open && found[0].product_code.as_deref() == Some("FRN"));
    assert!(
        matcher
            .recalls(&device("Philips", "IntelliVue MX400", ""))
            .is_empty()
    );
    assert!(
        matcher
            .recalls(&device("Philips", "Monitor", ""))
            .is_empty()
    );
    assert!(
        matcher
            .recalls(&device("Dräger", "IntelliVue MX40", ""))
            .is_empty()
    );
}

#[test]
fn a_kernel_is_known_by_its_name_and_never_exactly() {
    let text = nvd(&node(&[cpe(
        true,
        "o:linux:linux_kernel:*:*:*:*:*:*:*:*",
        r#", "versionEndExcluding": "4.14""#,
    )]));
    let feeds = read(&[("nvd.json", &text)]);
    let patch = Applicability::OsBuildPatchUnknown;
    assert_eq!(tiers(&feeds, &[system("Linux", "4.9.57-v7+")]), [patch]);
    assert_eq!(tiers(&feeds, &[system("Linux", "4.14.1")]), []);
}

#[test]
fn two_publishers_may_use_one_number() {
    let one = super::tests::csaf(
        "1",
        "csaf_security_advisory",
        "OFFIS",
        "DCMTK",
        "< 3.6.7",
        "",
    );
    let other = one
        .replace("\"CISA\"", "\"Somebody\"")
        .replace("OFFIS", "Acme");
    let feeds = read(&[("one.json", &one), ("other.json", &other)]);
    assert!(feeds.list.iter().all(|feed| !feed.superseded));
}
