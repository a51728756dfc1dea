//! NetBIOS datagrams ([RFC 1002](https://www.rfc-editor.org/rfc/rfc1002) section 4.4; port 138):
//! the name of the machine that sends, and what it announces to browsers ([MS-BRWS]). It reads no
//! user's name (suffix 03), no comment, no other message, and nothing of the machines in a list.
//!
//! ```text
//! kind u8 | flags u8 | number u16 | address 4 | port u16 | length u16 | offset u16
//! | sender's name | receiver's name | message: an SMB transaction to a mailslot
//! announcement   1 or 15 u8 | count u8 | period u32 | name 16 | version u8 u8 | type u32 | …
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::nbns::letters;
use super::reader::Reader;
use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Nbdgm,
    transport: Transport::Udp,
    ports: &[PORT],
    // To one, to a group, to all.
    first: &[0x10, 0x11, 0x12],
    marks: &[],
    probe: |segment| match Datagram::parse(segment) {
        Some(_) => Verdict::Match(Role::Peer),
        None => Verdict::Reject,
    },
    session: || Box::new(Announcements::default()),
};

const PORT: u16 = 138;
/// The longest data of a datagram, section 4.4.1.
const LEN_MAX: u16 = 1064;
/// A name's letters, and the labels of a scope that may follow.
const LABEL_LEN: u8 = 32;
const SCOPE_LABELS_MAX: usize = 8;

/// Suffixes of a machine's own names: the workstation, the file server.
const OF_MACHINES: [u8; 2] = [0x00, 0x20];

/// The header of an SMB 1 transaction, and places in it: [MS-CIFS] 2.2.4.33.
const TRANSACTION: &[u8] = b"\xffSMB\x25";
const DATA_COUNT_AT: usize = 55;
const MAILSLOT_AT: usize = 69;
const MAILSLOT: &[u8] = b"\\MAILSLOT\\BROWSE\0";

/// Announcements of a machine about itself: any one's, and that of a segment's master.
const OF_ITSELF: [u8; 2] = [1, 15];
/// Stands behind versions, [MS-BRWS] 2.2.1.
const SIGNATURE: u16 = 0xaa55;

/// What a machine says that it is, by the bits of its type ([MS-BRWS] 2.2.6, after MS-SRVS).
const TYPES: [(u32, &[u8]); 8] = [
    (0x0000_0004, b"sql_server"),
    (0x0000_0008, b"domain_controller"),
    (0x0000_0010, b"backup_domain_controller"),
    (0x0000_0200, b"print_server"),
    (0x0000_0800, b"unix"),
    (0x0000_8000, b"windows_server"),
    (0x0040_0000, b"windows_95"),
    (0x0200_0000, b"terminal_server"),
];

/// A datagram whose lengths and names fit.
struct Datagram<'a> {
    sender: [u8; 16],
    message: &'a [u8],
}

impl<'a> Datagram<'a> {
    fn parse(segment: &Segment<'a>) -> Option<Self> {
        let mut reader = Reader(segment.bytes);
        reader.u8().filter(|kind| CLASSIFIER.first.contains(kind))?;
        // The upper four bits are zero.
        reader.u8().filter(|flags| flags >> 4 == 0)?;
        reader.u16()?;
        reader.u32()?;
        // Some senders leave their port out.
        reader.u16().filter(|port| matches!(*port, 0 | PORT))?;
        let len = reader.u16().filter(|len| *len <= LEN_MAX)?;
        let offset = reader.u16()?;
        // A later piece has no names that are known.
        let fits = usize::from(len) == reader.0.len() || segment.cut;
        if !fits || offset != 0 {
            return None;
        }
        let sender = name(&mut reader)?;
        name(&mut reader)?;
        Some(Self {
            sender,
            message: reader.0,
        })
    }
}

/// A name and its scope, which is stepped over.
fn name(reader: &mut Reader<'_>) -> Option<[u8; 16]> {
    reader.u8().filter(|len| *len == LABEL_LEN)?;
    let name = letters(reader.take(LABEL_LEN.into())?.try_into().ok()?)?;
    for _ in 0..=SCOPE_LABELS_MAX {
        match reader.u8()? {
            0 => return Some(name),
            len @ 1..64 => reader.take(len.into())?,
            _ => return None,
        };
    }
    None
}

/// What one machine has sent.
#[derive(Default)]
struct Announcements {
    confirmed: bool,
}

impl Session for Announcements {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let Some(datagram) = Datagram::parse(segment) else {
            emit(Observation::Malformed);
            return Progress::consumed(segment.bytes.len());
        };
        // It goes to a group and nobody answers: two encoded names and a length are the proof.
        if !std::mem::replace(&mut self.confirmed, true) {
            emit(Observation::Confirmed);
        }
        let [text @ .., suffix] = &datagram.sender;
        if OF_MACHINES.contains(suffix)
            && let Some(text) = printable(text)
        {
            says(Field::NbdgmName, text, emit);
        }
        let _ = announcement(datagram.message, emit);
        Progress::consumed(segment.bytes.len())
    }
}

/// The announcement in a transaction to the browsers' mailslot.
fn announcement(message: &[u8], emit: Emit<'_>) -> Option<()> {
    if !message.starts_with(TRANSACTION) || !message.get(MAILSLOT_AT..)?.starts_with(MAILSLOT) {
        return None;
    }
    let [c, d, o, p] = *message.get(DATA_COUNT_AT..)?.first_chunk::<4>()?;
    let (count, at) = (u16::from_le_bytes([c, d]), u16::from_le_bytes([o, p]));
    let data = message.get(usize::from(at)..)?;
    let mut reader = Reader(data.get(..usize::from(count)).unwrap_or(data));
    reader.u8().filter(|kind| OF_ITSELF.contains(kind))?;
    reader.take(5)?;
    let name = reader.take(16)?;
    let (major, minor) = (reader.u8()?, reader.u8()?);
    let kinds = u32::from_le_bytes(*reader.take(4)?.first_chunk()?);
    reader.u16()?;
    let signature = u16::from_le_bytes(*reader.take(2)?.first_chunk()?);
    if signature != SIGNATURE {
        return None;
    }
    let name = name.split(|byte| *byte == 0).next().and_then(printable);
    if let Some(name) = name {
        says(Field::NbdgmName, name, emit);
    }
    let mut text = StackText::<8>::new();
    if major != 0 && write!(text, "{major}.{minor}").is_ok() {
        says(Field::BrowserOsVersion, text.as_bytes(), emit);
    }
    for (bit, kind) in TYPES {
        if kinds & bit != 0 {
            says(Field::BrowserServerType, kind, emit);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, datagrams, probe};
    use super::*;

    fn encoded(name: &str, suffix: u8) -> Vec<u8> {
        let mut plain = [b' '; 16];
        plain[..name.len()].copy_from_slice(name.as_bytes());
        plain[15] = suffix;
        let mut bytes = vec![LABEL_LEN];
        bytes.extend(
            plain
                .iter()
                .flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]),
        );
        bytes.push(0);
        bytes
    }

    fn transaction(data: &[u8]) -> Vec<u8> {
        let mut message = TRANSACTION.to_vec();
        message.resize(32, 0);
        message.push(17);
        message.resize(DATA_COUNT_AT, 0);
        message.extend((data.len() as u16).to_le_bytes());
        message.extend(((MAILSLOT_AT + MAILSLOT.len()) as u16).to_le_bytes());
        message.extend([3, 0, 1, 0, 1, 0, 2, 0, 17, 0]);
        message.extend(MAILSLOT);
        message.extend(data);
        message
    }

    fn datagram(suffix: u8, message: &[u8]) -> Vec<u8> {
        let body = [
            encoded("CT-WS1", suffix),
            encoded("RADIOLOGY", 0x1d),
            message.to_vec(),
        ];
        let body = body.concat();
        let mut bytes = vec![0x11, 0x0a, 0x12, 0x34, 10, 0, 0, 9, 0, 138];
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(body);
        bytes
    }

    fn announces(kind: u8) -> Vec<u8> {
        let mut data = vec![kind, 0, 0x80, 0xfc, 0x0a, 0];
        data.extend(b"CT-WS1\0\0\0\0\0\0\0\0\0\0");
        data.extend([6, 1]);
        data.extend(0x0000_9203u32.to_le_bytes());
        data.extend([0x0f, 1, 0x55, 0xaa]);
        data.extend(b"CANARY's machine\0");
        datagram(0x20, &transaction(&data))
    }

    #[test]
    fn a_machine_announces_itself() {
        assert_eq!(
            datagrams(&CLASSIFIER, &[(Role::Peer, &announces(1))]),
            [
                "confirmed",
                "sender nbdgm.name=CT-WS1",
                "sender nbdgm.name=CT-WS1",
                "sender browser.os_version=6.1",
                "sender browser.server.type=print_server",
                "sender browser.server.type=windows_server",
            ]
        );
        // A list of others, and a domain, say nothing of the sender but its name.
        for kind in [2, 12] {
            let said = datagrams(&CLASSIFIER, &[(Role::Peer, &announces(kind))]);
            assert_eq!(said, ["confirmed", "sender nbdgm.name=CT-WS1"]);
        }
    }

    #[test]
    fn no_user_has_a_name_here() {
        let bytes = datagram(0x03, b"CANARY");
        assert_eq!(
            datagrams(&CLASSIFIER, &[(Role::Peer, &bytes)]),
            ["confirmed"]
        );
    }

    #[test]
    fn probes() {
        let bytes = announces(1);
        let ports = (PORT, PORT);
        assert_eq!(
            probe(&CLASSIFIER, &bytes, ports),
            Verdict::Match(Role::Peer)
        );
        for (at, value) in [
            (0, 0x13),
            (1, 0x80),
            (8, 1),
            (11, 9),
            (13, 1),
            (14, 31),
            (15, b'Q'),
        ] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, ports), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, usize::MAX);
            datagrams(&CLASSIFIER, &[(Role::Peer, &datagram(0, bytes))]);
            datagrams(
                &CLASSIFIER,
                &[(Role::Peer, &datagram(0, &transaction(bytes)))],
            );
        });
    }
}
