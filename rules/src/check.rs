//! What can be said of a folder of rules before it is used: every fault, where two rules
//! contradict each other, and what the rules in force cover. It changes nothing.

use crate::compile::{Key, Origin, Rule};
use crate::error::RuleError;
use crate::matcher::Matcher;
use crate::rules::{Loader, Rules, files_of, parse, read};
use crate::schema;
use medtap_table::vocabulary::{Attribute, Field};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// What was found of a folder.
#[derive(Debug, Default)]
pub struct Check {
    /// Every fault, in the order of the files. While there is one, nothing of the folder is
    /// loaded.
    pub faults: Vec<RuleError>,
    /// Where rules get in each other's way, for the examples of the folder's own.
    pub conflicts: Vec<Conflict>,
    /// What the folder and the rules that ship cover together.
    pub coverage: Coverage,
    /// How many rules the folder holds.
    pub local: usize,
    /// Those of them that replace one that ships.
    pub replaced: Vec<u32>,
}

/// A value about which two rules differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The folder's rule.
    pub rule: u32,
    /// The other.
    pub other: u32,
    /// The field that both read.
    pub field: Field,
    /// The example of the folder's rule.
    pub value: String,
    /// What they differ in, and both claims; `None` where the other is more specific and the
    /// folder's rule is not heard at all.
    pub claims: Option<(Attribute, String, String)>,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            rule,
            other,
            field,
            value,
            claims,
        } = self;
        let field = field.name();
        match claims {
            Some((attribute, own, others)) => write!(
                f,
                "rules {rule} and {other} differ about {field} \"{value}\": {} is \"{own}\" or \
                 \"{others}\", and both are as sure; give one more confidence",
                attribute.name()
            ),
            None => write!(
                f,
                "rule {rule} is not heard about its example {field} \"{value}\": rule {other} is \
                 more specific (exact comes before prefix, a longer prefix before a shorter one, \
                 prefix before pattern)"
            ),
        }
    }
}

/// Confirmed and unconfirmed rules.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Rules whose source was seen.
    pub confirmed: usize,
    /// Hypotheses.
    pub unconfirmed: usize,
}

/// How many rules say something of what.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// All of them. One that hands a code list to a field is none of them.
    pub rules: Count,
    /// The code lists in force, by name, and how many codes each knows.
    pub lists: BTreeMap<&'static str, usize>,
    /// By the field that they read.
    pub fields: BTreeMap<&'static str, Count>,
    /// By the attributes that they give.
    pub attributes: BTreeMap<&'static str, Count>,
    /// By category.
    pub categories: BTreeMap<String, Count>,
    /// What is known of clinical devices and programs by what they say in clinical protocols:
    /// knowledge that serves several fields counts once, the parts of a protocol and code lists
    /// not at all.
    pub clinical: Count,
}

/// Protocols whose fields describe clinical devices and programs.
const CLINICAL: &[&str] = &[
    "dicom",
    "dicomweb",
    "hl7",
    "astm",
    "poct1",
    "fhir",
    "sdc",
    "dpws",
    "ieee11073",
    "intellivue",
    "medibus",
    "wacp",
    "alaris",
];

/// Fields of those whose rules only give names to the values of a list.
const LISTS: &[&str] = &[
    "dicom.modality",
    "dicom.sop_class",
    "hl7.msh.profile",
    "sdc.type",
];

impl Rules {
    /// Looks at a folder as [`Rules::load`] would, and goes on after a fault.
    ///
    /// # Errors
    /// The folder or the rules that ship cannot be read at all.
    pub fn check(folder: &Path) -> Result<Check, RuleError> {
        let mut check = Check::default();
        let mut loader = Loader::with_embedded()?.proving();
        let mut own = Vec::new();
        for path in files_of(folder)? {
            let name = path.display().to_string();
            let text = match read(&path) {
                Ok(text) => text,
                Err(fault) => {
                    check.faults.push(fault);
                    continue;
                }
            };
            check.faults.extend(loader.add(&name, &text, Origin::Local));
            if let Ok(file) = parse(&name, &text)
                && let Some(field) = Field::from_name(&file.field)
            {
                own.extend(file.rule.into_iter().map(|rule| (field, rule)));
            }
        }
        check.local = own.len();
        check.replaced = loader.replaced();
        let rules = loader.finish();
        check.coverage = rules.coverage();
        if check.faults.is_empty() {
            let matcher = rules.matcher();
            for (field, rule) in &own {
                check.conflicts.extend(conflicts(&matcher, *field, rule));
            }
        }
        Ok(check)
    }

    /// What the rules in force cover.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        let mut known = HashSet::new();
        for rule in self.all() {
            if let Key::Table(table) = &rule.key {
                coverage.lists.insert(table.known_as(), table.rows().len());
                continue;
            }
            let count = |count: &mut Count| match rule.unconfirmed {
                true => count.unconfirmed += 1,
                false => count.confirmed += 1,
            };
            count(&mut coverage.rules);
            if is_clinical(rule) && known.insert(rule.key.text()) {
                count(&mut coverage.clinical);
            }
            count(coverage.fields.entry(rule.field.name()).or_default());
            for (attribute, text) in &rule.gives {
                count(coverage.attributes.entry(attribute.name()).or_default());
                if let Some(category) = text.literal().filter(|_| *attribute == Attribute::Category)
                {
                    count(coverage.categories.entry(category.to_owned()).or_default());
                }
            }
        }
        coverage
    }
}

/// True for knowledge of a clinical device or program, and no name of a list's value.
fn is_clinical(rule: &Rule) -> bool {
    let name = rule.field.name();
    let protocol = name.split('.').next().unwrap_or_default();
    let is_list = LISTS.contains(&name) || name.ends_with(".role");
    CLINICAL.contains(&protocol) && !is_list && rule.key.text().is_some()
}

/// Where a rule is not heard about its own examples, or contradicted with equal confidence.
fn conflicts(matcher: &Matcher, field: Field, rule: &schema::Rule) -> Vec<Conflict> {
    let mut found = Vec::new();
    for example in &rule.matches {
        let mut claims: Vec<(u32, u8, Attribute, String)> = Vec::new();
        matcher.matches(field, &example.value, &mut |claim| {
            claims.push((
                claim.rule,
                claim.confidence,
                claim.attribute,
                claim.value.to_owned(),
            ));
        });
        let conflict = |other, claims| Conflict {
            rule: rule.id,
            other,
            field,
            value: example.value.clone(),
            claims,
        };
        let (own, others): (Vec<_>, Vec<_>) =
            claims.into_iter().partition(|claim| claim.0 == rule.id);
        if own.is_empty() {
            found.extend(others.first().map(|other| conflict(other.0, None)));
            continue;
        }
        for (_, confidence, attribute, value) in own {
            let differs = others.iter().find(|other| {
                other.1 == confidence
                    && other.2 == attribute
                    && attribute != Attribute::Observed
                    && other.3 != value
            });
            if let Some(other) = differs {
                let claims = Some((attribute, value, other.3.clone()));
                found.push(conflict(other.0, claims));
            }
        }
    }
    found
}
