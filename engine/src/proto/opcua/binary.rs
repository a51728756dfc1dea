//! Reads the little-endian encoding of OPC UA (OPC 10000-6 section 5.2). It never looks past its
//! bytes, and keeps nothing: what is not there is `None`.

use crate::proto::reader::Reader;

/// The built-in types that are read by name, section 5.1.2.
const STRING: u8 = 12;
const EXTENSION: u8 = 22;

/// A value that stands alone, of a type that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(&'a [u8]),
    /// A structure: the number of its encoding in the standard's name space, its bytes.
    Structure(u32, &'a [u8]),
    /// Anything else, stepped over.
    Other,
}

/// Bytes still to be read.
#[derive(Clone, Copy, Debug)]
pub struct Binary<'a>(pub Reader<'a>);

impl<'a> Binary<'a> {
    /// The length of an array: null is empty.
    pub fn count(&mut self) -> Option<usize> {
        match self.0.array().map(i32::from_le_bytes)? {
            -1 => Some(0),
            count => usize::try_from(count).ok(),
        }
    }

    /// `String` and `ByteString`: null is empty.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let len = self.count()?;
        self.0.take(len)
    }

    /// `NodeId` and `ExpandedNodeId`: its number, where it has one in the standard's name space
    /// (0).
    pub fn node(&mut self) -> Option<Option<u32>> {
        let form = self.0.u8()?;
        let (space, number) = match form & 0x3f {
            0 => (0, Some(u32::from(self.0.u8()?))),
            1 => (u16::from(self.0.u8()?), Some(u32::from(self.0.u16_le()?))),
            2 => (self.0.u16_le()?, Some(self.0.u32_le()?)),
            3 | 5 => {
                let space = self.0.u16_le()?;
                self.string()?;
                (space, None)
            }
            4 => {
                let space = self.0.u16_le()?;
                self.0.take(16)?;
                (space, None)
            }
            _ => return None,
        };
        if form & 0x80 != 0 {
            self.string()?;
        }
        if form & 0x40 != 0 {
            self.0.u32_le()?;
        }
        Some(number.filter(|_| space == 0))
    }

    /// `LocalizedText`: the text without its language.
    pub fn localized(&mut self) -> Option<&'a [u8]> {
        let mask = self.0.u8()?;
        if mask & 1 != 0 {
            self.string()?;
        }
        match mask & 2 {
            0 => Some(&[]),
            _ => self.string(),
        }
    }

    /// `ExtensionObject`.
    pub fn extension(&mut self) -> Option<Value<'a>> {
        let node = self.node()?;
        match self.0.u8()? {
            0 => Some(Value::Other),
            1 => {
                let body = self.string()?;
                Some(node.map_or(Value::Other, |node| Value::Structure(node, body)))
            }
            2 => self.string().map(|_| Value::Other),
            _ => None,
        }
    }

    /// `Variant`. One that holds an array, or a type that is not stepped over, is `None`.
    fn variant(&mut self) -> Option<Value<'a>> {
        let len = match self.0.u8()? {
            0 => 0,
            1..=3 => 1,
            4 | 5 => 2,
            6 | 7 | 10 | 19 => 4,
            8 | 9 | 11 | 13 => 8,
            STRING => return self.string().map(Value::Text),
            14 => 16,
            15 | 16 => return self.string().map(|_| Value::Other),
            17 | 18 => return self.node().map(|_| Value::Other),
            21 => return self.localized().map(|_| Value::Other),
            EXTENSION => return self.extension(),
            _ => return None,
        };
        self.0.take(len).map(|_| Value::Other)
    }

    /// `DataValue`: the value without its times; [`Value::Other`] where its status is not good.
    pub fn data_value(&mut self) -> Option<Value<'a>> {
        let mask = self.0.u8()?;
        let value = match mask & 0x01 {
            0 => Value::Other,
            _ => self.variant()?,
        };
        let status = match mask & 0x02 {
            0 => 0,
            _ => self.0.u32_le()?,
        };
        for (bit, len) in [(0x04, 8), (0x10, 2), (0x08, 8), (0x20, 2)] {
            if mask & bit != 0 {
                self.0.take(len)?;
            }
        }
        Some(if status == 0 { value } else { Value::Other })
    }

    /// The head of a request: nothing of it is kept, the token least of all.
    pub fn request_header(&mut self) -> Option<()> {
        self.node()?;
        self.0.take(8 + 4 + 4)?;
        self.string()?;
        self.0.u32_le()?;
        self.extension()?;
        Some(())
    }

    /// The head of an answer: its result, 0 where all is well.
    pub fn response_header(&mut self) -> Option<u32> {
        self.0.take(8 + 4)?;
        let result = self.0.u32_le()?;
        // A diagnosis may hold others of its kind; servers send one only where asked to.
        if self.0.u8()? != 0 {
            return None;
        }
        for _ in 0..self.count()? {
            self.string()?;
        }
        self.extension()?;
        Some(result)
    }
}
