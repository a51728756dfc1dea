//! Matching: which vulnerabilities a device's components have, how sure that is, and who says so.
//! It joins names by words and data alone, never by likeness, and reports a doubt as a doubt.
//!
//! [`Matcher::new`] indexes the feeds once; [`Matcher::matches`] is for one device, and
//! [`Matcher::fleet`] for many, where devices with the same components are matched once.
//! The observed field and the time of its packet are those of the component that a [`Match`]
//! names.

use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use crate::feeds::{Category, CveId, Cvss, Epss, KevEntry, Kind, Ssvc};

mod about;
mod decide;
mod evaluate;
mod exploits;
#[cfg(test)]
mod feed_tests;
mod index;
mod names;
#[cfg(test)]
mod tests;
mod verdicts;
#[cfg(test)]
mod walk_tests;
mod windows;

pub use index::Matcher;
pub use names::{Names, NamesError};
pub use verdicts::{Opinion, Scope, Verdict, Verdicts, VerdictsError};

/// How sure it is that a vulnerability is really there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Applicability {
    /// Said not to be affected.
    NotAffected,
    /// Said to be mended.
    Fixed,
    /// The family matches, no more. Listed, not scored.
    FamilyOnly,
    /// The operating system's build matches; its patch level is not known.
    OsBuildPatchUnknown,
    /// The model matches; its version is not known, or can't be compared.
    ModelVersionUnknown,
    /// The exact version lies in a range.
    ExactVersionInRange,
    /// The manufacturer, a coordinator or a person says so for this very version.
    KnownAffected,
}

impl Applicability {
    /// It may be there: nobody says that it is not. What that weighs is policy.
    pub const fn is_there(self) -> bool {
        !matches!(self, Self::NotAffected | Self::Fixed)
    }

    /// More than a namesake: it counts in the score.
    pub const fn is_scored(self) -> bool {
        self.is_there() && !matches!(self, Self::FamilyOnly)
    }

    /// The tier of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    /// Every tier, the least sure first.
    pub const ALL: [Self; 7] = [
        Self::NotAffected,
        Self::Fixed,
        Self::FamilyOnly,
        Self::OsBuildPatchUnknown,
        Self::ModelVersionUnknown,
        Self::ExactVersionInRange,
        Self::KnownAffected,
    ];

    /// Its name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::FamilyOnly => "family_only",
            Self::OsBuildPatchUnknown => "os_build_patch_unknown",
            Self::ModelVersionUnknown => "model_version_unknown",
            Self::ExactVersionInRange => "exact_version_in_range",
            Self::KnownAffected => "known_affected",
        }
    }
}

impl fmt::Display for Applicability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who says that a component has a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Evidence {
    /// Which feed.
    pub feed: Kind,
    /// Which document or row of it.
    pub document: String,
    /// Who published it.
    pub publisher: String,
    /// The day of its last change; empty where it is not told.
    pub updated: String,
    /// The product and versions, in its words.
    pub stated: String,
}

/// What can be done, by a document's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remediation {
    /// What kind of help it is.
    pub category: Category,
    /// The words, cut.
    pub details: String,
    /// Where there is more.
    pub url: Option<String>,
    /// Which document says so.
    pub document: String,
}

/// A decision point, and whether it was derived from the vector because CISA did not set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Yes or no.
    pub yes: bool,
    /// Derived from the vector.
    pub derived: bool,
}

/// A vulnerability of a component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Match {
    /// Which one.
    pub cve: CveId,
    /// Of which component, by its place in the list.
    pub component: usize,
    /// How sure that is.
    pub applicability: Applicability,
    /// Nobody knows yet; the applicability is that of the match.
    pub under_investigation: bool,
    /// It holds under a condition that traffic does not show.
    pub conditional: bool,
    /// Who says so, the deciding one first.
    pub evidence: Vec<Evidence>,
    /// What CISA's catalogue says, where it is there.
    pub in_kev: Option<KevEntry>,
    /// The probability of exploitation.
    pub epss: Option<Epss>,
    /// The vector.
    pub cvss: Option<Cvss>,
    /// The day that it was published, by its record or NVD.
    #[serde(serialize_with = "verdicts::shown_optional")]
    pub published: Option<Date>,
    /// CISA's decision points.
    pub ssvc: Option<Ssvc>,
    /// An attack can be automated; `None` where neither CISA nor a vector tells.
    pub automatable: Option<Point>,
    /// The attacker gets everything; `None` where neither CISA nor a vector tells.
    pub total_impact: Option<Point>,
    /// What can be done.
    pub remediation: Option<Remediation>,
    /// A person's verdict, which decided.
    pub verdict: Option<Verdict>,
}
