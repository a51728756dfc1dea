//! A reader of JSON (RFC 8259) for bytes from anybody, in pieces of any size: what stands at a
//! place that the visitor named comes out. It keeps nothing else, holds no document, and gives up
//! one that is not well formed.
//!
//! A visitor names the places that count as it goes down: whatever it does not enter is stepped
//! over unread, so a value can be taken from one exact place and from no other of the same name.

use memchr::memchr2;

use crate::config::{JSON_DEPTH_MAX, JSON_NAME_BYTES_MAX, VALUE_BYTES_MAX};
use crate::observe::{Fault, Observation};
use crate::proto::kept;

/// A place in a document, numbered by the visitor.
pub type At = u16;

/// The document itself.
pub const DOCUMENT: At = 0;

/// Who sees what counts.
pub trait Visitor {
    /// The place of the member of this name in the object at `at`, or, without a name, of an
    /// element of the array there; nothing where it does not count.
    fn enter(&mut self, at: At, name: Option<&[u8]>) -> Option<At>;

    /// A text, a number, `true` or `false` at a place that was entered: not longer than one byte
    /// more than a value may have.
    fn value(&mut self, at: At, value: &[u8]);

    /// The object or array at a place that was entered ends.
    fn leave(&mut self, _at: At) {}
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value; after `[` the array may end instead.
    Value { first: bool },
    /// A member's name; after `{` the object may end instead.
    Name { first: bool },
    /// The colon after a name.
    Colon,
    /// After a value.
    After,
    /// A text; a name where `name` is set.
    Text { name: bool, escape: Escape },
    /// A number, or one of the three words.
    Word,
    /// Nothing more.
    Over,
}

/// Where in an escape a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    Unicode { digits: u8, code: u16 },
}

/// An object or array that is open.
#[derive(Clone, Copy, Debug)]
struct Level {
    is_object: bool,
    at: Option<At>,
}

/// Reads one document.
#[derive(Debug)]
pub struct Reader {
    levels: Vec<Level>,
    state: State,
    /// The place of the value that is read or comes next.
    at: Option<At>,
    /// The text or word that is read, as far as it is wanted.
    text: Vec<u8>,
    is_broken: bool,
    is_too_deep: bool,
}

impl Reader {
    /// At the beginning of a document.
    pub const fn new() -> Self {
        Self {
            levels: Vec::new(),
            state: State::Value { first: false },
            at: Some(DOCUMENT),
            text: Vec::new(),
            is_broken: false,
            is_too_deep: false,
        }
    }

    /// True where nothing more is read: the document ended, or is none.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// True inside a document: what is open has not ended.
    pub fn is_inside(&self) -> bool {
        !self.is_over() && !self.levels.is_empty()
    }

    /// What is told where the bytes were no document, or one deeper than [`JSON_DEPTH_MAX`].
    pub const fn fault(&self) -> Option<Observation<'static>> {
        match (self.is_broken, self.is_too_deep) {
            (false, _) => None,
            (true, false) => Some(Observation::Malformed),
            (true, true) => Some(Observation::Faulty(Fault::OverLimit)),
        }
    }

    /// Reads the next bytes.
    pub fn push(&mut self, bytes: &[u8], visitor: &mut impl Visitor) {
        let mut rest = bytes;
        while !rest.is_empty() && self.state != State::Over {
            let used = match self.state {
                State::Text { name, escape } => self.text(rest, name, escape, visitor),
                _ => self.byte(rest, visitor),
            };
            match used {
                Some(used) => rest = rest.get(used..).unwrap_or_default(),
                None => {
                    self.is_broken = true;
                    self.state = State::Over;
                }
            }
        }
    }

    /// One byte outside of texts; how many were used, or nothing where it may not stand here.
    fn byte(&mut self, rest: &[u8], visitor: &mut impl Visitor) -> Option<usize> {
        let byte = *rest.first()?;
        if self.state == State::Word {
            if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) {
                self.keep(&[byte], VALUE_BYTES_MAX + 1);
                return Some(1);
            }
            self.word(visitor)?;
            return Some(0);
        }
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return Some(1);
        }
        match (self.state, byte) {
            (State::Value { .. }, b'{' | b'[') => self.open(byte == b'{')?,
            (State::Value { first: true }, b']') => self.close(false, visitor)?,
            (State::Value { .. }, b'"') => self.begin(false),
            (State::Value { .. }, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.text.clear();
                self.state = State::Word;
                return Some(0);
            }
            (State::Name { first: true }, b'}') | (State::After, b'}') => {
                self.close(true, visitor)?;
            }
            (State::After, b']') => self.close(false, visitor)?,
            (State::Name { .. }, b'"') => self.begin(true),
            (State::Colon, b':') => self.state = State::Value { first: false },
            (State::After, b',') => {
                let level = *self.levels.last()?;
                self.state = if level.is_object {
                    State::Name { first: false }
                } else {
                    self.at = level.at.and_then(|at| visitor.enter(at, None));
                    State::Value { first: false }
                };
            }
            _ => return None,
        }
        // The first element of an array is entered when its first byte is there.
        if let (State::Value { first: true }, Some(level)) = (self.state, self.levels.last())
            && byte == b'['
        {
            self.at = level.at.and_then(|at| visitor.enter(at, None));
        }
        Some(1)
    }

    fn begin(&mut self, name: bool) {
        self.text.clear();
        self.state = State::Text {
            name,
            escape: Escape::None,
        };
    }

    fn open(&mut self, is_object: bool) -> Option<()> {
        if self.levels.len() >= JSON_DEPTH_MAX {
            self.is_too_deep = true;
            return None;
        }
        self.levels.push(Level {
            is_object,
            at: self.at,
        });
        self.state = if is_object {
            State::Name { first: true }
        } else {
            State::Value { first: true }
        };
        Some(())
    }

    fn close(&mut self, is_object: bool, visitor: &mut impl Visitor) -> Option<()> {
        let level = self.levels.pop().filter(|l| l.is_object == is_object)?;
        if let Some(at) = level.at {
            visitor.leave(at);
        }
        self.ended();
        Some(())
    }

    /// A value has ended.
    fn ended(&mut self) {
        self.state = if self.levels.is_empty() {
            State::Over
        } else {
            State::After
        };
    }

    /// A number or word is complete.
    fn word(&mut self, visitor: &mut impl Visitor) -> Option<()> {
        let is_number = self.text.iter().any(u8::is_ascii_digit)
            && self
                .text
                .iter()
                .all(|byte| b"0123456789+-.eE".contains(byte));
        let is_known = matches!(self.text.as_slice(), b"true" | b"false" | b"null");
        // What is not wanted is not kept, so it is not judged.
        if !(is_number || is_known || self.at.is_none()) {
            return None;
        }
        if let Some(at) = self.at
            && self.text != b"null"
        {
            visitor.value(at, &self.text);
        }
        self.ended();
        Some(())
    }

    /// Bytes of a text, up to its end at most.
    fn text(
        &mut self,
        rest: &[u8],
        name: bool,
        escape: Escape,
        visitor: &mut impl Visitor,
    ) -> Option<usize> {
        let most = match name {
            true => JSON_NAME_BYTES_MAX + 1,
            false => VALUE_BYTES_MAX + 1,
        };
        if escape != Escape::None {
            let escape = self.escape(*rest.first()?, escape, most)?;
            self.state = State::Text { name, escape };
            return Some(1);
        }
        let end = memchr2(b'"', b'\\', rest);
        let plain = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.keep(plain, most);
        let Some(end) = end else {
            return Some(rest.len());
        };
        if rest.get(end) == Some(&b'\\') {
            let escape = Escape::Begun;
            self.state = State::Text { name, escape };
        } else if name {
            let level = self.levels.last()?;
            let is_whole = self.text.len() <= JSON_NAME_BYTES_MAX;
            self.at = level
                .at
                .filter(|_| is_whole)
                .and_then(|at| visitor.enter(at, Some(&self.text)));
            self.state = State::Colon;
        } else {
            if let Some(at) = self.at {
                visitor.value(at, &self.text);
            }
            self.ended();
        }
        Some(end + 1)
    }

    /// A byte of an escape. Halves of a pair (RFC 8259, 7) become the replacement character.
    fn escape(&mut self, byte: u8, escape: Escape, most: usize) -> Option<Escape> {
        let plain = match (escape, byte) {
            (Escape::Unicode { digits, code }, digit) => {
                let digit = u16::try_from(char::from(digit).to_digit(16)?).ok()?;
                let code = (code << 4) | digit;
                if digits < 3 {
                    let digits = digits + 1;
                    return Some(Escape::Unicode { digits, code });
                }
                let letter = char::from_u32(code.into()).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.keep(letter.encode_utf8(&mut [0; 4]).as_bytes(), most);
                return Some(Escape::None);
            }
            (_, b'u') => return Some(Escape::Unicode { digits: 0, code: 0 }),
            (_, b'"' | b'\\' | b'/') => byte,
            (_, b'b') => 8,
            (_, b'f') => 12,
            (_, b'n') => b'\n',
            (_, b'r') => b'\r',
            (_, b't') => b'\t',
            _ => return None,
        };
        self.keep(&[plain], most);
        Some(Escape::None)
    }

    /// Keeps bytes of a name, or of a value that is wanted.
    fn keep(&mut self, bytes: &[u8], most: usize) {
        let is_name = matches!(self.state, State::Text { name: true, .. });
        let wanted = match is_name {
            true => self.levels.last().is_some_and(|level| level.at.is_some()),
            false => self.at.is_some(),
        };
        if wanted {
            let room = most.saturating_sub(self.text.len()).min(bytes.len());
            self.text
                .extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.levels) + kept::list(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters what is called `a`, elements of arrays, and objects; writes down what it sees.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl Visitor for Notes {
        fn enter(&mut self, at: At, name: Option<&[u8]>) -> Option<At> {
            match name {
                None => Some(at + 10),
                Some(b"a") => Some(at + 1),
                Some(_) => None,
            }
        }

        fn value(&mut self, at: At, value: &[u8]) {
            self.0
                .push(format!("{at}={}", String::from_utf8_lossy(value)));
        }

        fn leave(&mut self, at: At) {
            self.0.push(format!("{at}."));
        }
    }

    fn read(pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let (mut reader, mut notes) = (Reader::new(), Notes::default());
        for piece in pieces {
            reader.push(piece, &mut notes);
        }
        (notes.0, reader.is_over() && reader.fault().is_none())
    }

    #[test]
    fn what_is_entered_comes_out_however_it_is_cut() {
        let text = br#" {"b":{"a":"no"},"a":"x\u0041\n\"","a":[1,-2.5e3,{"a":true}, null ,[]],
            "c":[{"a":1}],"a":{"a":"\ud83d"}, "A":0}"#;
        let seen = [
            "1=xA\n\"",
            "11=1",
            "11=-2.5e3",
            "12=true",
            "11.",
            "11.",
            "1.",
            "2=\u{fffd}",
            "1.",
            "0.",
        ];
        let (whole, is_whole) = read(&[text]);
        assert_eq!(whole, seen);
        assert!(is_whole);
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(read(&[head, tail]).0, seen, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&bytes).0, seen);
    }

    #[test]
    fn what_is_no_json_ends_it() {
        for text in [
            &b"x"[..],
            b"{a:1}",
            b"{\"a\" 1}",
            b"[1 2]",
            b"{]",
            b"[}",
            b"{\"a\":1,}x",
            b"\"\\x\"",
            b"\"\\u00g0\"",
            b"[,1]",
            b"[true1]",
        ] {
            let (_, is_whole) = read(&[text]);
            assert!(!is_whole, "{}", text.escape_ascii());
        }
        let mut reader = Reader::new();
        reader.push(&b"[".repeat(10_000), &mut Notes::default());
        let fault = reader.fault();
        assert!(matches!(fault, Some(Observation::Faulty(Fault::OverLimit))));
        assert!(reader.levels.len() <= JSON_DEPTH_MAX);
    }

    #[test]
    fn long_values_are_cut_and_long_names_are_none() {
        let long = format!("{{\"a\":\"{}\"}}", "v".repeat(5000));
        let (seen, _) = read(&[long.as_bytes()]);
        assert_eq!(seen[0].len(), 2 + VALUE_BYTES_MAX + 1);
        let long = format!("{{\"{}\":1}}", "a".repeat(5000));
        assert_eq!(read(&[long.as_bytes()]).0, ["0."]);
    }

    #[test]
    fn fuzz_push() {
        bolero::check!()
            .with_iterations(3000)
            .for_each(|bytes: &[u8]| {
                let words: [&[u8]; 8] = [
                    b"{",
                    b"}",
                    b"[",
                    b"]",
                    b"\"a\"",
                    b":",
                    b",",
                    b"\"x\\u0041\"",
                ];
                let text: Vec<u8> = bytes
                    .iter()
                    .flat_map(|byte| match words.get(usize::from(byte & 15)) {
                        Some(word) => word.to_vec(),
                        None => vec![*byte],
                    })
                    .collect();
                let (mut reader, mut notes) = (Reader::new(), Notes::default());
                for piece in text.chunks(3) {
                    reader.push(piece, &mut notes);
                    assert!(reader.text.len() <= VALUE_BYTES_MAX + 1);
                }
                assert_eq!(read(&[&text]).0, notes.0);
            });
    }
}
