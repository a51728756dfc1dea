//! Pieces of text for people: made safe, measured, cut to a width, and numbers and times in
//! words. It knows no device but for its label.

use std::borrow::Cow;
use std::fmt::Write;

use medtap_inventory::model::{Device, Time};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Digits of a device id that people read, where they tell all devices apart.
pub const ID_CHARS_SHORT: usize = 8;

/// The attributes that name one device, the best first.
pub const NAMES: &[&str] = &["hostname", "station_name", "ae_title"];

/// True for characters that a terminal obeys instead of showing them, that change the order of
/// others, or that nobody can see: controls, bidirectional marks, joiners, tags, separators.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text with everything that a terminal would obey written out as `\u{…}`.
pub fn clean(text: &str) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    if plain || !text.chars().any(is_obeyed) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_obeyed(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe.into()
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    match text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        true => text.len(),
        false => text.width(),
    }
}

/// The text in exactly so many columns: padded, or cut with `…`.
pub fn fit(text: &str, columns: usize) -> String {
    let mut fitted = String::new();
    fit_into(text, columns, &mut fitted);
    fitted
}

/// As [`fit`], behind what is there already.
pub fn fit_into(text: &str, columns: usize, line: &mut String) {
    let mut used = width(text);
    if used <= columns {
        line.push_str(text);
    } else {
        used = 0;
        for c in text.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide + 1 > columns {
                break;
            }
            line.push(c);
            used += wide;
        }
        if columns > 0 {
            line.push('…');
            used += 1;
        }
    }
    pad(columns.saturating_sub(used), line);
}

/// Adds so many spaces.
pub fn pad(mut columns: usize, line: &mut String) {
    const SPACES: &str = "                                ";
    while let Some(spaces) = SPACES.get(..columns.min(SPACES.len()))
        && columns > 0
    {
        line.push_str(spaces);
        columns -= spaces.len();
    }
}

/// A number with its thousands apart: `1,807`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in decimal units: `1.2 MB`.
pub fn bytes(number: u64) -> String {
    let mut amount = number as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        if amount < 999.95 {
            break;
        }
        amount /= 1000.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{number} B")
    } else {
        format!("{amount:.1} {unit}")
    }
}

/// One thing or several: `1 device`, `2 devices`.
pub fn several(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(number))
}

/// A time to the second, in UTC: `2026-08-18 10:00:27`.
pub fn time(time: Time) -> String {
    match jiff::Timestamp::from_nanosecond(time.0.into()) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_string(),
    }
}

/// From one time to another: the day only once where it is the same.
pub fn period(first: Time, last: Time) -> String {
    let (first, last) = (time(first), time(last));
    match (first.split_once(' '), last.split_once(' ')) {
        _ if first == last => format!("{first} UTC"),
        (Some((day, _)), Some((same, hour))) if day == same => format!("{first} to {hour} UTC"),
        _ => format!("{first} to {last} UTC"),
    }
}

/// How long something lasted, in its two largest units.
pub fn span(first: Time, last: Time) -> String {
    let nanoseconds = last.0.saturating_sub(first.0);
    let seconds = nanoseconds / 1_000_000_000;
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut text = String::new();
    let mut rest = seconds;
    for (place, (unit, length)) in units.into_iter().enumerate() {
        let number = rest / length;
        rest %= length;
        if number > 0 {
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a string does not fail.
            let _ = write!(text, "{space}{number} {unit}");
            let next = units.get(place + 1);
            if let Some((unit, length)) = next.filter(|(_, length)| rest >= *length) {
                let _ = write!(text, " {} {unit}", rest / length);
            }
            break;
        }
    }
    if text.is_empty() {
        text = format!("{} ms", nanoseconds / 1_000_000);
    }
    text
}

/// Below this confidence, a value is a hint that nothing proves.
const HINT_CONFIDENCE_MAX: u8 = 49;

/// True for a value that is only a hint, such as the owner of a block of MAC addresses.
pub fn is_hint(device: &Device, name: &str) -> bool {
    let value = device.attributes.get(name).and_then(Option::as_ref);
    value.is_some_and(|value| value.confidence <= HINT_CONFIDENCE_MAX)
}

/// The value of an attribute.
pub fn attribute<'a>(device: &'a Device, name: &str) -> Option<&'a str> {
    let value = device.attributes.get(name)?.as_ref()?;
    Some(&value.value)
}

/// What a device calls itself.
pub fn name(device: &Device) -> Option<&str> {
    NAMES.iter().find_map(|name| attribute(device, name))
}

/// What a person would call a device: its name, or else what it is and where.
pub fn label(device: &Device) -> String {
    if let Some(name) = name(device) {
        return clean(name).into_owned();
    }
    let maker = attribute(device, "manufacturer").filter(|_| !is_hint(device, "manufacturer"));
    // A maker alone is no name: others of it stand beside it.
    let own = attribute(device, "model").map(str::to_owned);
    let own = own.or_else(|| device.addresses.first().map(ToString::to_string));
    let own = own.or_else(|| device.macs.first().cloned());
    let words: Vec<&str> = maker.into_iter().chain(own.as_deref()).collect();
    match words.is_empty() {
        true => "unnamed".to_owned(),
        false => clean(&words.join(" ")).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(
            clean("\u{1b}[31mred\u{9b}0m\u{202e}"),
            "\\u{1b}[31mred\\u{9b}0m\\u{202e}"
        );
        assert_eq!(clean("Röntgen 大"), "Röntgen 大");
        for c in (0..=0xffff).filter_map(char::from_u32) {
            let text = c.to_string();
            let safe = clean(&text);
            assert!(!safe.chars().any(char::is_control), "{:x}", c as u32);
        }
    }

    #[test]
    fn fitted_text_takes_its_columns() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 5), "abcd…");
        assert_eq!(fit("大大大", 4), "大… ");
        assert_eq!(fit("abc", 0), "");
        for columns in 0..12 {
            assert_eq!(width(&fit("Gerät 大大 x", columns)), columns);
        }
    }

    #[test]
    fn numbers_in_words() {
        let counts = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        let sizes = [0, 999, 1_000, 999_949, 999_950, u64::MAX].map(bytes);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "18.4 EB"]
        );
        assert_eq!(several(1, "flow"), "1 flow");
        assert_eq!(several(0, "flow"), "0 flows");
    }

    #[test]
    fn times_in_words() {
        let second = 1_000_000_000;
        let at = |seconds: u64| Time(1_787_047_200 * second + seconds * second);
        assert_eq!(time(at(0)), "2026-08-18 10:00:00");
        assert_eq!(period(at(0), at(27)), "2026-08-18 10:00:00 to 10:00:27 UTC");
        assert_eq!(period(at(0), at(0)), "2026-08-18 10:00:00 UTC");
        let spans = [0, 27, 60, 3_661, 90_000].map(|seconds| span(at(0), at(seconds)));
        assert_eq!(spans, ["0 ms", "27 s", "1 min", "1 h 1 min", "1 d 1 h"]);
        assert_eq!(span(at(5), at(0)), "0 ms");
        assert!(time(Time(u64::MAX)).starts_with("2554-"));
    }
}
