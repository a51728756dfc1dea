//! What the charts count: devices by kind, unit and band, what drives scores, systems past their
//! support, software versions. It draws nothing.

use std::collections::{BTreeMap, BTreeSet};

use medtap_inventory::model::Device;
use medtap_inventory::people::Judgement;
use medtap_table::vocabulary::FindingId;

use super::bars::{Bar, Part};
use super::words::{Band, is_scored, spaced, unit};
use crate::render::{attribute, count};

/// Rows of one chart; what is smaller is one row together.
const ROWS_MAX: usize = 16;
/// Days of the chart over time.
const DAYS_MAX: usize = 30;

/// The bands as parts of bars.
pub const BANDS: [Part; 6] = [
    (Band::VeryHigh.class(), Band::VeryHigh.label()),
    (Band::High.class(), Band::High.label()),
    (Band::Moderate.class(), Band::Moderate.label()),
    (Band::Low.class(), Band::Low.label()),
    (Band::VeryLow.class(), Band::VeryLow.label()),
    (Band::NotAssessed.class(), Band::NotAssessed.label()),
];
/// Whether a system is still supported, as parts of bars.
pub const SUPPORT: [Part; 2] = [
    ("very-high", "past its end of support"),
    ("plain", "not known to be past it"),
];

/// Devices by kind, the worst kinds first.
pub fn by_category(devices: &[&Device]) -> Vec<Bar> {
    by_band(devices, |device| spaced(device.category))
}

/// Devices by unit or segment, the worst first.
pub fn by_unit(devices: &[&Device]) -> Vec<Bar> {
    by_band(devices, unit)
}

fn by_band(devices: &[&Device], name: impl Fn(&Device) -> String) -> Vec<Bar> {
    let mut groups: BTreeMap<String, [u32; 6]> = BTreeMap::new();
    for device in devices {
        let band = Band::of(&device.risk);
        let place = Band::ALL.iter().position(|other| *other == band);
        let counts = groups.entry(name(device)).or_default();
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    let mut groups: Vec<(String, [u32; 6])> = groups.into_iter().collect();
    // The worst band decides, then the next.
    groups.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    if groups.len() > ROWS_MAX {
        let rest = groups.split_off(ROWS_MAX - 1);
        let mut sums = [0; 6];
        for (_, counts) in &rest {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        groups.push((format!("{} others", rest.len()), sums));
    }
    let bar = |(label, counts): (String, [u32; 6])| Bar {
        label,
        parts: BANDS
            .iter()
            .zip(counts)
            .map(|(&(class, name), count)| (class, name, f64::from(count)))
            .collect(),
        total: count(counts.iter().sum::<u32>().into()),
    };
    groups.into_iter().map(bar).collect()
}

/// What drives scores: points over all devices, the most first.
pub fn drivers(devices: &[&Device]) -> Vec<Bar> {
    let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for driver in devices.iter().flat_map(|device| &device.risk.drivers) {
        let (points, number) = sums.entry(&driver.name).or_default();
        *points += driver.effect;
        *number += 1;
    }
    let mut sums: Vec<(&str, (f64, usize))> = sums.into_iter().collect();
    sums.sort_by(|(a_name, (a, _)), (b_name, (b, _))| b.total_cmp(a).then(a_name.cmp(b_name)));
    sums.truncate(ROWS_MAX);
    sums.into_iter()
        .map(|(name, (points, number))| Bar {
            label: name.to_owned(),
            parts: vec![("plain", "points", points)],
            total: format!("{points:.0} on {}", count(number as u64)),
        })
        .collect()
}

/// Devices by band, a row a day, the latest days.
pub fn days(days: &[Judgement]) -> Vec<Bar> {
    let first = days.len().saturating_sub(DAYS_MAX);
    let mut before = first.checked_sub(1).and_then(|place| days.get(place));
    let mut bars = Vec::new();
    for day in days.iter().skip(first) {
        let same = |other: &Judgement| {
            (&other.epss_model, &other.policy) == (&day.epss_model, &day.policy)
        };
        let mark = if before.is_none_or(same) {
            ""
        } else {
            " (changed)"
        };
        let parts = BANDS.iter().zip(day.bands);
        bars.push(Bar {
            label: format!("{}{mark}", day.day),
            parts: parts
                .map(|(&(class, name), count)| (class, name, f64::from(count)))
                .collect(),
            total: format!("{:.0}", day.points),
        });
        before = Some(day);
    }
    bars
}

/// True where a finding says that the system is past its end of support.
pub fn is_past_support(device: &Device) -> bool {
    let name = FindingId::EndOfSupport.name();
    device.findings.iter().any(|finding| finding.id == name)
}

/// Devices by operating system, and how many of them are past its support.
pub fn systems(devices: &[&Device]) -> Vec<Bar> {
    let mut counts: BTreeMap<String, [u32; 2]> = BTreeMap::new();
    for device in devices {
        let Some(os) = attribute(device, "os") else {
            continue;
        };
        let version = attribute(device, "os_version").unwrap_or("");
        let name = format!("{os} {version}").trim_end().to_owned();
        let [past, other] = counts.entry(name).or_default();
        match is_past_support(device) {
            true => *past += 1,
            false => *other += 1,
        }
    }
    let mut counts: Vec<(String, [u32; 2])> = counts.into_iter().collect();
    counts.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    counts.truncate(ROWS_MAX);
    counts
        .into_iter()
        .map(|(label, counts)| Bar {
            label,
            parts: SUPPORT
                .iter()
                .zip(counts)
                .map(|(&(class, name), count)| (class, name, f64::from(count)))
                .collect(),
            total: count(counts.iter().sum::<u32>().into()),
        })
        .collect()
}

/// A model that runs in several versions.
pub struct Versions<'a> {
    /// Manufacturer and model.
    pub model: String,
    /// Each version, and how many devices have it.
    pub versions: BTreeMap<&'a str, usize>,
}

/// The models of which devices run different software or firmware, those with the most versions
/// first.
pub fn versions<'a>(devices: &[&'a Device]) -> Vec<Versions<'a>> {
    let mut models: BTreeMap<(&str, &str), BTreeMap<&str, usize>> = BTreeMap::new();
    for device in devices {
        let part = |name| attribute(device, name);
        let version = part("software_version").or_else(|| part("firmware_version"));
        let made = part("manufacturer").zip(part("model"));
        if let (Some(made), Some(version)) = (made, version) {
            *models.entry(made).or_default().entry(version).or_default() += 1;
        }
    }
    let mut models: Vec<_> = models.into_iter().collect();
    models.retain(|(_, versions)| versions.len() > 1);
    models.sort_by(|(a_name, a), (b_name, b)| b.len().cmp(&a.len()).then(a_name.cmp(b_name)));
    models.truncate(ROWS_MAX);
    let named = models
        .into_iter()
        .map(|((maker, model), versions)| Versions {
            model: format!("{maker} {model}"),
            versions,
        });
    named.collect()
}

/// A finding over all devices.
pub struct Found<'a> {
    /// Its title.
    pub title: &'a str,
    /// The devices that have it.
    pub devices: Vec<&'a Device>,
}

/// The findings, those on the most devices first.
pub fn findings<'a>(devices: &[&'a Device]) -> Vec<Found<'a>> {
    let mut found: BTreeMap<&str, Found<'a>> = BTreeMap::new();
    for device in devices {
        for finding in &device.findings {
            let entry = found.entry(&finding.id).or_insert_with(|| Found {
                title: &finding.title,
                devices: Vec::new(),
            });
            entry.devices.push(device);
        }
    }
    let mut found: Vec<(&str, Found<'a>)> = found.into_iter().collect();
    found.sort_by(|(a_id, a), (b_id, b)| {
        let by_number = b.devices.len().cmp(&a.devices.len());
        by_number.then(a_id.cmp(b_id))
    });
    found.into_iter().map(|(_, found)| found).collect()
}

/// A CVE over all devices.
pub struct Cve<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// It is known to be exploited.
    pub in_kev: bool,
    /// On one device at least more than the family matches.
    pub scored: bool,
    /// Probability of exploitation within 30 days.
    pub epss: Option<f64>,
    /// What it is in.
    pub components: BTreeSet<&'a str>,
    /// The devices that may have it.
    pub devices: Vec<&'a Device>,
}

/// The CVEs: the exploited first, then the most likely; those of a family alone last.
pub fn cves<'a>(devices: &[&'a Device]) -> Vec<Cve<'a>> {
    let mut cves: BTreeMap<&str, Cve<'a>> = BTreeMap::new();
    for device in devices {
        for vulnerability in &device.vulnerabilities {
            let cve = cves.entry(&vulnerability.cve).or_insert_with(|| Cve {
                id: &vulnerability.cve,
                in_kev: vulnerability.in_kev,
                scored: false,
                epss: vulnerability.epss,
                components: BTreeSet::new(),
                devices: Vec::new(),
            });
            let scored = is_scored(vulnerability);
            if scored && !cve.scored {
                // What only bears the name is left out where anything more is known.
                cve.scored = true;
                cve.components.clear();
                cve.devices.clear();
            }
            if scored != cve.scored {
                continue;
            }
            cve.components.insert(&vulnerability.component);
            if cve.devices.last().is_none_or(|last| last.id != device.id) {
                cve.devices.push(device);
            }
        }
    }
    let mut cves: Vec<Cve<'a>> = cves.into_values().collect();
    cves.sort_by(|a, b| {
        let chance = |cve: &Cve<'_>| cve.epss.unwrap_or(-1.0);
        let by_tier = b.scored.cmp(&a.scored);
        by_tier
            .then(b.in_kev.cmp(&a.in_kev))
            .then(chance(b).total_cmp(&chance(a)))
            .then(a.id.cmp(b.id))
    });
    cves
}
