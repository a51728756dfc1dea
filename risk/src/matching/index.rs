//! The index of what feeds state, by vendor and name, and the way from a device's components to
//! their matches. Built once for a set of feeds; it reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::decide::decide;
use super::evaluate::evaluate;
use super::names::{Names, variants};
use super::windows::{self, Windows};
use super::{Evidence, Match, Point, Remediation};
use crate::feeds::versions::Version;
use crate::feeds::{Claim, Claims, CveId, Feeds, Kind, Product};
use crate::subject::{Component, ComponentKind};

/// Statements about one product, as they are found by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The product.
    pub product: u32,
    /// A condition was cut off its name.
    pub conditional: bool,
    /// The name found is its family's.
    pub family: bool,
}

/// A component, and what it is found by.
pub struct Candidate<'a> {
    /// The component.
    pub component: &'a Component,
    /// Vendor and name, in every spelling.
    pub keys: Vec<String>,
    /// The family that it belongs to.
    pub families: Vec<String>,
    /// It tells its family alone.
    pub is_family: bool,
    /// Its version, where it can be read.
    pub version: Option<Version>,
    /// What it can be, where it is a Windows.
    pub windows: Vec<Windows>,
    /// Fixes are brought into it without a new version, as distributions do.
    pub backported: bool,
}

/// What is looked up.
pub struct Index<'a> {
    /// What is stated.
    pub claims: &'a Claims,
    names: &'a Names,
    by_key: HashMap<String, Vec<Entry>>,
    by_family: HashMap<String, Vec<Entry>>,
    kev_by_key: HashMap<String, Vec<CveId>>,
}

impl Index<'_> {
    /// What a product of a feed is found by.
    pub fn keys_of(&self, product: &Product) -> Vec<String> {
        feed_keys(self.names, product)
            .into_iter()
            .map(|(key, ..)| key)
            .collect()
    }
}

/// Vendor and key in one text.
fn joined(vendor: &str, key: &str) -> String {
    format!("{vendor}\u{1f}{key}")
}

/// Keys of a feed's product, each with whether a condition was cut off.
fn feed_keys(names: &Names, product: &Product) -> Vec<(String, bool)> {
    let mut found = BTreeMap::new();
    for vendor in feed_vendors(names, product) {
        for variant in variants(&product.name) {
            for key in names.keys(&vendor, &variant.text) {
                let conditional = found.entry(joined(&vendor, &key)).or_insert(true);
                *conditional &= variant.conditional;
            }
        }
        // The whole name may be one that the data knows.
        for key in names.keys(&vendor, &product.name) {
            found.entry(joined(&vendor, &key)).or_insert(false);
        }
    }
    found.into_iter().collect()
}

fn feed_vendors(names: &Names, product: &Product) -> Vec<String> {
    let told = names.vendors(&product.vendor);
    match names.vendor_of_brand(&told, &product.name) {
        Some(vendor) => vec![vendor.to_owned()],
        None => told,
    }
}

/// Finds the vulnerabilities of components.
pub struct Matcher<'a> {
    feeds: &'a Feeds,
    index: Index<'a>,
    /// Vulnerabilities whose products NVD or a CVE record states: the catalogue of exploited ones
    /// adds nothing to them by its product names.
    stated: HashSet<CveId>,
}

impl<'a> Matcher<'a> {
    /// Indexes feeds, with the names that are built in.
    pub fn new(feeds: &'a Feeds) -> Self {
        Self::with_names(feeds, Names::embedded())
    }

    /// Indexes feeds.
    pub fn with_names(feeds: &'a Feeds, names: &'a Names) -> Self {
        let claims = &feeds.claims;
        let mut index = Index {
            claims,
            names,
            by_key: HashMap::new(),
            by_family: HashMap::new(),
            kev_by_key: HashMap::new(),
        };
        let numbers = 0..claims.products().len() as u32;
        for number in numbers.filter(|number| !claims.about(*number).is_empty()) {
            index.add(number);
        }
        let of_records = |claim: &&Claim| {
            let document = claims.document_of(claim.document);
            document.is_some_and(|document| matches!(document.kind, Kind::Nvd | Kind::CveRecord))
        };
        let stated = claims
            .all()
            .iter()
            .filter(of_records)
            .map(|claim| claim.cve)
            .collect();
        for (cve, entry) in &feeds.kev.entries {
            for vendor in names.vendors(&entry.vendor) {
                let pieces = entry.product.split([',', '/']);
                let pieces = pieces.flat_map(|piece| piece.split(" and "));
                for text in pieces.flat_map(variants).map(|variant| variant.text) {
                    for key in names.keys(&vendor, &text) {
                        index
                            .kev_by_key
                            .entry(joined(&vendor, &key))
                            .or_default()
                            .push(*cve);
                    }
                }
            }
        }
        Self {
            feeds,
            index,
            stated,
        }
    }

    /// The feeds that are indexed.
    pub(super) fn feeds(&self) -> &'a Feeds {
        self.feeds
    }

    /// How names are compared.
    pub(super) fn names(&self) -> &'a Names {
        self.index.names
    }

    /// The matches of one device's components, by component and vulnerability.
    pub fn matches(&self, components: &[Component]) -> Vec<Match> {
        let parts: Vec<_> = components
            .iter()
            .map(|component| self.part(component))
            .collect();
        let mut found = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            found.extend(self.of_part(&parts, place, part));
        }
        found
    }

    /// The matches of many devices, in their order. Devices with the same components share them.
    pub fn fleet(&self, devices: &[&[Component]]) -> Vec<Arc<[Match]>> {
        let mut groups: HashMap<Vec<Identity<'_>>, usize> = HashMap::new();
        let mut first = Vec::new();
        let group_of: Vec<_> = devices
            .iter()
            .map(|components| {
                let identity = components.iter().map(Identity::of).collect();
                *groups.entry(identity).or_insert_with(|| {
                    first.push(*components);
                    first.len() - 1
                })
            })
            .collect();
        let matches: Vec<Arc<[Match]>> = first
            .par_iter()
            .map(|components| self.matches(components).into())
            .collect();
        let empty: Arc<[Match]> = Arc::from([]);
        group_of
            .into_iter()
            .map(|group| matches.get(group).unwrap_or(&empty).clone())
            .collect()
    }

    fn part<'c>(&self, component: &'c Component) -> Candidate<'c> {
        let names = self.index.names;
        let is_windows = windows::is_windows(component);
        let mut vendors = match (&component.vendor, is_windows) {
            (_, true) => vec!["microsoft".to_owned()],
            (Some(vendor), _) => names.vendors(vendor),
            (None, _) => {
                let alone = names.vendor_alone(&component.product);
                alone.map(str::to_owned).into_iter().collect()
            }
        };
        if let (Some(brand), false) = (
            names.vendor_of_brand(&vendors, &component.product),
            is_windows,
        ) {
            vendors = vec![brand.to_owned()];
        }
        let mut keys = Vec::new();
        let mut families = Vec::new();
        let mut is_family = false;
        for vendor in &vendors {
            let own = names.keys(vendor, &component.product);
            keys.extend(own.iter().map(|key| joined(vendor, key)));
            for name in own.iter().chain([&component.product]) {
                if let Some((family, whole)) = names.family(vendor, name) {
                    families.push(joined(vendor, &family));
                    is_family |= whole;
                }
            }
        }
        let windows = match is_windows {
            true => windows::resolve(component),
            false => Vec::new(),
        };
        if is_windows {
            keys.extend(
                windows
                    .iter()
                    .map(|windows| joined("microsoft", &windows_key(windows.cpe))),
            );
            keys.push(joined("microsoft", "windows"));
        }
        for list in [&mut keys, &mut families] {
            list.sort();
            list.dedup();
        }
        let full = match (&component.version, &component.build) {
            (Some(version), Some(build)) if adds_to_version(build) => format!("{version} {build}"),
            (Some(version), _) => version.clone(),
            (None, _) => String::new(),
        };
        let version = Version::parse(&full)
            .or_else(|| Version::parse(component.version.as_deref()?))
            .filter(|version| !version.is_wild() || full.trim().len() == 1);
        Candidate {
            component,
            keys,
            families,
            is_family,
            version,
            windows,
            backported: is_backported(component),
        }
    }

    fn of_part(&self, parts: &[Candidate<'_>], place: usize, part: &Candidate<'_>) -> Vec<Match> {
        let mut entries = BTreeSet::new();
        for key in &part.keys {
            entries.extend(self.index.by_key.get(key).into_iter().flatten());
        }
        let direct = entries
            .iter()
            .map(|entry: &Entry| entry.product)
            .collect::<BTreeSet<_>>();
        for family in &part.families {
            let members = self.index.by_family.get(family).into_iter().flatten();
            // Who tells its family alone can be any member; a member is meant by its family alone.
            entries.extend(
                members
                    .filter(|entry| {
                        !direct.contains(&entry.product) && (part.is_family || entry.family)
                    })
                    .map(|entry| Entry {
                        family: true,
                        ..*entry
                    }),
            );
        }
        let mut findings = Vec::new();
        for entry in &entries {
            for claim in self.index.claims.about(entry.product) {
                findings.extend(evaluate(&self.index, parts, part, entry, claim));
            }
        }
        let mut found: BTreeMap<CveId, Match> = BTreeMap::new();
        findings.sort_by_key(|finding| finding.claim.cve);
        for of_cve in findings.chunk_by(|one, other| one.claim.cve == other.claim.cve) {
            if let Some(decision) = decide(self.index.claims, of_cve) {
                let cve = decision.finding.claim.cve;
                let mut found_match = self.known(cve, place);
                found_match.applicability = decision.applicability;
                found_match.under_investigation = decision.under_investigation;
                found_match.conditional = decision.finding.conditional;
                found_match.evidence = self.evidence(&decision.evidence);
                found_match.remediation = self.remediation(&decision.evidence);
                found.insert(cve, found_match);
            }
        }
        for key in &part.keys {
            for cve in self.index.kev_by_key.get(key).into_iter().flatten() {
                if !self.stated.contains(cve) && !found.contains_key(cve) {
                    found.insert(*cve, self.of_catalogue(*cve, place));
                }
            }
        }
        found.into_values().collect()
    }

    /// What the feeds know of a vulnerability, whatever has it.
    fn known(&self, cve: CveId, component: usize) -> Match {
        let weakness = self.feeds.weaknesses.get(cve).copied().unwrap_or_default();
        let (cvss, ssvc) = (weakness.cvss(), weakness.ssvc);
        let derived = |yes: bool| Point { yes, derived: true };
        let told = |yes: bool| Point {
            yes,
            derived: false,
        };
        Match {
            cve,
            component,
            applicability: super::Applicability::FamilyOnly,
            under_investigation: false,
            conditional: false,
            evidence: Vec::new(),
            in_kev: self.feeds.kev.entries.get(&cve).cloned(),
            epss: self.feeds.epss.get(cve),
            cvss,
            published: weakness.published,
            ssvc,
            automatable: ssvc
                .map(|ssvc| told(ssvc.automatable))
                .or(cvss.map(|cvss| derived(cvss.automatable()))),
            total_impact: ssvc
                .map(|ssvc| told(ssvc.total_impact))
                .or(cvss.map(|cvss| derived(cvss.total_impact()))),
            remediation: None,
            verdict: None,
        }
    }

    /// The catalogue names a product and no version: it never says more than the family.
    fn of_catalogue(&self, cve: CveId, place: usize) -> Match {
        let mut found = self.known(cve, place);
        if let Some(entry) = &found.in_kev {
            found.evidence.push(Evidence {
                feed: Kind::KevJson,
                document: format!("KEV {}", self.feeds.kev.version),
                publisher: "CISA".to_owned(),
                updated: entry.date_added.to_string(),
                stated: format!("{} {}", entry.vendor, entry.product),
            });
        }
        found
    }

    fn evidence(&self, claims: &[&Claim]) -> Vec<Evidence> {
        let mut found: Vec<Evidence> = Vec::new();
        for claim in claims {
            let evidence = self.evidence_of(claim);
            if let Some(evidence) = evidence.filter(|evidence| !found.contains(evidence)) {
                found.push(evidence);
            }
        }
        found.truncate(super::decide::EVIDENCE_MAX);
        found
    }

    fn evidence_of(&self, claim: &Claim) -> Option<Evidence> {
        let claims = self.index.claims;
        let document = claims.document_of(claim.document)?;
        let product = claims.products().get(claim.product as usize)?;
        let versions = claims.stated(claim.versions)?;
        let stated = format!("{} {} {}", product.vendor, product.name, versions.text);
        Some(Evidence {
            feed: document.kind,
            document: document.id.to_string(),
            publisher: document.publisher.to_string(),
            updated: crate::feeds::day(document.updated),
            stated: stated.trim().to_owned(),
        })
    }

    /// The advice of the first statement that has one.
    fn remediation(&self, claims: &[&Claim]) -> Option<Remediation> {
        claims.iter().find_map(|claim| {
            let advice = self.index.claims.advice_of(claim.remediation)?;
            let document = self.index.claims.document_of(claim.document)?;
            Some(Remediation {
                category: advice.category,
                details: advice.details.to_string(),
                url: advice.url.as_deref().map(str::to_owned),
                document: document.id.to_string(),
            })
        })
    }
}

impl Index<'_> {
    fn add(&mut self, number: u32) {
        let Some(product) = self.claims.products().get(number as usize) else {
            return;
        };
        for (key, conditional) in feed_keys(self.names, product) {
            self.by_key.entry(key).or_default().push(Entry {
                product: number,
                conditional,
                family: false,
            });
        }
        for vendor in feed_vendors(self.names, product) {
            if let Some((family, whole)) = self.names.family(&vendor, &product.name) {
                self.by_family
                    .entry(joined(&vendor, &family))
                    .or_default()
                    .push(Entry {
                        product: number,
                        conditional: false,
                        family: whole,
                    });
            }
        }
    }
}

/// The key of a Windows by its CPE name.
fn windows_key(cpe: &str) -> String {
    let mut words = super::names::words(cpe);
    words.sort();
    words.join(" ")
}

/// A build that continues the version, and is no processor or edition.
fn adds_to_version(build: &str) -> bool {
    let build = build.to_lowercase();
    ["build", "sp", "service pack", "sr", "patch", "update"]
        .iter()
        .any(|word| build.trim_start().starts_with(word))
}

/// A kernel, or software of a distribution: fixes come without a new version.
fn is_backported(component: &Component) -> bool {
    let texts = [
        component.build.as_deref(),
        component.version.as_deref(),
        Some(&component.raw),
    ];
    let marks = [
        "debian", "ubuntu", "+deb", "raspbian", ".el6", ".el7", ".el8", ".el9", "suse",
    ];
    let marked = texts.into_iter().flatten().any(|text| {
        let text = text.to_lowercase();
        marks.iter().any(|mark| text.contains(mark))
    });
    let linux = component.kind == ComponentKind::OperatingSystem
        && component.product.to_lowercase().contains("linux");
    marked || linux
}

/// What makes two components the same to the matcher.
#[derive(PartialEq, Eq, Hash)]
struct Identity<'a> {
    kind: ComponentKind,
    vendor: Option<&'a str>,
    product: &'a str,
    version: Option<&'a str>,
    build: Option<&'a str>,
    backported: bool,
}

impl<'a> Identity<'a> {
    fn of(component: &'a Component) -> Self {
        Self {
            kind: component.kind,
            vendor: component.vendor.as_deref(),
            product: &component.product,
            version: component.version.as_deref(),
            build: component.build.as_deref(),
            backported: is_backported(component),
        }
    }
}
