//! Feeds: what the world knows of vulnerabilities, products and devices, read from files that
//! somebody put there. Nothing here downloads, and no feed is believed beyond what it is about.
//!
//! [`Feeds::read`] takes files and folders, recognises every file by its content (gzip too), and
//! keeps for each a [`Feed`]: date, source, digest, counts, and every record that was not taken,
//! with line and reason. A file that is cut short, altered or hostile is [`Refused`] as a whole.
//! The result does not depend on the order or the names of the files: of two versions of one
//! catalogue or document the newer one counts.

use std::path::{Path, PathBuf};

use serde::Serialize;

mod changes;
mod claims;
mod cpe;
mod csaf;
mod cve;
mod cve_record;
mod cvss;
mod document;
mod epss;
mod fda;
#[cfg(test)]
mod hostile_tests;
mod input;
mod kev;
pub mod limits;
mod lines;
mod mds2;
mod nvd;
mod openvex;
mod purl;
mod recognise;
mod records;
mod refusal;
mod report;
mod sbom;
mod stix;
pub mod store;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;
mod tree;
pub mod versions;
mod weakness;
mod when;

pub use changes::{Change, changes};
pub use claims::{
    Advice, Category, Claim, Claims, Condition, Document, NONE, Part, Platform, Product, Stated,
    Status,
};
pub use cpe::Cpe;
pub use cve::{CveId, NotCve};
pub use cvss::{AttackVector, Cvss, Loss};
pub use epss::{Epss, Scores};
pub use fda::{Classes, DeviceClass, Recall, Recalls};
pub use input::{Input, digest};
pub use kev::{Catalogue, KevEntry};
pub use mds2::{Answer, Answered, Mds2};
pub use refusal::Refusal;
pub use report::{Feed, Kind, Reject};
pub use sbom::{Sbom, Software};
pub use stix::{Indicator, Indicators, Observable};
pub use tree::stamp;
pub use weakness::{Exploitation, Ssvc, VectorSource, Weakness, Weaknesses};
pub use when::day;

use recognise::{Recognised, recognise};

/// Why nothing could be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that was asked for can't be read.
    #[error("{}: {reason}", path.display())]
    Path {
        /// Which one.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A file that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its path, as it was found.
    pub path: String,
    /// Why.
    pub refusal: Refusal,
}

/// A file that is no feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stranger {
    /// Its path, as it was found.
    pub path: String,
    /// What it seems to be.
    pub reason: &'static str,
}

/// Everything that the feeds say.
#[derive(Clone, Debug, Default)]
pub struct Feeds {
    /// The files, by path.
    pub list: Vec<Feed>,
    /// Files that were not taken.
    pub refused: Vec<Refused>,
    /// Files that are no feeds.
    pub strangers: Vec<Stranger>,
    /// The newest catalogue of exploited vulnerabilities.
    pub kev: Catalogue,
    /// The newest scores.
    pub epss: Scores,
    /// What is known of each vulnerability.
    pub weaknesses: Weaknesses,
    /// What is stated about products.
    pub claims: Claims,
    /// FDA's product classes.
    pub classes: Classes,
    /// FDA's recalls.
    pub recalls: Recalls,
    /// Bills of software of models.
    pub sboms: Vec<Sbom>,
    /// Manufacturers' answers about models.
    pub mds2: Vec<Mds2>,
    /// Indicators of attacks.
    pub indicators: Indicators,
}

impl Feeds {
    /// Reads files and folder trees.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut feeds = Self::default();
        for (name, path) in tree::files(paths)? {
            feeds.take(name, Input::open(&path));
        }
        feeds.finish();
        Ok(feeds)
    }

    /// Reads one folder tree or file.
    pub fn read_path(path: &Path) -> Result<Self, Error> {
        Self::read(&[path.to_owned()])
    }

    /// Reads contents by name, as if they were files.
    pub fn read_bytes<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut feeds = Self::default();
        for (name, bytes) in files {
            feeds.take(name.to_owned(), Input::of_bytes(bytes));
        }
        feeds.finish();
        feeds
    }

    /// Takes one file, or refuses it and keeps nothing of it.
    fn take(&mut self, path: String, input: Result<Input, Refusal>) {
        let taken = input.and_then(|input| match recognise(&input.beginning) {
            Recognised::Other(reason) => {
                let path = path.clone();
                self.strangers.push(Stranger { path, reason });
                Ok(())
            }
            Recognised::Feed(kind) => {
                let mark = self.claims.mark();
                let feed = Feed::new(kind, path.clone(), input.sha256.clone(), input.bytes);
                match self.parse(feed, input) {
                    Ok(feed) => {
                        self.claims.settle(mark);
                        self.list.push(feed);
                        Ok(())
                    }
                    Err(refusal) => {
                        self.claims.forget(mark);
                        Err(refusal)
                    }
                }
            }
        });
        if let Err(refusal) = taken {
            self.refused.push(Refused { path, refusal });
        }
    }

    fn parse(&mut self, mut feed: Feed, input: Input) -> Result<Feed, Refusal> {
        let number = self.list.len() as u32;
        match feed.kind {
            Kind::KevJson | Kind::KevCsv => {
                let reader = input.into_reader();
                let catalogue = match feed.kind {
                    Kind::KevJson => kev::read_json(reader, &mut feed)?,
                    _ => kev::read_csv(reader, &mut feed)?,
                };
                feed.check()?;
                let order = |kev: &Catalogue| (kev.released, kev.entries.len());
                if order(&catalogue) > order(&self.kev) {
                    self.supersede(|old| matches!(old.kind, Kind::KevJson | Kind::KevCsv));
                    self.kev = catalogue;
                } else {
                    feed.superseded = true;
                }
            }
            Kind::Epss => {
                let scores = epss::read(input.into_reader(), &mut feed)?;
                feed.check()?;
                let order = |epss: &Scores| (epss.dated, epss.len(), epss.model.clone());
                if order(&scores) > order(&self.epss) {
                    self.supersede(|old| old.kind == Kind::Epss);
                    self.epss = scores;
                } else {
                    feed.superseded = true;
                }
            }
            Kind::FdaClasses => {
                let classes = fda::read_classes(input.into_reader(), &mut feed)?;
                feed.check()?;
                // The file tells no date: the one with more codes is the newer one.
                if classes.len() > self.classes.len() {
                    self.supersede(|old| old.kind == Kind::FdaClasses);
                    self.classes = classes;
                } else {
                    feed.superseded = true;
                }
            }
            Kind::FdaRecalls => {
                let recalls = fda::read_recalls(input.into_reader(), &mut feed)?;
                feed.check()?;
                self.recalls.merge(recalls);
            }
            Kind::Nvd => {
                let (claims, weaknesses) = (&mut self.claims, &mut self.weaknesses);
                nvd::read(input.into_reader(), number, &mut feed, claims, weaknesses)?;
            }
            Kind::Stix => self
                .indicators
                .merge(stix::read(input.into_reader(), &mut feed)?),
            Kind::Mds2 => {
                let is_json = input.beginning.trim_ascii_start().starts_with(b"{");
                self.mds2
                    .push(mds2::read(input.into_reader(), is_json, &mut feed)?);
            }
            Kind::Csaf | Kind::CsafVex => {
                let text = input.into_document()?;
                let (claims, weaknesses) = (&mut self.claims, &mut self.weaknesses);
                csaf::read(&text, number, &mut feed, claims, weaknesses)?;
            }
            Kind::CveRecord => {
                let text = input.into_document()?;
                let (claims, weaknesses) = (&mut self.claims, &mut self.weaknesses);
                cve_record::read(&text, number, &mut feed, claims, weaknesses)?;
            }
            Kind::OpenVex => {
                let text = input.into_document()?;
                openvex::read(&text, number, &mut feed, &mut self.claims)?;
            }
            Kind::CycloneDx => {
                let text = input.into_document()?;
                self.sboms.push(sbom::read_cyclone_dx(&text, &mut feed)?);
            }
            Kind::Spdx => {
                let text = input.into_document()?;
                self.sboms.push(sbom::read_spdx(&text, &mut feed)?);
            }
        }
        Ok(feed)
    }

    fn supersede(&mut self, which: impl Fn(&Feed) -> bool) {
        for old in self.list.iter_mut().filter(|old| which(old)) {
            old.superseded = true;
        }
    }

    /// Puts everything in its final order.
    fn finish(&mut self) {
        let mut current = vec![false; self.list.len()];
        let mut stating = vec![false; self.list.len()];
        for document in &self.claims.documents {
            let feed = document.feed as usize;
            if let (Some(current), Some(stating)) = (current.get_mut(feed), stating.get_mut(feed)) {
                *current |= document.current;
                *stating = true;
            }
        }
        for ((feed, current), stating) in self.list.iter_mut().zip(current).zip(stating) {
            feed.superseded |= stating && !current;
        }
        self.claims.finish();
        self.sboms
            .sort_by(|one, other| (&one.of, &one.date).cmp(&(&other.of, &other.date)));
        self.mds2.sort_by(|one, other| {
            (&one.manufacturer, &one.model).cmp(&(&other.manufacturer, &other.model))
        });
    }
}
