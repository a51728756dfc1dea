//! The basic encoding rules of ASN.1 (ITU-T X.690), as SNMP, LDAP and Kerberos use them: one
//! element after another, of definite length. It builds no tree and knows no type but what its
//! caller asks for; tags above 30 and indefinite lengths are refused.

/// Tags of the universal class, X.690 section 8.
pub const INTEGER: u8 = 0x02;
/// A string of bytes.
pub const OCTET_STRING: u8 = 0x04;
/// An object identifier.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// A sequence, constructed.
pub const SEQUENCE: u8 = 0x30;

/// Bytes of a length, at most: what four of them say is longer than any message that is read.
const LENGTH_BYTES_MAX: usize = 4;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Class, form and number in one byte.
    pub tag: u8,
    /// What the length says is there; where `missing` is not zero, as much as there is.
    pub content: &'a [u8],
    /// Bytes of the content that are not there.
    pub missing: usize,
}

/// Elements still to be read.
#[derive(Clone, Copy, Debug)]
pub struct Ber<'a>(pub &'a [u8]);

impl<'a> Ber<'a> {
    /// The next element, even where its end is missing.
    pub fn any(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > LENGTH_BYTES_MAX {
                return None;
            }
            let (bytes, rest) = rest.split_at_checked(count)?;
            let len = bytes
                .iter()
                .fold(0, |len, byte| len << 8 | usize::from(*byte));
            (len, rest)
        };
        let there = len.min(rest.len());
        let (content, rest) = rest.split_at_checked(there)?;
        self.0 = rest;
        Some(Element {
            tag,
            content,
            missing: len - there,
        })
    }

    /// The next element, whole.
    pub fn next(&mut self) -> Option<Element<'a>> {
        self.any().filter(|element| element.missing == 0)
    }

    /// The content of the next element if it is whole and has this tag.
    pub fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let element = self.next()?;
        (element.tag == tag).then_some(element.content)
    }

    /// The next element as a number that is not negative.
    pub fn unsigned(&mut self) -> Option<u64> {
        unsigned(self.expect(INTEGER)?)
    }
}

/// The content of an integer, X.690 section 8.3, if it is not negative and fits.
pub fn unsigned(content: &[u8]) -> Option<u64> {
    let first = *content.first()?;
    let digits = content.strip_prefix(&[0]).unwrap_or(content);
    if first & 0x80 != 0 || digits.len() > 8 {
        return None;
    }
    Some(digits.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
}

/// The numbers of an object identifier, X.690 section 8.19; `None` where one does not fit.
pub fn arcs(content: &[u8]) -> impl Iterator<Item = Option<u32>> + '_ {
    let mut rest = content;
    let mut first = None;
    std::iter::from_fn(move || {
        if let Some(second) = first.take() {
            return Some(Some(second));
        }
        let is_head = rest.len() == content.len();
        let mut arc: u32 = 0;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            let Some(shifted) = arc.checked_mul(128) else {
                rest = &[];
                return Some(None);
            };
            arc = shifted | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
            if rest.is_empty() {
                return Some(None);
            }
        }
        if !is_head {
            return Some(Some(arc));
        }
        let root = (arc / 40).min(2);
        first = Some(arc - 40 * root);
        Some(Some(root))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_in_a_row() {
        let mut ber = Ber(&[0x02, 1, 5, 0x04, 0x81, 2, b'a', b'b', 0x30, 0]);
        assert_eq!(ber.unsigned(), Some(5));
        assert_eq!(ber.expect(OCTET_STRING), Some(&b"ab"[..]));
        assert_eq!(ber.expect(SEQUENCE), Some(&b""[..]));
        assert_eq!(ber.next(), None);
    }

    #[test]
    fn what_is_cut_says_how_much_is_missing() {
        let element = Ber(&[0x30, 10, 1, 2]).any().unwrap();
        assert_eq!((element.content, element.missing), (&[1, 2][..], 8));
        assert_eq!(Ber(&[0x30, 10, 1, 2]).next(), None);
    }

    #[test]
    fn forms_that_are_not_read() {
        for bytes in [
            &[0x30, 0x80, 0, 0][..],
            &[0x1f, 1, 0],
            &[4, 0x85, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(Ber(bytes).any(), None);
        }
        assert_eq!(unsigned(&[0xff]), None);
        assert_eq!(unsigned(&[]), None);
        assert_eq!(
            unsigned(&[0, 0xff, 0xff, 0xff, 0xff]),
            Some(u64::from(u32::MAX))
        );
    }

    #[test]
    fn object_identifiers() {
        let numbers = |bytes: &[u8]| arcs(bytes).collect::<Option<Vec<u32>>>();
        assert_eq!(numbers(&[0x2b, 6, 1, 2, 1]), Some(vec![1, 3, 6, 1, 2, 1]));
        assert_eq!(numbers(&[0x88, 0x37, 3]), Some(vec![2, 999, 3]));
        assert_eq!(numbers(&[0x2b, 0x82]), None);
        assert_eq!(numbers(&[0x2b, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), None);
        assert_eq!(numbers(&[]), Some(vec![]));
    }

    #[test]
    fn fuzz_any_bytes_end() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let mut ber = Ber(bytes);
            while ber.any().is_some() {}
            assert!(arcs(bytes).count() <= bytes.len() + 1);
        });
    }
}
