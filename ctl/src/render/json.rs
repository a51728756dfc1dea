//! JSON, byte for byte the same on every run. Characters that a terminal would obey are escaped,
//! which JSON allows everywhere in a string; the values stay the same.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde::ser::SerializeStruct;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::Listing;
use super::text::is_obeyed;

/// One value, indented by two spaces.
pub fn pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(value, Layout::new(true), out)
}

/// One value on one line.
pub fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(value, Layout::new(false), out)
}

/// A document is written in many small pieces, which are gathered here: each would be a call.
fn write(value: &impl Serialize, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(Escaping(out));
    value.serialize(&mut Serializer::with_formatter(&mut out, layout))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Escapes what a terminal would obey. Outside of strings a document is of plain characters, and
/// within them the serializer has escaped those below 32, so pieces are looked at as a whole. Each
/// holds whole characters: a buffer never parts what is written at once.
struct Escaping<'a>(&'a mut dyn Write);

impl Write for Escaping<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        // All of it is looked at, since that is many bytes at a time.
        if piece.iter().fold(0, |most, byte| most.max(*byte)) <= b'~' {
            self.0.write_all(piece)?;
            return Ok(piece.len());
        }
        let text = str::from_utf8(piece).map_err(io::Error::other)?;
        let mut plain = 0;
        let is_escaped = |c: char| c != '\n' && is_obeyed(c);
        for (at, c) in text.char_indices().filter(|&(_, c)| is_escaped(c)) {
            self.0
                .write_all(text.get(plain..at).unwrap_or_default().as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        self.0
            .write_all(text.get(plain..).unwrap_or_default().as_bytes())?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
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

/// How a document is laid out: on one line, or each value on its own, indented by two spaces.
struct Layout {
    is_indented: bool,
    /// Arrays and objects around the next value.
    depth: usize,
    /// The innermost of them holds a value.
    is_filled: bool,
}

/// What goes before a value that is not the first, as deep as documents commonly are: each piece is
/// written at once.
const BREAK: &str = ",\n                                ";

impl Layout {
    fn new(is_indented: bool) -> Self {
        Self {
            is_indented,
            depth: 0,
            is_filled: false,
        }
    }

    fn open<W: ?Sized + Write>(&mut self, bracket: &[u8], out: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.is_filled = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, bracket: &[u8], out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        if self.is_filled {
            self.separate(true, out)?;
        }
        self.is_filled = true;
        out.write_all(bracket)
    }

    /// Ends what stands before a value, or before a bracket that closes.
    fn separate<W: ?Sized + Write>(&self, is_first: bool, out: &mut W) -> io::Result<()> {
        let begin = usize::from(is_first);
        if !self.is_indented {
            return out.write_all(BREAK.as_bytes().get(begin..1).unwrap_or_default());
        }
        let end = 2 + 2 * self.depth;
        if let Some(piece) = BREAK.as_bytes().get(begin..end) {
            return out.write_all(piece);
        }
        out.write_all(BREAK.as_bytes().get(begin..2).unwrap_or_default())?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(b"[", writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(b"]", writer)
    }

    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.separate(first, writer)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(b"{", writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(b"}", writer)
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        self.separate(first, writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(match self.is_indented {
            true => b": ",
            false => b":",
        })
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_filled = true;
        Ok(())
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

    /// Wherever the buffer ends, no character is cut.
    #[test]
    fn long_texts_are_escaped_too() {
        for shift in 0..8 {
            let text = format!("{}{}", "a".repeat(shift), "é\u{202e}b".repeat(5_000));
            let mut out = Vec::new();
            line(&vec![&text; 3], &mut out).unwrap();
            let written = String::from_utf8(out).unwrap();
            assert!(!written.contains('\u{202e}') && written.contains("é\\u202eb"));
            let read: Vec<String> = serde_json::from_str(&written).unwrap();
            assert_eq!(read, [&*text; 3]);
        }
    }

    #[test]
    fn layout_is_the_usual_one() {
        let mut deep = serde_json::json!({ "a": [1, {}, [[]], [2, [3]]], "b": [], "c": {"d": 4} });
        for _ in 0..20 {
            deep = serde_json::json!([{ "e": deep, "f": null }, true]);
            let mut out = Vec::new();
            pretty(&deep, &mut out).unwrap();
            let expected = serde_json::to_string_pretty(&deep).unwrap() + "\n";
            assert_eq!(String::from_utf8(out).unwrap(), expected);
            let mut out = Vec::new();
            line(&deep, &mut out).unwrap();
            let expected = serde_json::to_string(&deep).unwrap() + "\n";
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
