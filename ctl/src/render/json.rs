//! JSON, byte for byte the same on every run. Characters that a terminal would obey are escaped,
//! which JSON allows everywhere in a string; the values stay the same.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde::ser::SerializeStruct;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::Listing;
use super::text::is_obeyed;

/// One value, indented by two spaces.
pub fn pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(value, Safe(PrettyFormatter::new()), out)
}

/// One value on one line.
pub fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(value, Safe(CompactFormatter), out)
}

/// A document is written in many small pieces, which are gathered here: each would be a call.
fn write(value: &impl Serialize, formatter: impl Formatter, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    value.serialize(&mut Serializer::with_formatter(&mut out, formatter))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The document of the contract, with the devices that are to be shown.
pub fn document(listing: &Listing<'_>, out: &mut dyn Write) -> io::Result<()> {
    pretty(listing, out)
}

impl Serialize for Listing<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.inventory;
        let mut document = serializer.serialize_struct("Inventory", 6)?;
        document.serialize_field("schema_version", &whole.schema_version)?;
        document.serialize_field("as_of", &whole.as_of)?;
        document.serialize_field("partial", &whole.partial)?;
        document.serialize_field("source", &whole.source)?;
        document.serialize_field("coverage", &whole.coverage)?;
        document.serialize_field("devices", &self.devices)?;
        document.end()
    }
}

/// A formatter that escapes more than JSON asks for.
struct Safe<F>(F);

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        // All of it is looked at, since that is many bytes at a time.
        let is_other = |found, byte| found | !matches!(byte, 0x20..=0x7e);
        if !fragment.bytes().fold(false, is_other) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|&(_, c)| is_obeyed(c)) {
            writer.write_all(fragment.get(plain..at).unwrap_or_default().as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        writer.write_all(fragment.get(plain..).unwrap_or_default().as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_read_back() {
        let text = "a\u{9b}31m\u{7f}\u{202e}\u{e0041}\u{1b}[0m\"é";
        let mut out = Vec::new();
        line(&text, &mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(
            written,
            "\"a\\u009b31m\\u007f\\u202e\\udb40\\udc41\\u001b[0m\\\"é\"\n"
        );
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn layout_is_the_usual_one() {
        let value = serde_json::json!({ "a": [1, {}, [[]], [2, [3]]], "b": [], "c": {"d": 4} });
        let mut out = Vec::new();
        pretty(&value, &mut out).unwrap();
        let expected = serde_json::to_string_pretty(&value).unwrap() + "\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
