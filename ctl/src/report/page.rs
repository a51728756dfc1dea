//! The page from its head to its foot. It is for people who look after devices: what to look at
//! first stands first, and what nobody knows has its own place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use medtap_inventory::model::{Device, Inventory};
use medtap_inventory::people::Judgement;
use sha2::{Digest, Sha256};

use super::bars::{self, Titles};
use super::figures::{self, BANDS, SUPPORT};
use super::html::Html;
use super::judged;
use super::listing;
use super::sheet::Sheets;
use super::words::{Band, is_scored, spaced, unit};
use super::{Report, heat, scatter, segments};
use crate::assess::Assessed;
use crate::render::{bytes, count, label, period, several, time};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// Devices that stand in the list of what to look at first.
const FIRST_MAX: usize = 10;
/// Rows of the list of vulnerabilities.
const CVES_MAX: usize = 200;
/// Devices that are named in one row of a list.
const NAMED_MAX: usize = 6;
/// Versions of one model that are listed.
const VERSIONS_MAX: usize = 20;
/// Devices that are listed because they are not assessed.
const INVISIBLE_MAX: usize = 100;

/// The whole page.
pub fn page(report: &Report<'_>) -> String {
    let mut html = Html::default();
    let inventory = report.inventory;
    let ordered = report.ordered();
    let sheets = Sheets::new(&ordered, report.rules);
    head(&mut html, report);
    html.raw("<main id=\"content\">\n");
    tiles(&mut html, inventory);
    first(&mut html, &ordered, report.assessed);
    let days = report.assessed.map_or(&[][..], |assessed| &assessed.days);
    charts(&mut html, &ordered, days);
    html.raw("<h2 id=\"all-devices\">Devices</h2>\n");
    // Without feeds nobody looked: then it is not said that there is none.
    let fed = report.assessed.map(|assessed| &assessed.basis.feeds);
    let looked = fed.is_some_and(|feeds| !feeds.list.is_empty())
        || ordered
            .iter()
            .any(|device| !device.vulnerabilities.is_empty());
    listing::write(&mut html, &ordered, &sheets, looked);
    if let Some(assessed) = report.assessed {
        judged::work(&mut html, assessed);
    }
    findings(&mut html, &ordered);
    vulnerabilities(&mut html, &ordered, looked);
    not_assessed(&mut html, &ordered, &sheets);
    unknown(&mut html, report);
    if let Some(assessed) = report.assessed {
        judged::frameworks(&mut html, assessed, inventory);
        judged::sources(&mut html, assessed);
    }
    words(&mut html);
    html.raw("</main>\n");
    foot(&mut html, inventory);
    html.finish()
}

/// What a browser lets run on the page: our style, our script, nothing else and nothing from
/// anywhere.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn head(html: &mut Html, report: &Report<'_>) {
    let inventory = report.inventory;
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta http-equiv=\"Content-Security-Policy\"");
    html.attribute("content", &policy()).raw(">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"referrer\" content=\"no-referrer\">\n");
    html.raw("<title>Devices and their risk: medtap report</title>\n<style>");
    html.raw(STYLE).raw("</style>\n</head>\n<body>\n");
    html.raw("<a class=\"skip\" href=\"#content\">To the content</a>\n<header>\n");
    html.element("h1", "Devices on the network, and their risk");
    html.raw("\n<p>");
    let as_of = inventory.as_of.map(time);
    html.text(&format!(
        "As of {} UTC. {}",
        as_of.as_deref().unwrap_or("no packet"),
        traffic(inventory)
    ));
    html.raw("</p>\n<nav aria-label=\"Sections\"><ul>\n");
    html.raw("<li><a href=\"#first\">What to look at first</a></li>\n");
    html.raw("<li><a href=\"#overview\">Overview</a></li>\n");
    html.raw("<li><a href=\"#all-devices\">Devices</a></li>\n");
    if report.assessed.is_some() {
        html.raw("<li><a href=\"#work\">Work lists</a></li>\n");
    }
    html.raw("<li><a href=\"#findings\">Findings</a></li>\n");
    html.raw("<li><a href=\"#vulnerabilities\">Vulnerabilities</a></li>\n");
    html.raw("<li><a href=\"#not-assessed\">Not assessed</a></li>\n");
    html.raw("<li><a href=\"#unknown\">What is not known</a></li>\n");
    if report.assessed.is_some() {
        html.raw("<li><a href=\"#frameworks\">Evidence by framework</a></li>\n");
        html.raw("<li><a href=\"#sources\">Sources</a></li>\n");
    }
    html.raw("<li><a href=\"#words\">How to read it</a></li>\n</ul></nav>\n</header>\n");
}

/// What was listened to.
fn traffic(inventory: &Inventory) -> String {
    let source = &inventory.source;
    let mut text = format!(
        "Seen in {}, {}",
        several(source.packets, "packet"),
        bytes(source.bytes)
    );
    if let (Some(first), Some(last)) = (source.first_seen, source.last_seen) {
        text.push_str(&format!(", {}", period(first, last)));
    }
    text.push_str(". Nothing was sent to any device.");
    text
}

/// The numbers that matter, large.
fn tiles(html: &mut Html, inventory: &Inventory) {
    let devices = &inventory.devices;
    let number = |test: &dyn Fn(&Device) -> bool| devices.iter().filter(|d| test(d)).count();
    let band = |device: &Device| Band::of(&device.risk);
    let exploited = |device: &Device| {
        let mut listed = device.vulnerabilities.iter();
        listed.any(|one| one.in_kev && is_scored(one))
    };
    html.raw("<ul class=\"tiles\">\n");
    for (number, name) in [
        (devices.len(), "devices seen"),
        (number(&|d| d.class == "medical"), "of them medical"),
        (
            number(&|d| band(d) <= Band::High),
            "of high or very high risk",
        ),
        (number(&exploited), "with a vulnerability that is exploited"),
        (number(&|d| !d.findings.is_empty()), "with findings"),
        (
            number(&|d| band(d) == Band::NotAssessed),
            "not assessed, which is not safe",
        ),
    ] {
        html.raw("<li><strong>").text(&count(number as u64));
        html.raw("</strong> ").text(name).raw("</li>\n");
    }
    html.raw("</ul>\n");
    if inventory.partial {
        html.raw("<div class=\"notice\"><p>Part of the input could not be read: devices may ");
        html.raw("be missing here.</p></div>\n");
    }
}

fn first(html: &mut Html, ordered: &[&Device], assessed: Option<&Assessed>) {
    html.raw("<h2 id=\"first\">What to look at first</h2>\n");
    if assessed.is_some_and(|assessed| assessed.basis.feeds.list.is_empty()) {
        html.raw("<div class=\"notice\"><p>No feeds of known vulnerabilities were given: the ");
        html.raw("scores count only what the traffic itself shows.</p></div>\n");
    }
    let worst: Vec<&&Device> = ordered
        .iter()
        .filter(|device| device.risk.assessed && device.risk.score.unwrap_or(0.0) > 0.0)
        .take(FIRST_MAX)
        .collect();
    if worst.is_empty() {
        let any = ordered.iter().any(|device| device.risk.assessed);
        html.raw("<div class=\"notice\"><p>");
        match any {
            true => html.raw("No device that could be assessed has a score above zero."),
            false => html.raw(
                "The risk of no device was computed: this report was made without feeds of known \
                 vulnerabilities and without a policy. The list below shows what was seen.",
            ),
        };
        html.raw("</p></div>\n");
        return;
    }
    html.raw("<ol class=\"first\">\n");
    for device in worst {
        html.raw("<li><a")
            .attribute("href", &format!("#d-{}", device.id));
        html.raw(">").text(&label(device)).raw("</a> (");
        html.text(&format!("{}, {}", spaced(device.category), unit(device)));
        html.raw(") ");
        listing::badge(html, Band::of(&device.risk));
        html.text(&format!(" {:.0}", device.risk.score.unwrap_or(0.0)));
        let drivers = device.risk.drivers.iter().take(2);
        let drivers: Vec<&str> = drivers.map(|driver| driver.name.as_str()).collect();
        if !drivers.is_empty() {
            html.raw("<br>Why: ").text(&drivers.join("; "));
        }
        html.raw("</li>\n");
    }
    html.raw("</ol>\n");
}

fn charts(html: &mut Html, devices: &[&Device], days: &[Judgement]) {
    html.raw("<h2 id=\"overview\">Overview</h2>\n<div class=\"charts\">\n");
    let kinds = Titles {
        caption: "Risk by kind of device",
        note: "How many devices of each kind there are, by band of risk.".to_owned(),
        label: "Kind",
        total: "Devices",
    };
    bars::figure(html, &kinds, &BANDS, &figures::by_category(devices));
    let units = Titles {
        caption: "Risk by unit",
        note: "The department or location that a device names itself, else its segment of the \
               network."
            .to_owned(),
        label: "Unit or segment",
        total: "Devices",
    };
    bars::figure(html, &units, &BANDS, &figures::by_unit(devices));
    let drivers = figures::drivers(devices);
    if !drivers.is_empty() {
        let titles = Titles {
            caption: "What drives the risk",
            note: "Points that each cause adds to the scores of all devices together: the top is \
                   where one measure helps most."
                .to_owned(),
            label: "Cause",
            total: "Points",
        };
        bars::figure(html, &titles, &[], &drivers);
    }
    over_time(html, days);
    scatter::figure(html, devices);
    systems(html, devices);
    versions(html, devices);
    utilisation(html, devices);
    segments::figure(html, devices);
    html.raw("</div>\n");
}

/// The bands of the days that the history keeps.
fn over_time(html: &mut Html, days: &[Judgement]) {
    let bars = figures::days(days);
    if bars.len() < 2 {
        return;
    }
    let titles = Titles {
        caption: "Risk over time",
        note:
            "Devices by band on the days that the history keeps, the latest last. Where the EPSS \
               model or the policy changed, a day is marked: days before it do not compare."
                .to_owned(),
        label: "Day",
        total: "Points",
    };
    bars::figure(html, &titles, &BANDS, &bars);
}

fn systems(html: &mut Html, devices: &[&Device]) {
    let systems = figures::systems(devices);
    if systems.is_empty() {
        return;
    }
    let known: usize = devices
        .iter()
        .filter(|device| crate::render::attribute(device, "os").is_some())
        .count();
    let titles = Titles {
        caption: "Age of software: operating systems",
        note: format!(
            "The operating system of {} of {} devices is known. Past its end of support no maker \
             mends it any more.",
            count(known as u64),
            count(devices.len() as u64)
        ),
        label: "System",
        total: "Devices",
    };
    bars::figure(html, &titles, &SUPPORT, &systems);
}

fn versions(html: &mut Html, devices: &[&Device]) {
    let models = figures::versions(devices);
    if models.is_empty() {
        return;
    }
    html.raw("<figure>\n");
    html.element("figcaption", "One model, several versions");
    html.element(
        "p",
        "Devices of one model that run different software: some may have missed an update.",
    );
    html.raw("<table>\n<thead><tr><th scope=\"col\">Model</th>");
    html.raw("<th scope=\"col\">Versions (devices)</th></tr></thead>\n<tbody>\n");
    for model in models {
        let versions = model.versions.iter().take(VERSIONS_MAX);
        let mut versions: Vec<String> = versions.map(|(v, n)| format!("{v} ({n})")).collect();
        let more = model.versions.len().saturating_sub(VERSIONS_MAX);
        if more > 0 {
            versions.push(format!("and {} more", count(more as u64)));
        }
        html.raw("<tr><th scope=\"row\">")
            .text(&model.model)
            .raw("</th>");
        html.element("td", &versions.join(", ")).raw("</tr>\n");
    }
    html.raw("</tbody>\n</table>\n</figure>\n");
}

fn utilisation(html: &mut Html, devices: &[&Device]) {
    let medical = devices.iter().copied().filter(|device| {
        matches!(device.class, "medical" | "clinical_it") && !device.activity.is_empty()
    });
    let hours = heat::sum(medical);
    if hours.iter().all(|count| *count == 0) {
        return;
    }
    html.raw("<figure>\n");
    html.element("figcaption", "When medical devices and clinical IT work");
    html.element(
        "p",
        "What they did (studies stored, messages sent and the like) by hour of the week, in UTC. \
         A stronger colour is busier. An hour that nobody watched looks like one in which \
         nothing was done.",
    );
    heat::draw(html, "Utilisation", &hours);
    html.raw("</figure>\n");
}

/// Names of devices with links, up to a number of them.
fn named(html: &mut Html, devices: &[&Device]) {
    for (place, device) in devices.iter().take(NAMED_MAX).enumerate() {
        if place > 0 {
            html.raw(", ");
        }
        html.raw("<a")
            .attribute("href", &format!("#d-{}", device.id));
        html.raw(">").text(&label(device)).raw("</a>");
    }
    let more = devices.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        html.text(&format!(" and {} more", count(more as u64)));
    }
}

fn findings(html: &mut Html, devices: &[&Device]) {
    html.raw("<h2 id=\"findings\">Findings</h2>\n");
    let findings = figures::findings(devices);
    if findings.is_empty() {
        html.element("p", "No weakness was seen in the traffic.");
        return;
    }
    html.raw("<table>\n<thead><tr><th scope=\"col\">Finding</th>");
    html.raw("<th scope=\"col\" class=\"number\">Devices</th><th scope=\"col\">Which</th>");
    html.raw("</tr></thead>\n<tbody>\n");
    for finding in findings {
        html.raw("<tr><th scope=\"row\">").text(finding.title);
        html.raw("</th><td class=\"number\">");
        html.text(&count(finding.devices.len() as u64))
            .raw("</td><td>");
        named(html, &finding.devices);
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table>\n");
}

fn vulnerabilities(html: &mut Html, devices: &[&Device], looked: bool) {
    html.raw("<h2 id=\"vulnerabilities\">Known vulnerabilities</h2>\n");
    if !looked {
        html.raw("<p>None was looked for: no feeds of known vulnerabilities were given.</p>\n");
        return;
    }
    let cves = figures::cves(devices);
    if cves.is_empty() {
        html.raw("<p>None was matched. That means that none of the feeds that were given names ");
        html.raw("what was seen here, not that there is none.</p>\n");
        return;
    }
    html.raw("<p>Those known to be exploited (KEV) first, then by probability of exploitation ");
    html.raw("within 30 days (EPSS). Open a device to see why it may be affected. Where only the ");
    html.raw("family of a product matches, that is said; such CVEs stand last and count in no ");
    html.raw("score.</p>\n");
    html.raw("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">CVE</th>");
    html.raw("<th scope=\"col\">Exploited</th><th scope=\"col\" class=\"number\">EPSS</th>");
    html.raw("<th scope=\"col\">In</th><th scope=\"col\" class=\"number\">Devices</th>");
    html.raw("<th scope=\"col\">Which</th></tr></thead>\n<tbody>\n");
    for cve in cves.iter().take(CVES_MAX) {
        html.raw("<tr><th scope=\"row\" class=\"code\">")
            .text(cve.id)
            .raw("</th>");
        html.element("td", exploited(cve));
        html.raw("<td class=\"number\">");
        let epss = cve.epss.map(|epss| format!("{:.2} %", epss * 100.0));
        html.text(epss.as_deref().unwrap_or("")).raw("</td><td>");
        let components: Vec<&str> = cve.components.iter().copied().collect();
        html.text(&components.join(", "));
        html.raw("</td><td class=\"number\">");
        html.text(&count(cve.devices.len() as u64)).raw("</td><td>");
        named(html, &cve.devices);
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table></div>\n");
    let more = cves.len().saturating_sub(CVES_MAX);
    if more > 0 {
        let text = format!("{} more are in the XLSX, CSV and JSON.", count(more as u64));
        html.element("p", &text);
    }
}

/// Whether a CVE is exploited, and whether it is more than a namesake's.
fn exploited(cve: &figures::Cve<'_>) -> &'static str {
    match (cve.in_kev, cve.scored) {
        (true, true) => "yes (KEV)",
        (false, true) => "not known",
        (true, false) => "yes (KEV), of the family alone",
        (false, false) => "not known, of the family alone",
    }
}

fn not_assessed(html: &mut Html, devices: &[&Device], sheets: &Sheets<'_>) {
    html.raw("<h2 id=\"not-assessed\">Not assessed</h2>\n");
    let invisible: Vec<&&Device> = devices
        .iter()
        .filter(|device| Band::of(&device.risk) == Band::NotAssessed)
        .collect();
    if invisible.is_empty() {
        html.element("p", "Every device that was seen could be assessed.");
        return;
    }
    html.raw("<p>These have no score: they are not identified, or too little was seen of them. ");
    html.raw("Invisible is not safe. Find out what they are, or mirror their traffic.</p>\n");
    html.raw("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Device</th>");
    html.raw("<th scope=\"col\">Made by</th><th scope=\"col\">Kind</th>");
    html.raw("<th scope=\"col\">Where</th>");
    html.raw("<th scope=\"col\" class=\"number\">Could be as high as</th>");
    html.raw("<th scope=\"col\" class=\"number\">Packets seen</th></tr></thead>\n<tbody>\n");
    for device in invisible.iter().take(INVISIBLE_MAX) {
        html.raw("<tr><th scope=\"row\"><a");
        html.attribute("href", &format!("#d-{}", device.id))
            .raw(">");
        html.text(&sheets.called(&device.id)).raw("</a></th>");
        html.element("td", &listing::made(device));
        html.element("td", &spaced(device.category));
        html.element("td", &unit(device))
            .raw("<td class=\"number\">");
        let high = device.risk.high.map(|high| format!("{high:.0}"));
        html.text(high.as_deref().unwrap_or("not computed"));
        html.raw("</td><td class=\"number\">");
        let packets = device.packets_sent.saturating_add(device.packets_received);
        html.text(&count(packets)).raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table></div>\n");
    let more = invisible.len().saturating_sub(INVISIBLE_MAX);
    if more > 0 {
        let text = format!(
            "and {} more: choose the risk \"not assessed\" in the list of devices",
            count(more as u64)
        );
        html.element("p", &text);
    }
}

/// How much could be understood, and what is missing.
fn unknown(html: &mut Html, report: &Report<'_>) {
    let inventory = report.inventory;
    html.raw("<h2 id=\"unknown\">Coverage, and what is not known</h2>\n<ul>\n");
    let coverage = &inventory.coverage;
    for (number, what) in [
        (
            coverage.one_way_flows,
            "conversations were seen in one direction alone: what the other side said is missing",
        ),
        (
            coverage.encrypted_flows,
            "conversations were encrypted: who speaks is known, not what",
        ),
        (
            coverage.unknown_flows,
            "conversations speak a protocol that is not known here",
        ),
        (inventory.source.malformed, "packets contradict a format"),
        (
            inventory.source.truncated,
            "packets were cut by the capture",
        ),
    ] {
        html.element("li", &format!("{} {what}.", count(number)))
            .raw("\n");
    }
    if inventory.source.limits_hit > 0 {
        let limits = report.limits.iter().map(|(counter, number)| {
            let name = counter
                .name()
                .trim_start_matches("limit_")
                .replace('_', " ");
            format!("{name} {}", count(*number))
        });
        let limits: Vec<String> = limits.collect();
        let text = format!(
            "Limits refused {} records ({}): something may be missing.",
            count(inventory.source.limits_hit),
            limits.join(", ")
        );
        html.element("li", &text).raw("\n");
    }
    html.raw("</ul>\n");
    let bars: Vec<bars::Bar> = coverage
        .attributes
        .iter()
        .map(|(name, share)| bars::Bar {
            label: spaced(name),
            parts: vec![
                ("plain", "% known", share * 100.0),
                ("softer", "% not known", (1.0 - share) * 100.0),
            ],
            total: format!("{:.0} %", share * 100.0),
        })
        .collect();
    let titles = Titles {
        caption: "What is known of the devices",
        note: "Share of all devices for which it could be read from the traffic.".to_owned(),
        label: "What",
        total: "Known",
    };
    let legend = [("plain", "known"), ("softer", "not known")];
    bars::figure(html, &titles, &legend, &bars);
}

fn words(html: &mut Html) {
    html.raw("<h2 id=\"words\">How to read it</h2>\n<dl>\n");
    for (word, meaning) in [
        (
            "Score",
            "0 to 100: how much a device endangers patients, care and data, from how likely an \
             attack is and what it would do. It is an index for ranking; it is no probability \
             that this hospital is breached.",
        ),
        (
            "Band",
            "The score in words, from very low to very high, by NIST SP 800-30. Very high: act \
             now. High: act soon. Moderate: plan it.",
        ),
        (
            "Range",
            "The lower number counts only what is certain, the higher everything that is \
             possible. A wide range means: find out more about the device.",
        ),
        (
            "Finding",
            "A weakness or a sign of attack that the traffic shows, such as a password sent in \
             clear text.",
        ),
        (
            "Vulnerability (CVE)",
            "A published fault of a product. Whether it applies is said beside each: that the \
             exact version is listed, that only the model is, and so on.",
        ),
        (
            "KEV",
            "The list of the US agency CISA of vulnerabilities that attackers are known to use.",
        ),
        (
            "EPSS",
            "The probability, by FIRST, that a vulnerability is exploited somewhere within 30 \
             days.",
        ),
        (
            "BOD 26-04 clock",
            "By when CISA wants it mended. It binds US federal civilian agencies, and is advice \
             to everybody else.",
        ),
        (
            "SSVC",
            "A decision by CERT/CC: defer, scheduled, out-of-cycle or immediate.",
        ),
        (
            "Not assessed",
            "Too little is known or was seen for a score. That is not the same as safe.",
        ),
        (
            "Sure, in per cent",
            "How far a value can be trusted, by where it was read. Open a device to see each \
             source.",
        ),
    ] {
        html.element("dt", word).element("dd", meaning).raw("\n");
    }
    html.raw("</dl>\n<p>On a medical device, install only what its manufacturer approved. Where ");
    html.raw("there is no approved fix, biomedical and network engineering reduce who can reach ");
    html.raw("it.</p>\n");
}

fn foot(html: &mut Html, inventory: &Inventory) {
    html.raw("<footer><p class=\"quiet\">Made by medtap ");
    html.raw(env!("CARGO_PKG_VERSION"));
    html.text(&format!(
        ", schema {}. The same input gives the same page, byte for byte. It holds no patient \
         data, and it says what runs in a hospital: do not pass it on to everyone.",
        inventory.schema_version
    ));
    html.raw("</p></footer>\n<script>");
    html.raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
}
