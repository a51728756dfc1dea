//! What people decided about matches: this CVE does, or does not, apply to this device or product.
//! Each verdict has an author and a date, lies in a file of the hospital, and outlives every
//! update of the feeds. It finds nothing: a verdict without a match stays unused.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize, Serializer};

use super::names::Names;
use super::{Applicability, Match};
use crate::feeds::CveId;
use crate::feeds::versions::{Containment, Version, Versions};
use crate::subject::Component;

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 2_000;

/// A file of verdicts that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum VerdictsError {
    /// It is no TOML, or has unknown keys.
    #[error("the verdicts can't be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// It is no JSON, or has unknown keys.
    #[error("the verdicts can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// One of them is wrong.
    #[error("verdict {number} ({cve}): {reason}")]
    Wrong {
        /// Which one, from 1.
        number: usize,
        /// Its CVE, as it is written.
        cve: String,
        /// What is wrong, and what is allowed.
        reason: String,
    },
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// It is there.
    Affected,
    /// It is not there.
    NotAffected,
    /// It was there and is mended.
    Fixed,
}

/// What a verdict is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One device, by its id in the inventory.
    Device(String),
    /// Every device with this component.
    Product {
        /// Its vendor.
        vendor: String,
        /// Its name.
        product: String,
        /// Its versions, as advisories write them; empty for all.
        versions: String,
    },
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// About this vulnerability.
    pub cve: CveId,
    /// And these devices.
    pub scope: Scope,
    /// What was decided.
    pub opinion: Opinion,
    /// By whom.
    pub author: String,
    /// When.
    #[serde(serialize_with = "shown")]
    pub date: Date,
    /// The last day that it counts, where it has one.
    #[serde(serialize_with = "shown_optional")]
    pub until: Option<Date>,
    /// Why.
    pub reason: String,
}

fn shown<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

pub(super) fn shown_optional<S: Serializer>(
    date: &Option<Date>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(date),
        None => serializer.serialize_none(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    verdict: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    cve: String,
    device: Option<String>,
    vendor: Option<String>,
    product: Option<String>,
    #[serde(default)]
    versions: String,
    opinion: Opinion,
    author: String,
    date: String,
    until: Option<String>,
    reason: String,
}

impl Row {
    fn verdict(self) -> Result<Verdict, String> {
        let date = |name: &str, text: &str| {
            let date = text.parse::<Date>();
            date.map_err(|_| format!("`{name}` is a day, such as 2026-08-07"))
        };
        let scope = match (self.device, self.vendor, self.product) {
            (Some(device), None, None) if !device.is_empty() => Scope::Device(device),
            (None, Some(vendor), Some(product)) => Scope::Product {
                vendor,
                product,
                versions: self.versions,
            },
            _ => return Err("it names either a `device`, or a `vendor` and a `product`".to_owned()),
        };
        if self.author.trim().is_empty() {
            return Err("it has no `author`".to_owned());
        }
        let length = self.reason.chars().count();
        if self.reason.trim().is_empty() || length > REASON_CHARS_MAX {
            return Err(format!(
                "it has a `reason` of 1 to {REASON_CHARS_MAX} characters"
            ));
        }
        Ok(Verdict {
            cve: self
                .cve
                .parse::<CveId>()
                .map_err(|error| error.to_string())?,
            scope,
            opinion: self.opinion,
            author: self.author,
            date: date("date", &self.date)?,
            until: self.until.map(|until| date("until", &until)).transpose()?,
            reason: self.reason,
        })
    }
}

/// Every verdict of a hospital.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(Vec<Verdict>);

impl Verdicts {
    /// Reads a TOML file of `[[verdict]]` tables.
    pub fn parse_toml(text: &str) -> Result<Self, VerdictsError> {
        Self::of(toml::from_str(text)?)
    }

    /// Reads a JSON file, `{"verdict": […]}`.
    pub fn parse_json(text: &str) -> Result<Self, VerdictsError> {
        Self::of(serde_json::from_str(text)?)
    }

    fn of(file: File) -> Result<Self, VerdictsError> {
        let mut verdicts = Vec::new();
        for (number, row) in file.verdict.into_iter().enumerate() {
            let cve: String = row.cve.chars().take(40).collect();
            let number = number + 1;
            verdicts.push(row.verdict().map_err(|reason| VerdictsError::Wrong {
                number,
                cve,
                reason,
            })?);
        }
        // Of two about the same, the newer one counts; of the same day, the more careful one.
        verdicts.sort_by_key(|verdict| (verdict.date, verdict.opinion == Opinion::Affected));
        Ok(Self(verdicts))
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> &[Verdict] {
        &self.0
    }

    /// Puts the verdicts about a device into its matches. `today` is the day that ages count to.
    /// A verdict about the device counts before one about its product.
    pub fn apply(
        &self,
        device: &str,
        components: &[Component],
        matches: &mut [Match],
        today: Date,
    ) {
        for found in matches {
            let counts = |verdict: &&Verdict| {
                verdict.cve == found.cve
                    && verdict.until.is_none_or(|until| today <= until)
                    && is_about(&verdict.scope, device, components.get(found.component))
            };
            let is_own = |verdict: &&Verdict| matches!(verdict.scope, Scope::Device(_));
            let all = || self.0.iter().filter(counts);
            let Some(verdict) = all().rfind(is_own).or(all().next_back()) else {
                continue;
            };
            found.applicability = match verdict.opinion {
                Opinion::Affected => Applicability::KnownAffected,
                Opinion::NotAffected => Applicability::NotAffected,
                Opinion::Fixed => Applicability::Fixed,
            };
            found.under_investigation = false;
            found.verdict = Some(verdict.clone());
        }
    }

    /// The vulnerabilities that any verdict speaks of.
    pub fn cves(&self) -> BTreeSet<CveId> {
        self.0.iter().map(|verdict| verdict.cve).collect()
    }
}

fn is_about(scope: &Scope, device: &str, component: Option<&Component>) -> bool {
    let (vendor, product, versions) = match scope {
        Scope::Device(id) => return id == device,
        Scope::Product {
            vendor,
            product,
            versions,
        } => (vendor, product, versions),
    };
    let Some(component) = component else {
        return false;
    };
    let names = Names::embedded();
    let of_component = component
        .vendor
        .as_deref()
        .map(|vendor| names.vendors(vendor));
    let same_product = names.vendors(vendor).iter().any(|vendor| {
        let agrees = of_component
            .as_ref()
            .is_none_or(|vendors| vendors.contains(vendor));
        let keys = names.keys(vendor, product);
        agrees
            && names
                .keys(vendor, &component.product)
                .iter()
                .any(|key| keys.contains(key))
    });
    same_product
        && match Versions::parse(versions) {
            Versions::All | Versions::Unstated => true,
            versions => {
                let version = component.version.as_deref().and_then(Version::parse);
                version.is_some_and(|version| {
                    let place = versions.contains(&version);
                    matches!(place, Containment::Named | Containment::Inside)
                })
            }
        }
}
