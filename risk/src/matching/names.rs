//! Names: which spellings mean one vendor or one product, from `data/names.toml`. Two names mean
//! the same when their words are the same, or when the data says so; never because they are alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use hashbrown::HashMap;
use serde::Deserialize;

/// The names that are built in.
static EMBEDDED: LazyLock<Names> = LazyLock::new(|| {
    // Every test of names reads the file; one that is broken never ships.
    Names::parse(include_str!("../../data/names.toml")).unwrap_or_default()
});

/// Words at the end of a vendor's name that tell its legal form.
const LEGAL: &[&str] = &[
    "inc",
    "incorporated",
    "ltd",
    "limited",
    "llc",
    "gmbh",
    "ag",
    "co",
    "corp",
    "corporation",
    "company",
    "kg",
    "kgaa",
    "se",
    "sa",
    "spa",
    "bv",
    "nv",
    "ab",
    "as",
    "oy",
    "oyj",
    "plc",
    "pty",
];
/// Words at the end of a product's name that add nothing.
const ENDINGS: &[&str] = &[
    "system",
    "systems",
    "software",
    "firmware",
    "series",
    "family",
    "device",
    "devices",
    "application",
    "product",
    "products",
];
/// Words anywhere in a product's name that add nothing.
const FILLERS: &[&str] = &["model", "the", "including"];
/// Words behind which a product's name speaks of a condition.
const CONDITIONS: &[&str] = &[
    " used with ",
    " running ",
    " with installed ",
    " with ",
    " under ",
    " integration with ",
];
/// Words in parentheses that make them a condition.
const RESTRICTIONS: &[&str] = &[
    "only",
    "with",
    "integrated",
    "running",
    "installed",
    "shipped",
    "used",
    "not",
    "replaced",
    "enabled",
];

/// A file of names that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// It is no such file.
    #[error("the names can't be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// It contradicts itself.
    #[error("the names contradict each other: {0}")]
    Contradiction(String),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    vendor: Vec<Vendor>,
    #[serde(default)]
    brand: Vec<Brand>,
    #[serde(default)]
    product: Vec<ProductNames>,
    #[serde(default)]
    family: Vec<Family>,
}

/// A vendor by its CPE name, and how else it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    name: String,
    #[serde(default)]
    also: Vec<String>,
    /// Spellings that no public source at hand quotes.
    #[serde(default)]
    unconfirmed: Vec<String>,
}

/// Words that begin a product's name and tell its vendor, whoever is said to sell it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Brand {
    name: String,
    vendor: String,
    /// Other vendors that it is sold by.
    #[serde(default)]
    sold_by: Vec<String>,
}

/// A product by its CPE name, and how else it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductNames {
    vendor: String,
    name: String,
    #[serde(default)]
    also: Vec<String>,
    /// Spellings that no public source at hand quotes.
    #[serde(default)]
    unconfirmed: Vec<String>,
    /// Entries of advisories that cover this product among others.
    #[serde(default)]
    listed_as: Vec<String>,
    /// The name is this vendor's even where no vendor is told.
    #[serde(default)]
    alone: bool,
}

/// A family of products: what begins with these words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    vendor: String,
    name: String,
}

/// How names are compared.
#[derive(Clone, Debug, Default)]
pub struct Names {
    vendors: HashMap<String, String>,
    prefixes: HashMap<String, Vec<Vec<String>>>,
    brands: Vec<(Vec<String>, Brand)>,
    same: HashMap<(String, String), Vec<String>>,
    alone: HashMap<String, String>,
    families: Vec<(String, Vec<String>)>,
}

/// A product's name, and whether a condition was cut off it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The name.
    pub text: String,
    /// It holds under a condition.
    pub conditional: bool,
}

impl Names {
    /// The names that are built in.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Reads a file of names.
    pub fn parse(text: &str) -> Result<Self, NamesError> {
        let file: File = toml::from_str(text)?;
        let mut names = Self::default();
        for vendor in &file.vendor {
            let also = vendor.also.iter().chain(&vendor.unconfirmed);
            let mut spellings: Vec<_> = also.map(|also| words(also)).collect();
            spellings.push(words(&vendor.name));
            for spelling in &spellings {
                let key = vendor_key(spelling);
                let old = names.vendors.insert(key.clone(), vendor.name.clone());
                if old.is_some_and(|old| old != vendor.name) {
                    let reason = format!("`{key}` is two vendors");
                    return Err(NamesError::Contradiction(reason));
                }
            }
            spellings.sort_by_key(|words| std::cmp::Reverse(words.len()));
            names.prefixes.insert(vendor.name.clone(), spellings);
        }
        for brand in file.brand {
            names.brands.push((words(&brand.name), brand));
        }
        for family in file.family {
            let words = names.product_words(&family.vendor, &family.name);
            names.families.push((family.vendor, words));
        }
        for product in &file.product {
            names.learn(product)?;
        }
        Ok(names)
    }

    fn learn(&mut self, product: &ProductNames) -> Result<(), NamesError> {
        let vendor = &product.vendor;
        let own = self.plain_keys(vendor, &product.name);
        let Some(first) = own.first().cloned() else {
            let reason = format!("`{}` has no name", product.name);
            return Err(NamesError::Contradiction(reason));
        };
        let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let others = product.also.iter().chain(&product.unconfirmed);
        for also in others.clone().chain(&product.listed_as) {
            for variant in variants(also) {
                for key in self.plain_keys(vendor, &variant.text) {
                    spellings.entry(key).or_default().insert(first.clone());
                }
            }
        }
        for (key, targets) in spellings {
            let known = self.same.entry((vendor.clone(), key)).or_default();
            known.extend(targets);
        }
        if product.alone {
            for name in others.chain([&product.name]) {
                for key in keys_of(&product_ending(words(name))) {
                    let old = self.alone.insert(key.clone(), vendor.clone());
                    if old.is_some_and(|old| old != *vendor) {
                        let reason = format!("`{key}` alone means two vendors");
                        return Err(NamesError::Contradiction(reason));
                    }
                }
            }
        }
        Ok(())
    }

    /// The vendors that a text names. A list names several where each is known.
    pub fn vendors(&self, text: &str) -> Vec<String> {
        let key = vendor_key(&words(text));
        if key.is_empty() {
            return Vec::new();
        }
        if let Some(vendor) = self.vendors.get(&key) {
            return vec![vendor.clone()];
        }
        let pieces = text
            .split([',', '/', ';'])
            .flat_map(|piece| piece.split(" and "));
        let known = pieces.filter_map(|piece| self.vendors.get(&vendor_key(&words(piece))));
        let known: BTreeSet<_> = known.cloned().collect();
        if known.is_empty() {
            return vec![key.replace(' ', "_")];
        }
        known.into_iter().collect()
    }

    /// The vendor of a product whose name is enough to tell it.
    pub fn vendor_alone(&self, product: &str) -> Option<&str> {
        let keys = keys_of(&product_ending(words(product)));
        keys.iter()
            .find_map(|key| self.alone.get(key))
            .map(String::as_str)
    }

    /// The vendor whose brand a product's name begins with, where the vendors that are told may
    /// sell it; none told may.
    pub fn vendor_of_brand(&self, told: &[String], product: &str) -> Option<&str> {
        let words = words(product);
        let sells = |brand: &Brand| {
            let sold_by =
                |vendor: &String| *vendor == brand.vendor || brand.sold_by.contains(vendor);
            told.is_empty() || told.iter().any(sold_by)
        };
        let mut brands = self.brands.iter();
        let found = brands.find(|(name, brand)| words.starts_with(name) && sells(brand));
        found.map(|(_, brand)| brand.vendor.as_str())
    }

    /// What a product of a vendor is found by: its words in any order, or without blanks; and the
    /// same of the products that the data says it is.
    pub fn keys(&self, vendor: &str, name: &str) -> Vec<String> {
        let mut keys = self.plain_keys(vendor, name);
        let mut meant = Vec::new();
        for key in &keys {
            let known = self.same.get(&(vendor.to_owned(), key.clone()));
            meant.extend(known.into_iter().flatten().cloned());
        }
        keys.extend(meant);
        keys.sort();
        keys.dedup();
        keys
    }

    /// The family that a product belongs to, and whether the name is all of it.
    pub fn family(&self, vendor: &str, name: &str) -> Option<(String, bool)> {
        let words = self.product_words(vendor, name);
        let (_, family) = self
            .families
            .iter()
            .filter(|(of, family)| of == vendor && words.starts_with(family))
            .max_by_key(|(_, family)| family.len())?;
        Some((family.join(" "), family.len() == words.len()))
    }

    /// The words of a product's name, without its vendor's, in their order.
    pub fn bare_words(&self, vendors: &[String], name: &str) -> Vec<String> {
        let all = vendors
            .iter()
            .map(|vendor| self.product_words(vendor, name));
        all.min_by_key(Vec::len).unwrap_or_default()
    }

    fn product_words(&self, vendor: &str, name: &str) -> Vec<String> {
        let mut words = words(name);
        let prefixes = self.prefixes.get(vendor).into_iter().flatten();
        for prefix in prefixes {
            if words.len() > prefix.len() && words.starts_with(prefix) {
                words.drain(..prefix.len());
                break;
            }
        }
        product_ending(words)
    }

    fn plain_keys(&self, vendor: &str, name: &str) -> Vec<String> {
        keys_of(&self.product_words(vendor, name))
    }
}

/// The words without those that add nothing; all of them where nothing would be left.
fn product_ending(words: Vec<String>) -> Vec<String> {
    let mut kept = words.clone();
    kept.retain(|word| !FILLERS.contains(&word.as_str()));
    while kept.len() > 1
        && kept
            .last()
            .is_some_and(|last| ENDINGS.contains(&last.as_str()))
    {
        kept.pop();
    }
    if kept.is_empty() { words } else { kept }
}

/// The two keys of a name.
fn keys_of(words: &[String]) -> Vec<String> {
    if words.is_empty() {
        return Vec::new();
    }
    let mut sorted = words.to_vec();
    sorted.sort();
    sorted.dedup();
    let mut joined = String::new();
    for word in words {
        let digits = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        if digits(joined.chars().last()) && digits(word.chars().next()) {
            joined.push('_');
        }
        joined.push_str(word);
    }
    let mut keys = vec![sorted.join(" "), joined];
    keys.dedup();
    keys
}

fn vendor_key(words: &[String]) -> String {
    let mut words = words.to_vec();
    while words.len() > 1
        && words
            .last()
            .is_some_and(|last| LEGAL.contains(&last.as_str()))
    {
        words.pop();
    }
    words.join(" ")
}

/// The words of a name: lower case, without accents; a dot inside a number and a plus stay.
pub fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let inside_number = c == '.'
            && word.chars().last().is_some_and(|c| c.is_ascii_digit())
            && chars.peek().is_some_and(char::is_ascii_digit);
        if c.is_alphanumeric() || c == '+' || inside_number {
            fold(c, &mut word);
        } else if !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        found.push(word);
    }
    found
}

/// A letter in lower case without its accent.
fn fold(c: char, word: &mut String) {
    let plain = match c {
        'ä' | 'Ä' | 'á' | 'à' | 'â' | 'å' | 'ã' | 'Á' | 'À' | 'Å' => 'a',
        'ö' | 'Ö' | 'ó' | 'ò' | 'ô' | 'ø' | 'Ø' => 'o',
        'ü' | 'Ü' | 'ú' | 'ù' | 'û' => 'u',
        'é' | 'è' | 'ê' | 'ë' | 'É' | 'È' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ç' | 'Ç' => 'c',
        'ñ' | 'Ñ' => 'n',
        'ß' => {
            word.push_str("ss");
            return;
        }
        c => {
            word.extend(c.to_lowercase());
            return;
        }
    };
    word.push(plain);
}

/// The ways to read a name that an advisory writes: without what stands in parentheses, the
/// abbreviation inside them, without a condition.
pub fn variants(name: &str) -> Vec<Variant> {
    let mut conditional = false;
    let mut outside = String::new();
    let mut inside: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for c in name.chars() {
        match c {
            '(' => {
                depth += 1;
                inside.push(String::new());
            }
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(c),
            _ => {
                if let Some(inside) = inside.last_mut() {
                    inside.push(c);
                }
            }
        }
    }
    if let Some(at) = outside.find(" not including ") {
        outside.truncate(at);
    }
    let lower = outside.to_lowercase();
    if let Some(at) = CONDITIONS
        .iter()
        .filter_map(|condition| lower.find(condition))
        .min()
        && outside.is_char_boundary(at)
    {
        outside.truncate(at);
        conditional = true;
    }
    let restricts = |text: &String| {
        words(text)
            .iter()
            .any(|word| RESTRICTIONS.contains(&word.as_str()))
    };
    conditional |= inside.iter().any(restricts);
    let abbreviations = inside.into_iter().filter(|text| is_abbreviation(text));
    let texts = std::iter::once(outside).chain(abbreviations);
    let texts = texts
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    texts.map(|text| Variant { text, conditional }).collect()
}

/// `PIC iX`, `CSCS`: mostly capitals, three letters at least.
fn is_abbreviation(text: &str) -> bool {
    let letters = text.chars().filter(char::is_ascii_alphabetic).count();
    let capitals = text.chars().filter(char::is_ascii_uppercase).count();
    letters >= 3
        && capitals * 2 > letters
        && text.len() <= 12
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ')
}
