//! STIX 2.1 indicators whose pattern is an equality of one value, or any of several: addresses,
//! names, URLs and file hashes. What asks for more is skipped, and listed with the reason.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::records;
use super::refusal::{Refusal, quoted};
use super::report::Feed;
use super::when;

/// Characters of an indicator's name that are kept.
const NAME_CHARS_MAX: usize = 120;
/// Comparisons of one pattern.
const COMPARISONS_MAX: usize = 1_000;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Observable {
    /// An address.
    Address(IpAddr),
    /// A name, in lower case, without the dot at its end.
    Domain(String),
    /// A URL, as it is written.
    Url(String),
    /// A hash of a file, in lower case: 32, 40 or 64 digits.
    FileHash(String),
}

/// What is known of something that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Indicator {
    /// Its number in the bundle.
    pub id: String,
    /// What its author calls it, cut.
    pub name: String,
    /// It counts from this second of the epoch on.
    pub valid_from: i64,
    /// It ends here, where it ends.
    pub valid_until: Option<i64>,
}

/// All indicators, by what they look for.
#[derive(Clone, Debug, Default)]
pub struct Indicators(BTreeMap<Observable, Vec<Indicator>>);

impl Indicators {
    /// The indicators that look for something and count at a time, in seconds of the epoch.
    pub fn find(&self, observable: &Observable, at: i64) -> impl Iterator<Item = &Indicator> {
        let found = self.0.get(observable).into_iter().flatten();
        found.filter(move |one| {
            one.valid_from <= at && one.valid_until.is_none_or(|until| at < until)
        })
    }

    /// The indicators that look for a name, however it is written.
    pub fn find_domain(&self, name: &str, at: i64) -> Vec<&Indicator> {
        let name = name.trim_end_matches('.').to_lowercase();
        self.find(&Observable::Domain(name), at).collect()
    }

    /// What is looked for.
    pub fn observables(&self) -> impl Iterator<Item = &Observable> {
        self.0.keys()
    }

    /// How many of these URLs and file hashes there are: neither is in a table, so nobody looks.
    pub fn unseen(&self) -> (usize, usize) {
        let count = |test: fn(&Observable) -> bool| self.0.keys().filter(|one| test(one)).count();
        (
            count(|one| matches!(one, Observable::Url(_))),
            count(|one| matches!(one, Observable::FileHash(_))),
        )
    }

    /// How many things are looked for.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes those of another bundle.
    pub(super) fn merge(&mut self, other: Self) {
        for (observable, indicators) in other.0 {
            let known = self.0.entry(observable).or_default();
            known.extend(indicators);
            known.sort();
            known.dedup();
        }
    }
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    spec_version: Option<String>,
    id: String,
    name: Option<String>,
    pattern: Option<String>,
    pattern_type: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    #[serde(default)]
    revoked: bool,
}

/// Why an object gives no indicator.
enum Left {
    Wrong(String),
    Useless(String),
}

/// Reads a bundle.
pub fn read(reader: impl Read, feed: &mut Feed) -> Result<Indicators, Refusal> {
    let mut indicators = Indicators::default();
    let head = records::read(reader, "objects", |record| {
        let object = serde_json::from_slice::<Object>(record.bytes);
        let object = object.map_err(|error| Left::Wrong(Refusal::json(1, &error).reason));
        match object.and_then(indicator) {
            Err(Left::Wrong(reason)) => feed.reject(Some(record.line), record.index, reason),
            Err(Left::Useless(reason)) => feed.skip(Some(record.line), record.index, reason),
            Ok((observables, indicator)) => {
                feed.records += 1;
                for observable in observables {
                    indicators
                        .0
                        .entry(observable)
                        .or_default()
                        .push(indicator.clone());
                }
            }
        }
    })?;
    if head.get("type").and_then(Value::as_str) != Some("bundle") {
        return Err(Refusal::of_file("its type is not `bundle`"));
    }
    feed.check()?;
    feed.version = Some("2.1".to_owned());
    feed.source = head.get("id").and_then(Value::as_str).map(str::to_owned);
    Ok(indicators)
}

fn indicator(object: Object) -> Result<(Vec<Observable>, Indicator), Left> {
    let useless = |reason: String| Err(Left::Useless(reason));
    if object.kind != "indicator" {
        return useless(format!("a {} is no indicator", quoted(&object.kind)));
    }
    if object.spec_version.as_deref() != Some("2.1") {
        let version = quoted(object.spec_version.as_deref().unwrap_or_default());
        return Err(Left::Wrong(format!(
            "spec_version is {version}, 2.1 is read"
        )));
    }
    if object.revoked {
        return useless("it was revoked".to_owned());
    }
    if object.pattern_type.as_deref() != Some("stix") {
        return useless("its pattern is not in STIX's own language".to_owned());
    }
    let time = |name: &str, text: &str| {
        let wrong = || Left::Wrong(format!("{name} {} is no time", quoted(text)));
        when::seconds(text).ok_or_else(wrong)
    };
    let from = object.valid_from.as_deref().unwrap_or_default();
    let indicator = Indicator {
        id: object.id,
        name: object
            .name
            .unwrap_or_default()
            .chars()
            .take(NAME_CHARS_MAX)
            .collect(),
        valid_from: time("valid_from", from)?,
        valid_until: match object.valid_until.as_deref() {
            Some(until) => Some(time("valid_until", until)?),
            None => None,
        },
    };
    let observables = observables(object.pattern.as_deref().unwrap_or_default());
    Ok((observables.map_err(Left::Useless)?, indicator))
}

/// What a pattern looks for: `[a = 'x' OR b = 'y'] OR [c = 'z']`.
fn observables(pattern: &str) -> Result<Vec<Observable>, String> {
    let mut found = Vec::new();
    let mut rest = pattern.trim();
    loop {
        rest = rest
            .strip_prefix('[')
            .ok_or("its pattern is not `[…]`")?
            .trim_start();
        loop {
            let (observable, after) = comparison(rest)?;
            found.push(observable);
            if found.len() > COMPARISONS_MAX {
                return Err(format!(
                    "its pattern has more than {COMPARISONS_MAX} comparisons"
                ));
            }
            rest = after.trim_start();
            match rest.strip_prefix(']') {
                Some(after) => {
                    rest = after.trim_start();
                    break;
                }
                None => rest = next_or(rest)?,
            }
        }
        if rest.is_empty() {
            return Ok(found);
        }
        rest = next_or(rest)?;
    }
}

fn next_or(rest: &str) -> Result<&str, String> {
    let after = rest.strip_prefix("OR ").map(str::trim_start);
    let word = rest.split_whitespace().next().unwrap_or_default();
    after.ok_or_else(|| format!("its pattern uses {}: only = and OR are read", quoted(word)))
}

/// One `path = 'value'`.
fn comparison(text: &str) -> Result<(Observable, &str), String> {
    let (path, rest) = text.split_once('=').ok_or("its pattern has no equality")?;
    let path = path.trim();
    if path.ends_with(['!', '<', '>']) || path.contains(' ') {
        return Err("its pattern compares by something else than =".to_owned());
    }
    let rest = rest
        .trim_start()
        .strip_prefix('\'')
        .ok_or("its pattern compares with no text")?;
    let mut value = String::new();
    let mut escaped = false;
    let mut end = None;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '\'' => {
                end = Some(at + 1);
                break;
            }
            c => value.push(c),
        }
    }
    let rest = end
        .and_then(|end| rest.get(end..))
        .ok_or("its pattern is cut short")?;
    Ok((observable(path, &value)?, rest))
}

fn observable(path: &str, value: &str) -> Result<Observable, String> {
    let wrong = || format!("{} is no value of {}", quoted(value), quoted(path));
    match path {
        "ipv4-addr:value" | "ipv6-addr:value" => {
            // A network of one address is that address.
            let single = value.strip_suffix("/32").or(value.strip_suffix("/128"));
            let address: IpAddr = single.unwrap_or(value).parse().map_err(|_| {
                format!(
                    "{} is a network, or no address: addresses are read",
                    quoted(value)
                )
            })?;
            match address.is_ipv4() == (path == "ipv4-addr:value") {
                true => Ok(Observable::Address(address)),
                false => Err(wrong()),
            }
        }
        "domain-name:value" => {
            let name = value.trim_end_matches('.').to_lowercase();
            let named = !name.is_empty() && name.len() <= 253 && !name.contains([' ', '/']);
            named.then_some(Observable::Domain(name)).ok_or_else(wrong)
        }
        "url:value" => match value.contains("://") && value.len() <= 2_048 {
            true => Ok(Observable::Url(value.to_owned())),
            false => Err(wrong()),
        },
        _ => {
            let Some(name) = path.strip_prefix("file:hashes.") else {
                return Err(format!(
                    "its pattern looks at {}, which is not read",
                    quoted(path)
                ));
            };
            let length = match name.trim_matches(['\'', '"']) {
                "MD5" => 32,
                "SHA-1" => 40,
                "SHA-256" => 64,
                other => return Err(format!("the hash {} is not read", quoted(other))),
            };
            let digits = value.len() == length && value.bytes().all(|b| b.is_ascii_hexdigit());
            digits
                .then(|| Observable::FileHash(value.to_lowercase()))
                .ok_or_else(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equalities_are_read() {
        let hash = "A".repeat(64);
        let found = observables(&format!(
            "[ipv4-addr:value = '198.51.100.1/32' OR domain-name:value = 'Evil.Example.'] OR \
             [file:hashes.'SHA-256' = '{hash}']"
        ));
        let found = found.unwrap();
        assert_eq!(
            found[0],
            Observable::Address("198.51.100.1".parse().unwrap())
        );
        assert_eq!(found[1], Observable::Domain("evil.example".to_owned()));
        assert_eq!(found[2], Observable::FileHash("a".repeat(64)));
        let found = observables(r"[url:value = 'http://x.example/\'a']").unwrap();
        assert_eq!(found, [Observable::Url("http://x.example/'a".to_owned())]);
    }

    #[test]
    fn others_are_skipped_with_a_reason() {
        for (pattern, reason) in [
            ("", "is not `[…]`"),
            ("[ipv4-addr:value = '10.0.0.0/8']", "is a network"),
            (
                "[ipv4-addr:value = '1.2.3.4' AND url:value = 'http://x']",
                "only = and OR",
            ),
            (
                "[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [url:value = 'http://x']",
                "FOLLOWEDBY",
            ),
            ("[url:value LIKE 'http://%']", "no equality"),
            ("[ipv4-addr:value != '1.2.3.4']", "something else than ="),
            ("[process:name = 'x.exe']", "which is not read"),
            ("[file:hashes.MD5 = 'zz']", "is no value"),
            ("[ipv4-addr:value = '1.2.3.4", "cut short"),
        ] {
            let error = observables(pattern).unwrap_err();
            assert!(error.contains(reason), "{pattern}: {error}");
        }
    }

    #[test]
    fn indicators_have_their_time() {
        let text = r#"{"type": "bundle", "id": "bundle--1", "objects": [
            {"type": "indicator", "spec_version": "2.1", "id": "indicator--1", "name": "c2",
             "pattern": "[ipv4-addr:value = '198.51.100.1']", "pattern_type": "stix",
             "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-02-01T00:00:00Z"},
            {"type": "malware", "spec_version": "2.1", "id": "malware--1"}]}"#;
        let feeds = crate::feeds::Feeds::read_bytes([("s.json", text.as_bytes())]);
        assert_eq!((feeds.list[0].records, feeds.list[0].skipped), (1, 1));
        let address = Observable::Address("198.51.100.1".parse().unwrap());
        let count = |day: &str| {
            let at = when::seconds(day).unwrap();
            feeds.indicators.find(&address, at).count()
        };
        assert_eq!(
            (
                count("2025-12-31"),
                count("2026-01-15"),
                count("2026-02-01")
            ),
            (0, 1, 0)
        );
    }

    #[test]
    fn fuzz_any_pattern() {
        bolero::check!().with_type::<String>().for_each(|text| {
            let _ = observables(text);
        });
    }
}
