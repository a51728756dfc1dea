//! A JSON file of one long list, taken apart record by record in constant memory: an object whose
//! member (`vulnerabilities`, `results`, `objects`) is an array of records. It checks the frame
//! alone; what a record says is its feed's to read.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;

use super::limits::{DEPTH_MAX, HEAD_VALUE_BYTES_MAX, HEAD_VALUES_MAX, RECORD_BYTES_MAX};
use super::refusal::{Refusal, quoted};

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// One record as it lies in the file.
pub struct Record<'a> {
    /// Its text.
    pub bytes: &'a [u8],
    /// The line that it begins on, from 1.
    pub line: u64,
    /// Its place in the list, from 0.
    pub index: u64,
}

/// The other members of the object, by name.
pub type Head = BTreeMap<String, Value>;

/// Gives each record of the list `array` to `each`, then the head.
pub fn read(
    reader: impl Read,
    array: &str,
    mut each: impl FnMut(Record<'_>),
) -> Result<Head, Refusal> {
    let mut scan = Scan::new(reader);
    let mut head = Head::new();
    let mut found = false;
    let mut text = Vec::new();
    scan.expect(b'{')?;
    let mut first = true;
    while !scan.closes(b'}', &mut first)? {
        text.clear();
        scan.value(&mut text, HEAD_VALUE_BYTES_MAX)?;
        let line = scan.line;
        let key: String =
            serde_json::from_slice(&text).map_err(|error| Refusal::json(line, &error))?;
        scan.expect(b':')?;
        if key == array {
            if found {
                let reason = format!("it has the list `{array}` twice");
                return Err(Refusal::at(scan.line, reason));
            }
            found = true;
            list(&mut scan, &mut text, &mut each)?;
            continue;
        }
        text.clear();
        let line = scan.begin()?;
        scan.value(&mut text, HEAD_VALUE_BYTES_MAX)?;
        let value = serde_json::from_slice(&text).map_err(|error| Refusal::json(line, &error))?;
        if head.len() >= HEAD_VALUES_MAX || head.insert(key.clone(), value).is_some() {
            let reason = format!("{} stands there twice, or is one too many", quoted(&key));
            return Err(Refusal::at(line, reason));
        }
    }
    if scan.peek_token()?.is_some() {
        return Err(Refusal::at(
            scan.line,
            "something follows the end of the document",
        ));
    }
    if !found {
        return Err(Refusal::of_file(format!("it has no list `{array}`")));
    }
    Ok(head)
}

fn list(
    scan: &mut Scan<impl Read>,
    text: &mut Vec<u8>,
    each: &mut impl FnMut(Record<'_>),
) -> Result<(), Refusal> {
    scan.expect(b'[')?;
    let mut first = true;
    let mut index = 0;
    while !scan.closes(b']', &mut first)? {
        text.clear();
        let line = scan.begin()?;
        scan.value(text, RECORD_BYTES_MAX)?;
        let bytes = text.as_slice();
        each(Record { bytes, line, index });
        index += 1;
    }
    Ok(())
}

/// A position in a stream of JSON.
struct Scan<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    line: u64,
}

impl<R: Read> Scan<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER_BYTES],
            at: 0,
            end: 0,
            line: 1,
        }
    }

    /// The bytes at hand, at least one unless the stream has ended.
    fn fill(&mut self) -> Result<&[u8], Refusal> {
        while self.at == self.end {
            self.at = 0;
            self.end = 0;
            match self.reader.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => self.end = count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.buffer.get(self.at..self.end).unwrap_or_default())
    }

    /// The next byte that is no blank, which stays.
    fn peek_token(&mut self) -> Result<Option<u8>, Refusal> {
        loop {
            let Some(&byte) = self.fill()?.first() else {
                return Ok(None);
            };
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => return Ok(Some(byte)),
            }
            self.at += 1;
        }
    }

    fn cut_short(&self) -> Refusal {
        Refusal::at(self.line, "it is cut short")
    }

    fn token(&mut self) -> Result<u8, Refusal> {
        self.peek_token()?.ok_or_else(|| self.cut_short())
    }

    /// The line that the next value begins on.
    fn begin(&mut self) -> Result<u64, Refusal> {
        self.token()?;
        Ok(self.line)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Refusal> {
        let found = self.token()?;
        if found != wanted {
            let (wanted, found) = (wanted as char, (found as char).escape_debug());
            let reason = format!("`{wanted}` is expected, not `{found}`");
            return Err(Refusal::at(self.line, reason));
        }
        self.at += 1;
        Ok(())
    }

    /// True where the list or object ends here; otherwise steps over the comma before the next.
    fn closes(&mut self, end: u8, first: &mut bool) -> Result<bool, Refusal> {
        if self.token()? == end {
            self.at += 1;
            return Ok(true);
        }
        if !*first {
            self.expect(b',')?;
            self.token()?;
        }
        *first = false;
        Ok(false)
    }

    /// Copies one value of at most `most` bytes.
    fn value(&mut self, text: &mut Vec<u8>, most: usize) -> Result<(), Refusal> {
        let first = self.token()?;
        if matches!(first, b',' | b':' | b'}' | b']') {
            let reason = format!("a value is expected, not `{}`", first as char);
            return Err(Refusal::at(self.line, reason));
        }
        let mut state = Inside::of(first);
        loop {
            let bytes = self.fill()?;
            if bytes.is_empty() {
                return match state {
                    Inside::Scalar => Ok(()),
                    _ => Err(self.cut_short()),
                };
            }
            let (taken, lines, done) = state.take(bytes);
            let room = most.saturating_sub(text.len());
            if taken > room {
                let reason = format!("a record is longer than {most} bytes");
                return Err(Refusal::at(self.line, reason));
            }
            text.extend_from_slice(bytes.get(..taken).unwrap_or_default());
            self.at += taken;
            self.line += lines;
            if let Inside::Nested { depth, .. } = state
                && depth > DEPTH_MAX
            {
                let reason = format!("it is nested more than {DEPTH_MAX} levels deep");
                return Err(Refusal::at(self.line, reason));
            }
            if done {
                return Ok(());
            }
        }
    }
}

/// Where in a value the scan is.
enum Inside {
    Scalar,
    Text {
        escaped: bool,
    },
    Nested {
        depth: usize,
        text: bool,
        escaped: bool,
    },
}

impl Inside {
    fn of(first: u8) -> Self {
        match first {
            b'"' => Self::Text { escaped: true },
            b'{' | b'[' => Self::Nested {
                depth: 0,
                text: false,
                escaped: false,
            },
            _ => Self::Scalar,
        }
    }

    /// How many of the bytes belong to the value, how many line ends they hold, and whether the
    /// value ends with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, u64, bool) {
        let mut lines = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            lines += u64::from(byte == b'\n');
            match self {
                Self::Scalar => {
                    if matches!(
                        byte,
                        b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\r' | b'\n'
                    ) {
                        lines -= u64::from(byte == b'\n');
                        return (at, lines, true);
                    }
                }
                // The opening quote itself counts as escaped.
                Self::Text { escaped } => match byte {
                    _ if *escaped => *escaped = false,
                    b'\\' => *escaped = true,
                    b'"' => return (at + 1, lines, true),
                    _ => {}
                },
                Self::Nested {
                    depth,
                    text,
                    escaped,
                } => match byte {
                    _ if *escaped => *escaped = false,
                    b'\\' if *text => *escaped = true,
                    b'"' => *text = !*text,
                    _ if *text => {}
                    b'{' | b'[' => {
                        *depth += 1;
                        if *depth > DEPTH_MAX {
                            return (at, lines, false);
                        }
                    }
                    b'}' | b']' => {
                        *depth = depth.saturating_sub(1);
                        if *depth == 0 {
                            return (at + 1, lines, true);
                        }
                    }
                    _ => {}
                },
            }
        }
        (bytes.len(), lines, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(text: &str) -> Result<(Vec<(u64, String)>, Head), Refusal> {
        let mut found = Vec::new();
        let head = read(text.as_bytes(), "list", |record| {
            let text = String::from_utf8_lossy(record.bytes).into_owned();
            found.push((record.line, text));
        })?;
        Ok((found, head))
    }

    #[test]
    fn records_with_their_lines() {
        let text =
            "{\"count\": 3,\n \"list\": [\n {\"a\": \"]}\\\"\"},\n 7\n, \"x\"],\n\"end\":null}\n";
        let (found, head) = collect(text).unwrap();
        let expected = [(3, "{\"a\": \"]}\\\"\"}"), (4, "7"), (5, "\"x\"")];
        let expected = expected.map(|(line, text)| (line, text.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(head["count"], 3);
        assert!(head["end"].is_null());
    }

    #[test]
    fn broken_frames_are_refused() {
        for (text, reason) in [
            ("", "line 1: it is cut short"),
            ("[]", "line 1: `{` is expected, not `[`"),
            ("{\"list\": [1,", "line 1: it is cut short"),
            ("{\"list\": [1\n2]}", "line 2: `,` is expected, not `2`"),
            (
                "{\"list\": [1]} x",
                "line 1: something follows the end of the document",
            ),
            ("{\"a\": 1}", "it has no list `list`"),
            (
                "{\"list\": [], \"list\": []}",
                "line 1: it has the list `list` twice",
            ),
            ("{\"list\": [1,]}", "line 1: a value is expected, not `]`"),
        ] {
            let refusal = collect(text).unwrap_err();
            assert_eq!(refusal.to_string(), reason, "{text}");
        }
    }

    #[test]
    fn long_and_deep_records_are_refused() {
        let deep = format!("{{\"list\": [{}]}}", "[".repeat(100_000));
        assert!(collect(&deep).unwrap_err().reason.contains("levels deep"));
        let long = format!("{{\"list\": [\"{}\"]}}", "x".repeat(RECORD_BYTES_MAX));
        assert!(collect(&long).unwrap_err().reason.contains("longer than"));
        let long = format!(
            "{{\"a\": \"{}\", \"list\": []}}",
            "x".repeat(HEAD_VALUE_BYTES_MAX)
        );
        assert!(collect(&long).unwrap_err().reason.contains("longer than"));
    }

    /// Whatever the bytes: no panic; and what the whole-document reader takes, this one takes.
    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = read(bytes, "list", |record| {
                assert!(!record.bytes.is_empty());
            });
        });
    }
}
