//! Dates that stand where a version is expected. Spelled ones (`July 1 2017`, `8/30/2024`) are
//! dates and nothing else; `2017-07-01` is both. A date without a year or month is none.

use jiff::civil::Date;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Years that a version can mean.
const YEARS: std::ops::RangeInclusive<i16> = 1980..=2099;

fn date(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day)
        .ok()
        .filter(|_| YEARS.contains(&year))
}

/// `july 1 2017`, `1 july 2017`, `26-june-2017`, `may 2018` (its first day), `8/30/2024`.
/// The text is lower case.
pub fn spelled(text: &str) -> Option<Date> {
    let words: Vec<&str> = text
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    let month = |word: &str| {
        let found =
            |name: &&str| **name == *word || (word.len() >= 3 && name.get(..3) == Some(word));
        let at = MONTHS.iter().position(found)?;
        i8::try_from(at + 1).ok()
    };
    match words.as_slice() {
        [only] => {
            let mut numbers = only.split('/');
            let (month, day, year) = (numbers.next()?, numbers.next()?, numbers.next()?);
            if numbers.next().is_some() || year.len() != 4 {
                return None;
            }
            date(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        }
        [first, year] => date(year.parse().ok()?, month(first)?, 1),
        [first, second, year] => match month(first) {
            Some(month) => date(year.parse().ok()?, month, second.parse().ok()?),
            None => date(year.parse().ok()?, month(second)?, first.parse().ok()?),
        },
        _ => None,
    }
}

/// `2017-07-01`, `2017.07.01` and `20170701`.
pub fn numeric(text: &str) -> Option<Date> {
    let digits: String = match text.len() {
        8 => text.to_owned(),
        10 => {
            let separators = (text.get(4..5)?, text.get(7..8)?);
            if !matches!(separators, ("-", "-") | (".", ".")) {
                return None;
            }
            [text.get(..4)?, text.get(5..7)?, text.get(8..)?].concat()
        }
        _ => return None,
    };
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let [year, month, day] = [digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?];
    date(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}
