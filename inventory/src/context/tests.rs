use super::{ColumnMap, Named, VALUE_BYTES_MAX, decode, read};

fn map(text: &str) -> ColumnMap {
    ColumnMap::parse(text).unwrap()
}

fn plain(text: &str) -> super::Sheet {
    read(text.as_bytes(), &ColumnMap::plain()).unwrap()
}

fn reasons(sheet: &super::Sheet) -> Vec<(u64, &str)> {
    let rejected = sheet.rejected.iter();
    rejected
        .map(|row| (row.line, row.reason.as_str()))
        .collect()
}

#[test]
fn every_encoding_gives_the_same_text() {
    let text = "asset_tag;location\n1;Zürich\n";
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (marked(&[0xef, 0xbb, 0xbf], text.into()), "UTF-8"),
        (
            marked(&[0xff, 0xfe], wide(u16::to_le_bytes)),
            "UTF-16, little-endian",
        ),
        (
            marked(&[0xfe, 0xff], wide(u16::to_be_bytes)),
            "UTF-16, big-endian",
        ),
        (wide(u16::to_le_bytes), "UTF-16, little-endian"),
        (wide(u16::to_be_bytes), "UTF-16, big-endian"),
        (latin, "Windows-1252"),
    ] {
        assert_eq!(decode(&bytes), (text.to_owned(), encoding));
    }
    assert_eq!(decode(b"10\x80").0, "10€");
    assert_eq!(decode(b"").0, "");
}

#[test]
fn columns_are_found_by_the_map() {
    let map = map(
        "source = \"cmms\"\ndays = [\"%d.%m.%Y\"]\n[columns]\nasset_tag = \"Inv-Nr\"\n\
         serial_number = \"SN\"\nnext_maintenance = \"Wartung\"\nmds2_on_file = \"MDS2\"\n\
         fda_class = \"Class\"\nmac = \"MAC\"\nwarranty_until = \"Garantie\"\n",
    );
    let text = "Inv-Nr;SN;Wartung;MDS2;Class;MAC;unknown\n\
                A1;SN1;01.02.2026;ja;Class II;00-12-21-20-01-31;x\n";
    let sheet = read(text.as_bytes(), &map).unwrap();
    assert_eq!(sheet.missing, ["Garantie"]);
    let asset = &sheet.assets[0];
    assert_eq!((asset.tag.as_str(), asset.line), ("A1", 2));
    let told = [
        "serial_number",
        "next_maintenance",
        "mds2_on_file",
        "fda_class",
        "mac",
    ];
    let values = told.map(|name| asset.get(name).unwrap());
    assert_eq!(
        values,
        ["SN1", "2026-02-01", "true", "ii", "00:12:21:20:01:31"]
    );
}

#[test]
fn maps_that_make_no_sense_are_told() {
    let error = |text: &str| ColumnMap::parse(text).unwrap_err().to_string();
    assert!(error("[columns]\nserial = \"x\"\n").contains("the nearest is serial_number"));
    assert!(error("[columns]\nserial_number = \"x\"\n").contains("asset_tag is missing"));
    assert!(error("columns = 3").contains("invalid type"));
    assert!(error("[columns]\nasset_tag = \"x\"\n[other]\n").contains("other"));
    let no = read(b"a,b\n1,2\n", &ColumnMap::plain()).unwrap_err();
    assert!(
        no.contains("no column asset_tag") && no.contains("a, b"),
        "{no}"
    );
}

#[test]
fn rows_are_rejected_with_line_and_reason() {
    let long = "x".repeat(VALUE_BYTES_MAX + 1);
    let sheet = plain(&format!(
        "asset_tag,serial_number,manufacturer,next_maintenance,criticality,incidents,location\n\
         A1,SN1,Acme,2026-01-01,high,3,ICU\n\
         ,SN2,Acme,,,,\n\
         A3,SN3,Acme,soon,,,\n\
         A4,SN4,Acme,,enormous,,\n\
         A1,SN5,Acme,,,,\n\
         A6,sn1,ACME,,,,\n\
         A7,SN7,Other,,,,\n\
         A8,12345,Acme,,,,\n\
         A9,12345,Acme,,,,\n\
         A10,,,,,minus,\n\
         A11,,,,,,{long}\n\
         A12,,,,,,,,too many\n\
         ,,,,,,\n\
         A13,SN13,,,,,\"broken\nover two lines\"\n"
    ));
    let tags: Vec<&str> = sheet
        .assets
        .iter()
        .map(|asset| asset.tag.as_str())
        .collect();
    assert_eq!(
        tags,
        ["A1", "A7", "A8", "A9"],
        "placeholders are no duplicates"
    );
    assert_eq!(
        reasons(&sheet),
        [
            (3, "asset_tag: is empty"),
            (
                4,
                "next_maintenance: expected a day such as 2026-08-18, found soon"
            ),
            (
                5,
                "criticality: expected one of low, medium, high, critical, found enormous"
            ),
            (6, "asset_tag A1: line 2 has it already"),
            (7, "serial_number sn1: line 2 has it already"),
            (11, "incidents: expected a number, found minus"),
            (12, "location: longer than 1024 bytes"),
            (13, "9 cells under 7 names: a quote or delimiter is amiss"),
            (15, "location: holds characters that make no sense"),
        ]
    );
    assert_eq!(sheet.rejected_count, 9);
}

#[test]
fn guards_against_formulas_are_taken_off() {
    let sheet = plain("asset_tag,model\nA1,'=1+1\n");
    assert_eq!(sheet.assets[0].get("model"), Some("=1+1"));
}

#[test]
fn names_say_what_they_take() {
    for name in ["mac", "address", "fda_class", "implantable", "lifecycle"] {
        let named = Named::find(name).unwrap();
        assert!(named.accept("?", &[]).unwrap_err().starts_with("expected"));
    }
    let day = Named::find("purchased").unwrap();
    assert_eq!(
        day.accept("2026-08-18 00:00:00", &[]).unwrap(),
        "2026-08-18"
    );
}

#[test]
fn fuzz_read() {
    let map = ColumnMap::plain();
    bolero::check!().for_each(|bytes: &[u8]| {
        let (text, _) = decode(bytes);
        assert!(text.len() <= bytes.len() * 3 + 3);
        let _ = read(bytes, &map);
        let sheet = read(&[b"asset_tag,serial_number,mac\n", bytes].concat(), &map);
        if let Ok(sheet) = sheet {
            assert!(sheet.assets.iter().all(|asset| !asset.tag.is_empty()));
        }
        let _ = crate::people::read_places(bytes, &Default::default());
    });
}
