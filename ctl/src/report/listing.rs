//! The table of devices of the page: its order, its controls and its head. The rows are data that
//! the page's script draws, some at a time; it lists no device by itself.

use std::cmp::Reverse;

use medtap_inventory::model::Device;

use super::data::{DETAILS_BYTES_MAX, Data};
use super::heat;
use super::html::Html;
use super::sheet::Sheets;
use super::words::{Band, spaced};
use crate::render::{CLASSES, attribute, count, is_hint, label};

/// A column of the table.
struct Column {
    title: &'static str,
    /// The column of the data that it sorts by.
    by: &'static str,
    /// The order of a first click.
    first: &'static str,
}

const COLUMNS: &[Column] = &[
    column("Device", "name", "ascending"),
    column("Risk", "score", "descending"),
    column("Kind", "kind", "ascending"),
    column("Unit or segment", "unit", "ascending"),
    column("Address", "address_order", "ascending"),
    column("System and software", "software", "ascending"),
    column("Findings", "findings", "descending"),
    column("Vulnerabilities", "vulnerabilities_order", "descending"),
    column("Last seen (UTC)", "seen", "descending"),
];

const fn column(title: &'static str, by: &'static str, first: &'static str) -> Column {
    Column { title, by, first }
}

/// Devices as people look after them: the highest score first, then the highest that it could
/// be, then medical devices before others.
pub fn ordered<'a>(devices: &[&'a Device]) -> Vec<&'a Device> {
    let place = |device: &Device| {
        let class = CLASSES.iter().position(|c| c.name() == device.class);
        class.unwrap_or(CLASSES.len())
    };
    let named = devices.iter().map(|device| (label(device), *device));
    let mut ordered: Vec<(String, &Device)> = named.collect();
    ordered.sort_by(|(a_name, a), (b_name, b)| {
        let score = |value: Option<f64>| value.unwrap_or(-1.0);
        let assessed = Reverse(a.risk.assessed).cmp(&Reverse(b.risk.assessed));
        assessed
            .then(score(b.risk.score).total_cmp(&score(a.risk.score)))
            .then(score(b.risk.high).total_cmp(&score(a.risk.high)))
            .then(b.findings.len().cmp(&a.findings.len()))
            .then(place(a).cmp(&place(b)))
            .then(a.category.cmp(b.category))
            .then(a_name.cmp(b_name))
            .then(a.id.cmp(&b.id))
    });
    ordered.into_iter().map(|(_, device)| device).collect()
}

/// Writes the controls, the table, and the data of its rows. `looked`: vulnerabilities were looked
/// for.
pub fn write(html: &mut Html, devices: &[&Device], sheets: &Sheets<'_>, looked: bool) {
    let data = Data::new(devices, sheets, looked, DETAILS_BYTES_MAX);
    html.raw("<noscript><div class=\"notice\"><p>The list of devices needs the page's script, ");
    html.raw("which this browser does not run. The XLSX and the CSV list them too.");
    html.raw("</p></div></noscript>\n");
    controls(html, devices);
    left_out(html, devices, &data);
    html.raw("<p id=\"shown\" role=\"status\"></p>\n");
    html.raw("<div class=\"scroll\">\n<table id=\"devices\" hidden>\n");
    html.raw("<caption>A click on a heading sorts all devices, one on a name shows everything ");
    html.raw("about the device. ~ marks a hint that nothing proves, such as the owner of a MAC ");
    html.raw("address block.</caption>\n<thead><tr>");
    for column in COLUMNS {
        html.raw("<th scope=\"col\"")
            .attribute("data-by", column.by);
        html.attribute("data-first", column.first)
            .raw("><button type=\"button\">")
            .text(column.title);
        html.raw("</button></th>");
    }
    html.raw("</tr></thead>\n</table>\n</div>\n");
    html.raw("<nav id=\"pages\" aria-label=\"Pages of the list of devices\" hidden>");
    html.raw("<button type=\"button\" id=\"before\">Previous page</button> ");
    html.raw("<span id=\"page\"></span> ");
    html.raw("<button type=\"button\" id=\"after\">Next page</button></nav>\n");
    html.raw("<template id=\"hours\">");
    heat::draw(html, "", &[]);
    html.raw("</template>\n");
    data.write(html);
}

/// What the page does not hold, in words.
fn left_out(html: &mut Html, devices: &[&Device], data: &Data) {
    let more = devices.len() - data.rows();
    if more > 0 {
        let text = format!(
            "{} more devices of the lowest risk are in the XLSX, CSV and JSON alone.",
            count(more as u64)
        );
        html.element("p", &text).raw("\n");
    }
    if data.whole() < data.rows() {
        let text = format!(
            "To keep the page small it holds everything about the {} devices to look at first, and \
             the row of each of the others; the XLSX and JSON hold the rest.",
            count(data.whole() as u64)
        );
        html.element("p", &text).raw("\n");
    }
}

/// What the script turns on.
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
    html.raw("Open the details on this page</button>\n</div>\n");
}

/// A band as a label with its colour.
pub fn badge(html: &mut Html, band: Band) {
    let class = format!("badge {}", band.class());
    html.raw("<span").attribute("class", &class).raw(">");
    html.text(band.label()).raw("</span>");
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
pub fn software(device: &Device) -> String {
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
