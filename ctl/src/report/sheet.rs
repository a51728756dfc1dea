//! Everything about one device, as it opens under its row: what it is and who says so, what is
//! wrong, what it does, with whom, and what nobody knows of it.

use std::collections::HashMap;

use medtap_inventory::model::{AttributeValue, Device, Provenance};
use medtap_rules::Rules;
use medtap_table::vocabulary::Attribute;

use super::heat;
use super::html::Html;
use super::words::{Band, is_scored, spaced};
use crate::render::{bytes, count, label, period, several};

/// Peers that are listed, those with the most bytes first; the rest is a number.
const PEERS_MAX: usize = 25;
/// Vulnerabilities that are listed, the worst first; the rest is a number.
const VULNERABILITIES_MAX: usize = 200;

/// What is needed to explain any device.
pub struct Sheets<'a> {
    /// Devices by id: peers are called by their names.
    pub names: HashMap<&'a str, &'a Device>,
    /// The rules, for their names.
    pub rules: &'a Rules,
}

impl Sheets<'_> {
    /// Writes what is known of a device.
    pub fn write(&self, html: &mut Html, device: &Device) {
        html.raw("<div class=\"columns\">\n<div>\n");
        self.identity(html, device);
        html.raw("</div>\n<div>\n");
        risk(html, device);
        html.raw("</div>\n</div>\n");
        findings(html, device);
        vulnerabilities(html, device);
        self.attributes(html, device);
        html.raw("<div class=\"columns\">\n<div>\n");
        protocols(html, device);
        activity(html, device);
        html.raw("</div>\n<div>\n");
        self.peers(html, device);
        html.raw("</div>\n</div>\n");
    }

    fn identity(&self, html: &mut Html, device: &Device) {
        html.element("h3", "Identity").raw("<dl>\n");
        let sure = match device.category_confidence {
            0 => String::new(),
            sure => format!(", {sure} % sure"),
        };
        let kind = format!(
            "{} ({}){sure}",
            spaced(device.category),
            spaced(device.class)
        );
        term(html, "Kind", &kind);
        term(html, "Identifier", &device.id);
        term(html, "MAC address", &device.macs.join(", "));
        let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
        term(html, "IP address", &addresses.join(", "));
        let vlans: Vec<String> = device.vlans.iter().map(u16::to_string).collect();
        term(html, "VLAN", &vlans.join(", "));
        let by: Vec<String> = device
            .reported_by
            .iter()
            .map(|id| self.called(id))
            .collect();
        term(html, "Reported by", &by.join(", "));
        if let (Some(first), Some(last)) = (device.first_seen, device.last_seen) {
            term(html, "Seen", &period(first, last));
        }
        for (name, packets, sum) in [
            ("Sent", device.packets_sent, device.bytes_sent),
            ("Received", device.packets_received, device.bytes_received),
        ] {
            let text = format!("{}, {}", several(packets, "packet"), bytes(sum));
            term(html, name, &text);
        }
        html.raw("</dl>\n");
    }

    fn attributes(&self, html: &mut Html, device: &Device) {
        let mut unknown = Vec::new();
        html.element("h3", "What is known, and where it was read");
        html.raw("<table>\n<thead><tr><th scope=\"col\">What</th><th scope=\"col\">Value</th>");
        html.raw("<th scope=\"col\" class=\"number\">Sure</th>");
        html.raw("<th scope=\"col\">Read from</th></tr></thead>\n<tbody>\n");
        for attribute in Attribute::SHOWN {
            let name = attribute.name();
            match device.attributes.get(name) {
                Some(Some(value)) => self.attribute(html, &spaced(name), value),
                _ => unknown.push(spaced(name)),
            }
        }
        html.raw("</tbody>\n</table>\n");
        if !unknown.is_empty() {
            html.raw("<p class=\"quiet\">Not known: ");
            html.text(&unknown.join(", ")).raw("</p>\n");
        }
    }

    fn attribute(&self, html: &mut Html, name: &str, value: &AttributeValue) {
        html.raw("<tr><th scope=\"row\">").text(name).raw("</th>");
        self.reading(html, &value.value, value.confidence, &value.sources);
        for conflict in &value.conflicts {
            html.raw("<tr><th scope=\"row\" class=\"quiet\">but also</th>");
            self.reading(
                html,
                &conflict.value,
                conflict.confidence,
                &conflict.sources,
            );
        }
    }

    fn reading(&self, html: &mut Html, value: &str, confidence: u8, sources: &[Provenance]) {
        html.element("td", value).raw("<td class=\"number\">");
        html.text(&format!("{confidence} %")).raw("</td><td>");
        for (place, source) in sources.iter().enumerate() {
            if place > 0 {
                html.raw("<br>");
            }
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
            html.text(&format!("{text}, {times}, {seen}"));
        }
        html.raw("</td></tr>\n");
    }

    fn peers(&self, html: &mut Html, device: &Device) {
        if device.peers.is_empty() {
            return;
        }
        html.element("h3", "With whom");
        html.raw("<table>\n<thead><tr><th scope=\"col\">Device</th><th scope=\"col\">Speaks</th>");
        html.raw("<th scope=\"col\" class=\"number\">Volume</th></tr></thead>\n<tbody>\n");
        let mut peers: Vec<_> = device.peers.iter().collect();
        peers.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.id.cmp(&b.id)));
        for peer in peers.iter().take(PEERS_MAX) {
            html.raw("<tr><td><a")
                .attribute("href", &format!("#d-{}", peer.id));
            html.raw(">").text(&self.called(&peer.id)).raw("</a></td>");
            let protocols = match peer.protocols.as_slice() {
                [] => "not recognised".to_owned(),
                protocols => protocols.join(", "),
            };
            html.element("td", &protocols);
            html.raw("<td class=\"number\">").text(&bytes(peer.bytes));
            html.raw("</td></tr>\n");
        }
        html.raw("</tbody>\n</table>\n");
        let more = peers.len().saturating_sub(PEERS_MAX);
        if more > 0 {
            html.element("p", &format!("and {} more", count(more as u64)));
        }
    }

    /// What a person would call the device with this id, and where it is.
    pub fn called(&self, id: &str) -> String {
        let Some(device) = self.names.get(id) else {
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

/// A line of a list of terms, where there is something to say.
fn term(html: &mut Html, name: &str, text: &str) {
    if !text.is_empty() {
        html.element("dt", name).element("dd", text).raw("\n");
    }
}

fn risk(html: &mut Html, device: &Device) {
    html.element("h3", "Risk");
    let risk = &device.risk;
    let number = |value: Option<f64>| value.map_or("not known".to_owned(), |v| format!("{v:.0}"));
    let (true, Some(score)) = (risk.assessed, risk.score) else {
        html.raw("<p>Not assessed: too little is known or was seen of it. That is not safe. ");
        if let Some(high) = risk.high {
            html.text(&format!("It could be as high as {high:.0} of 100."));
        }
        html.raw("</p>\n");
        return;
    };
    html.raw("<dl>\n");
    let band = Band::of(risk).label();
    term(html, "Score", &format!("{score:.0} of 100: {band}"));
    let range = format!(
        "{} if only what is certain counts, {} if everything possible does",
        number(risk.low),
        number(risk.high)
    );
    term(html, "Range", &range);
    let impact = &risk.impact;
    for (name, value) in [
        ("Patient safety", impact.safety),
        ("Care depends on it", impact.effectiveness),
        ("Patient data", impact.data),
    ] {
        let text = value.map_or("not known".to_owned(), |v| format!("{v:.1} of 10"));
        term(html, name, &text);
    }
    if let Some(likelihood) = risk.likelihood {
        term(html, "Likelihood index", &format!("{likelihood:.2}"));
    }
    html.raw("</dl>\n");
    if risk.drivers.is_empty() {
        return;
    }
    html.element("h3", "What drives it").raw("<ol>\n");
    for driver in &risk.drivers {
        let text = format!("{}: {:.0} points of the score", driver.name, driver.effect);
        html.element("li", &text).raw("\n");
    }
    html.raw("</ol>\n");
}

fn findings(html: &mut Html, device: &Device) {
    if device.findings.is_empty() {
        return;
    }
    html.element("h3", "Findings");
    html.raw("<table>\n<thead><tr><th scope=\"col\">Finding</th>");
    html.raw("<th scope=\"col\" class=\"number\">Sure</th><th scope=\"col\">Evidence</th>");
    html.raw("<th scope=\"col\">Seen</th></tr></thead>\n<tbody>\n");
    for finding in &device.findings {
        html.raw("<tr><th scope=\"row\">").text(&finding.title);
        html.raw("</th><td class=\"number\">");
        html.text(&format!("{} %", finding.confidence)).raw("</td>");
        html.element("td", &finding.evidence);
        let seen = finding.first_seen.zip(finding.last_seen);
        let seen = seen.map(|(first, last)| period(first, last));
        html.element("td", seen.as_deref().unwrap_or("not known"));
        html.raw("</tr>\n");
    }
    html.raw("</tbody>\n</table>\n");
}

fn vulnerabilities(html: &mut Html, device: &Device) {
    if device.vulnerabilities.is_empty() {
        return;
    }
    html.element("h3", "Known vulnerabilities that may apply");
    html.raw("<table>\n<thead><tr><th scope=\"col\">CVE</th><th scope=\"col\">Component</th>");
    html.raw("<th scope=\"col\">Applies</th><th scope=\"col\">Exploited</th>");
    html.raw("<th scope=\"col\">BOD 26-04 clock</th><th scope=\"col\">SSVC</th>");
    html.raw("<th scope=\"col\">What the manufacturer says</th></tr></thead>\n<tbody>\n");
    let mut listed: Vec<_> = device.vulnerabilities.iter().collect();
    listed.sort_by(|a, b| {
        let chance = |v: &medtap_inventory::model::Vulnerability| v.epss.unwrap_or(0.0);
        let by_tier = is_scored(b).cmp(&is_scored(a));
        by_tier
            .then(b.in_kev.cmp(&a.in_kev))
            .then(chance(b).total_cmp(&chance(a)))
            .then(a.cve.cmp(&b.cve))
            .then(a.component.cmp(&b.component))
    });
    for vulnerability in listed.iter().take(VULNERABILITIES_MAX) {
        html.raw("<tr><th scope=\"row\">").text(&vulnerability.cve);
        html.raw("</th>").element("td", &vulnerability.component);
        html.raw("<td>").text(&vulnerability.applicability);
        html.raw("<br><small>")
            .text(&vulnerability.matched)
            .raw("</small></td>");
        let epss = vulnerability
            .epss
            .map(|epss| format!("EPSS {:.2} %", epss * 100.0));
        let exploited = match (vulnerability.in_kev, epss) {
            (true, Some(epss)) => format!("yes (KEV); {epss}"),
            (true, None) => "yes (KEV)".to_owned(),
            (false, Some(epss)) => epss,
            (false, None) => "not known".to_owned(),
        };
        html.element("td", &exploited);
        for text in [
            &vulnerability.bod_26_04,
            &vulnerability.ssvc,
            &vulnerability.remediation,
        ] {
            html.element("td", text.as_deref().unwrap_or("not known"));
        }
        html.raw("</tr>\n");
    }
    html.raw("</tbody>\n</table>\n");
    let more = listed.len().saturating_sub(VULNERABILITIES_MAX);
    if more > 0 {
        let text = format!("and {} more; the JSON has all", count(more as u64));
        html.element("p", &text);
    }
}

fn protocols(html: &mut Html, device: &Device) {
    if device.protocols.is_empty() {
        return;
    }
    html.element("h3", "What it speaks");
    html.raw("<table>\n<thead><tr><th scope=\"col\">Protocol</th><th scope=\"col\">Role</th>");
    html.raw("<th scope=\"col\">Port</th><th scope=\"col\">Encrypted</th></tr></thead>\n<tbody>\n");
    for protocol in &device.protocols {
        html.raw("<tr><th scope=\"row\">")
            .text(protocol.name)
            .raw("</th>");
        html.element("td", protocol.role);
        let port = protocol.port.map_or(String::new(), |port| port.to_string());
        html.element("td", &port);
        html.element("td", if protocol.encrypted { "yes" } else { "no" });
        html.raw("</tr>\n");
    }
    html.raw("</tbody>\n</table>\n");
}

fn activity(html: &mut Html, device: &Device) {
    if device.activity.is_empty() {
        return;
    }
    html.element("h3", "What it did").raw("<ul>\n");
    for (event, activity) in &device.activity {
        let mut text = format!("{}: {}", spaced(event), several(activity.total, "time"));
        if let Some(hour) = &activity.busiest_hour {
            text.push_str(&format!(", most on {hour} UTC"));
        }
        if let Some(window) = &activity.quietest_window {
            text.push_str(&format!(", least {window} UTC"));
        }
        html.element("li", &text).raw("\n");
    }
    html.raw("</ul>\n");
    heat::draw(
        html,
        "By hour of the week",
        &heat::sum([device].into_iter()),
    );
}
