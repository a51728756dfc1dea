//! What a relay adds to a client's request, [RFC 3046](https://www.rfc-editor.org/rfc/rfc3046): by
//! which circuit it came, at which switch. It reads no other suboption: some name a subscriber.

use std::fmt::Write as _;

use super::message::{Message, PIECE_LEN_MAX, VALUE_LEN_MAX};
use crate::proto::pair::is_host_ipv4;
use crate::proto::stack_text::{StackText, hex, mac, printable};

/// Relay agent information, and its suboptions.
const RELAY_INFORMATION: u8 = 82;
const CIRCUIT_ID: u8 = 1;
const REMOTE_ID: u8 = 2;

/// Room for a value in hexadecimal.
const TEXT_LEN: usize = 2 * PIECE_LEN_MAX;

/// By which circuit of which switch the client is attached; of a switch that does not name
/// itself, the relay's address.
pub fn circuit(message: &Message<'_>) -> Option<StackText<{ 2 * TEXT_LEN + 1 }>> {
    let mut buffer = [0; VALUE_LEN_MAX];
    let mut rest = message.option(RELAY_INFORMATION, &mut buffer)?;
    let (mut port, mut switch) = (None, None);
    while let Some((&[code, len], after)) = rest.split_first_chunk::<2>() {
        let (value, after) = after.split_at_checked(usize::from(len))?;
        rest = after;
        match code {
            CIRCUIT_ID => port = Some(name_of_port(value)),
            REMOTE_ID => switch = Some(name_of_switch(value)),
            _ => {}
        }
    }
    let relay = || {
        let mut text = StackText::new();
        let fits = write!(text, "{}", message.giaddr()).is_ok();
        (fits && is_host_ipv4(message.giaddr())).then_some(text)
    };
    let (port, switch) = (port?, switch.or_else(relay)?);
    let mut text = StackText::new();
    (text.push(switch.as_bytes()) && text.push_item(b" ", port.as_bytes())).then_some(text)
}

/// Text where it is one; else the form that switches of Cisco and many others begin with: VLAN,
/// module, port; else digits.
fn name_of_port(value: &[u8]) -> StackText<TEXT_LEN> {
    if let [0, 4, high, low, module, port] = *value {
        let vlan = u16::from_be_bytes([high, low]);
        let mut text = StackText::new();
        if write!(text, "VLAN {vlan} port {module}/{port}").is_ok() {
            return text;
        }
    }
    let value = match value {
        [1, len, text @ ..] if usize::from(*len) == text.len() => text,
        whole => whole,
    };
    text(value)
}

/// A MAC address, with a type and length before it or without; text; else digits.
fn name_of_switch(value: &[u8]) -> StackText<TEXT_LEN> {
    let address = match value {
        [0, 6, address @ ..] => address,
        whole => whole,
    };
    if let Ok(address) = <[u8; 6]>::try_from(address)
        && printable(value).is_none()
    {
        let mut text = StackText::new();
        text.push(mac(&address).as_bytes());
        return text;
    }
    match value {
        [1, len, name @ ..] if usize::from(*len) == name.len() => text(name),
        whole => text(whole),
    }
}

fn text(value: &[u8]) -> StackText<TEXT_LEN> {
    match printable(value).filter(|text| text.is_ascii()) {
        Some(printed) => {
            let mut text = StackText::new();
            text.push(printed);
            text
        }
        None => hex(value, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::message;
    use super::*;

    fn said(giaddr: [u8; 4], information: &[u8]) -> String {
        let options = [&[82, information.len() as u8], information, &[255]].concat();
        let mut bytes = message(1, [0; 4], &options);
        bytes[24..28].copy_from_slice(&giaddr);
        let text = circuit(&Message::parse(&bytes).unwrap());
        text.map_or_else(String::new, |text| {
            text.as_bytes().escape_ascii().to_string()
        })
    }

    #[test]
    fn a_port_of_a_switch() {
        const RELAY: [u8; 4] = [10, 0, 0, 2];
        let cisco = b"\x01\x06\0\x04\0\x0a\x01\x07\x02\x08\0\x06\0\x1b\x54\x20\x01\x07";
        assert_eq!(said(RELAY, cisco), "00:1b:54:20:01:07 VLAN 10 port 1/7");
        let named = b"\x01\x08Gi1/0/12\x02\x07sw-icu3\x06\x06CANARY";
        assert_eq!(said([0; 4], named), "sw-icu3 Gi1/0/12");
        assert_eq!(said(RELAY, b"\x01\x03\xff\0\x01"), "10.0.0.2 ff0001");
        assert_eq!(said([0; 4], b"\x01\x03\xff\0\x01"), "", "of no switch");
        assert_eq!(said(RELAY, b"\x02\x02sw"), "", "of no port");
        assert_eq!(said(RELAY, b"\x01\x03\xff\0\x01\x02\x40x"), "");
        let typed = b"\x01\x05\x01\x03p-7\x02\x06\0\x1b\x54\x20\x01\x07";
        assert_eq!(said([0; 4], typed), "00:1b:54:20:01:07 p-7");
    }

    #[test]
    fn fuzz_relay_information() {
        bolero::check!().with_max_len(255).for_each(|bytes: &[u8]| {
            said([10, 0, 0, 2], bytes.get(..255).unwrap_or(bytes));
        });
    }
}
