//! The devices of the page as data, which its own script draws: every text once, every device as
//! numbers. It holds no markup, and what it leaves out to keep the page small is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use medtap_inventory::model::{Device, Vulnerability};
use serde::Serialize;

use super::html::Html;
use super::listing::{made, software};
use super::sheet::{Sheets, TABLES};
use super::words::{Band, is_scored, spaced, unit};
use crate::render::{clean, label};

/// Devices that have a row on the page, the worst first.
pub const DEVICES_MAX: usize = 200_000;
/// Bytes of what opens under the rows, of the worst devices first: what is more has its row alone.
pub const DETAILS_BYTES_MAX: usize = 32 << 20;

/// Texts, each once, by their places. The text at place 0 is empty.
pub struct Texts {
    places: HashMap<String, u32>,
    list: Vec<String>,
    bytes: usize,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            places: HashMap::new(),
            list: Vec::new(),
            bytes: 0,
        };
        texts.put("");
        texts
    }
}

impl Texts {
    /// The place of a text.
    pub fn put(&mut self, text: &str) -> u32 {
        let text = clean(text);
        if let Some(place) = self.places.get(text.as_ref()) {
            return *place;
        }
        let place = u32::try_from(self.list.len()).unwrap_or_default();
        self.bytes += text.len();
        self.list.push(text.clone().into_owned());
        self.places.insert(text.into_owned(), place);
        place
    }
}

/// Lists of texts, each once: devices of one model have the same.
#[derive(Default)]
struct Lists {
    places: HashMap<Vec<u32>, u32>,
    list: Vec<Vec<u32>>,
}

impl Lists {
    fn put(&mut self, texts: Vec<u32>) -> u32 {
        if let Some(place) = self.places.get(&texts) {
            return *place;
        }
        let place = u32::try_from(self.list.len()).unwrap_or_default();
        self.list.push(texts.clone());
        self.places.insert(texts, place);
        place
    }
}

/// A cell of a block. Every number is the place of a text; a device is its place in the list.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// One text.
    Text(u32),
    /// Texts below each other.
    Lines(Vec<u32>),
    /// A link to a device of the list.
    Device {
        /// Its place.
        device: u32,
    },
}

/// A piece of what opens under a row: its kind, its heading, and rows of cells. The kind is the
/// name of one of [`TABLES`], or `terms`, `text`, `steps`, `points`, `hours`.
#[derive(Serialize)]
pub struct Block(pub &'static str, pub u32, pub Vec<Vec<Cell>>);

/// The rows, column by column; a number is the place of a text, unless it is said.
#[derive(Default, Serialize)]
struct Columns {
    id: Vec<u32>,
    name: Vec<u32>,
    made: Vec<u32>,
    /// Place in [`Band::ALL`].
    band: Vec<usize>,
    /// The score itself.
    score: Vec<Option<f64>>,
    class: Vec<u32>,
    kind: Vec<u32>,
    unit: Vec<u32>,
    address: Vec<u32>,
    /// Its place among all addresses.
    address_order: Vec<Option<u32>>,
    software: Vec<u32>,
    /// Lists of titles.
    findings: Vec<u32>,
    vulnerabilities: Vec<u32>,
    /// How many, the exploited first.
    vulnerabilities_order: Vec<u64>,
    /// Lists of CVEs.
    cves: Vec<u32>,
    /// Seconds since 1970.
    seen: Vec<Option<u64>>,
}

/// The data of the page.
pub struct Data {
    texts: Texts,
    lists: Lists,
    columns: Columns,
    /// In JSON already: that tells their size.
    details: Vec<String>,
}

impl Data {
    /// Devices in their order, with so many bytes of details. `looked`: vulnerabilities were looked
    /// for.
    pub fn new(devices: &[&Device], sheets: &Sheets<'_>, looked: bool, bytes_max: usize) -> Self {
        let mut data = Self {
            texts: Texts::default(),
            lists: Lists::default(),
            columns: Columns::default(),
            details: Vec::new(),
        };
        let devices = devices.get(..DEVICES_MAX).unwrap_or(devices);
        for device in devices {
            data.row(device, looked);
        }
        data.columns.address_order = address_order(devices);
        let before = data.texts.bytes;
        let mut bytes = 0;
        for device in devices {
            let blocks = sheets.blocks(&mut data.texts, device);
            let detail = json(&blocks);
            bytes += detail.len();
            if bytes + data.texts.bytes - before > bytes_max {
                break;
            }
            data.details.push(detail);
        }
        data
    }

    /// Devices that have everything that is known of them.
    pub fn whole(&self) -> usize {
        self.details.len()
    }

    /// Devices that have a row.
    pub fn rows(&self) -> usize {
        self.columns.id.len()
    }

    fn row(&mut self, device: &Device, looked: bool) {
        let (texts, lists, columns) = (&mut self.texts, &mut self.lists, &mut self.columns);
        let name = label(device);
        columns.id.push(texts.put(&device.id));
        columns.name.push(texts.put(&name));
        let made = made(device);
        let made = if made == name { "" } else { &made };
        columns.made.push(texts.put(made));
        let band = Band::of(&device.risk);
        let place = Band::ALL.iter().position(|other| *other == band);
        columns.band.push(place.unwrap_or(Band::ALL.len() - 1));
        let score = device.risk.score.filter(|_| device.risk.assessed);
        columns.score.push(score);
        columns.class.push(texts.put(device.class));
        columns.kind.push(texts.put(&spaced(device.category)));
        columns.unit.push(texts.put(&unit(device)));
        columns.address.push(texts.put(&address(device)));
        columns.software.push(texts.put(&software(device)));
        let titles = device.findings.iter().map(|one| texts.put(&one.title));
        columns.findings.push(lists.put(titles.collect()));
        let (text, order) = vulnerabilities(device, looked);
        columns.vulnerabilities.push(texts.put(&text));
        columns.vulnerabilities_order.push(order);
        let cves: BTreeSet<&str> = cves(device, &|_| true);
        let cves = cves.into_iter().map(|cve| texts.put(cve));
        columns.cves.push(lists.put(cves.collect()));
        let seen = device.last_seen.map(|time| time.0 / 1_000_000_000);
        columns.seen.push(seen);
    }

    /// Writes it for the script to read.
    pub fn write(&self, html: &mut Html) {
        html.raw("<script type=\"application/json\" id=\"data\">\n{\"texts\": ");
        html.json(&json(&self.texts.list)).raw(",\n\"lists\": ");
        html.json(&json(&self.lists.list)).raw(",\n\"columns\": ");
        html.json(&json(&self.columns)).raw(",\n\"bands\": ");
        let bands = Band::ALL.map(|band| (band.class(), band.label()));
        html.json(&json(&bands)).raw(",\n\"tables\": ");
        let tables: BTreeMap<_, _> = TABLES.iter().copied().collect();
        html.json(&json(&tables)).raw(",\n\"details\": [");
        for (place, detail) in self.details.iter().enumerate() {
            html.raw(if place == 0 { "\n" } else { ",\n" });
            html.json(detail);
        }
        html.raw("]}\n</script>\n");
    }
}

/// Texts, numbers and lists of them: nothing that JSON can't say.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// The first address, or what stands for it.
fn address(device: &Device) -> String {
    let mut text = match device.addresses.first() {
        Some(address) => address.to_string(),
        None if !device.reported_by.is_empty() => "behind a gateway".to_owned(),
        None => device.macs.first().cloned().unwrap_or_default(),
    };
    if device.addresses.len() > 1 {
        text.push_str(&format!(" +{}", device.addresses.len() - 1));
    }
    text
}

/// The places of the first addresses among all: sorted as numbers are, not as digits.
fn address_order(devices: &[&Device]) -> Vec<Option<u32>> {
    let first = devices.iter().map(|device| device.addresses.first());
    let first: Vec<Option<&IpAddr>> = first.collect();
    let mut all: Vec<&IpAddr> = first.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    let place = |address: &IpAddr| all.binary_search(&address).ok();
    let order = first.into_iter().map(|address| place(address?));
    order
        .map(|place| place.and_then(|place| u32::try_from(place).ok()))
        .collect()
}

fn cves<'a>(device: &'a Device, test: &dyn Fn(&Vulnerability) -> bool) -> BTreeSet<&'a str> {
    let listed = device.vulnerabilities.iter().filter(|one| test(one));
    listed.map(|one| one.cve.as_str()).collect()
}

/// How many vulnerabilities it may have, and what that sorts by.
fn vulnerabilities(device: &Device, looked: bool) -> (String, u64) {
    let number = |test: &dyn Fn(&Vulnerability) -> bool| cves(device, test).len() as u64;
    let scored = number(&is_scored);
    let exploited = number(&|one| is_scored(one) && one.in_kev);
    let all = number(&|_| true);
    let order = exploited * 1_000_000_000 + scored * 10_000 + all;
    let mut text = match (scored, exploited) {
        (0, _) if !looked => "not looked for".to_owned(),
        (0, _) => "none matched".to_owned(),
        (scored, 0) => scored.to_string(),
        (scored, exploited) => format!("{scored}, {exploited} exploited"),
    };
    if all > scored {
        text.push_str(&format!("; {} of the family", all - scored));
    }
    (text, order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_once_and_harmless() {
        let mut texts = Texts::default();
        assert_eq!(texts.put(""), 0);
        let place = texts.put("a\u{202e}b");
        assert_eq!(texts.put("a\u{202e}b"), place);
        assert_eq!(texts.list, ["", "a\\u{202e}b"]);
    }

    /// What does not fit is left out whole, the devices of the lowest risk first.
    #[test]
    fn details_end_with_their_room() {
        use crate::render::samples;
        let inventory = samples::assessed();
        let devices: Vec<&Device> = inventory.devices.iter().collect();
        let rules = medtap_rules::Rules::load(None).unwrap();
        let sheets = Sheets::new(&devices, &rules);
        let of = |bytes_max| Data::new(&devices, &sheets, true, bytes_max);
        let all = of(DETAILS_BYTES_MAX);
        assert_eq!((all.rows(), all.whole()), (4, 4));
        let mut rooms = (0..20_000).step_by(200).map(of);
        let few = rooms.find(|data| data.whole() > 0).unwrap();
        assert_eq!((few.rows(), few.whole()), (4, 1));
        assert!(rooms.any(|data| data.whole() == 4));
        let mut html = Html::default();
        few.write(&mut html);
        let page = html.finish();
        let json = page.split_once("\">\n").unwrap().1;
        let json = json.split_once("\n</script>").unwrap().0;
        let data: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(data["details"].as_array().unwrap().len(), few.whole());
        for (name, column) in data["columns"].as_object().unwrap() {
            assert_eq!(column.as_array().unwrap().len(), 4, "{name}");
        }
    }

    #[test]
    fn addresses_have_the_order_of_numbers() {
        use crate::render::samples;
        let addresses = ["10.0.0.10", "10.0.0.9", "2001:db8::1", "10.0.0.9"];
        let devices = addresses.map(|address| {
            let mut device = samples::scanner();
            device.addresses = vec![address.parse().unwrap()];
            device
        });
        let mut devices: Vec<&Device> = devices.iter().collect();
        let mut unknown = samples::scanner();
        unknown.addresses.clear();
        devices.push(&unknown);
        let order = address_order(&devices);
        assert_eq!(order, [Some(1), Some(0), Some(2), Some(0), None]);
    }
}
