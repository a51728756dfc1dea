//! How an HL7 v2 segment is cut up, HL7 v2 chapter 2: separators, fields, components, escapes.
//! It knows no segment's meaning.

use std::borrow::Cow;

/// Where MSH-12 stands among the fields of MSH.
const MSH_VERSION: usize = 11;

/// True for a field that ends in the name of a segment that follows what is read and that persons
/// stand in, or of a row between them: the byte between the segments is not there.
pub fn ends_in_segment(field: &[u8]) -> bool {
    field.last_chunk().is_some_and(|end| {
        matches!(
            end,
            // A site's own segments begin with Z.
            [b'Z', b'A'..=b'Z', b'A'..=b'Z']
                | b"PID"
                | b"PD1"
                | b"NK1"
                | b"PV1"
                | b"PV2"
                | b"GT1"
                | b"IN1"
                | b"IN2"
                | b"IN3"
                | b"AL1"
                | b"DG1"
                | b"MRG"
                | b"ORC"
                | b"OBR"
                | b"OBX"
                | b"NTE"
                | b"PRT"
        )
    })
}

/// A byte in all eight places of a word.
const fn eight(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Eight bytes from here on, as a word; zeros after the end.
fn word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    let shifted = |word, byte: &u8| word << 8 | u64::from(*byte);
    bytes.iter().rev().fold(0, shifted)
}

/// Where the first control character is.
#[inline]
pub fn control(bytes: &[u8]) -> Option<usize> {
    // Whole pieces first: the compiler compares all bytes of one at once.
    let (pieces, _) = bytes.as_chunks::<16>();
    let held = |piece: &[u8; 16]| piece.iter().fold(false, |any, byte| any | (*byte < b' '));
    let clean = 16 * pieces.iter().take_while(|piece| !held(piece)).count();
    Some(clean + field_end(bytes.get(clean..)?, b'\r')?)
}

/// Where a field ends: at its separator or at a control character.
#[inline]
pub fn field_end(bytes: &[u8], separator: u8) -> Option<usize> {
    let mark = eight(separator);
    let (words, rest) = bytes.as_chunks();
    for (nth, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let other = word ^ mark;
        // The lowest high bit is exact: only what is above one can be wrong.
        let below = word.wrapping_sub(eight(b' ')) & !word;
        let equal = other.wrapping_sub(eight(1)) & !other;
        let hits = (below | equal) & eight(0x80);
        if hits != 0 {
            return Some(nth * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let ends = |byte: &u8| *byte < b' ' || *byte == separator;
    Some(words.len() * 8 + rest.iter().position(ends)?)
}

/// The places of a character that is not NUL, eight bytes at a time.
pub struct Marks<'a> {
    bytes: &'a [u8],
    mark: u64,
    /// Where the next word begins.
    next: usize,
    /// The high bit of each place of the word before it.
    hits: u64,
}

impl<'a> Marks<'a> {
    /// Of this character in these bytes.
    pub const fn new(bytes: &'a [u8], mark: u8) -> Self {
        Self {
            bytes,
            mark: eight(mark),
            next: 0,
            hits: 0,
        }
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        const LOW: u64 = eight(0x7f);
        while self.hits == 0 {
            let rest @ [_, ..] = self.bytes.get(self.next..)? else {
                return None;
            };
            let other = word(rest) ^ self.mark;
            // The high bit of each byte that is zero: no carry leaves a byte.
            self.hits = !(((other & LOW) + LOW) | other | LOW);
            self.next += 8;
        }
        let place = self.hits.trailing_zeros() as usize / 8;
        self.hits &= self.hits - 1;
        Some(self.next - 8 + place)
    }
}

/// The separators of one message, MSH-1 and MSH-2. One that repeats another's character is
/// absent, as is one that is not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields.
    pub field: u8,
    component: u8,
    repetition: Option<u8>,
    escape: Option<u8>,
    subcomponent: Option<u8>,
}

impl Delimiters {
    /// Reads them off a segment that begins with its name: nothing while bytes are missing,
    /// `Some(None)` where these are none: alphanumerics, too many, two the same where they matter.
    pub fn parse(segment: &[u8]) -> Option<Option<Self>> {
        let field = *segment.get(3)?;
        let rest = segment.get(4..).unwrap_or_default();
        let encoding = rest.split(|byte| *byte == field).next().unwrap_or_default();
        if !field.is_ascii_punctuation()
            || encoding.len() > 5
            || !encoding.iter().all(u8::is_ascii_punctuation)
        {
            return Some(None);
        }
        // The separator after them is what shows that they are all there.
        if encoding.len() == rest.len() {
            return None;
        }
        let one = |at: usize| {
            let byte = *encoding.get(at)?;
            let before = encoding.get(..at).unwrap_or_default();
            (!before.contains(&byte)).then_some(byte)
        };
        let (Some(component), true) = (one(0), encoding.len() >= 3) else {
            return Some(None);
        };
        Some(Some(Self {
            field,
            component,
            repetition: one(1),
            escape: one(2),
            subcomponent: one(3),
        }))
    }

    /// The first `N` fields of a segment, its name as the first; those that are missing are empty.
    /// A field that ends in the name of a person's segment is the last: there the end of this
    /// segment got lost, and what follows is the other's.
    pub fn fields<'a, const N: usize>(&self, segment: &'a [u8]) -> [&'a [u8]; N] {
        self.fields_from(segment, 1)
    }

    /// The fields of MSH. It counts its separator as MSH-1: field n is at n - 1.
    pub fn header<'a, const N: usize>(&self, segment: &'a [u8]) -> [&'a [u8]; N] {
        // What stands in the fields before it is proved by the form of MSH-9 and MSH-12.
        self.fields_from(segment, MSH_VERSION)
    }

    fn fields_from<'a, const N: usize>(&self, segment: &'a [u8], from: usize) -> [&'a [u8]; N] {
        let mut fields: [&[u8]; N] = [&[]; N];
        let mut ends = Marks::new(segment, self.field);
        let mut start = 0;
        for (at, field) in fields.iter_mut().enumerate() {
            let end = ends.next();
            let part = segment.get(start..end.unwrap_or(segment.len()));
            let part = part.unwrap_or_default();
            // Two quotes are HL7's explicit nothing.
            *field = if part == b"\"\"" { &[] } else { part };
            let Some(end) = end else {
                break;
            };
            if at >= from && ends_in_segment(part) {
                break;
            }
            start = end + 1;
        }
        fields
    }

    /// All of them, to be compared.
    pub fn bytes(&self) -> [u8; 5] {
        let Self {
            field,
            component,
            repetition,
            escape,
            subcomponent,
        } = *self;
        // None of them is NUL.
        let or_none = |byte: Option<u8>| byte.unwrap_or_default();
        [
            field,
            component,
            or_none(repetition),
            or_none(escape),
            or_none(subcomponent),
        ]
    }

    /// The first three components of a field's first repetition.
    pub fn components<'a>(&self, field: &'a [u8]) -> [&'a [u8]; 3] {
        let mut components: [&[u8]; 3] = [&[]; 3];
        let mut rest = field;
        for component in &mut components {
            let ends = |byte: &u8| *byte == self.component || Some(*byte) == self.repetition;
            let Some(end) = rest.iter().position(ends) else {
                *component = rest;
                break;
            };
            let (part, after) = rest.split_at(end);
            *component = part;
            if after.first() != Some(&self.component) {
                break;
            }
            rest = after.get(1..).unwrap_or_default();
        }
        components
    }

    /// The repetitions of a field.
    pub fn repetitions<'a>(&self, field: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let repetition = self.repetition;
        field.split(move |byte| Some(*byte) == repetition)
    }

    /// True where a field repeats.
    pub fn repeats(&self, field: &[u8]) -> bool {
        self.repetition.is_some_and(|byte| field.contains(&byte))
    }

    /// Component `n`, from 1, of a field's first repetition.
    pub fn component<'a>(&self, field: &'a [u8], n: usize) -> &'a [u8] {
        self.repetitions(field)
            .next()
            .unwrap_or_default()
            .split(|byte| *byte == self.component)
            .nth(n.saturating_sub(1))
            .unwrap_or_default()
    }

    /// True for a field without parts, and without an escape that does not end.
    pub fn is_plain(&self, field: &[u8]) -> bool {
        let part = |byte: &u8| {
            let parts = [Some(self.component), self.repetition, self.subcomponent];
            parts.contains(&Some(*byte))
        };
        let escapes = field.iter().filter(|byte| Some(**byte) == self.escape);
        !field.iter().any(part) && escapes.count() % 2 == 0
    }

    /// The first subcomponent of a component.
    pub fn subcomponent<'a>(&self, component: &'a [u8]) -> &'a [u8] {
        component
            .split(|byte| Some(*byte) == self.subcomponent)
            .next()
            .unwrap_or_default()
    }

    /// The text of a component: escapes taken out, HL7 v2 2.7. Formatting is dropped; an escape
    /// that does not end is text.
    pub fn text<'a>(&self, raw: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(escape) = self.escape.filter(|byte| raw.contains(byte)) else {
            return Cow::Borrowed(raw);
        };
        let mut text = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.iter().position(|byte| *byte == escape) {
            let (before, from) = rest.split_at(at);
            let after = from.get(1..).unwrap_or_default();
            text.extend_from_slice(before);
            let Some(end) = after.iter().position(|byte| *byte == escape) else {
                text.extend_from_slice(from);
                return Cow::Owned(text);
            };
            self.unescape(after.get(..end).unwrap_or_default(), &mut text);
            rest = after.get(end + 1..).unwrap_or_default();
        }
        text.extend_from_slice(rest);
        Cow::Owned(text)
    }

    /// Writes what an escape stands for.
    fn unescape(&self, code: &[u8], text: &mut Vec<u8>) {
        match code {
            b"F" => text.push(self.field),
            b"S" => text.push(self.component),
            b"T" => text.extend(self.subcomponent),
            b"R" => text.extend(self.repetition),
            b"E" => text.extend(self.escape),
            [b'X', digits @ ..] => {
                let digit = |byte: u8| (byte as char).to_digit(16);
                for pair in digits.chunks_exact(2) {
                    if let [high, low] = *pair
                        && let (Some(high), Some(low)) = (digit(high), digit(low))
                    {
                        text.extend(u8::try_from(high * 16 + low));
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Delimiters {
        Delimiters::parse(b"MSH|^~\\&|").flatten().unwrap()
    }

    #[test]
    fn separators() {
        assert_eq!(Delimiters::parse(b"MSH|^~\\&"), None);
        assert_eq!(Delimiters::parse(b"MSHA^~\\&A"), Some(None));
        assert_eq!(Delimiters::parse(b"MSH|^~\\&x|"), Some(None));
        assert_eq!(Delimiters::parse(b"MSH|^|"), Some(None));
        let doubled = Delimiters::parse(b"MSH|^~\\\\&|").flatten().unwrap();
        assert_eq!(doubled.subcomponent, None);
        assert_eq!(doubled.escape, Some(b'\\'));
        let other = Delimiters::parse(b"MSH#@*!$#").flatten().unwrap();
        assert_eq!((other.field, other.component), (b'#', b'@'));
        assert!(Delimiters::parse(b"MSH|^~\\&#|").flatten().is_some());
    }

    #[test]
    fn parts() {
        let fields: [&[u8]; 4] = usual().fields(b"OBX|1|\"\"|a^b&c~d^e");
        assert_eq!(fields[2], b"");
        assert_eq!(usual().component(fields[3], 2), b"b&c");
        assert_eq!(usual().subcomponent(b"b&c"), b"b");
        assert_eq!(usual().component(fields[3], 3), b"");
        assert!(usual().repeats(fields[3]));
    }

    /// Eight at a time as one at a time, wherever words end.
    #[test]
    fn marks_and_controls() {
        bolero::check!()
            .with_iterations(5000)
            .with_type::<(Vec<u8>, u8)>()
            .for_each(|(bytes, mark)| {
                let mark = (*mark).max(1);
                let bytes: Vec<u8> = bytes.iter().map(|byte| byte & (mark | 0x81)).collect();
                let slow = bytes.iter().enumerate();
                let slow = slow.filter(|(_, byte)| **byte == mark).map(|(at, _)| at);
                assert!(Marks::new(&bytes, mark).eq(slow));
                let first = bytes.iter().position(|byte| *byte < b' ');
                assert_eq!(control(&bytes), first);
                let end = bytes.iter().position(|byte| *byte < b' ' || *byte == mark);
                assert_eq!(field_end(&bytes, mark), end);
            });
    }

    #[test]
    fn escapes() {
        assert_eq!(&*usual().text(b"MODEL\\T\\X"), b"MODEL&X");
        assert_eq!(&*usual().text(b"a\\X4142\\b\\.br\\c\\E\\"), b"aABbc\\");
        assert_eq!(&*usual().text(b"C:\\dir"), b"C:\\dir");
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(2000)
            .for_each(|bytes: &[u8]| {
                if let Some(Some(delimiters)) = Delimiters::parse(bytes) {
                    let fields: [&[u8]; 20] = delimiters.fields(bytes);
                    for field in fields {
                        let _ = delimiters.text(delimiters.component(field, 2));
                    }
                }
            });
    }
}
