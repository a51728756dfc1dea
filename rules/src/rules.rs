//! The rules in force: those that ship, and a site's own folder over them. It finds files and
//! numbers; what a rule means is in `compile`, what it matches in `matcher`.

use crate::compile::{self, Origin, Rule};
use crate::embedded;
use crate::error::RuleError;
use crate::examples;
use crate::limits::{FILE_BYTES_MAX, FILES_MAX, LOCAL_ID_MIN, RULES_MAX};
use crate::matcher::Matcher;
use crate::product::Product;
use crate::schema;
use crate::tables::TABLES;
use crate::template::Found;
use medtap_table::vocabulary::Field;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All rules in force. Cheap to clone.
#[derive(Clone)]
pub struct Rules {
    matcher: Matcher,
    /// Rule number to place.
    places: Arc<HashMap<u32, usize>>,
    fingerprint: [u8; 32],
}

impl Rules {
    /// The rules that ship with the program.
    ///
    /// # Panics
    /// Never in a build whose tests pass: they load every embedded rule.
    pub fn embedded() -> Self {
        Self::load(None).expect("the embedded rules are loaded by a test of every build")
    }

    /// The rules that ship, and over them those of a folder: a rule with a known number replaces
    /// it, a new one has a number from [`LOCAL_ID_MIN`]. Every fault is an error, and then nothing
    /// is loaded. The examples of local rules are proved by [`Rules::check`], not at every start.
    pub fn load(folder: Option<&Path>) -> Result<Self, RuleError> {
        let mut loader = Loader::with_embedded()?;
        if let Some(folder) = folder {
            for path in files_of(folder)? {
                let text = read(&path)?;
                let faults = loader.add(&path.display().to_string(), &text, Origin::Local);
                first(faults)?;
            }
        }
        Ok(loader.finish())
    }

    /// What runs on values.
    pub fn matcher(&self) -> Matcher {
        self.matcher.clone()
    }

    /// SHA-256 over the contents of all files in force, in order: for the audit trail.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The first eight bytes of the fingerprint as a number: tells two sets of rules apart.
    pub fn generation(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.fingerprint;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// How many rules are in force.
    pub fn len(&self) -> usize {
        self.matcher.rules.len()
    }

    /// True when there is no rule.
    pub fn is_empty(&self) -> bool {
        self.matcher.rules.is_empty()
    }

    /// What a person calls a rule.
    pub fn name(&self, id: u32) -> Option<&str> {
        self.rule(id).map(|rule| &*rule.name)
    }

    /// Where a rule's knowledge comes from.
    pub fn source(&self, id: u32) -> Option<&str> {
        self.rule(id).map(|rule| &*rule.source)
    }

    /// The field that a rule reads.
    pub fn field(&self, id: u32) -> Option<Field> {
        self.rule(id).map(|rule| rule.field)
    }

    /// True when a rule is a hypothesis.
    pub fn unconfirmed(&self, id: u32) -> Option<bool> {
        self.rule(id).map(|rule| rule.unconfirmed)
    }

    /// The software that wrote a value which the rule matched, by CPE names; `None` where the
    /// rule names none.
    pub fn product(&self, id: u32, value: &str) -> Option<Product<'_>> {
        let rule = self.rule(id)?;
        let cpe = rule.cpe.as_ref()?;
        let found = Found::new(value, rule.captures());
        let mut joined = String::new();
        let version = cpe.version.as_ref();
        let version = version.and_then(|version| version.text(&found, &mut joined));
        let version = version.map(str::to_owned);
        Some(Product {
            part: cpe.part,
            vendor: &cpe.vendor,
            product: &cpe.product,
            version,
        })
    }

    /// Every rule in force.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.matcher.rules.iter()
    }

    fn rule(&self, id: u32) -> Option<&Rule> {
        self.matcher.rules.get(*self.places.get(&id)?)
    }
}

/// The rules so far.
#[derive(Default)]
pub(crate) struct Loader {
    rules: Vec<Rule>,
    /// Rule number to place, file, and whether it is local.
    places: HashMap<u32, (usize, String, bool)>,
    hash: Sha256,
    /// The examples of local rules are proved.
    proves: bool,
}

/// The first fault, if there is one.
fn first(faults: Vec<RuleError>) -> Result<(), RuleError> {
    faults.into_iter().next().map_or(Ok(()), Err)
}

impl Loader {
    /// As it is, but the examples of local rules are proved.
    pub(crate) fn proving(self) -> Self {
        Self {
            proves: true,
            ..self
        }
    }

    /// Begins with the rules that ship.
    pub(crate) fn with_embedded() -> Result<Self, RuleError> {
        let mut loader = Self::default();
        for (name, text) in embedded::FILES {
            first(loader.add(name, text, Origin::Embedded))?;
        }
        Ok(loader)
    }

    /// Adds a file's rules; tells every fault.
    pub(crate) fn add(&mut self, file: &str, text: &str, origin: Origin) -> Vec<RuleError> {
        let parsed = match parse(file, text) {
            Ok(parsed) => parsed,
            Err(fault) => return vec![fault],
        };
        let also: Result<BTreeSet<Field>, _> =
            parsed.also.iter().map(|name| named(file, name)).collect();
        let (field, mut also) = match (named(file, &parsed.field), also) {
            (Ok(field), Ok(also)) => (field, also),
            (Err(fault), _) | (_, Err(fault)) => return vec![fault],
        };
        // Named twice, a field is read once.
        also.remove(&field);
        let also: Arc<[Field]> = also.into_iter().collect();
        let mut faults = Vec::new();
        for text in &parsed.rule {
            let added = self.add_rule(file, (field, &also), text, origin);
            faults.extend(added.err());
        }
        // Lengths keep two sets of files apart that would join to the same bytes.
        self.hash.update((text.len() as u64).to_be_bytes());
        self.hash.update(text.as_bytes());
        faults
    }

    fn add_rule(
        &mut self,
        file: &str,
        fields: (Field, &Arc<[Field]>),
        text: &schema::Rule,
        origin: Origin,
    ) -> Result<(), RuleError> {
        let rule = compile::rule(file, fields, text, origin)?;
        if origin == Origin::Local && self.proves {
            examples::check(&rule, text).map_err(|reason| RuleError::Rule {
                file: file.to_owned(),
                id: rule.id,
                reason,
            })?;
        }
        self.place(file, rule, origin)
    }

    /// Local rules with the number of one that ships, which they replace.
    pub(crate) fn replaced(&self) -> Vec<u32> {
        let is_replaced = |(id, (_, _, local)): (&u32, &(usize, String, bool))| {
            (*local && *id < LOCAL_ID_MIN).then_some(*id)
        };
        let mut ids: Vec<u32> = self.places.iter().filter_map(is_replaced).collect();
        ids.sort_unstable();
        ids
    }

    /// Adds the code lists to the fingerprint: what they say is in force too.
    fn add_tables(&mut self) {
        for (_, text) in TABLES {
            self.hash.update((text.len() as u64).to_be_bytes());
            self.hash.update(text.as_bytes());
        }
    }

    fn place(&mut self, file: &str, rule: Rule, origin: Origin) -> Result<(), RuleError> {
        let id = rule.id;
        let fault = |reason: String| RuleError::Rule {
            file: file.to_owned(),
            id,
            reason,
        };
        let local = origin == Origin::Local;
        match self.places.get(&id) {
            Some((place, _, false)) if local => {
                let place = *place;
                if let Some(old) = self.rules.get_mut(place) {
                    *old = rule;
                }
                self.places.insert(id, (place, file.to_owned(), true));
            }
            Some((_, other, _)) => {
                return Err(fault(format!(
                    "the number is used twice, also in {other}; expected a number of its own"
                )));
            }
            None if local && id < LOCAL_ID_MIN => {
                return Err(fault(format!(
                    "no rule that ships has this number; a new local rule has one from \
                     {LOCAL_ID_MIN}"
                )));
            }
            None if !local && id >= LOCAL_ID_MIN => {
                return Err(fault(format!(
                    "numbers from {LOCAL_ID_MIN} belong to local rules"
                )));
            }
            None if self.rules.len() >= RULES_MAX => {
                return Err(RuleError::TooManyRules {
                    file: file.to_owned(),
                });
            }
            None => {
                self.places
                    .insert(id, (self.rules.len(), file.to_owned(), local));
                self.rules.push(rule);
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Rules {
        self.add_tables();
        let places = self
            .places
            .iter()
            .map(|(id, (place, ..))| (*id, *place))
            .collect();
        Rules {
            matcher: Matcher::new(self.rules),
            places: Arc::new(places),
            fingerprint: self.hash.finalize().into(),
        }
    }
}

/// The field of this name.
fn named(file: &str, name: &str) -> Result<Field, RuleError> {
    Field::from_name(name).ok_or_else(|| RuleError::UnknownField {
        file: file.to_owned(),
        field: name.to_owned(),
    })
}

/// The text of a rule file as the schema; a fault names its line and rule.
pub(crate) fn parse(file: &str, text: &str) -> Result<schema::File, RuleError> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let before = text.get(..offset).unwrap_or_default();
        let reason = error.message().replace('\n', " ");
        RuleError::Syntax {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            reason: match rule_at(text, offset) {
                Some(id) => format!("rule {id}: {reason}"),
                None => reason,
            },
        }
    })
}

/// The number of the rule whose text holds a byte, as far as a broken file tells.
fn rule_at(text: &str, offset: usize) -> Option<u32> {
    let begin = text.get(..offset)?.rfind("[[rule]]").or_else(|| {
        text.get(offset..)
            .filter(|rest| rest.starts_with("[[rule]]"))
            .map(|_| offset)
    })?;
    let block = text.get(begin..)?.get("[[rule]]".len()..)?;
    let block = block.split("[[rule]]").next()?;
    let line = block
        .lines()
        .find_map(|line| line.trim().strip_prefix("id"))?;
    let number = line.trim_start().strip_prefix('=')?.split('#').next()?;
    number.trim().parse().ok()
}

/// The `.toml` files of a folder, sorted by name; folders below it are not entered.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, RuleError> {
    list(folder, "toml", FILES_MAX)
}

/// The files of a folder whose names end so, as [`files_of`].
pub(crate) fn list(
    folder: &Path,
    extension: &'static str,
    files_max: usize,
) -> Result<Vec<PathBuf>, RuleError> {
    let fault = |error: std::io::Error| RuleError::Folder {
        folder: folder.to_owned(),
        extension,
        cause: error.to_string(),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|end| end == extension) {
            if files.len() >= files_max {
                return Err(RuleError::TooManyFiles {
                    folder: folder.to_owned(),
                    extension,
                    files_max,
                });
            }
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a rule file.
pub(crate) fn read(path: &Path) -> Result<String, RuleError> {
    read_up_to(path, FILE_BYTES_MAX)
}

/// What a file is called where it is told of.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Reads a text file, never more than the limit whatever its size says.
pub(crate) fn read_up_to(path: &Path, bytes_max: u64) -> Result<String, RuleError> {
    let name = || path.display().to_string();
    let fault = |error: std::io::Error| RuleError::File {
        file: name(),
        cause: error.to_string(),
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    if !metadata.is_file() {
        return Err(RuleError::File {
            file: name(),
            cause: "not a regular file".to_owned(),
        });
    }
    let mut text = String::new();
    file.take(bytes_max + 1)
        .read_to_string(&mut text)
        .map_err(fault)?;
    if text.len() as u64 > bytes_max {
        let bytes = metadata.len().max(text.len() as u64);
        return Err(RuleError::FileTooLarge {
            file: name(),
            bytes,
            bytes_max,
        });
    }
    Ok(text)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
