//! What a client says of its kind besides its vendor class: user classes,
//! [RFC 3004](https://www.rfc-editor.org/rfc/rfc3004), a maker's own values (RFC 2132 section 8.4)
//! and those of several makers, [RFC 3925](https://www.rfc-editor.org/rfc/rfc3925). It keeps texts
//! alone: what a number means is known to its maker.
//!
//! ```text
//! 43   code u8 | length u8, value | …
//! 77   length u8, class | …                      many write one text instead
//! 124  enterprise u32 | length u8: (length u8, class | …) | …
//! 125  enterprise u32 | length u8: (code u8 | length u8, value | …) | …
//! ```

use std::fmt::Write as _;

use medtap_table::vocabulary::Field;

use super::message::{Message, VALUE_LEN_MAX};
use crate::proto::reader::Reader;
use crate::proto::reported;
use crate::proto::stack_text::{StackText, printable};

const VENDOR_VALUES: u8 = 43;
const USER_CLASSES: u8 = 77;
const VENDOR_CLASSES: u8 = 124;
const VENDORS_VALUES: u8 = 125;

/// Padding and the end of a maker's values, RFC 2132 section 8.4.
const PAD: u8 = 0;
const END: u8 = 255;

/// The Broadband Forum, and what a gateway says of itself by it (TR-069 annex F, before TR-111).
const BROADBAND_FORUM: u32 = 3561;
const MAKER: u8 = 1;
const SERIAL: u8 = 2;
const PRODUCT: u8 = 3;

/// Texts of one option that are told.
const TEXTS_MAX: usize = 4;
/// The shortest text of a maker's values: what is shorter is a number as often.
const TEXT_LEN_MIN: usize = 3;
/// Room for a value with its code.
const TEXT_LEN: usize = 4 + 255;

/// Says them.
pub fn say(message: &Message<'_>, fact: &mut dyn FnMut(Field, &[u8])) {
    let mut buffer = [0; VALUE_LEN_MAX];
    if let Some(values) = message.option(VENDOR_VALUES, &mut buffer) {
        vendor_values(values, fact);
    }
    if let Some(option) = message.option(USER_CLASSES, &mut buffer) {
        classes(option, Field::DhcpUserClass, fact);
    }
    if let Some(option) = message.option(VENDOR_CLASSES, &mut buffer) {
        of_vendors(option, &mut |_, option| {
            classes(option, Field::DhcpVendorsClass, fact);
        });
    }
    if let Some(option) = message.option(VENDORS_VALUES, &mut buffer) {
        of_vendors(option, &mut |enterprise, values| {
            if enterprise == BROADBAND_FORUM {
                gateway(values, fact);
            }
        });
    }
}

/// The values of a maker up to the first that is not whole.
fn values(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut reader = Reader(bytes);
    std::iter::from_fn(move || {
        loop {
            match reader.u8()? {
                PAD => {}
                END => return None,
                code => return Some((code, reader.block8()?)),
            }
        }
    })
}

/// Classes, each after its length, up to the first that is not whole.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader(bytes);
    std::iter::from_fn(move || reader.block8().filter(|class| !class.is_empty()))
}

fn vendor_values(option: &[u8], fact: &mut dyn FnMut(Field, &[u8])) {
    let texts = values(option).filter_map(|(code, value)| Some((code, text(value)?)));
    for (code, value) in texts.take(TEXTS_MAX) {
        let mut named = StackText::<TEXT_LEN>::new();
        if write!(named, "{code}=").is_ok() && named.push(value) {
            fact(Field::DhcpVendorValue, named.as_bytes());
        }
    }
}

/// A text that says of what kind something is, and names nobody.
fn text(value: &[u8]) -> Option<&[u8]> {
    printable(value).filter(|text| {
        let is_text = text.len() >= TEXT_LEN_MIN && std::str::from_utf8(text).is_ok();
        is_text && !reported::names_person(text)
    })
}

/// Each class where lengths fill the option, else all of it as one text.
fn classes(option: &[u8], field: Field, fact: &mut dyn FnMut(Field, &[u8])) {
    let filled: usize = blocks(option).map(|class| 1 + class.len()).sum();
    if filled == option.len() {
        let texts = blocks(option).filter_map(text);
        texts.take(TEXTS_MAX).for_each(|class| fact(field, class));
    } else if let Some(class) = text(option) {
        fact(field, class);
    }
}

/// What stands under each enterprise number.
fn of_vendors(option: &[u8], each: &mut dyn FnMut(u32, &[u8])) {
    let mut reader = Reader(option);
    while let (Some(enterprise), Some(data)) = (reader.u32(), reader.block8()) {
        each(enterprise, data);
    }
}

/// What a broadband gateway says of itself.
fn gateway(option: &[u8], fact: &mut dyn FnMut(Field, &[u8])) {
    for (code, value) in values(option) {
        let field = match code {
            MAKER => Field::DhcpGatewayMaker,
            SERIAL => Field::DhcpGatewaySerial,
            PRODUCT => Field::DhcpGatewayProduct,
            _ => continue,
        };
        if let Some(value) = text(value) {
            fact(field, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::message;
    use super::*;

    /// What a client's options say.
    fn said(options: &[u8]) -> Vec<String> {
        let bytes = message(1, [0; 4], options);
        let mut said = Vec::new();
        say(&Message::parse(&bytes).unwrap(), &mut |field, value| {
            said.push(format!("{} {}", field.name(), value.escape_ascii()));
        });
        said
    }

    fn option(code: u8, value: &[u8]) -> Vec<u8> {
        [&[code, value.len() as u8], value, &[END]].concat()
    }

    #[test]
    fn user_classes_with_lengths_and_as_one_text() {
        let field = "dhcp.option.user_class";
        assert_eq!(
            said(&option(77, b"\x04iPXE\x06lab-07")),
            [format!("{field} iPXE"), format!("{field} lab-07")]
        );
        assert_eq!(said(&option(77, b"Printer")), [format!("{field} Printer")]);
        assert_eq!(said(&option(77, b"\x04\x01\x02\x03\x04")), [""; 0]);
        assert_eq!(said(&option(77, b"\0")), [""; 0]);
        assert_eq!(said(&option(77, b"Dr. Anna Canary")), [""; 0]);
        let many = b"\x03abc".repeat(9);
        assert_eq!(said(&option(77, &many)).len(), TEXTS_MAX);
    }

    #[test]
    fn values_of_makers() {
        let field = "dhcp.option.vendor.value";
        let values = b"\0\x02\x04EMTA\x08\x03\0\x10\x95\x09\x06SB6121\xff\x01\x04left";
        assert_eq!(
            said(&option(43, values)),
            [format!("{field} 2=EMTA"), format!("{field} 9=SB6121")]
        );
        assert_eq!(said(&option(43, b"\x02\x09short")), [""; 0]);
    }

    #[test]
    fn classes_and_values_of_several_makers() {
        assert_eq!(
            said(&option(
                124,
                b"\0\0\0\x09\x08\x07cisco-1\0\0\x01\x37\x08MSFT 5.0"
            )),
            [
                "dhcp.option.vi.vendor_class cisco-1",
                "dhcp.option.vi.vendor_class MSFT 5.0"
            ]
        );
        let values = b"\x01\x06002686\x02\x04SN-7\x03\x03GW9";
        let forum = [&b"\0\0\x0d\xe9\x13"[..], values].concat();
        assert_eq!(
            said(&option(125, &forum)),
            [
                "dhcp.option.vi.tr111.device_manufacturer_oui 002686",
                "dhcp.option.vi.tr111.device_serial_number SN-7",
                "dhcp.option.vi.tr111.device_product_class GW9"
            ]
        );
        let other = [&b"\0\0\0\x09\x13"[..], values].concat();
        assert_eq!(said(&option(125, &other)), [""; 0]);
        for cut in 0..forum.len() {
            let told = said(&option(125, &forum[..cut]));
            assert!(told.is_empty(), "{cut}: a length that is not there");
        }
    }

    #[test]
    fn fuzz_any_options() {
        bolero::check!().with_type::<Vec<u8>>().for_each(|options| {
            let bytes = message(1, [0; 4], options);
            if let Some(message) = Message::parse(&bytes) {
                let mut texts = 0;
                say(&message, &mut |_, value| {
                    assert!(std::str::from_utf8(value).is_ok());
                    texts += 1;
                });
                assert!(texts < 512, "{texts}");
            }
        });
    }
}
