//! What became of one file: what it is, where it says it comes from, how much was taken and what
//! was not. It holds none of the feed's knowledge.

use serde::{Deserialize, Serialize};

use super::limits::{REJECTED_FREE, REJECTED_PERCENT_MAX, REJECTS_KEPT_MAX};
use super::refusal::Refusal;

/// The feeds that are known, by what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// CISA's Known Exploited Vulnerabilities, JSON.
    KevJson,
    /// The same, CSV.
    KevCsv,
    /// FIRST's exploit prediction scores.
    Epss,
    /// A CSAF 2.0 advisory.
    Csaf,
    /// A CSAF 2.0 document of the VEX profile.
    CsafVex,
    /// An OpenVEX document.
    OpenVex,
    /// NVD's CVE API 2.0.
    Nvd,
    /// A CVE record 5.x, with CISA's Vulnrichment (SSVC) where it has it.
    CveRecord,
    /// FDA's product classification, `foiclass.txt`.
    FdaClasses,
    /// openFDA's device recalls and enforcement reports.
    FdaRecalls,
    /// A CycloneDX SBOM.
    CycloneDx,
    /// An SPDX 2 SBOM.
    Spdx,
    /// Answers of an MDS2 form.
    Mds2,
    /// A STIX 2.1 bundle.
    Stix,
}

impl Kind {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::KevJson | Self::KevCsv => "CISA KEV",
            Self::Epss => "FIRST EPSS",
            Self::Csaf => "CSAF advisory",
            Self::CsafVex => "CSAF VEX",
            Self::OpenVex => "OpenVEX",
            Self::Nvd => "NVD",
            Self::CveRecord => "CVE record",
            Self::FdaClasses => "FDA product classes",
            Self::FdaRecalls => "FDA recalls",
            Self::CycloneDx => "CycloneDX SBOM",
            Self::Spdx => "SPDX SBOM",
            Self::Mds2 => "MDS2",
            Self::Stix => "STIX indicators",
        }
    }
}

/// A record that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The line that it begins on, from 1, where lines are known.
    pub line: Option<u64>,
    /// Its place among the records, from 0.
    pub index: u64,
    /// Why.
    pub reason: String,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// What it is.
    pub kind: Kind,
    /// Its path, as it was found below the folder that was asked for.
    pub path: String,
    /// Who published it, as it says itself.
    pub source: Option<String>,
    /// Version of catalogue, model or document, as it says itself.
    pub version: Option<String>,
    /// Its date, as it says itself, RFC 3339 or a day.
    pub date: Option<String>,
    /// Digest of the file as it lies there.
    pub sha256: String,
    /// Bytes of the file as it lies there.
    pub bytes: u64,
    /// Records that the file says it has.
    pub stated: Option<u64>,
    /// Records that were taken.
    pub records: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// The first of them, with reasons.
    pub rejects: Vec<Reject>,
    /// Records that are right but of no use here, such as a pattern that is no equality.
    pub skipped: u64,
    /// The first of them, with reasons.
    pub skips: Vec<Reject>,
    /// A newer file says all that this one says.
    pub superseded: bool,
}

impl Feed {
    /// A file of which nothing was read yet.
    pub(crate) fn new(kind: Kind, path: String, sha256: String, bytes: u64) -> Self {
        Self {
            kind,
            path,
            source: None,
            version: None,
            date: None,
            sha256,
            bytes,
            stated: None,
            records: 0,
            rejected: 0,
            rejects: Vec::new(),
            skipped: 0,
            skips: Vec::new(),
            superseded: false,
        }
    }

    /// Counts a record as wrong.
    pub(crate) fn reject(&mut self, line: Option<u64>, index: u64, reason: impl Into<String>) {
        self.rejected += 1;
        if self.rejects.len() < REJECTS_KEPT_MAX {
            let reason = reason.into();
            self.rejects.push(Reject {
                line,
                index,
                reason,
            });
        }
    }

    /// Counts a record as right and of no use.
    pub(crate) fn skip(&mut self, line: Option<u64>, index: u64, reason: impl Into<String>) {
        self.skipped += 1;
        if self.skips.len() < REJECTS_KEPT_MAX {
            let reason = reason.into();
            self.skips.push(Reject {
                line,
                index,
                reason,
            });
        }
    }

    /// Refuses a file that states another number of records than it has, that has none, or whose
    /// rejected records are too many to trust the rest.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let there = self.records + self.rejected + self.skipped;
        if let Some(stated) = self.stated.filter(|stated| *stated != there) {
            return Err(Refusal::of_file(format!(
                "it states {stated} records and has {there}: it is cut short or was altered"
            )));
        }
        let free = REJECTED_FREE.max(there * REJECTED_PERCENT_MAX / 100);
        if self.rejected > free || (self.records + self.skipped == 0 && self.rejected > 0) {
            let first = self.rejects.first();
            let why = first.map_or("", |reject| reject.reason.as_str());
            return Err(Refusal {
                line: first.and_then(|reject| reject.line),
                reason: format!(
                    "{} of {there} records are wrong, the first: {why}",
                    self.rejected
                ),
            });
        }
        Ok(())
    }
}
