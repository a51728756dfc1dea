//! What else the feeds say of a component: recalls of it, the bill of its software, the answers of
//! its manufacturer. A recall is told only where its text names the product in full.

use super::Matcher;
use super::names::{Names, words};
use crate::feeds::versions::Version;
use crate::feeds::{Classes, Mds2, Recall, Sbom, Software};
use crate::model::Answers;
use crate::subject::{Component, ComponentKind};

/// How sure a bill is of what it lists, 0–100: the manufacturer's word, for this version or not.
const BILL_CONFIDENCE: u8 = 80;

impl Matcher<'_> {
    /// The recalls whose firm and product are the component's, the newest first.
    pub fn recalls(&self, component: &Component) -> Vec<&Recall> {
        let names = self.names();
        let Some(vendor) = component.vendor.as_deref() else {
            return Vec::new();
        };
        let vendors = names.vendors(vendor);
        let product = names.bare_words(&vendors, &component.product);
        // One word without a digit is a word of the language.
        let tells = product.len() > 1
            || product
                .iter()
                .any(|word| word.len() > 2 && word.contains(|c: char| c.is_numeric()));
        if !tells {
            return Vec::new();
        }
        let mut found: Vec<_> = self
            .feeds()
            .recalls
            .iter()
            .filter(|recall| {
                let of_firm = names.vendors(&recall.firm);
                let described = words(&recall.product);
                of_firm.iter().any(|firm| vendors.contains(firm))
                    && described
                        .windows(product.len())
                        .any(|window| window == product)
            })
            .collect();
        found.sort_by(|one, other| {
            (&other.initiated, &one.number).cmp(&(&one.initiated, &other.number))
        });
        found
    }

    /// The FDA's product classes.
    pub fn classes(&self) -> &Classes {
        &self.feeds().classes
    }

    /// The bill of a model's software: of this version, or else of the model at large.
    pub fn bill(&self, component: &Component) -> Option<&Sbom> {
        let names = self.names();
        let is_it = |bill: &&Sbom| {
            let vendor = bill.of.vendor.as_deref().unwrap_or_default();
            is_same(names, component, vendor, &bill.of.name)
        };
        let version = component.version.as_deref().and_then(Version::parse);
        let of_version = |bill: &&Sbom| {
            let of_bill = bill.of.version.as_deref().and_then(Version::parse);
            match (&version, of_bill) {
                (Some(version), Some(of_bill)) => {
                    version.compare(&of_bill) == Some(std::cmp::Ordering::Equal)
                }
                _ => false,
            }
        };
        let at_large = |bill: &&Sbom| bill.of.version.is_none() || version.is_none();
        let bills = || self.feeds().sboms.iter().filter(is_it);
        bills()
            .find(of_version)
            .or_else(|| bills().filter(at_large).max_by_key(|bill| &bill.date))
    }

    /// The manufacturer's answers about a model.
    pub fn mds2(&self, component: &Component) -> Option<&Mds2> {
        let names = self.names();
        let mut forms = self.feeds().mds2.iter();
        forms.find(|form| is_same(names, component, &form.manufacturer, &form.model))
    }
}

fn is_same(names: &Names, component: &Component, vendor: &str, product: &str) -> bool {
    let Some(of_component) = component.vendor.as_deref() else {
        return false;
    };
    let of_component = names.vendors(of_component);
    names.vendors(vendor).iter().any(|vendor| {
        let keys = names.keys(vendor, product);
        of_component.contains(vendor)
            && names
                .keys(vendor, &component.product)
                .iter()
                .any(|key| keys.contains(key))
    })
}

impl Sbom {
    /// Its parts as components of a device that was seen at these times.
    pub fn components(&self, seen: (u64, u64)) -> Vec<Component> {
        self.parts.iter().map(|part| part.component(seen)).collect()
    }
}

impl Software {
    fn component(&self, seen: (u64, u64)) -> Component {
        let distribution = self
            .is_of_distribution
            .then_some("debian or other distribution");
        Component {
            kind: match self.is_system {
                true => ComponentKind::OperatingSystem,
                false => ComponentKind::Application,
            },
            vendor: self.vendor.clone(),
            product: self.name.clone(),
            version: self.version.clone(),
            build: distribution.map(str::to_owned),
            field: "sbom".to_owned(),
            raw: self.identifier.clone(),
            seen,
            confidence: BILL_CONFIDENCE,
        }
    }
}

impl Mds2 {
    /// What the model score asks of the answers. It goes by the words of the questions: a form
    /// without their texts answers nothing.
    pub fn to_answers(&self) -> Answers {
        Answers {
            stores_patient_data: self.says("MPII", &["maintain"]),
            transmits_patient_data: self.says("MPII", &["transmi"]),
            encrypts_transmission: self.says("TXCF", &["encrypted"]),
            changes_default_credentials: self.says("PAUT", &["default", "password"]),
            unique_users: self.says("PAUT", &["unique"]),
            supported_software: self.says("CSUP", &["support"]),
            installs_fixes: self.says("CSUP", &["update"]),
            remote_service: self.says("RMOT", &["permit", "remote"]),
            controls_remote_service: self.says("RMOT", &["initiate"]),
            audit_log: self.says("AUDT", &["audit log"]),
            sbom: self.says("SBOM", &["available"]),
        }
    }
}
