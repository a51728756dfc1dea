//! The upper layer's units, DICOM PS3.8 section 9.3: headers of PDUs and PDVs, and the items of an
//! association. It reads where things are, and never the user identity items (58, 59).
//!
//! ```text
//! PDU  | type 1 | reserved 1 | length 4, big-endian, of what follows |
//! PDV  | length 4, big-endian, of what follows | context 1 | control 1 | fragment |
//! item | type 1 | reserved 1 | length 2, big-endian, of what follows |
//! ```

/// Length of a PDU's header, bytes.
pub const PDU_HEADER_LEN: usize = 6;

/// Length of a PDV's header with its context and control bytes, bytes.
pub const PDV_HEADER_LEN: usize = 6;

/// Length of the fixed part of an association request or answer after the PDU's header, bytes.
pub const ASSOCIATE_FIXED_LEN: usize = 68;

/// Length of the PDUs without content: reject, release, abort; after the header, bytes.
pub const SHORT_LEN: u32 = 4;

/// The application context of DICOM, PS3.7 annex A.
pub const APPLICATION_CONTEXT: &[u8] = b"1.2.840.10008.3.1.1.1";

/// PDU types, PS3.8 table 9-11 and on.
pub mod kind {
    /// A-ASSOCIATE-RQ.
    pub const ASSOCIATE_RQ: u8 = 1;
    /// A-ASSOCIATE-AC.
    pub const ASSOCIATE_AC: u8 = 2;
    /// A-ASSOCIATE-RJ.
    pub const ASSOCIATE_RJ: u8 = 3;
    /// P-DATA-TF.
    pub const DATA: u8 = 4;
    /// A-RELEASE-RQ.
    pub const RELEASE_RQ: u8 = 5;
    /// A-RELEASE-RP.
    pub const RELEASE_RP: u8 = 6;
    /// A-ABORT.
    pub const ABORT: u8 = 7;
}

/// Item types, PS3.8 tables 9-12 to 9-21, PS3.7 annex D.3.
pub mod item {
    /// Application context.
    pub const APPLICATION: u8 = 0x10;
    /// Presentation context of a request.
    pub const CONTEXT_RQ: u8 = 0x20;
    /// Presentation context of an answer.
    pub const CONTEXT_AC: u8 = 0x21;
    /// Abstract syntax: the SOP class.
    pub const ABSTRACT_SYNTAX: u8 = 0x30;
    /// Transfer syntax.
    pub const TRANSFER_SYNTAX: u8 = 0x40;
    /// User information.
    pub const USER: u8 = 0x50;
    /// Maximum length received.
    pub const MAXIMUM_LENGTH: u8 = 0x51;
    /// Implementation class UID.
    pub const IMPLEMENTATION_UID: u8 = 0x52;
    /// Implementation version name.
    pub const IMPLEMENTATION_VERSION: u8 = 0x55;
}

/// The header of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// See [`kind`].
    pub kind: u8,
    /// Bytes after the header.
    pub len: u32,
}

impl Pdu {
    /// Reads a header; nothing where bytes are missing.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [kind, _reserved, a, b, c, d] = *bytes.first_chunk::<PDU_HEADER_LEN>()?;
        Some(Self {
            kind,
            len: u32::from_be_bytes([a, b, c, d]),
        })
    }
}

/// The header of a PDV item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdv {
    /// Bytes of the fragment.
    pub len: u32,
    /// The presentation context.
    pub context: u8,
    /// True for a fragment of a command set, false for one of a data set.
    pub command: bool,
    /// True for the last fragment of its part.
    pub last: bool,
}

impl Pdv {
    /// Reads a header; nothing where bytes are missing, `Some(None)` where the bytes are no
    /// header: a length below two, an even context, unknown control bits.
    pub fn parse(bytes: &[u8]) -> Option<Option<Self>> {
        let [a, b, c, d, context, control] = *bytes.first_chunk::<PDV_HEADER_LEN>()?;
        let len = u32::from_be_bytes([a, b, c, d]).checked_sub(2);
        Some(
            len.filter(|_| context % 2 == 1 && control <= 3)
                .map(|len| Self {
                    len,
                    context,
                    command: control & 1 != 0,
                    last: control & 2 != 0,
                }),
        )
    }
}

/// An association request or answer, after the PDU's header.
#[derive(Clone, Copy, Debug)]
pub struct Associate<'a> {
    /// The AE title of the one that is called, padded.
    pub called: &'a [u8],
    /// The AE title of the one that calls, padded.
    pub calling: &'a [u8],
    /// What follows.
    pub items: Items<'a>,
}

impl<'a> Associate<'a> {
    /// Reads the fixed part; nothing where bytes are missing or the version is not 1.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let (fixed, items) = body.split_first_chunk::<ASSOCIATE_FIXED_LEN>()?;
        // The version is a set of bits; bit 0 is version 1 (PS3.8 9.3.2).
        (fixed[1] & 1 == 1).then_some(Self {
            called: &fixed[4..20],
            calling: &fixed[20..36],
            items: Items::new(items),
        })
    }
}

/// The items of an association, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// The items in these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// True where an item ends before its length, here or in an item of items.
    pub fn are_cut(mut self) -> bool {
        let inner = self.by_ref().any(|(kind, content)| {
            // A context's items follow its number and its result.
            let content = match kind {
                item::CONTEXT_RQ | item::CONTEXT_AC => content.get(4..),
                item::USER => Some(content),
                _ => None,
            };
            let mut items = Self::new(content.unwrap_or_default());
            items.by_ref().for_each(drop);
            items.is_broken()
        });
        inner || self.is_broken()
    }

    /// True where bytes are left that are no item: one longer than what holds it.
    pub const fn is_broken(&self) -> bool {
        !self.rest.is_empty()
    }
}

impl<'a> Iterator for Items<'a> {
    /// The item's type and its content.
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let ([kind, _reserved, high, low], rest) = self.rest.split_first_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (content, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some((*kind, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        assert_eq!(
            Pdu::parse(&[4, 0, 0, 0, 0, 0x4a]),
            Some(Pdu { kind: 4, len: 74 })
        );
        assert_eq!(Pdu::parse(&[4, 0, 0, 0, 0]), None);
        assert_eq!(
            Pdv::parse(&[0, 0, 0, 0x46, 1, 3]),
            Some(Some(Pdv {
                len: 68,
                context: 1,
                command: true,
                last: true
            }))
        );
        for broken in [[0, 0, 0, 1, 1, 3], [0, 0, 0, 9, 2, 3], [0, 0, 0, 9, 1, 4]] {
            assert_eq!(Pdv::parse(&broken), Some(None));
        }
    }

    #[test]
    fn an_item_longer_than_its_parent_ends_the_walk() {
        let mut items = Items::new(&[0x51, 0, 0, 1, 9, 0x52, 0, 0, 9, 1]);
        assert_eq!(items.next(), Some((0x51, &[9][..])));
        assert_eq!(items.next(), None);
        assert!(items.is_broken());
    }
}
