//! The attributes of medical devices as IEEE 11073-10201 and -20601 encode them (MDER, big
//! endian): lists, models, production specifications. Philips IntelliVue and personal health
//! devices share them. It reads no attribute by itself and knows no measurement.

use super::reader::Reader;
use super::reported;
use crate::config::MDER_ATTRIBUTES_MAX;

/// Attributes that say what a device is.
pub mod attribute {
    /// Manufacturer and model.
    pub const ID_MODEL: u16 = 0x0928;
    /// Serial numbers and revisions.
    pub const ID_PRODUCTION: u16 = 0x092d;
    /// The type of the system: partition and code.
    pub const SYSTEM_TYPE: u16 = 0x0986;
    /// The name of its place, given by those who set it up.
    pub const BED_LABEL: u16 = 0x091e;
    /// Where it is used.
    pub const AREA: u16 = 0x090d;
    /// What it is doing.
    pub const MODE: u16 = 0x0946;
    /// The specialisations that it follows.
    pub const TYPE_SPECIFICATIONS: u16 = 0x0a5a;
}

/// What an entry of a production specification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specification {
    /// A serial number.
    Serial,
    /// A part number.
    Part,
    /// A revision of hardware.
    Hardware,
    /// A revision of software.
    Software,
    /// A revision of firmware.
    Firmware,
}

/// The attributes of a list; what its count or its length does not cover is left out.
pub fn attributes<'a>(list: &mut Reader<'a>) -> Option<impl Iterator<Item = (u16, &'a [u8])>> {
    let count = usize::from(list.u16()?).min(MDER_ATTRIBUTES_MAX);
    let mut rest = Reader(list.block16()?);
    Some((0..count).map_while(move |_| Some((rest.u16()?, rest.block16()?))))
}

/// Who made a device, and what it is.
pub struct Model<'a> {
    /// The manufacturer.
    pub manufacturer: Option<&'a [u8]>,
    /// The model.
    pub model: Option<&'a [u8]>,
}

/// A manufacturer and a model.
pub fn model(value: &[u8]) -> Option<Model<'_>> {
    let mut reader = Reader(value);
    let manufacturer = reader.block16()?;
    let model = reader.block16()?;
    Some(Model {
        manufacturer: label(manufacturer),
        model: label(model),
    })
}

/// The entries of a production specification: what, of which component, and its text. Some
/// devices leave old bytes after the list, so its own count and length bound it.
pub fn production(value: &[u8]) -> impl Iterator<Item = (Specification, u16, &[u8])> {
    let mut reader = Reader(value);
    let count = reader.u16().unwrap_or(0);
    let mut rest = Reader(reader.block16().unwrap_or_default());
    let entries = (0..usize::from(count).min(MDER_ATTRIBUTES_MAX)).map_while(move |_| {
        let (kind, component) = (rest.u16()?, rest.u16()?);
        Some((kind, component, rest.block16()?))
    });
    entries.filter_map(|(kind, component, text)| {
        let kind = match kind {
            1 => Specification::Serial,
            2 => Specification::Part,
            3 => Specification::Hardware,
            4 => Specification::Software,
            5 => Specification::Firmware,
            _ => return None,
        };
        Some((kind, component, label(text)?))
    })
}

/// A partition and a code as the one number that IEEE 11073-10101 makes of them, in decimal.
pub fn code(partition: u16, code: u16) -> String {
    (u32::from(partition) << 16 | u32::from(code)).to_string()
}

/// A text up to its first NUL; none that is empty or not plain.
pub fn label(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| *byte == 0);
    reported::text(text.get(..end.unwrap_or(text.len()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_where_count_or_length_say() {
        let list = [
            0, 9, 0, 10, 9, 0x28, 0, 2, 1, 2, 9, 0x2d, 0, 0, 9, 0x84, 0, 0,
        ];
        let mut reader = Reader(&list);
        let found: Vec<_> = attributes(&mut reader).unwrap().collect();
        assert_eq!(found, [(0x0928, &[1u8, 2][..]), (0x092d, &[])]);
        assert_eq!(reader.0.len(), 4);
        assert!(attributes(&mut Reader(&[0, 1, 0, 9])).is_none());
    }

    #[test]
    fn old_bytes_after_a_specification_are_nobodys() {
        let value = b"\0\x01\0\x0a\0\x01\0\x08\0\x04ZZ1\0\0\x01\0\x08\0\x06CANARY";
        let found: Vec<_> = production(value).collect();
        assert_eq!(found, [(Specification::Serial, 8, &b"ZZ1"[..])]);
    }

    #[test]
    fn fuzz_lists() {
        bolero::check!().with_max_len(128).for_each(|bytes: &[u8]| {
            if let Some(found) = attributes(&mut Reader(bytes)) {
                for (_, value) in found {
                    assert!(value.len() <= bytes.len());
                }
            }
            let _ = model(bytes);
            assert!(production(bytes).count() <= bytes.len());
        });
    }
}
