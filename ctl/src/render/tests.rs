//! What people see, character for character, of devices made by hand.

use medtap_inventory::model::{Provenance, Recognised};
use medtap_inventory::{Join, Reason};
use medtap_rules::Rules;

use super::samples::expect;
use super::*;

const PLAIN: Look = Look {
    width: 100,
    colour: false,
};

fn listing(inventory: &Inventory) -> Listing<'_> {
    Listing {
        inventory,
        devices: inventory.devices.iter().collect(),
        limits: Vec::new(),
    }
}

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn table(width: usize, extent: table::Extent) -> String {
    let inventory = samples::inventory();
    let look = Look { width, ..PLAIN };
    text(|out| table::write(&listing(&inventory), extent, look, out))
}

#[test]
fn tables() {
    expect("table_100.txt", &table(100, table::Extent::Fitting));
    expect("table_60.txt", &table(60, table::Extent::Fitting));
    expect("table_200.txt", &table(200, table::Extent::Fitting));
    expect("wide.txt", &table(60, table::Extent::Everything));
}

#[test]
fn a_fitting_table_fits() {
    for columns in 40..220 {
        let table = table(columns, table::Extent::Fitting);
        let rows = table.lines().take_while(|line| !line.is_empty());
        for row in rows {
            assert!(text::width(row) <= columns, "{columns}: {row}");
        }
    }
}

#[test]
fn page() {
    let mut inventory = samples::inventory();
    let rules = Rules::load(None).unwrap();
    // Of what rules recognise, an attribute's source is told with it, the rest apart.
    let scanner = &mut inventory.devices[0];
    let model = scanner
        .attributes
        .get_mut("model")
        .unwrap()
        .as_mut()
        .unwrap();
    let mut source = model.sources[0].clone();
    source.rule = 661_002;
    model.sources.push(source.clone());
    for (field, raw) in [
        (source.field, source.raw.as_str()),
        ("mysql.version", "8.0.36"),
    ] {
        scanner.recognised.push(Recognised {
            source: Provenance {
                field,
                raw: raw.to_owned(),
                ..source
            },
            confidence: 90,
        });
    }
    let joins = [Join {
        device: inventory.devices[0].id.clone(),
        reason: Reason::Serial,
        key: "acme sn-0042".to_owned(),
    }];
    let mut pages = String::new();
    for device in &inventory.devices {
        let page = Page {
            device,
            inventory: &inventory,
            joins: &joins,
            rules: &rules,
        };
        pages.push_str(&text(|out| device::write(&page, PLAIN, out)));
        pages.push('\n');
    }
    expect("device.txt", &pages);
}

#[test]
fn what_is_missing_is_said() {
    let mut inventory = samples::inventory();
    inventory.partial = true;
    inventory.source.limits_hit = 1_005;
    let mut listing = listing(&inventory);
    listing.devices.truncate(1);
    listing.limits = vec![
        (Counter::FlowsRefused, 1_000),
        (Counter::SubjectsRefused, 5),
    ];
    expect(
        "summary.txt",
        &text(|out| summary::write(&listing, PLAIN, out)),
    );
}

#[test]
fn json_and_csv() {
    let inventory = samples::inventory();
    let listing = listing(&inventory);
    let json = text(|out| json::document(&listing, out));
    // With every device shown, the document is the inventory itself.
    let whole = serde_json::to_value(&inventory).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap(),
        whole
    );
    expect("devices.json", &json);
    expect(
        "devices.csv",
        &text(|out| csv::write(&listing.devices, out)),
    );
}

/// Nothing that a terminal obeys comes out, but for our own bold where there is colour.
#[test]
fn nothing_from_the_wire_reaches_the_terminal() {
    let inventory = samples::inventory();
    let rules = Rules::load(None).unwrap();
    let mut all = table(100, table::Extent::Fitting);
    all.push_str(&table(100, table::Extent::Everything));
    let listing = listing(&inventory);
    all.push_str(&text(|out| json::document(&listing, out)));
    all.push_str(&text(|out| csv::write(&listing.devices, out)));
    for device in &inventory.devices {
        let page = Page {
            device,
            inventory: &inventory,
            joins: &[],
            rules: &rules,
        };
        all.push_str(&text(|out| device::write(&page, PLAIN, out)));
    }
    assert!(!all.contains(|c| c != '\n' && text::is_obeyed(c)));
    let bold = Look {
        colour: true,
        ..PLAIN
    };
    let coloured = text(|out| table::write(&listing, table::Extent::Fitting, bold, out));
    let ours = coloured.replace("\x1b[1m", "").replace("\x1b[0m", "");
    assert!(coloured.len() > ours.len());
    assert!(!ours.contains('\x1b'));
}
