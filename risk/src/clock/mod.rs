//! By when a CVE of a device is to be fixed: CISA's Binding Operational Directive 26-04 of
//! 2026-06-10, which replaces 22-01. It binds federal civilian agencies of the United States (the
//! hospitals of Veterans Affairs and the Indian Health Service among them); to everybody else it
//! is advice. It decides nothing about how to fix: that is [`remedy`]'s.
//!
//! The table is the directive's, as CERT/CC publishes it with SSVC (`BOD2604`, version 1.0.0).

pub mod remedy;
#[cfg(test)]
mod tests;
pub mod window;

use jiff::civil::{Date, date};

use crate::date::later;
use crate::feeds::Cvss;
use crate::policy::Policy;
use crate::subject::Subject;

/// When the directive was issued: no clock began before.
pub const DIRECTIVE: Date = date(2026, 6, 10);

/// To be printed wherever a clock is.
pub const BINDS: &str = "CISA BOD 26-04 binds federal civilian agencies of the United States; \
                         to everybody else it is advice";

/// How long the directive gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    /// 3 days, and the device is examined for signs that it is compromised.
    UrgentForensic,
    /// 3 days.
    Urgent,
    /// 14 days.
    Soon,
    /// 60 days.
    Later,
    /// With the next upgrade of the system.
    OnUpgrade,
}

impl Clock {
    /// Days, unless it waits for an upgrade.
    pub fn days(self, policy: &Policy) -> Option<f64> {
        match self {
            Self::UrgentForensic | Self::Urgent => Some(policy.clock.urgent_days),
            Self::Soon => Some(policy.clock.soon_days),
            Self::Later => Some(policy.clock.later_days),
            Self::OnUpgrade => None,
        }
    }

    /// The clock in words: `3 days and forensic investigation`.
    pub fn words(self, policy: &Policy) -> String {
        match (self, self.days(policy)) {
            (Self::UrgentForensic, Some(days)) => format!("{days} days and forensic investigation"),
            (_, Some(days)) => format!("{days} days"),
            (_, None) => "fix on system upgrade".to_owned(),
        }
    }
}

/// How far an attacker gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TechnicalImpact {
    /// Limited control.
    Partial,
    /// Total control.
    Total,
}

/// The directive's table.
pub const fn clock(
    in_kev: bool,
    exposed: bool,
    automatable: bool,
    impact: TechnicalImpact,
) -> Clock {
    use TechnicalImpact::{Partial, Total};
    match (in_kev, exposed, automatable, impact) {
        (false, false, false, _) => Clock::OnUpgrade,
        (false, false, true, _) => Clock::Later,
        (false, true, false, Partial) => Clock::Later,
        (false, true, false, Total) => Clock::Soon,
        (false, true, true, Partial) => Clock::Soon,
        (false, true, true, Total) => Clock::Urgent,
        (true, false, false, _) => Clock::Soon,
        (true, false, true, Partial) => Clock::Soon,
        (true, false, true, Total) => Clock::UrgentForensic,
        (true, true, false, Partial) => Clock::Soon,
        (true, true, false, Total) => Clock::UrgentForensic,
        (true, true, true, Partial) => Clock::Urgent,
        (true, true, true, Total) => Clock::UrgentForensic,
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// CISA's Vulnrichment says so.
    Vulnrichment,
    /// Derived from the CVSS vector.
    Derived,
    /// Nothing says so: the worst is assumed.
    Assumed,
}

impl Basis {
    /// The name that people and JSON see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vulnrichment => "vulnrichment",
            Self::Derived => "derived",
            Self::Assumed => "assumed",
        }
    }
}

/// What the feeds say of a CVE, and since when this device has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its identifier.
    pub cve: String,
    /// When CISA's catalogue listed it; `None` where it does not.
    pub kev_added: Option<Date>,
    /// The catalogue knows of its use by ransomware.
    pub ransomware: bool,
    /// SSVC: Automatable.
    pub automatable: Option<bool>,
    /// SSVC: Technical Impact.
    pub impact: Option<TechnicalImpact>,
    /// Its CVSS vector.
    pub cvss: Option<Cvss>,
    /// When it was published.
    pub published: Option<Date>,
    /// When this device was first seen with what it is in.
    pub first_seen: Option<Date>,
}

impl Known {
    /// Every step of an attack can be automated.
    pub fn is_automatable(&self) -> (bool, Basis) {
        match (self.automatable, self.cvss) {
            (Some(automatable), _) => (automatable, Basis::Vulnrichment),
            (None, Some(cvss)) => (cvss.automatable(), Basis::Derived),
            (None, None) => (true, Basis::Assumed),
        }
    }

    /// How far an attacker gets.
    pub fn technical_impact(&self) -> (TechnicalImpact, Basis) {
        match (self.impact, self.cvss) {
            (Some(impact), _) => (impact, Basis::Vulnrichment),
            (None, Some(cvss)) if cvss.total_impact() => (TechnicalImpact::Total, Basis::Derived),
            (None, Some(_)) => (TechnicalImpact::Partial, Basis::Derived),
            (None, None) => (TechnicalImpact::Total, Basis::Assumed),
        }
    }
}

/// Whether the device can be reached from the internet, as traffic shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exposure {
    /// It answered a connection from a public address.
    Exposed,
    /// Enough was seen, and no such connection.
    NotExposed,
    /// Too little was seen, or address translation hides it: both clocks are printed.
    Unknown,
}

impl Exposure {
    /// What the flows of a device show.
    pub const fn of(subject: &Subject) -> Self {
        let reach = &subject.reach;
        if reach.answered_public {
            Self::Exposed
        } else if reach.coverage_low || reach.behind_nat_or_proxy || !subject.sight.assessable {
            Self::Unknown
        } else {
            Self::NotExposed
        }
    }
}

/// One clock of a device and CVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// It holds if the device is exposed.
    pub if_exposed: bool,
    /// How long it gives.
    pub clock: Clock,
    /// The same in words.
    pub words: String,
    /// When it began.
    pub start: Date,
    /// What began it.
    pub began: &'static str,
    /// When it ends, unless it waits for an upgrade.
    pub due: Option<Date>,
}

/// The row of a device and a CVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The CVE.
    pub cve: String,
    /// CISA's catalogue lists it.
    pub in_kev: bool,
    /// The catalogue knows of its use by ransomware.
    pub ransomware: bool,
    /// Whether the device is exposed.
    pub exposure: Exposure,
    /// Every step of an attack can be automated.
    pub automatable: (bool, Basis),
    /// How far an attacker gets.
    pub impact: (TechnicalImpact, Basis),
    /// The clock; where the exposure is unknown, both: first if it is exposed, then if not.
    pub clocks: Vec<Due>,
}

impl Deadline {
    /// The clocks of a device and a CVE. `as_of` is today.
    pub fn of(subject: &Subject, known: &Known, policy: &Policy, as_of: Date) -> Self {
        let exposure = Exposure::of(subject);
        let (automatable, impact) = (known.is_automatable(), known.technical_impact());
        let in_kev = known.kev_added.is_some();
        let (start, began) = start(known, as_of);
        let due = |exposed: bool| {
            let clock = clock(in_kev, exposed, automatable.0, impact.0);
            Due {
                if_exposed: exposed,
                clock,
                words: clock.words(policy),
                start,
                began,
                due: clock.days(policy).map(|days| later(start, days)),
            }
        };
        let clocks = match exposure {
            Exposure::Exposed => vec![due(true)],
            Exposure::NotExposed => vec![due(false)],
            Exposure::Unknown => vec![due(true), due(false)],
        };
        Self {
            cve: known.cve.clone(),
            in_kev,
            ransomware: known.ransomware,
            exposure,
            automatable,
            impact,
            clocks,
        }
    }

    /// The earliest day on which it is due, if any clock runs.
    pub fn due(&self) -> Option<Date> {
        self.clocks.iter().filter_map(|clock| clock.due).min()
    }

    /// The shortest of its clocks.
    pub fn shortest(&self) -> Option<&Due> {
        self.clocks.iter().min_by_key(|clock| clock.clock)
    }
}

/// When a clock began: the last of what had to be known. Without any date, today.
fn start(known: &Known, as_of: Date) -> (Date, &'static str) {
    let dates = [
        (Some(DIRECTIVE), "the directive was issued"),
        (known.published, "the CVE was published"),
        (known.kev_added, "CISA listed it as known to be exploited"),
        (known.first_seen, "the device was first seen with it"),
    ];
    let known = dates
        .into_iter()
        .filter_map(|(date, why)| Some((date?, why)));
    let last = known.max_by_key(|(date, _)| *date);
    let (date, why) = last.unwrap_or((as_of, "today"));
    // A feed that dates something into the future stops no clock.
    match date > as_of {
        true => (as_of.max(DIRECTIVE), "today"),
        false => (date, why),
    }
}
