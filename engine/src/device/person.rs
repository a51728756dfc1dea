//! Host names that look like a person's ("annas-iphone") are replaced by a keyed hash: the same
//! device keeps the same name, and nobody reads who carries it. It looks at the form alone and
//! knows no list of given names.

use hmac::{Hmac, Mac};
use medtap_table::vocabulary::{Attribute, Field};
use sha2::Sha256;

use super::text::{Value, ValueRef};

/// What people call the things they own, as it ends or begins a host name.
const THINGS: &[&str] = &[
    "iphone",
    "ipad",
    "ipod",
    "macbook",
    "macbookpro",
    "macbookair",
    "imac",
    "mbp",
    "mba",
    "airpods",
    "applewatch",
    "watch",
    "phone",
    "handy",
    "galaxy",
    "pixel",
    "laptop",
    "notebook",
    "tablet",
    "desktop",
    "pc",
    "surface",
    "thinkpad",
    "mac",
    "mini",
    "lifebook",
    "android",
    "telefon",
    "ordinateur",
];

/// Words that join an owner and a thing: "iPhone von Anna", "iPad de Juan".
const JOINERS: &[&str] = &["von", "de", "di", "do", "da", "van", "of", "du", "des"];

/// Replaces names of persons, with a key of the site's own.
#[derive(Clone, Debug)]
pub struct PersonFilter {
    key: [u8; 32],
}

impl PersonFilter {
    /// The filter of offline runs without a key file: the same input gives the same output.
    pub const FIXED: Self = Self {
        key: *b"medtap offline person filter key",
    };

    /// A filter with a site's key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// What is kept in place of a value that looks like a person's name.
    pub fn hide(&self, field: Field, value: ValueRef<'_>) -> Option<Value> {
        let is_personal = may_name_a_person(field) && looks_personal(value.as_str());
        is_personal.then(|| self.replace(value.as_str()))
    }

    fn replace(&self, name: &str) -> Value {
        // A key of this length is always accepted.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return Value::EMPTY;
        };
        mac.update(name.to_lowercase().as_bytes());
        let digest = mac.finalize().into_bytes();
        let hash: String = digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Value::from_wire(format!("personal-{hash}").as_bytes())
    }
}

fn may_name_a_person(field: Field) -> bool {
    matches!(
        field.attribute(),
        Attribute::Hostname | Attribute::StationName
    ) || matches!(
        field,
        Field::MdnsInstance
            | Field::TlsServerName
            | Field::TlsCertificateSubject
            | Field::TlsCertificateName
            | Field::HttpHost
            | Field::HttpTitle
            | Field::HttpRealm
            | Field::SsdpUsn
            | Field::DhcpClientId
    )
}

/// Things that belong to one person, and that are named after them when they are set up.
const CARRIED: &[&str] = &["iphone", "ipad", "ipod", "macbook", "imac", "lifebook"];

/// False for most names, which neither have an apostrophe nor name a thing: told without making
/// lower case of them.
fn may_be_personal(name: &str) -> bool {
    let begins_with = |carried: &&str| {
        let first = name.as_bytes().get(..carried.len());
        first.is_some_and(|first| first.eq_ignore_ascii_case(carried.as_bytes()))
    };
    let is_thing = |word: &str| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        THINGS.iter().any(|thing| thing.eq_ignore_ascii_case(word))
    };
    !name.is_ascii()
        || name.contains('\'')
        || CARRIED.iter().any(begins_with)
        || name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(is_thing)
}

/// True for a possessive ("Anna's …", "annas-iphone") or an owner joined to a thing.
fn looks_personal(name: &str) -> bool {
    if !may_be_personal(name) {
        return false;
    }
    let lower = name.to_lowercase().replace('\u{2019}', "'");
    let lower = lower.strip_suffix(".local").unwrap_or(&lower);
    let upper = name.to_uppercase();
    // "iPhonediMonica": the joiner is written together with both.
    let glued = CARRIED.iter().any(|carried| {
        let rest = lower.strip_prefix(carried).unwrap_or("");
        let owners = JOINERS
            .iter()
            .filter_map(|joiner| rest.strip_prefix(joiner));
        owners
            .into_iter()
            .any(|owner| owner.len() >= 3 && owner.chars().all(char::is_alphabetic))
    });
    if glued {
        return true;
    }
    if lower.contains("'s ") || lower.contains("'s-") || lower.contains("s' ") {
        return true;
    }
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let is_thing = |word: &&str| THINGS.contains(&word.trim_end_matches(|c: char| c.is_numeric()));
    let Some(thing) = words.iter().position(is_thing) else {
        return false;
    };
    let owner = |word: &str| word.len() >= 3 && word.chars().all(char::is_alphabetic);
    // What systems make of a user's name by themselves: "Anna-PC", "Anna-iPad3".
    let first = words.first().copied().unwrap_or("");
    if thing > 0 && first.len() >= 4 && owner(first) {
        let named_by_windows = words.len() == 2 && name.ends_with("-PC") && name != upper;
        let carried = CARRIED
            .iter()
            .any(|carried| words[thing].starts_with(carried));
        if named_by_windows || carried {
            return true;
        }
    }
    // "annas-iphone", "anna-s-iphone"; "iphone-von-anna".
    let before = thing
        .checked_sub(1)
        .and_then(|i| words.get(i))
        .copied()
        .unwrap_or("");
    let possessive = (before == "s" && thing >= 2)
        || (owner(before) && before.ends_with('s') && before.len() > 3);
    let joined = words
        .get(thing + 1)
        .is_some_and(|word| JOINERS.contains(word))
        && words.get(thing + 2).is_some_and(|word| owner(word));
    possessive || joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_hidden_and_things_stay() {
        for name in [
            "annas-iphone",
            "Annas-iPhone.local",
            "Anna's iPad",
            "Anna\u{2019}s MacBook Pro",
            "anna-s-macbookpro",
            "iPhone-von-Anna",
            "iPad-de-Juan",
            "johns-pc",
            "Anna-PC",
            "Anna-iPad3",
            "anna-LIFEBOOK-X1",
            "iPhonediAnna",
            "Anna-iMac",
            "peters-laptop2",
        ] {
            assert!(looks_personal(name), "{name}");
        }
        for name in [
            "iphone",
            "ward3-pc",
            "radiology-pc",
            "RADIOLOGY-PC",
            "icu-ipad-3",
            "CTSTN01",
            "win-desktop",
            "DESKTOP-8F3K2",
            "pc1",
            "icu-tablet-07",
            "mac-mini",
            "ct01.example",
            "printer-2",
        ] {
            assert!(!looks_personal(name), "{name}");
        }
    }

    #[test]
    fn the_hash_is_stable_and_keyed() {
        let name = Value::from_wire(b"annas-iphone");
        let hidden = |filter: PersonFilter, field| filter.hide(field, name.view());
        let one = hidden(PersonFilter::FIXED, Field::DhcpHostname).unwrap();
        assert!(one.as_str().starts_with("personal-"));
        assert_eq!(hidden(PersonFilter::FIXED, Field::MdnsHostname), Some(one));
        let other = PersonFilter::new([1; 32]);
        assert_ne!(hidden(other, Field::DhcpHostname), Some(one));
        assert_eq!(hidden(PersonFilter::FIXED, Field::DicomModel), None);
    }
}
