//! What feeds state about products: this CVE affects, or does not affect, these versions of that
//! product. It keeps the words of the feeds; which device they mean is the matcher's to say.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::Serialize;

use super::cpe::Cpe;
use super::cve::CveId;
use super::limits::CLAIMS_MAX;
use super::refusal::Refusal;
use super::report::Kind;
use super::versions::Versions;

/// No condition, no remediation.
pub const NONE: u32 = u32::MAX;

/// The kind of a product, as CPE has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Not said.
    Any,
    /// An application.
    Application,
    /// An operating system or firmware.
    System,
    /// Hardware.
    Hardware,
}

/// A product as a feed names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product {
    /// What kind it is.
    pub part: Part,
    /// Who makes it, as the feed spells it.
    pub vendor: Box<str>,
    /// What it is called, as the feed spells it.
    pub name: Box<str>,
    /// Software that it must run on, as CPE names it: `android`.
    pub target_software: Option<Box<str>>,
    /// Processor that it must run on: `x64`.
    pub target_hardware: Option<Box<str>>,
}

/// Versions, and how the feed wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// As the feed wrote them.
    pub text: Box<str>,
    /// What that means.
    pub versions: Versions,
    /// Version and update of a CPE name that is no range: `r2`, `sp1`.
    pub label: Option<(Box<str>, Box<str>)>,
}

/// A product with versions, as a condition names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// Which product.
    pub product: u32,
    /// Which versions.
    pub versions: u32,
}

/// What must also be there: of each group, one.
pub type Condition = Vec<Vec<Platform>>;

/// A document that states something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What kind of feed it is in.
    pub kind: Kind,
    /// Which feed, by its place in the list.
    pub feed: u32,
    /// Its own number: `ICSMA-24-060-01`, or the CVE.
    pub id: Box<str>,
    /// Who says it.
    pub publisher: Box<str>,
    /// When it was last changed, seconds since the epoch.
    pub updated: i64,
    /// No newer version of it is known.
    pub current: bool,
}

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// These versions are affected.
    Affected,
    /// These versions were mended.
    Fixed,
    /// These versions never were affected.
    NotAffected,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// One statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// About this vulnerability.
    pub cve: CveId,
    /// And this product.
    pub product: u32,
    /// In these versions.
    pub versions: u32,
    /// Where that is stated.
    pub document: u32,
    /// What must also be there, or [`NONE`].
    pub condition: u32,
    /// What can be done, or [`NONE`].
    pub remediation: u32,
    /// What is stated.
    pub status: Status,
    /// It holds under a condition that can't be evaluated.
    pub conditional: bool,
}

/// What can be done about a vulnerability, by CSAF's categories, the most final first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The manufacturer has a fix.
    VendorFix,
    /// Something lessens it.
    Mitigation,
    /// Something avoids it.
    Workaround,
    /// There is nothing yet.
    NoneAvailable,
    /// There will be nothing.
    NoFixPlanned,
}

/// What can be done, in the words of a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Advice {
    /// What kind of help it is.
    pub category: Category,
    /// Its words, cut.
    pub details: Box<str>,
    /// Where there is more.
    pub url: Option<Box<str>>,
}

/// Gives the same number to the same value.
#[derive(Clone, Debug)]
struct Numbered<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbered<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = self.values.len() as u32;
        match self.numbers.entry(value) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(place) => {
                self.values.push(place.key().clone());
                *place.insert(next)
            }
        }
    }
}

/// All statements of all feeds.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    products: Numbered<Product>,
    stated: Vec<Stated>,
    stated_numbers: HashMap<Box<str>, u32>,
    conditions: Numbered<Condition>,
    advice: Numbered<Advice>,
    /// The documents.
    pub documents: Vec<Document>,
    claims: Vec<Claim>,
    by_id: HashMap<(Kind, Box<str>, Box<str>), u32>,
}

/// How much there was before a file was read.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    documents: usize,
    claims: usize,
}

impl Claims {
    /// The number of a product.
    pub fn product(&mut self, product: Product) -> u32 {
        self.products.number(product)
    }

    /// The number of versions: `text` as the feed wrote them, read by `read` the first time.
    pub fn versions(&mut self, text: &str, read: impl FnOnce() -> Stated) -> u32 {
        if let Some(number) = self.stated_numbers.get(text) {
            return *number;
        }
        let number = self.stated.len() as u32;
        self.stated.push(read());
        self.stated_numbers.insert(text.into(), number);
        number
    }

    /// The number of versions written as text.
    pub fn versions_of_text(&mut self, text: &str) -> u32 {
        self.versions(text, || Stated {
            text: text.into(),
            versions: Versions::parse(text),
            label: None,
        })
    }

    /// The number of the version that a CPE name states itself.
    pub fn versions_of_cpe(&mut self, cpe: &Cpe) -> u32 {
        let key = format!("{}\u{1f}{}", cpe.version, cpe.update);
        self.versions(&key, || {
            let text = format!("{} {}", cpe.version, cpe.update);
            cpe.stated(text.trim())
        })
    }

    /// The number of a condition.
    pub fn condition(&mut self, condition: Condition) -> u32 {
        match condition.is_empty() {
            true => NONE,
            false => self.conditions.number(condition),
        }
    }

    /// The number of an advice.
    pub fn advice(&mut self, advice: Advice) -> u32 {
        self.advice.number(advice)
    }

    /// Adds a document.
    pub fn document(&mut self, document: Document) -> u32 {
        self.documents.push(document);
        (self.documents.len() - 1) as u32
    }

    /// Adds a statement.
    pub fn claim(&mut self, claim: Claim) -> Result<(), Refusal> {
        if self.claims.len() >= CLAIMS_MAX {
            let reason = format!("all feeds together state more than {CLAIMS_MAX} things");
            return Err(Refusal::of_file(reason));
        }
        self.claims.push(claim);
        Ok(())
    }

    /// Where to come back to when a file turns out to be bad.
    pub fn mark(&self) -> Mark {
        Mark {
            documents: self.documents.len(),
            claims: self.claims.len(),
        }
    }

    /// Forgets the documents and statements since `mark`.
    pub fn forget(&mut self, mark: Mark) {
        self.documents.truncate(mark.documents);
        self.claims.truncate(mark.claims);
    }

    /// Settles which of the documents since `mark` are the newest of their number.
    pub fn settle(&mut self, mark: Mark) {
        for new in mark.documents..self.documents.len() {
            let Some(document) = self.documents.get(new) else {
                return;
            };
            // Publishers number their own documents; a CVE is one whoever changes its record.
            let publisher = match document.kind {
                Kind::Csaf | Kind::CsafVex | Kind::OpenVex => document.publisher.clone(),
                _ => Box::default(),
            };
            let key = (document.kind, publisher, document.id.clone());
            let order = (document.updated, document.feed);
            let old = match self.by_id.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(new as u32);
                    continue;
                }
                Entry::Occupied(place) => place.into_mut(),
            };
            let of_old = self.documents.get(*old as usize);
            let is_newer = of_old.is_none_or(|old| order > (old.updated, old.feed));
            let loser = if is_newer {
                std::mem::replace(old, new as u32)
            } else {
                new as u32
            };
            if let Some(document) = self.documents.get_mut(loser as usize) {
                document.current = false;
            }
        }
    }

    /// Drops the statements of documents that are not current, and puts the rest in the order of
    /// their products and vulnerabilities.
    pub fn finish(&mut self) {
        let current = |claim: &Claim| self.documents.get(claim.document as usize);
        self.claims
            .retain(|claim| current(claim).is_some_and(|document| document.current));
        self.claims.sort_by_key(|claim| {
            (
                claim.product,
                claim.cve,
                claim.document,
                claim.versions,
                claim.status,
            )
        });
        self.by_id = HashMap::new();
        self.stated_numbers = HashMap::new();
        self.products.numbers = HashMap::new();
        self.conditions.numbers = HashMap::new();
        self.advice.numbers = HashMap::new();
    }

    /// The statements.
    pub fn all(&self) -> &[Claim] {
        &self.claims
    }

    /// The statements about a product, once [`Claims::finish`] has put them in order.
    pub fn about(&self, product: u32) -> &[Claim] {
        let start = self.claims.partition_point(|claim| claim.product < product);
        let rest = self.claims.get(start..).unwrap_or_default();
        let end = rest.partition_point(|claim| claim.product == product);
        rest.get(..end).unwrap_or_default()
    }

    /// The products, in the order of their numbers.
    pub fn products(&self) -> &[Product] {
        &self.products.values
    }

    /// The versions of a number.
    pub fn stated(&self, number: u32) -> Option<&Stated> {
        self.stated.get(number as usize)
    }

    /// The condition of a number.
    pub fn condition_of(&self, number: u32) -> Option<&Condition> {
        self.conditions.values.get(number as usize)
    }

    /// The advice of a number.
    pub fn advice_of(&self, number: u32) -> Option<&Advice> {
        self.advice.values.get(number as usize)
    }

    /// The document of a number.
    pub fn document_of(&self, number: u32) -> Option<&Document> {
        self.documents.get(number as usize)
    }
}
