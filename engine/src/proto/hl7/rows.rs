//! The rows of one HL7 v2 message that can say something, in the fields that are read, kept until
//! the message's end. It holds no field besides these, and knows no meaning.

use crate::config::HL7_ROWS_BYTES_MAX;
use crate::proto::kept;

/// Memory that stays with a conversation between its messages, in bytes.
const IDLE_BYTES_MAX: usize = 4096;
/// Memory for the rows of a usual message, in bytes: it is had at once.
pub const USUAL_BYTES: usize = 512;

/// Most fields that are read of a row.
pub const FIELDS_MAX: usize = 8;

/// What a row is, and the fields of it that are kept, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// MSH-3, 4 and 6: by what names the sender goes, and its place.
    Sender,
    /// SFT-1 to 4 and 6.
    Software,
    /// PV1-3.
    Place,
    /// OBX-3, 4 and 18 of a device's own row.
    Device,
    /// OBX-3, 4, 5, 11 and 18 of a value that may be read.
    Value,
    /// The same of a value after which the row with the next number came.
    Followed,
    /// The MDS of OBX-4, and OBX-18, of a value that may not.
    Named,
    /// The row before it, PRT-10, 16 to 20 and 22 of equipment.
    Participation,
    /// EQU-1 and 3.
    Equipment,
    /// INV-17.
    Inventory,
}

const KINDS: [Kind; 10] = [
    Kind::Sender,
    Kind::Software,
    Kind::Place,
    Kind::Device,
    Kind::Value,
    Kind::Followed,
    Kind::Named,
    Kind::Participation,
    Kind::Equipment,
    Kind::Inventory,
];

/// The fields of a row; those that it has not are empty.
pub type Fields<'a> = [&'a [u8]; FIELDS_MAX];

/// Rows, one after the other: kind, number of fields, and each field after its length.
#[derive(Debug, Default)]
pub struct Rows(Vec<u8>);

impl Rows {
    /// Keeps a row; false where there is no room for it.
    #[must_use]
    pub fn push(&mut self, kind: Kind, fields: &[&[u8]]) -> bool {
        let bytes: usize = fields.iter().map(|field| 2 + field.len()).sum();
        if self.0.len() + 2 + bytes > HL7_ROWS_BYTES_MAX {
            return false;
        }
        self.0.reserve(2 + bytes);
        self.0.extend([kind as u8, fields.len() as u8]);
        for field in fields {
            self.0.extend((field.len() as u16).to_le_bytes());
            self.0.extend_from_slice(field);
        }
        true
    }

    /// True where so many bytes of rows have room.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.0.len() + bytes <= HL7_ROWS_BYTES_MAX
    }

    /// Keeps rows that were kept before; false where there is no room for them.
    #[must_use]
    pub fn push_again(&mut self, rows: &[u8]) -> bool {
        let room = self.has_room(rows.len());
        if room {
            self.0.extend_from_slice(rows);
        }
        room
    }

    /// Forgets what was kept after so many bytes.
    pub fn truncate(&mut self, bytes: usize) {
        self.0.truncate(bytes);
    }

    /// Notes that the row with the next number follows the one that begins here.
    pub fn follow(&mut self, at: usize) {
        if let Some(kind) = self.0.get_mut(at)
            && *kind == Kind::Value as u8
        {
            *kind = Kind::Followed as u8;
        }
    }

    /// Their bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets them, and gives back memory that only a long message needs.
    pub fn clear(&mut self) {
        self.0.clear();
        self.0.shrink_to(IDLE_BYTES_MAX);
        self.0.reserve(USUAL_BYTES);
    }

    /// Each row, in its order.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, Fields<'_>)> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let ([kind, count], mut after) = rest.split_first_chunk()?;
            let mut fields: Fields<'_> = Default::default();
            for field in fields.iter_mut().take(usize::from(*count)) {
                let (len, bytes) = after.split_first_chunk()?;
                (*field, after) = bytes.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
            }
            rest = after;
            Some((*KINDS.get(usize::from(*kind))?, fields))
        })
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let mut rows = Rows::default();
        for (at, kind) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, at);
            assert!(rows.push(*kind, &[b"", b"a|b", b"c"]));
        }
        let back: Vec<_> = rows.iter().collect();
        assert_eq!(back.len(), KINDS.len());
        for ((kind, fields), expected) in back.iter().zip(KINDS) {
            assert_eq!(*kind, expected);
            assert_eq!(fields[..4], [&b""[..], b"a|b", b"c", b""]);
        }
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let mut rows = Rows::default();
        let long = vec![b'A'; HL7_ROWS_BYTES_MAX / 2];
        assert!(rows.push(Kind::Inventory, &[&long]));
        assert!(!rows.push(Kind::Inventory, &[&long]));
        assert_eq!(rows.iter().count(), 1);
        rows.clear();
        assert!(rows.bytes().is_empty() && rows.0.capacity() <= IDLE_BYTES_MAX);
    }
}
