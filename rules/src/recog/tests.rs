use super::*;
use crate::Rules;

fn import_text(text: &str) -> Imported {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("http_servers.xml"), text).unwrap();
    import(folder.path()).expect("a list")
}

const LIST: &str = r#"<?xml version="1.0"?>
<fingerprints matches="http_header.server" protocol="http">
  <fingerprint pattern="^WardPrint[/-]([\d.]+)(?: \(([A-Z]+)\))?$" flags="REG_ICASE">
    <description>Ward printer</description>
    <example service.version="2.7" hw.product="LX">wardprint/2.7 (LX)</example>
    <example service.version="2.8">WardPrint-2.8</example>
    <param pos="0" name="hw.vendor" value="Acme"/>
    <param pos="0" name="hw.device" value="Printer"/>
    <param pos="2" name="hw.product"/>
    <param pos="1" name="service.version"/>
    <param pos="0" name="service.cpe23" value="cpe:/a:acme:wardprint:{service.version}"/>
  </fingerprint>
  <fingerprint pattern="^(?!Ward)Other">
    <description>Looks ahead</description>
    <example>Other</example>
    <param pos="0" name="hw.vendor" value="Other"/>
  </fingerprint>
  <fingerprint pattern="^Wrong$">
    <description>Its example is another</description>
    <example>Right</example>
    <param pos="0" name="hw.vendor" value="Wrong"/>
  </fingerprint>
  <fingerprint pattern="^Nothing$">
    <description>Says nothing</description>
    <example>Nothing</example>
    <param pos="0" name="service.family" value="Nothing"/>
  </fingerprint>
</fingerprints>"#;

#[test]
fn a_fingerprint_becomes_a_rule_that_proves_itself() {
    let imported = import_text(LIST);
    assert_eq!((imported.used, imported.examples), (1, 2));
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &imported.files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let rules = Rules::load(Some(folder.path())).expect("every rule holds");
    let mut said = Vec::new();
    let value = "WardPrint/3.1 (QX)";
    rules
        .matcher()
        .matches(Field::HttpServer, value, &mut |claim| {
            said.push(format!("{}={}", claim.attribute.name(), claim.value));
        });
    assert_eq!(said, ["manufacturer=Acme", "model=QX", "category=printer"]);
    let product = rules.product(RECOG_ID_MIN, value).expect("a product");
    assert_eq!(product.version.as_deref(), Some("3.1"));
}

#[test]
fn what_is_not_usable_says_why() {
    let imported = import_text(LIST);
    let reasons: Vec<&str> = imported.skipped.iter().map(|it| &*it.reason).collect();
    assert_eq!(
        reasons,
        [
            "its pattern has a look-ahead, which cannot run in bounded time",
            "its example \"Right\" does not match",
            "it says nothing of a device or its software that is kept",
        ]
    );
    let other = import_text(&LIST.replace("http_header.server", "favicon.md5"));
    assert_eq!((other.used, other.skipped.len()), (0, 4));
}

#[test]
fn a_folder_is_refused_by_what_is_wanted_of_it() {
    let said = |folder: &std::path::Path| import(folder).unwrap_err().to_string();
    let missing = said(std::path::Path::new("/no/such/lists"));
    assert!(
        missing.ends_with("a readable folder of .xml files"),
        "{missing}"
    );
    let folder = tempfile::tempdir().unwrap();
    for number in 0..=RECOG_FILES_MAX {
        std::fs::write(folder.path().join(format!("{number}.xml")), LIST).unwrap();
    }
    let many = said(folder.path());
    assert!(many.contains("more than 200 .xml files"), "{many}");
}

#[test]
fn what_is_no_list_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "<a/>",
        "<fingerprints>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><fingerprints/>",
    ] {
        std::fs::write(folder.path().join("x.xml"), text).unwrap();
        assert!(import(folder.path()).is_err(), "{text}");
    }
}

#[test]
fn patterns_are_for_the_whole_value() {
    for (source, groups, expected) in [
        ("^a$", &[][..], "a"),
        ("a", &[], ".*?a.*"),
        ("^a|b$", &[], ".*?(?:^a|b$).*"),
        (r"^(a)(?:b)[(](c\))$", &[2], r"(a)(?:b)[(](?<c2>c\))"),
        (r"^a\$", &[], r"a\$.*"),
    ] {
        assert_eq!(pattern::whole(source, groups).as_deref(), Ok(expected));
    }
}

/// The whole collection, where it is there: every example holds or its fingerprint is left out.
#[test]
fn the_collection_loads() {
    let Some(data) = std::env::var_os("MEDTAP_DATA") else {
        return;
    };
    let xml = Path::new(&data).join("knowledge/recog/xml");
    if !xml.is_dir() {
        return;
    }
    let imported = import(&xml).expect("recog");
    assert!(imported.used > 1_000, "{}", imported.used);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &imported.files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let rules = Rules::load(Some(folder.path())).expect("every rule holds");
    assert!(rules.len() > imported.used);
}

#[test]
fn fuzz_any_text() {
    bolero::check!().with_type::<String>().for_each(|text| {
        let _ = pattern::whole(text, &[1, 2]);
        let _ = file("x.xml", text, &mut Imported::default());
        let list = format!(
            "<fingerprints matches='ftp.banner'><fingerprint pattern='{text}'><example>a\
             </example><param pos='1' name='hw.vendor'/></fingerprint></fingerprints>"
        );
        let _ = file("x.xml", &list, &mut Imported::default());
    });
}
