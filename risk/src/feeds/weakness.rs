//! What is known of a vulnerability itself, whatever the product: its vector and CISA's SSVC
//! decision points. Where sources differ, one wins by rank, then by date; the order of files does
//! not matter.

use hashbrown::HashMap;
use jiff::civil::Date;
use serde::Serialize;

use super::cve::CveId;
use super::cvss::Cvss;

/// CISA's decision points for one CVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ssvc {
    /// When CISA set them, seconds since the epoch.
    pub updated: i64,
    /// What is known about exploitation.
    pub exploitation: Exploitation,
    /// An attack can be automated.
    pub automatable: bool,
    /// The attacker gets everything.
    pub total_impact: bool,
}

/// What is known about exploitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exploitation {
    /// Nothing.
    None,
    /// There is a proof of concept.
    Poc,
    /// It happens.
    Active,
}

/// Whose vector it is, the better later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorSource {
    /// A CVE record: its author, or CISA.
    CveRecord,
    /// A CSAF document.
    Csaf,
    /// NVD, of somebody else.
    NvdSecondary,
    /// NVD's own.
    NvdPrimary,
}

/// What is known of one vulnerability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weakness {
    vector: Option<(VectorSource, u8, i64, Cvss)>,
    /// CISA's decision points.
    pub ssvc: Option<Ssvc>,
    /// The day that it was published, the earliest that is told.
    pub published: Option<Date>,
}

impl Weakness {
    /// Its vector.
    pub fn cvss(&self) -> Option<Cvss> {
        self.vector.map(|(.., cvss)| cvss)
    }

    /// Whose vector that is.
    pub fn vector_source(&self) -> Option<VectorSource> {
        self.vector.map(|(source, ..)| source)
    }
}

/// What is known of every vulnerability.
#[derive(Clone, Debug, Default)]
pub struct Weaknesses(HashMap<CveId, Weakness>);

impl Weaknesses {
    /// What is known of one.
    pub fn get(&self, cve: CveId) -> Option<&Weakness> {
        self.0.get(&cve)
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a vector, if it is the best so far.
    pub fn add_vector(&mut self, cve: CveId, source: VectorSource, updated: i64, cvss: Cvss) {
        let weakness = self.0.entry(cve).or_default();
        let rank = cvss.rank();
        let order = |(source, rank, updated, cvss): (VectorSource, u8, i64, Cvss)| {
            // Last comes what only breaks ties: the graver one.
            (
                source,
                rank,
                updated,
                cvss.score_tenths,
                cvss.total_impact(),
                cvss.automatable(),
            )
        };
        let new = (source, rank, updated, cvss);
        if weakness.vector.is_none_or(|old| order(new) > order(old)) {
            weakness.vector = Some(new);
        }
    }

    /// Takes the day that it was published, if it is the earliest so far.
    pub fn add_published(&mut self, cve: CveId, day: Date) {
        let weakness = self.0.entry(cve).or_default();
        weakness.published = weakness.published.into_iter().chain([day]).min();
    }

    /// Takes decision points, if they are the newest so far.
    pub fn add_ssvc(&mut self, cve: CveId, ssvc: Ssvc) {
        let weakness = self.0.entry(cve).or_default();
        weakness.ssvc = weakness.ssvc.max(Some(ssvc));
    }
}
