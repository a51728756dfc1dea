//! What changed from one set of feeds to the next that people must hear of: a CVE that entered or
//! left the catalogue of exploited ones, and a new model of the exploit scores, whose numbers do
//! not compare with the old ones.

use serde::Serialize;

use super::{CveId, Feeds};

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Change {
    /// A CVE entered the catalogue.
    KevAdded {
        /// Which one.
        cve: CveId,
    },
    /// A CVE left the catalogue.
    KevLeft {
        /// Which one.
        cve: CveId,
    },
    /// The scores come from another model: changes between the two mean nothing.
    EpssModel {
        /// The model before.
        from: String,
        /// The model now.
        to: String,
    },
}

/// What changed, in order.
pub fn changes(old: &Feeds, new: &Feeds) -> Vec<Change> {
    let (before, after) = (&old.kev.entries, &new.kev.entries);
    let mut found = Vec::new();
    // A catalogue that was never there, or was taken away, is no event of its entries.
    if !before.is_empty() && !after.is_empty() {
        let added = after.keys().filter(|cve| !before.contains_key(*cve));
        found.extend(added.map(|cve| Change::KevAdded { cve: *cve }));
        let left = before.keys().filter(|cve| !after.contains_key(*cve));
        found.extend(left.map(|cve| Change::KevLeft { cve: *cve }));
    }
    if !old.epss.is_empty() && !new.epss.is_empty() && old.epss.model != new.epss.model {
        found.push(Change::EpssModel {
            from: old.epss.model.to_string(),
            to: new.epss.model.to_string(),
        });
    }
    found.sort();
    found
}
