//! Matches of the feeds, as the risk model takes them and as the JSON shows them. It passes on
//! who says so and where it was seen; it decides nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use medtap_inventory::model::{Time, Vulnerability};
use medtap_inventory::people::EpssDays;
use medtap_risk::clock::remedy::{Plan, Statement};
use medtap_risk::clock::{Deadline, Known};
use medtap_risk::date::day;
use medtap_risk::feeds::Feeds;
use medtap_risk::matching::Match;
use medtap_risk::score::{Exploit, lev};
use medtap_risk::ssvc::Ssvc;
use medtap_risk::subject::{Component, ComponentKind};
use medtap_risk::{Policy, Share, Subject};

use super::Judged;
use crate::render;

/// The matches that may be there, as the score wants them.
pub fn exploits(matches: &[Match]) -> Vec<Exploit> {
    matches.iter().filter_map(Match::exploit).collect()
}

/// Adds to each CVE how likely it was exploited on one of the days that EPSS is known of.
pub fn likely_exploited(exploits: &mut [Vec<Exploit>], feeds: &Feeds, before: &EpssDays) {
    let mut known: HashMap<String, Share> = HashMap::new();
    for exploit in exploits.iter_mut().flatten() {
        let Some(today) = exploit.epss else { continue };
        if let Some(lev) = known.get(&exploit.cve) {
            exploit.lev = Some(*lev);
            continue;
        }
        let days = before.get(&exploit.cve).into_iter().flatten();
        let days = days.filter_map(|(model, p)| Some((model.as_str(), Share::new(*p).ok()?)));
        let lev = lev(days.chain([(&*feeds.epss.model, today)]));
        exploit.lev = Some(lev);
        known.insert(exploit.cve.clone(), lev);
    }
}

/// What the clocks ask of a match.
fn known(found: &Match, component: Option<&Component>) -> Known {
    let first = component.map(|component| component.seen.0);
    Known {
        first_seen: first.filter(|time| *time != 0).map(day),
        ..found.known()
    }
}

/// The clocks of a device, one row a CVE that may be there and is scored.
pub fn deadlines(
    subject: &Subject,
    matches: &[Match],
    policy: &Policy,
    today: Date,
) -> Vec<Deadline> {
    let mut seen = BTreeSet::new();
    let scored = matches
        .iter()
        .filter(|found| found.applicability.is_scored());
    scored
        .filter(|found| seen.insert(found.cve))
        .map(|found| {
            let known = known(found, subject.components.get(found.component));
            Deadline::of(subject, &known, policy, today)
        })
        .collect()
}

/// What can be done about each component, by its place.
pub fn plans(subject: &Subject, matches: &[Match]) -> BTreeMap<usize, Plan> {
    let mut statements: BTreeMap<usize, Vec<Statement>> = BTreeMap::new();
    for found in matches
        .iter()
        .filter(|found| found.applicability.is_there())
    {
        let told = statements.entry(found.component).or_default();
        let component = subject.components.get(found.component);
        // An advisory about a part is not the word of who made the device.
        let own = component.is_some_and(|component| {
            matches!(
                component.kind,
                ComponentKind::Device | ComponentKind::Firmware
            )
        });
        told.extend(found.statement(own));
    }
    let plan = |(place, told): (usize, Vec<Statement>)| (place, Plan::of(&told, subject.category));
    statements.into_iter().map(plan).collect()
}

/// The matches of a device as the JSON has them, by CVE and component.
pub fn listed(judged: &Judged, policy: &Policy, today: Date) -> Vec<Vulnerability> {
    let subject = &judged.subject;
    let mut listed: Vec<Vulnerability> = judged
        .matches
        .iter()
        .map(|found| {
            let component = subject.components.get(found.component);
            let known = known(found, component);
            let there = found.applicability.is_there();
            let deadline = Deadline::of(subject, &known, policy, today);
            let exploitation = found.exploitation();
            let weighed = (&judged.assessment.impact, &judged.assessment.reached);
            let ssvc = Ssvc::of(subject, &known, exploitation, weighed, policy);
            let remediation = found.remediation.as_ref().zip(found.statement(true));
            Vulnerability {
                cve: found.cve.to_string(),
                component: component.map_or_else(String::new, called),
                applicability: found.applicability.name().to_owned(),
                matched: evidence(found, component),
                in_kev: found.in_kev.is_some(),
                epss: found.epss.as_ref().map(|epss| epss.probability),
                epss_model: found.epss.as_ref().map(|epss| epss.model.to_string()),
                bod_26_04: there.then(|| clocks(&deadline)),
                ssvc: there.then(|| ssvc.decision.name().to_owned()),
                remediation: remediation
                    .map(|(told, said)| format!("{}: {}", said.remedy.name(), told.details)),
            }
        })
        .collect();
    listed.sort_by(|a, b| (&a.cve, &a.component).cmp(&(&b.cve, &b.component)));
    listed
}

/// `Microsoft Windows 7 6.1.7601`.
fn called(component: &Component) -> String {
    let version = component.version.as_deref();
    let parts = [
        component.vendor.as_deref(),
        Some(component.product.as_str()),
        version,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Who says so, and where the component was seen.
fn evidence(found: &Match, component: Option<&Component>) -> String {
    let mut parts = Vec::new();
    if let Some(verdict) = &found.verdict {
        parts.push(format!(
            "{} decided on {}: {}",
            verdict.author, verdict.date, verdict.reason
        ));
    }
    if let Some(told) = found.evidence.first() {
        let updated = match told.updated.as_str() {
            "" => String::new(),
            day => format!(" ({day})"),
        };
        parts.push(format!(
            "{} {}{updated} states {}",
            told.publisher, told.document, told.stated
        ));
    }
    if found.under_investigation {
        parts.push("still under investigation".to_owned());
    }
    if found.conditional {
        parts.push("under a condition that traffic does not show".to_owned());
    }
    if let Some(component) = component {
        let seen = match component.seen.0 {
            0 => String::new(),
            time => format!(" on {} UTC", render::time(Time(time))),
        };
        parts.push(format!(
            "seen as {} \"{}\"{seen}",
            component.field, component.raw
        ));
    }
    parts.join("; ")
}

/// `3 days, due 2026-12-01 if exposed; 14 days, due 2026-12-12 if not (since ...)`.
fn clocks(deadline: &Deadline) -> String {
    let both = deadline.clocks.len() > 1;
    let clocks = deadline.clocks.iter().map(|clock| {
        let due = clock
            .due
            .map_or_else(String::new, |due| format!(", due {due}"));
        let condition = match (both, clock.if_exposed) {
            (false, _) => "",
            (true, true) => " if exposed",
            (true, false) => " if not exposed",
        };
        format!("{}{due}{condition}", clock.words)
    });
    let mut text = clocks.collect::<Vec<_>>().join("; ");
    if let Some(clock) = deadline.clocks.first().filter(|clock| clock.due.is_some()) {
        text.push_str(&format!(" (since {}: {})", clock.start, clock.began));
    }
    if deadline.ransomware {
        text.push_str("; used by ransomware");
    }
    text
}
