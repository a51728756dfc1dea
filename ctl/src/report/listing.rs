//! The table of devices of the page: one row each, and under it everything about the device. It
//! is whole without a script; the script sorts, searches and folds.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use medtap_inventory::model::{Device, Vulnerability};

use super::html::Html;
use super::sheet::Sheets;
use super::words::{Band, is_scored, spaced, unit};
use crate::render::{CLASSES, attribute, count, is_hint, label, time};

/// Devices that the page lists, the worst first; the rest is a number.
const DEVICES_MAX: usize = 10_000;

/// A column of the table.
struct Column {
    title: &'static str,
    /// The order of a first click.
    first: &'static str,
    /// What its cells sort by: `number` or `text`.
    kind: &'static str,
}

const COLUMNS: &[Column] = &[
    column("Device", "ascending", "text"),
    column("Risk", "descending", "number"),
    column("Kind", "ascending", "text"),
    column("Unit or segment", "ascending", "text"),
    column("Address", "ascending", "text"),
    column("System and software", "ascending", "text"),
    column("Findings", "descending", "number"),
    column("Vulnerabilities", "descending", "number"),
    column("Last seen (UTC)", "descending", "text"),
];

const fn column(title: &'static str, first: &'static str, kind: &'static str) -> Column {
    Column { title, first, kind }
}

/// Devices as people look after them: the highest score first, then the highest that it could
/// be, then medical devices before others.
pub fn ordered<'a>(devices: &[&'a Device]) -> Vec<&'a Device> {
    let mut ordered = devices.to_vec();
    let place = |device: &Device| {
        let class = CLASSES.iter().position(|c| c.name() == device.class);
        class.unwrap_or(CLASSES.len())
    };
    ordered.sort_by(|a, b| {
        let score = |value: Option<f64>| value.unwrap_or(-1.0);
        let assessed = Reverse(a.risk.assessed).cmp(&Reverse(b.risk.assessed));
        assessed
            .then(score(b.risk.score).total_cmp(&score(a.risk.score)))
            .then(score(b.risk.high).total_cmp(&score(a.risk.high)))
            .then(b.findings.len().cmp(&a.findings.len()))
            .then(place(a).cmp(&place(b)))
            .then(a.category.cmp(b.category))
            .then_with(|| label(a).cmp(&label(b)))
            .then(a.id.cmp(&b.id))
    });
    ordered
}

/// Writes the controls and the table.
pub fn write(html: &mut Html, devices: &[&Device], sheets: &Sheets<'_>) {
    controls(html, devices);
    let listed = devices.len().min(DEVICES_MAX);
    html.raw("<p id=\"shown\" role=\"status\">");
    html.text(&format!("{} devices", count(listed as u64)))
        .raw("</p>\n");
    if devices.len() > DEVICES_MAX {
        let more = count((devices.len() - DEVICES_MAX) as u64);
        let text = format!("{more} more devices of the lowest risk are in the XLSX, CSV and JSON.");
        html.element("p", &text);
    }
    html.raw("<div class=\"scroll\">\n<table id=\"devices\">\n");
    html.raw("<caption>A click on a heading sorts, one on a name shows everything about the ");
    html.raw("device. ~ marks a hint that nothing proves, such as the owner of a MAC address ");
    html.raw("block.</caption>\n<thead><tr>");
    for column in COLUMNS {
        html.raw("<th scope=\"col\"")
            .attribute("data-first", column.first);
        html.attribute("data-kind", column.kind)
            .raw("><button type=\"button\">")
            .text(column.title);
        html.raw("</button></th>");
    }
    html.raw("</tr></thead>\n");
    for device in devices.iter().take(DEVICES_MAX) {
        row(html, device, sheets);
    }
    html.raw("</table>\n</div>\n");
}

/// What the script turns on: who has none sees the whole table.
fn controls(html: &mut Html, devices: &[&Device]) {
    html.raw("<div class=\"controls\" id=\"controls\" hidden>\n");
    html.raw("<label>Search names, makers, addresses, findings, CVEs");
    html.raw("<input type=\"search\" id=\"search\" autocomplete=\"off\"></label>\n");
    html.raw("<label>Class<select id=\"kind\"><option value=\"\">all</option>");
    for class in CLASSES {
        if devices.iter().any(|device| device.class == class.name()) {
            html.raw("<option")
                .attribute("value", class.name())
                .raw(">");
            html.text(&spaced(class.name())).raw("</option>");
        }
    }
    html.raw("</select></label>\n<label>Risk<select id=\"band\"><option value=\"\">all</option>");
    for band in Band::ALL {
        if devices.iter().any(|device| Band::of(&device.risk) == band) {
            html.raw("<option")
                .attribute("value", band.class())
                .raw(">");
            html.text(band.label()).raw("</option>");
        }
    }
    html.raw("</select></label>\n<button type=\"button\" id=\"all\" aria-pressed=\"false\">");
    html.raw("Open all details</button>\n</div>\n");
}

fn row(html: &mut Html, device: &Device, sheets: &Sheets<'_>) {
    let band = Band::of(&device.risk);
    let anchor = format!("d-{}", device.id);
    let sheet = format!("s-{}", device.id);
    html.raw("<tbody").attribute("id", &anchor);
    html.attribute("data-class", device.class);
    html.attribute("data-band", band.class()).raw(">\n<tr>");
    let name = label(device);
    html.raw("<th scope=\"row\"")
        .attribute("data-sort", &name.to_lowercase());
    html.raw("><button type=\"button\" class=\"opener\" aria-expanded=\"true\"");
    html.attribute("aria-controls", &sheet).raw(">");
    html.text(&name).raw("</button>");
    let made = made(device);
    if !made.is_empty() && made != name {
        html.raw("<br><small>").text(&made).raw("</small>");
    }
    html.raw("</th>");
    risk(html, device, band);
    html.sorted_cell(device.category, &spaced(device.category));
    let unit = unit(device);
    html.sorted_cell(&unit.to_lowercase(), &unit);
    address(html, device);
    let software = software(device);
    html.sorted_cell(&software.to_lowercase(), &software);
    findings(html, device);
    vulnerabilities(html, device);
    let seen = device.last_seen.map(time).unwrap_or_default();
    html.sorted_cell(&seen, &seen);
    html.raw("</tr>\n<tr class=\"sheet\"")
        .attribute("id", &sheet);
    html.raw("><td colspan=\"9\">\n");
    sheets.write(html, device);
    html.raw("</td></tr>\n</tbody>\n");
}

fn risk(html: &mut Html, device: &Device, band: Band) {
    let assessed = device.risk.score.filter(|_| device.risk.assessed);
    let key = assessed.map_or(String::new(), |score| score.to_string());
    html.raw("<td").attribute("data-sort", &key).raw(">");
    if let Some(score) = assessed {
        html.text(&format!("{score:.0} "));
    }
    badge(html, band);
    html.raw("</td>");
}

/// A band as a label with its colour.
pub fn badge(html: &mut Html, band: Band) {
    let class = format!("badge {}", band.class());
    html.raw("<span").attribute("class", &class).raw(">");
    html.text(band.label()).raw("</span>");
}

fn address(html: &mut Html, device: &Device) {
    // Sorted as numbers are, not as digits.
    let key = device
        .addresses
        .first()
        .map_or(String::new(), |address| match address {
            std::net::IpAddr::V4(v4) => format!("4{:08x}", u32::from(*v4)),
            std::net::IpAddr::V6(v6) => format!("6{:032x}", u128::from(*v6)),
        });
    let mut text = match device.addresses.first() {
        Some(address) => address.to_string(),
        None if !device.reported_by.is_empty() => "behind a gateway".to_owned(),
        None => device.macs.first().cloned().unwrap_or_default(),
    };
    if device.addresses.len() > 1 {
        text.push_str(&format!(" +{}", device.addresses.len() - 1));
    }
    html.sorted_cell(&key, &text);
}

fn findings(html: &mut Html, device: &Device) {
    let number = device.findings.len();
    html.raw("<td")
        .attribute("data-sort", &number.to_string())
        .raw(">");
    let titles: Vec<&str> = device.findings.iter().map(|f| f.title.as_str()).collect();
    match titles.as_slice() {
        [] => html.raw("none seen"),
        [one] => html.text(one),
        [first, rest @ ..] => html.text(&format!("{first}, and {} more", rest.len())),
    };
    html.raw("</td>");
}

fn vulnerabilities(html: &mut Html, device: &Device) {
    let cves = |test: &dyn Fn(&Vulnerability) -> bool| {
        let listed = device.vulnerabilities.iter().filter(|one| test(one));
        let cves: BTreeSet<&str> = listed.map(|one| one.cve.as_str()).collect();
        cves.len()
    };
    let scored = cves(&is_scored);
    let exploited = cves(&|one| is_scored(one) && one.in_kev);
    let all = cves(&|_| true);
    let key = (exploited * 1_000_000_000)
        .saturating_add(scored * 10_000)
        .saturating_add(all);
    let mut text = match (scored, exploited) {
        (0, _) => "none matched".to_owned(),
        (scored, 0) => scored.to_string(),
        (scored, exploited) => format!("{scored}, {exploited} exploited"),
    };
    if all > scored {
        text.push_str(&format!("; {} of the family", all - scored));
    }
    html.sorted_cell(&key.to_string(), &text);
}

/// Manufacturer and model.
pub fn made(device: &Device) -> String {
    let part = |name: &str| {
        let mark = if is_hint(device, name) { "~" } else { "" };
        attribute(device, name).map(|text| format!("{mark}{text}"))
    };
    let parts: Vec<String> = ["manufacturer", "model"]
        .iter()
        .filter_map(|n| part(n))
        .collect();
    parts.join(" ")
}

/// Operating system and versions.
fn software(device: &Device) -> String {
    let os = [attribute(device, "os"), attribute(device, "os_version")];
    let os: Vec<&str> = os.into_iter().flatten().collect();
    let mut parts = vec![os.join(" ")];
    for (name, prefix) in [
        ("software_version", "software"),
        ("firmware_version", "firmware"),
    ] {
        if let Some(version) = attribute(device, name) {
            parts.push(format!("{prefix} {version}"));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
