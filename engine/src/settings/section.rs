//! One table of the configuration file, read key by key, each with the line it stands on. It
//! takes no key that it was not told of.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use clap::ValueEnum;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::cpus;
use super::error::{Place, SettingsError};

/// A table and where it comes from.
pub struct Section<'a> {
    path: &'a Path,
    text: &'a str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

type Found<T> = Result<Option<T>, SettingsError>;

impl<'a> Section<'a> {
    /// Refuses any key but `known`.
    pub fn new(
        path: &'a Path,
        text: &'a str,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        known: &[&str],
    ) -> Result<Self, SettingsError> {
        let section = Self {
            path,
            text,
            table,
            span,
        };
        // The first in the file, not in the alphabet.
        let unknown = (table.keys())
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        match unknown {
            None => Ok(section),
            Some(key) => Err(SettingsError::UnknownKey {
                place: section.place(key.span()),
                key: shortened(key.get_ref()),
                hint: hint(key.get_ref(), known),
            }),
        }
    }

    /// Where the table begins.
    pub fn start(&self) -> Place {
        self.place(self.span.clone())
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::Line(
            self.path.to_owned(),
            line_and_column(self.text, span.start).0,
        )
    }

    fn get(&self, key: &str) -> Option<(&'a DeValue<'a>, Place)> {
        let value = self.table.get(key)?;
        Some((value.get_ref(), self.place(value.span())))
    }

    /// Where a key's value stands, or else its table.
    pub fn place_of(&self, key: &str) -> Place {
        self.get(key)
            .map_or_else(|| self.start(), |(_, place)| place)
    }

    /// A string.
    pub fn text(&self, key: &'static str) -> Found<&'a str> {
        let Some((value, place)) = self.get(key) else {
            return Ok(None);
        };
        let text = value.as_str();
        text.map(Some)
            .ok_or_else(|| wrong_type(place, key, value, "a string"))
    }

    /// True or false.
    pub fn flag(&self, key: &'static str) -> Found<bool> {
        let Some((value, place)) = self.get(key) else {
            return Ok(None);
        };
        let flag = value.as_bool();
        flag.map(Some)
            .ok_or_else(|| wrong_type(place, key, value, "true or false"))
    }

    /// A number within a range, which fits `T` or is out of range.
    pub fn number<T: TryFrom<u64>>(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Found<T> {
        let Some((value, place)) = self.get(key) else {
            return Ok(None);
        };
        integer(value, key, &range, &place).map(Some)
    }

    /// One of an enumeration's words.
    pub fn word<T: ValueEnum>(&self, key: &'static str) -> Found<T> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        if let Ok(word) = T::from_str(text, false) {
            return Ok(Some(word));
        }
        let values = T::value_variants().iter();
        let names: Vec<String> = values
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        Err(SettingsError::Value {
            place: self.place_of(key),
            key,
            value: format!("\"{}\"", shortened(text)),
            expected: format!("one of {}", names.join(", ")),
        })
    }

    /// Cpus: a string such as `2-5,8`, or an array of numbers.
    pub fn cpus(&self, key: &'static str) -> Found<Vec<u16>> {
        let Some((value, place)) = self.get(key) else {
            return Ok(None);
        };
        if let Some(list) = value.as_str() {
            return cpus::parse(list, key, &place).map(Some);
        }
        let Some(array) = value.as_array() else {
            let expected = "a string such as \"2-5,8\" or an array of numbers";
            return Err(wrong_type(place, key, value, expected));
        };
        let mut list = Vec::new();
        for element in array.iter() {
            let place = self.place(element.span());
            let cpu = integer(element.get_ref(), key, &(0..=8191), &place)?;
            cpus::push(&mut list, cpu, key, &place)?;
        }
        Ok(Some(list))
    }

    /// An array of strings, each with its place.
    pub fn texts(&self, key: &'static str) -> Result<Vec<(&'a str, Place)>, SettingsError> {
        let mut texts = Vec::new();
        for element in self.array(key, "an array of strings")? {
            let place = self.place(element.span());
            let Some(text) = element.get_ref().as_str() else {
                return Err(wrong_type(
                    place,
                    key,
                    element.get_ref(),
                    "an array of strings",
                ));
            };
            texts.push((text, place));
        }
        Ok(texts)
    }

    /// An array of tables, `[[key]]`.
    pub fn sections(
        &self,
        key: &'static str,
        expected: &'static str,
        known: &[&str],
    ) -> Result<Vec<Section<'a>>, SettingsError> {
        let mut sections = Vec::new();
        for element in self.array(key, expected)? {
            let Some(table) = element.get_ref().as_table() else {
                let place = self.place(element.span());
                return Err(wrong_type(place, key, element.get_ref(), expected));
            };
            sections.push(Section::new(
                self.path,
                self.text,
                table,
                element.span(),
                known,
            )?);
        }
        Ok(sections)
    }

    fn array(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<impl Iterator<Item = &'a Spanned<DeValue<'a>>>, SettingsError> {
        let found = self.get(key);
        let array = match found {
            None => None,
            Some((DeValue::Array(array), _)) => Some(array),
            Some((value, place)) => return Err(wrong_type(place, key, value, expected)),
        };
        Ok(array.into_iter().flat_map(|array| array.iter()))
    }
}

fn integer<T: TryFrom<u64>>(
    value: &DeValue<'_>,
    key: &'static str,
    range: &RangeInclusive<u64>,
    place: &Place,
) -> Result<T, SettingsError> {
    let Some(integer) = value.as_integer() else {
        return Err(wrong_type(place.clone(), key, value, "a whole number"));
    };
    let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
    let number = number.filter(|number| range.contains(number));
    (number.and_then(|number| T::try_from(number).ok())).ok_or_else(|| SettingsError::OutOfRange {
        place: place.clone(),
        key,
        value: shortened(integer.as_str()),
        low: *range.start(),
        high: *range.end(),
    })
}

/// Checks a number that comes from elsewhere than the file.
pub fn in_range(
    number: u64,
    range: RangeInclusive<u64>,
    key: &'static str,
    place: &Place,
) -> Result<(), SettingsError> {
    if range.contains(&number) {
        return Ok(());
    }
    Err(SettingsError::OutOfRange {
        place: place.clone(),
        key,
        value: number.to_string(),
        low: *range.start(),
        high: *range.end(),
    })
}

/// Checks that the kernel could have an interface of this name.
pub fn interface_name(name: &str, place: &Place) -> Result<(), SettingsError> {
    let fits = (1..=15).contains(&name.len()) && name != "." && name != "..";
    if fits
        && name
            .chars()
            .all(|c| c.is_ascii_graphic() && c != '/' && c != ':')
    {
        return Ok(());
    }
    Err(SettingsError::Value {
        place: place.clone(),
        key: "interface",
        value: format!("\"{}\"", shortened(name).escape_default()),
        expected: "a name of 1 to 15 characters as `ip link` shows it".to_owned(),
    })
}

/// Line and column of a byte, both from 1; columns count characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}

fn wrong_type(
    place: Place,
    key: &'static str,
    value: &DeValue<'_>,
    expected: &'static str,
) -> SettingsError {
    let found = match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    SettingsError::WrongType {
        place,
        key,
        found,
        expected,
    }
}

/// The nearest known key if it is near, else all that there are.
fn hint(key: &str, known: &[&str]) -> String {
    // Similarity takes time by the product of both lengths.
    let key = shortened(key);
    let nearest = (known.iter())
        .map(|known| (strsim::jaro_winkler(&key, known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((similarity, known)) if similarity > 0.75 => format!("did you mean `{known}`?"),
        _ => format!("known are {}", known.join(", ")),
    }
}

/// What came from outside, at a length that can be shown on one line.
pub fn shortened(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control());
    visible.take(40).collect()
}
