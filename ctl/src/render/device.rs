//! One device in full, for whoever stands before it: what it is and why we think so, where it
//! is, what it does, with whom. Every value names where it was read.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Write};

use medtap_inventory::Reason;
use medtap_inventory::model::{Device, Provenance};
use medtap_rules::Rules;

use super::text::{bytes, clean, count, fit, label, period, several, width};
use super::{Look, Page};

/// Columns of the names on the left.
const NAME_COLUMNS: usize = 18;
/// Peers that are listed; the rest is a number.
const PEERS_MAX: usize = 40;
/// The same of values that say nothing by themselves.
const SAID_MAX: usize = 60;

/// Where everything about the device is written.
struct Sheet<'a> {
    out: &'a mut dyn Write,
    look: Look,
    rules: &'a Rules,
    names: HashMap<&'a str, &'a Device>,
}

/// Writes the page of a device.
pub fn write(page: &Page<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let devices = page.inventory.devices.iter();
    let mut sheet = Sheet {
        out,
        look,
        rules: page.rules,
        names: devices.map(|device| (device.id.as_str(), device)).collect(),
    };
    let device = page.device;
    sheet.identity(device)?;
    sheet.joins(page)?;
    sheet.attributes(device)?;
    sheet.said(device)?;
    sheet.protocols(device)?;
    sheet.peers(device)?;
    sheet.activity(device)?;
    sheet.findings(device)?;
    sheet.vulnerabilities(device)?;
    sheet.risk(device)
}

impl Sheet<'_> {
    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{}", self.look.bold(text))
    }

    fn line(&mut self, name: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {} {}", fit(name, NAME_COLUMNS), clean(text))
    }

    fn identity(&mut self, device: &Device) -> io::Result<()> {
        writeln!(self.out, "{}", self.look.bold(&label(device)))?;
        self.line("id", &device.id)?;
        let sure = match device.category_confidence {
            0 => String::new(),
            confidence => format!(", {confidence} % sure"),
        };
        self.line(
            "category",
            &format!("{} ({}){sure}", device.category, device.class),
        )?;
        for mac in &device.macs {
            self.line("mac", mac)?;
        }
        for address in &device.addresses {
            self.line("address", &address.to_string())?;
        }
        if !device.vlans.is_empty() {
            let vlans: Vec<String> = device.vlans.iter().map(u16::to_string).collect();
            self.line("vlan", &vlans.join(", "))?;
        }
        for id in &device.reported_by {
            self.line("reported by", &format!("{}, id {id}", self.called(id)))?;
        }
        if let (Some(first), Some(last)) = (device.first_seen, device.last_seen) {
            self.line("seen", &period(first, last))?;
        }
        for (name, packets, sum) in [
            ("sent", device.packets_sent, device.bytes_sent),
            ("received", device.packets_received, device.bytes_received),
        ] {
            self.line(
                name,
                &format!("{}, {}", several(packets, "packet"), bytes(sum)),
            )?;
        }
        Ok(())
    }

    /// Why several records are this device.
    fn joins(&mut self, page: &Page<'_>) -> io::Result<()> {
        for join in page
            .joins
            .iter()
            .filter(|join| join.device == page.device.id)
        {
            let text = format!("{}: {}", reason(join.reason), join.key);
            self.line("one device by", &text)?;
        }
        Ok(())
    }

    fn attributes(&mut self, device: &Device) -> io::Result<()> {
        self.heading("What is known")?;
        let shown = medtap_table::vocabulary::Attribute::SHOWN;
        let mut unknown = Vec::new();
        for name in shown.iter().map(|attribute| attribute.name()) {
            let spaced = name.replace('_', " ");
            let Some(Some(value)) = device.attributes.get(name) else {
                unknown.push(spaced);
                continue;
            };
            self.line(
                &spaced,
                &format!("{}  ({} %)", value.value, value.confidence),
            )?;
            self.sources(&value.sources, &value.value)?;
            for conflict in &value.conflicts {
                let other = format!("but also: {}  ({} %)", conflict.value, conflict.confidence);
                self.line("", &other)?;
                self.sources(&conflict.sources, &conflict.value)?;
            }
        }
        if unknown.len() < shown.len() {
            self.line("not known", &unknown.join(", "))
        } else {
            writeln!(self.out, "  nothing")
        }
    }

    fn sources(&mut self, sources: &[Provenance], value: &str) -> io::Result<()> {
        for source in sources {
            let mut text = format!("  from {}", source.field);
            if source.raw != value && !source.raw.is_empty() {
                text.push_str(&format!(" \"{}\"", source.raw));
            }
            text.push_str(&self.rule(source.rule));
            let times = several(source.count, "time");
            text.push_str(&format!(
                ", {times}, {}",
                period(source.first_seen, source.last_seen)
            ));
            self.line("", &text)?;
        }
        Ok(())
    }

    /// What is no attribute: fingerprints, versions of protocols, programs that a rule knows, and
    /// what a rule of one's own could name.
    fn said(&mut self, device: &Device) -> io::Result<()> {
        let values = device.attributes.values().flatten();
        let told = values.flat_map(|value| {
            let others = value.conflicts.iter().flat_map(|other| &other.sources);
            value.sources.iter().chain(others)
        });
        let told: HashSet<_> = told
            .map(|it| (it.field, it.raw.as_str(), it.rule))
            .collect();
        let recognised = device.recognised.iter().map(|it| &it.source);
        let recognised = recognised.map(|it| (it.field, it.raw.as_str(), it.rule));
        let unnamed = device
            .unnamed
            .iter()
            .map(|it| (it.field, it.raw.as_str(), 0));
        let all = unnamed.chain(recognised.filter(|it| !told.contains(it)));
        let all: BTreeSet<_> = all.collect();
        if all.is_empty() {
            return Ok(());
        }
        self.heading("What else it shows")?;
        let widest = all
            .iter()
            .take(SAID_MAX)
            .map(|(field, ..)| width(field))
            .max();
        for (field, raw, rule) in all.iter().take(SAID_MAX) {
            let field = fit(field, widest.unwrap_or(0));
            let rule = self.rule(*rule);
            writeln!(self.out, "  {field}  {}{rule}", clean(raw))?;
        }
        self.more(all.len(), SAID_MAX)
    }

    /// By which rule a value is known; nothing where it is by none.
    fn rule(&self, number: u32) -> String {
        match (number, self.rules.name(number)) {
            (0, _) => String::new(),
            (_, Some(name)) => format!(", rule {number}: {name}"),
            (_, None) => format!(", rule {number} (not in these rules)"),
        }
    }

    fn protocols(&mut self, device: &Device) -> io::Result<()> {
        if device.protocols.is_empty() {
            return Ok(());
        }
        self.heading("What it speaks")?;
        for protocol in &device.protocols {
            let mut text = protocol.role.to_owned();
            if let Some(port) = protocol.port {
                text.push_str(&format!(", port {port}"));
            }
            if protocol.encrypted {
                text.push_str(", encrypted");
            }
            self.line(protocol.name, &text)?;
        }
        Ok(())
    }

    fn peers(&mut self, device: &Device) -> io::Result<()> {
        if device.peers.is_empty() {
            return Ok(());
        }
        self.heading("With whom")?;
        let mut peers: Vec<_> = device.peers.iter().collect();
        peers.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.id.cmp(&b.id)));
        let shown: Vec<_> = peers.iter().take(PEERS_MAX).collect();
        let widest = shown
            .iter()
            .map(|peer| width(&self.called(peer.id.as_str())));
        let widest = widest.max().unwrap_or(0);
        for peer in shown {
            let name = fit(&self.called(peer.id.as_str()), widest);
            let protocols = match peer.protocols.as_slice() {
                [] => "not recognised".to_owned(),
                protocols => protocols.join(", "),
            };
            let text = format!("{name}  {}  {protocols}", fit(&bytes(peer.bytes), 8));
            self.line(peer.id.as_str(), &text)?;
        }
        self.more(peers.len(), PEERS_MAX)
    }

    /// How many there are besides those that were listed.
    fn more(&mut self, all: usize, listed_max: usize) -> io::Result<()> {
        match all.saturating_sub(listed_max) {
            0 => Ok(()),
            more => self.line("", &format!("and {} more", count(more as u64))),
        }
    }

    fn activity(&mut self, device: &Device) -> io::Result<()> {
        if device.activity.is_empty() {
            return Ok(());
        }
        self.heading("What it did")?;
        for (event, activity) in &device.activity {
            let mut text = several(activity.total, "time");
            if let Some(hour) = &activity.busiest_hour {
                text.push_str(&format!(", most on {hour} UTC"));
            }
            if let Some(window) = &activity.quietest_window {
                text.push_str(&format!(", least {window} UTC"));
            }
            self.line(&event.replace('_', " "), &text)?;
        }
        Ok(())
    }

    fn findings(&mut self, device: &Device) -> io::Result<()> {
        if device.findings.is_empty() {
            return Ok(());
        }
        self.heading("Findings")?;
        for finding in &device.findings {
            let sure = format!("{}  ({} %)", finding.title, finding.confidence);
            self.line(&finding.id, &sure)?;
            self.line("", &finding.evidence)?;
        }
        Ok(())
    }

    fn vulnerabilities(&mut self, device: &Device) -> io::Result<()> {
        if device.vulnerabilities.is_empty() {
            return Ok(());
        }
        self.heading("Vulnerabilities")?;
        for vulnerability in &device.vulnerabilities {
            let applies = vulnerability.applicability.replace('_', " ");
            let mut text = format!("{}: {applies}", vulnerability.component);
            if vulnerability.in_kev {
                text.push_str(", known to be exploited");
            }
            if let Some(epss) = vulnerability.epss {
                text.push_str(&format!(", EPSS {:.2} %", epss * 100.0));
            }
            self.line(&vulnerability.cve, &text)?;
            self.line("", &vulnerability.matched)?;
            for (name, told) in [
                ("BOD 26-04", &vulnerability.bod_26_04),
                ("SSVC", &vulnerability.ssvc),
                ("remediation", &vulnerability.remediation),
            ] {
                if let Some(told) = told {
                    self.line("", &format!("{name}: {told}"))?;
                }
            }
        }
        Ok(())
    }

    fn risk(&mut self, device: &Device) -> io::Result<()> {
        let risk = &device.risk;
        let Some(score) = risk.score.filter(|_| risk.assessed) else {
            let Some(high) = risk.high else {
                return Ok(());
            };
            self.heading("Risk")?;
            let text = "not assessed: too little is known or was seen of it, which is not safe";
            self.line("score", text)?;
            return self.line("could be", &format!("as high as {high:.0} of 100"));
        };
        self.heading("Risk")?;
        let band = risk.band.as_deref().unwrap_or("no band");
        self.line("score", &format!("{score:.0} of 100 ({band})"))?;
        if let (Some(low), Some(high)) = (risk.low, risk.high) {
            let text = format!(
                "{low:.0} if only what is certain counts, {high:.0} if everything possible does"
            );
            self.line("range", &text)?;
        }
        let impact = &risk.impact;
        for (name, value) in [
            ("patient safety", impact.safety),
            ("care", impact.effectiveness),
            ("patient data", impact.data),
        ] {
            if let Some(value) = value {
                self.line(name, &format!("{value:.1} of 10"))?;
            }
        }
        for (place, driver) in risk.drivers.iter().enumerate() {
            let name = if place == 0 { "driven by" } else { "" };
            let text = format!("{:.1} points: {}", driver.effect, driver.name);
            self.line(name, &text)?;
        }
        Ok(())
    }

    /// What a person would call the device with this id, and where it is.
    fn called(&self, id: &str) -> String {
        let Some(device) = self.names.get(id) else {
            return "a device that is not listed".to_owned();
        };
        let mut text = label(device);
        if let Some(address) = device.addresses.first() {
            let address = address.to_string();
            if address != text {
                text.push_str(&format!(" ({address})"));
            }
        }
        text
    }
}

/// Why records that have no address in common are one device.
fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Serial => "same manufacturer and serial number",
        Reason::Udi => "same unique device identification with serial number",
        Reason::Identifier => "same identifier in two reports",
        Reason::Station => "same AE title, station name and model",
        Reason::Chassis => "same LLDP chassis",
        Reason::AeTitle => "a report names its AE title, which no other device has",
        Reason::Address => "a report names its address and its number",
        Reason::OwnAeTitle => "what it reports has its own AE title",
        Reason::OwnStation => "what it reports has its own station name",
        Reason::OwnModality => "works as a modality and reports one device alone",
        Reason::OwnAnalyzer => "laboratory equipment that speaks of itself",
        Reason::OwnGreeting => "an instrument that greets by its own name",
        Reason::ByHand => "a person said so",
    }
}
