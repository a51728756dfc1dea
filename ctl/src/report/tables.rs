//! The report as tables of plain cells: for workbooks and comma-separated files. It leaves
//! nothing out and folds nothing.

use medtap_inventory::model::{Device, Inventory};
use medtap_risk::compliance::Pack;
use medtap_risk::date::day;
use medtap_risk::work::Item;

use super::judged;
use super::words::{Band, unit};
use crate::assess::{Assessed, compliance, tasks};
use crate::render::{self, Cell, Grid, csv, label};

/// Every table of the report; `devices` are in the report's order.
pub fn all(inventory: &Inventory, devices: &[&Device], assessed: Option<&Assessed>) -> Vec<Grid> {
    let mut tables = vec![
        listing(devices),
        findings(devices),
        vulnerabilities(devices),
        drivers(devices),
        not_assessed(devices),
        coverage(inventory),
    ];
    if let Some(assessed) = assessed {
        let items = assessed.work();
        let items: Vec<&Item> = items.iter().collect();
        tables.push(tasks::list_of(&items, None, day(assessed.as_of)));
        tables.push(tasks::tasks(&items, None, day(assessed.as_of)));
        let reports = assessed.compliance(&Pack::embedded(), judged::window(inventory));
        tables.push(compliance::grid(&reports));
        tables.push(crate::feeds::grid(&assessed.basis.feeds.list));
    }
    tables
}

/// One row a device, as `--output csv` has them.
fn listing(devices: &[&Device]) -> Grid {
    let cell = |column: &csv::Column, device: &Device| {
        let text = column.cell(device);
        match column.is_number() {
            true => Cell::from(text.parse::<f64>().ok()),
            false if text.is_empty() => Cell::Empty,
            false => Cell::Text(text),
        }
    };
    let row = |device: &&Device| {
        let cells = csv::COLUMNS.iter().map(|column| cell(column, device));
        cells.collect()
    };
    Grid {
        name: "devices",
        columns: csv::COLUMNS.iter().map(|column| column.name).collect(),
        rows: devices.iter().map(row).collect(),
    }
}

fn findings(devices: &[&Device]) -> Grid {
    let of = |device: &&Device| {
        let (id, name) = (device.id.clone(), label(device));
        let findings = device.findings.iter().map(move |finding| {
            vec![
                id.clone().into(),
                name.clone().into(),
                finding.id.as_str().into(),
                finding.title.as_str().into(),
                f64::from(finding.confidence).into(),
                finding.weight.into(),
                finding.evidence.as_str().into(),
                finding.first_seen.into(),
                finding.last_seen.into(),
            ]
        });
        findings.collect::<Vec<_>>()
    };
    Grid {
        name: "findings",
        columns: vec![
            "device_id",
            "device",
            "finding",
            "title",
            "confidence",
            "weight",
            "evidence",
            "first_seen",
            "last_seen",
        ],
        rows: devices.iter().flat_map(of).collect(),
    }
}

fn vulnerabilities(devices: &[&Device]) -> Grid {
    let of = |device: &&Device| {
        let (id, name) = (device.id.clone(), label(device));
        let listed = device.vulnerabilities.iter().map(move |vulnerability| {
            vec![
                id.clone().into(),
                name.clone().into(),
                vulnerability.cve.as_str().into(),
                vulnerability.component.as_str().into(),
                vulnerability.applicability.as_str().into(),
                vulnerability.matched.as_str().into(),
                vulnerability.in_kev.into(),
                vulnerability.epss.into(),
                vulnerability.epss_model.as_deref().into(),
                vulnerability.bod_26_04.as_deref().into(),
                vulnerability.ssvc.as_deref().into(),
                vulnerability.remediation.as_deref().into(),
            ]
        });
        listed.collect::<Vec<_>>()
    };
    Grid {
        name: "vulnerabilities",
        columns: vec![
            "device_id",
            "device",
            "cve",
            "component",
            "applicability",
            "match",
            "in_kev",
            "epss",
            "epss_model",
            "bod_26_04",
            "ssvc",
            "remediation",
        ],
        rows: devices.iter().flat_map(of).collect(),
    }
}

fn drivers(devices: &[&Device]) -> Grid {
    let of = |device: &&Device| {
        let (id, name) = (device.id.clone(), label(device));
        let drivers = device.risk.drivers.iter().map(move |driver| {
            vec![
                id.clone().into(),
                name.clone().into(),
                driver.name.as_str().into(),
                driver.effect.into(),
            ]
        });
        drivers.collect::<Vec<_>>()
    };
    Grid {
        name: "drivers",
        columns: vec!["device_id", "device", "driver", "points"],
        rows: devices.iter().flat_map(of).collect(),
    }
}

fn not_assessed(devices: &[&Device]) -> Grid {
    let invisible = devices
        .iter()
        .filter(|device| Band::of(&device.risk) == Band::NotAssessed);
    let row = |device: &&Device| {
        let packets = device.packets_sent.saturating_add(device.packets_received);
        vec![
            device.id.as_str().into(),
            label(device).into(),
            device.category.into(),
            unit(device).into(),
            device.risk.high.into(),
            packets.into(),
        ]
    };
    Grid {
        name: "not_assessed",
        columns: vec![
            "device_id",
            "device",
            "category",
            "unit",
            "score_high",
            "packets_seen",
        ],
        rows: invisible.map(row).collect(),
    }
}

fn coverage(inventory: &Inventory) -> Grid {
    let (source, coverage) = (&inventory.source, &inventory.coverage);
    let mut rows: Vec<Vec<Cell>> = vec![
        vec!["as_of".into(), inventory.as_of.into()],
        vec!["first_seen".into(), source.first_seen.into()],
        vec!["last_seen".into(), source.last_seen.into()],
        vec!["partial".into(), inventory.partial.into()],
    ];
    for (name, number) in [
        ("files", source.files),
        ("packets", source.packets),
        ("bytes", source.bytes),
        ("malformed", source.malformed),
        ("truncated", source.truncated),
        ("duplicates", source.duplicates),
        ("limits_hit", source.limits_hit),
        ("one_way_flows", coverage.one_way_flows),
        ("encrypted_flows", coverage.encrypted_flows),
        ("unknown_flows", coverage.unknown_flows),
    ] {
        rows.push(vec![name.into(), number.into()]);
    }
    for (name, share) in &coverage.attributes {
        let name = format!("share of devices with {}", render::clean(name));
        rows.push(vec![name.into(), (*share).into()]);
    }
    Grid {
        name: "coverage",
        columns: vec!["what", "value"],
        rows,
    }
}
