//! The number of a vulnerability, `CVE-2017-0144`. It knows nothing about what it numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::refusal::quoted;

/// A CVE number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CveId {
    year: u16,
    number: u32,
}

/// A text that is no CVE number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no CVE number: CVE-, a year, -, four to nine digits")]
pub struct NotCve(String);

impl FromStr for CveId {
    type Err = NotCve;

    fn from_str(text: &str) -> Result<Self, NotCve> {
        parse(text.trim()).ok_or_else(|| NotCve(quoted(text)))
    }
}

fn parse(text: &str) -> Option<CveId> {
    let prefix = text.get(..4)?;
    if !prefix.eq_ignore_ascii_case("CVE-") {
        return None;
    }
    let (year, number) = text.get(4..)?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || !(4..=9).contains(&number.len()) || !digits(year) || !digits(number) {
        return None;
    }
    // Numbers of less than four digits are padded, others are not: one number, one text.
    if number.len() > 4 && number.starts_with('0') {
        return None;
    }
    Some(CveId {
        year: year.parse().ok().filter(|year| *year >= 1999)?,
        number: number.parse().ok()?,
    })
}

impl fmt::Display for CveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CVE-{}-{:04}", self.year, self.number)
    }
}

impl Serialize for CveId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_they_print() {
        for text in ["CVE-1999-0001", "CVE-2017-0144", "CVE-2026-1234567"] {
            assert_eq!(text.parse::<CveId>().unwrap().to_string(), text);
        }
        assert_eq!(
            " cve-2017-0144".parse::<CveId>().unwrap().to_string(),
            "CVE-2017-0144"
        );
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "",
            "CVE-",
            "CVE-2017",
            "CVE-2017-144",
            "CVE-17-0144",
            "CVE-2017-01440",
            "CVE-2017-0144x",
            "CVE-NA",
            "CVE-0000-0000",
            "CVE-2017-9999999999",
            "CVE‑2017-0144",
        ] {
            assert!(text.parse::<CveId>().is_err(), "{text}");
        }
    }

    #[test]
    fn fuzz_any_text() {
        bolero::check!().with_type::<String>().for_each(|text| {
            if let Ok(cve) = text.parse::<CveId>() {
                assert_eq!(cve.to_string().parse::<CveId>().unwrap(), cve);
            }
        });
    }
}
