//! Everything about one device, as it opens under its row: what it is and who says so, what is
//! wrong, what it does, with whom, and what nobody knows of it. It writes blocks of texts, which
//! the page's script draws.

use std::collections::HashMap;

use medtap_inventory::model::{AttributeValue, Device, Provenance, Vulnerability};
use medtap_rules::Rules;
use medtap_table::vocabulary::Attribute;

use super::data::{Block, Cell, DEVICES_MAX, Texts};
use super::heat;
use super::words::{Band, is_scored, spaced};
use crate::render::{bytes, count, label, period, several};

/// Peers that are listed, those with the most bytes first; the rest is a number.
const PEERS_MAX: usize = 25;
/// Vulnerabilities that are listed, the worst first; the rest is a number.
const VULNERABILITIES_MAX: usize = 200;

/// The tables of blocks: headings, each with what its cells are: `notes` are small but for the
/// first, and a `code` stays on one line.
pub const TABLES: &[(&str, &[(&str, &str)])] = &[
    (
        "findings",
        &[
            ("Finding", "text"),
            ("Sure", "number"),
            ("Evidence", "text"),
            ("Seen", "text"),
        ],
    ),
    (
        "vulnerabilities",
        &[
            ("CVE", "code"),
            ("Component", "text"),
            ("Applies", "notes"),
            ("Exploited", "text"),
            ("BOD 26-04 clock", "text"),
            ("SSVC", "code"),
            ("What the manufacturer says", "text"),
        ],
    ),
    (
        "attributes",
        &[
            ("What", "text"),
            ("Value", "text"),
            ("Sure", "number"),
            ("Read from", "text"),
        ],
    ),
    (
        "protocols",
        &[
            ("Protocol", "text"),
            ("Role", "text"),
            ("Port", "text"),
            ("Encrypted", "text"),
        ],
    ),
    (
        "peers",
        &[("Device", "text"), ("Speaks", "text"), ("Volume", "number")],
    ),
];

/// What is needed to explain any device.
pub struct Sheets<'a> {
    /// Devices by id, with their places: peers are called by their names.
    names: HashMap<&'a str, (usize, &'a Device)>,
    /// The rules, for their names.
    rules: &'a Rules,
}

impl<'a> Sheets<'a> {
    /// Devices in the order of the page.
    pub fn new(devices: &[&'a Device], rules: &'a Rules) -> Self {
        let placed = devices.iter().copied().enumerate();
        Self {
            names: placed
                .map(|(place, device)| (device.id.as_str(), (place, device)))
                .collect(),
            rules,
        }
    }

    /// What is known of a device: two columns, what needs the whole width, two columns.
    pub fn blocks(&self, texts: &mut Texts, device: &Device) -> [Vec<Block>; 5] {
        let mut wide = findings(texts, device);
        wide.extend(vulnerabilities(texts, device));
        wide.extend(self.attributes(texts, device));
        let mut left = protocols(texts, device);
        left.extend(activity(texts, device));
        [
            vec![self.identity(texts, device)],
            risk(texts, device),
            wide,
            left,
            self.peers(texts, device),
        ]
    }

    fn identity(&self, texts: &mut Texts, device: &Device) -> Block {
        let sure = match device.category_confidence {
            0 => String::new(),
            sure => format!(", {sure} % sure"),
        };
        let (kind, class) = (spaced(device.category), spaced(device.class));
        let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
        let vlans: Vec<String> = device.vlans.iter().map(u16::to_string).collect();
        let by: Vec<String> = (device.reported_by.iter())
            .map(|id| self.called(id))
            .collect();
        let seen = device.first_seen.zip(device.last_seen);
        let traffic = |packets, sum| format!("{}, {}", several(packets, "packet"), bytes(sum));
        let told = [
            ("Kind", format!("{kind} ({class}){sure}")),
            ("Identifier", device.id.clone()),
            ("MAC address", device.macs.join(", ")),
            ("IP address", addresses.join(", ")),
            ("VLAN", vlans.join(", ")),
            ("Reported by", by.join(", ")),
            (
                "Seen",
                seen.map_or_else(String::new, |(first, last)| period(first, last)),
            ),
            ("Sent", traffic(device.packets_sent, device.bytes_sent)),
            (
                "Received",
                traffic(device.packets_received, device.bytes_received),
            ),
        ];
        terms(texts, "Identity", &told)
    }

    fn attributes(&self, texts: &mut Texts, device: &Device) -> Vec<Block> {
        let mut unknown = Vec::new();
        let mut rows = Vec::new();
        for attribute in Attribute::SHOWN {
            let name = attribute.name();
            match device.attributes.get(name) {
                Some(Some(value)) => self.attribute(texts, &spaced(name), value, &mut rows),
                _ => unknown.push(spaced(name)),
            }
        }
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let title = texts.put("What is known, and where it was read");
            blocks.push(Block("attributes", title, rows));
        }
        if !unknown.is_empty() {
            let text = format!("Not known: {}", unknown.join(", "));
            blocks.push(paragraph(texts, &text));
        }
        blocks
    }

    fn attribute(
        &self,
        texts: &mut Texts,
        name: &str,
        value: &AttributeValue,
        rows: &mut Vec<Vec<Cell>>,
    ) {
        rows.push(self.reading(texts, name, &value.value, value.confidence, &value.sources));
        for other in &value.conflicts {
            let (value, sure) = (&other.value, other.confidence);
            rows.push(self.reading(texts, "but also", value, sure, &other.sources));
        }
    }

    fn reading(
        &self,
        texts: &mut Texts,
        name: &str,
        value: &str,
        confidence: u8,
        sources: &[Provenance],
    ) -> Vec<Cell> {
        let sources = sources.iter().map(|source| {
            let mut text = source.field.to_owned();
            if source.raw != value && !source.raw.is_empty() {
                text.push_str(&format!(" \"{}\"", source.raw));
            }
            if source.rule != 0 {
                let name = self.rules.name(source.rule).unwrap_or("not in these rules");
                text.push_str(&format!(", rule {}: {name}", source.rule));
            }
            let times = several(source.count, "time");
            let seen = period(source.first_seen, source.last_seen);
            texts.put(&format!("{text}, {times}, {seen}"))
        });
        let sources = sources.collect();
        vec![
            cell(texts, name),
            cell(texts, value),
            cell(texts, &format!("{confidence} %")),
            Cell::Lines(sources),
        ]
    }

    fn peers(&self, texts: &mut Texts, device: &Device) -> Vec<Block> {
        if device.peers.is_empty() {
            return Vec::new();
        }
        let mut peers: Vec<_> = device.peers.iter().collect();
        peers.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.id.cmp(&b.id)));
        let rows = peers.iter().take(PEERS_MAX).map(|peer| {
            let listed = self.names.get(peer.id.as_str()).map(|(place, _)| *place);
            let listed = listed.filter(|place| *place < DEVICES_MAX);
            let name = match listed.and_then(|place| u32::try_from(place).ok()) {
                Some(device) => Cell::Device { device },
                None => cell(texts, &self.called(peer.id.as_str())),
            };
            let protocols = match peer.protocols.as_slice() {
                [] => "not recognised".to_owned(),
                protocols => protocols.join(", "),
            };
            vec![
                name,
                cell(texts, &protocols),
                cell(texts, &bytes(peer.bytes)),
            ]
        });
        let rows = rows.collect();
        let mut blocks = vec![Block("peers", texts.put("With whom"), rows)];
        let more = peers.len().saturating_sub(PEERS_MAX);
        if more > 0 {
            let text = format!("and {} more", count(more as u64));
            blocks.push(paragraph(texts, &text));
        }
        blocks
    }

    /// What a person would call the device with this id, and where it is.
    pub fn called(&self, id: &str) -> String {
        let Some((_, device)) = self.names.get(id) else {
            return format!("a device that is not listed ({id})");
        };
        let mut text = label(device);
        if let Some(address) = device.addresses.first().map(ToString::to_string)
            && address != text
        {
            text.push_str(&format!(" ({address})"));
        }
        text
    }
}

fn cell(texts: &mut Texts, text: &str) -> Cell {
    Cell::Text(texts.put(text))
}

fn paragraph(texts: &mut Texts, text: &str) -> Block {
    Block("text", 0, vec![vec![cell(texts, text)]])
}

/// A list of terms, where there is something to say of them.
fn terms(texts: &mut Texts, title: &str, told: &[(&str, String)]) -> Block {
    let told = told.iter().filter(|(_, text)| !text.is_empty());
    let rows = told.map(|(name, text)| vec![cell(texts, name), cell(texts, text)]);
    let rows = rows.collect();
    Block("terms", texts.put(title), rows)
}

fn risk(texts: &mut Texts, device: &Device) -> Vec<Block> {
    let risk = &device.risk;
    let number = |value: Option<f64>| value.map_or("not known".to_owned(), |v| format!("{v:.0}"));
    let (true, Some(score)) = (risk.assessed, risk.score) else {
        let mut text =
            "Not assessed: too little is known or was seen of it. That is not safe.".to_owned();
        if let Some(high) = risk.high {
            text.push_str(&format!(" It could be as high as {high:.0} of 100."));
        }
        let row = vec![cell(texts, &text)];
        return vec![Block("text", texts.put("Risk"), vec![row])];
    };
    let impact = &risk.impact;
    let grade = |value: Option<f64>| {
        value.map_or("not known".to_owned(), |value| format!("{value:.1} of 10"))
    };
    let range = format!(
        "{} if only what is certain counts, {} if everything possible does",
        number(risk.low),
        number(risk.high)
    );
    let likelihood = risk.likelihood.map(|index| format!("{index:.2}"));
    let told = [
        (
            "Score",
            format!("{score:.0} of 100: {}", Band::of(risk).label()),
        ),
        ("Range", range),
        ("Patient safety", grade(impact.safety)),
        ("Care depends on it", grade(impact.effectiveness)),
        ("Patient data", grade(impact.data)),
        ("Likelihood index", likelihood.unwrap_or_default()),
    ];
    let mut blocks = vec![terms(texts, "Risk", &told)];
    if !risk.drivers.is_empty() {
        let drivers = risk.drivers.iter().map(|driver| {
            let text = format!("{}: {:.0} points of the score", driver.name, driver.effect);
            vec![cell(texts, &text)]
        });
        let drivers = drivers.collect();
        blocks.push(Block("steps", texts.put("What drives it"), drivers));
    }
    blocks
}

fn findings(texts: &mut Texts, device: &Device) -> Vec<Block> {
    if device.findings.is_empty() {
        return Vec::new();
    }
    let rows = device.findings.iter().map(|finding| {
        let seen = finding.first_seen.zip(finding.last_seen);
        let seen = seen.map(|(first, last)| period(first, last));
        vec![
            cell(texts, &finding.title),
            cell(texts, &format!("{} %", finding.confidence)),
            cell(texts, &finding.evidence),
            cell(texts, seen.as_deref().unwrap_or("not known")),
        ]
    });
    let rows = rows.collect();
    vec![Block("findings", texts.put("Findings"), rows)]
}

fn vulnerabilities(texts: &mut Texts, device: &Device) -> Vec<Block> {
    if device.vulnerabilities.is_empty() {
        return Vec::new();
    }
    let mut listed: Vec<_> = device.vulnerabilities.iter().collect();
    listed.sort_by(|a, b| {
        let chance = |v: &Vulnerability| v.epss.unwrap_or(0.0);
        let by_tier = is_scored(b).cmp(&is_scored(a));
        by_tier
            .then(b.in_kev.cmp(&a.in_kev))
            .then(chance(b).total_cmp(&chance(a)))
            .then(a.cve.cmp(&b.cve))
            .then(a.component.cmp(&b.component))
    });
    let rows = listed.iter().take(VULNERABILITIES_MAX);
    let rows = rows.map(|one| vulnerability(texts, one)).collect();
    let title = texts.put("Known vulnerabilities that may apply");
    let mut blocks = vec![Block("vulnerabilities", title, rows)];
    let more = listed.len().saturating_sub(VULNERABILITIES_MAX);
    if more > 0 {
        let text = format!("and {} more; the JSON has all", count(more as u64));
        blocks.push(paragraph(texts, &text));
    }
    blocks
}

fn vulnerability(texts: &mut Texts, one: &Vulnerability) -> Vec<Cell> {
    let epss = one.epss.map(|epss| format!("EPSS {:.2} %", epss * 100.0));
    let exploited = match (one.in_kev, epss) {
        (true, Some(epss)) => format!("yes (KEV); {epss}"),
        (true, None) => "yes (KEV)".to_owned(),
        (false, Some(epss)) => epss,
        (false, None) => "not known".to_owned(),
    };
    // Its pieces are the same on many devices.
    let mut applies = vec![texts.put(&spaced(&one.applicability))];
    applies.extend(one.matched.split("; ").map(|piece| texts.put(piece)));
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "not known".to_owned());
    let remedy = said(&one.remediation);
    let remedy = match remedy.split_once(": ") {
        Some((kind, words)) => format!("{}: {words}", spaced(kind)),
        None => remedy,
    };
    vec![
        cell(texts, &one.cve),
        cell(texts, &one.component),
        Cell::Lines(applies),
        cell(texts, &exploited),
        cell(texts, &said(&one.bod_26_04)),
        cell(texts, &said(&one.ssvc)),
        cell(texts, &remedy),
    ]
}

fn protocols(texts: &mut Texts, device: &Device) -> Vec<Block> {
    if device.protocols.is_empty() {
        return Vec::new();
    }
    let rows = device.protocols.iter().map(|protocol| {
        let port = protocol.port.map_or(String::new(), |port| port.to_string());
        vec![
            cell(texts, protocol.name),
            cell(texts, protocol.role),
            cell(texts, &port),
            cell(texts, if protocol.encrypted { "yes" } else { "no" }),
        ]
    });
    let rows = rows.collect();
    vec![Block("protocols", texts.put("What it speaks"), rows)]
}

fn activity(texts: &mut Texts, device: &Device) -> Vec<Block> {
    if device.activity.is_empty() {
        return Vec::new();
    }
    let points = device.activity.iter().map(|(event, activity)| {
        let mut text = format!("{}: {}", spaced(event), several(activity.total, "time"));
        if let Some(hour) = &activity.busiest_hour {
            text.push_str(&format!(", most on {hour} UTC"));
        }
        if let Some(window) = &activity.quietest_window {
            text.push_str(&format!(", least {window} UTC"));
        }
        vec![cell(texts, &text)]
    });
    let points = points.collect();
    let hours = heat::sum([device].into_iter());
    let words = format!("By hour of the week: {}", heat::described(&hours));
    let told = hours.iter().enumerate().filter(|(_, count)| **count > 0);
    let told: Vec<String> = told
        .map(|(hour, count)| format!("{hour}:{count}"))
        .collect();
    let map = vec![cell(texts, &words), cell(texts, &told.join(" "))];
    vec![
        Block("points", texts.put("What it did"), points),
        Block("hours", 0, vec![map]),
    ]
}
