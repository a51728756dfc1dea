//! Digi's Advanced Device Discovery Protocol on UDP 2362: hardware, firmware and host name of a
//! device server. It reads no key of a wireless network and no password.

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::ADDP_FIELDS_MAX;
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Addp,
    transport: Transport::Udp,
    ports: &[2362],
    first: b"D",
    marks: &[],
    probe,
    session: || Box::new(Server::default()),
};

/// Digi's own devices, and those that others make with its parts.
const MAGICS: [&[u8; 4]; 3] = [b"DIGI", b"DVKT", b"DGDP"];

/// Commands: a search, its answer; those that change something.
const SEARCH: u16 = 1;
const FOUND: u16 = 2;
const CHANGES: [u16; 4] = [3, 5, 7, 9];
const CHANGED: [u16; 4] = [4, 6, 8, 10];

/// The command, the fields after it, and whether it is of a device of Digi's own.
fn read<'a>(segment: &Segment<'a>) -> Option<(u16, Reader<'a>, bool)> {
    let mut reader = Reader(segment.bytes);
    let magic = reader.take(4)?;
    let known = MAGICS.iter().any(|known| *known == magic);
    let command = reader.u16()?;
    let body = reader.block16()?;
    let sound = known && (1..=0x20).contains(&command) && reader.0.is_empty();
    sound.then_some((command, Reader(body), magic == b"DIGI"))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment) {
        // A question is odd, its answer the even number after it.
        Some((command, ..)) if command % 2 == 0 => Verdict::Match(Role::Server),
        Some(_) => Verdict::Match(Role::Client),
        None => Verdict::Reject,
    }
}

/// A device server and who asks it. A search goes to a group, so its answer is its own proof.
#[derive(Default)]
struct Server {
    confirmed: bool,
}

impl Session for Server {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let done = Progress::consumed(segment.bytes.len());
        let Some((command, fields, is_digi)) = read(segment) else {
            emit(Observation::Malformed);
            return done;
        };
        let answers = command == FOUND || CHANGED.contains(&command);
        if answers && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        match command {
            FOUND => found(fields, is_digi, emit),
            SEARCH => {}
            _ if CHANGES.contains(&command) => emit(Observation::Event {
                subject: Subject::Receiver,
                event: Event::SerialServerConfigured,
            }),
            _ => {}
        }
        done
    }
}

/// What a device says of itself; types of its fields that are not here are stepped over.
fn found(mut fields: Reader<'_>, is_digi: bool, emit: Emit<'_>) {
    let mut fact = |field, value: &[u8]| {
        if let Some(value) = reported::text(value) {
            emit(Observation::Fact {
                subject: Subject::Sender,
                field,
                value,
            });
        }
    };
    if is_digi {
        fact(Field::AddpRole, b"device_server");
    }
    for _ in 0..ADDP_FIELDS_MAX {
        let (Some(kind), Some(value)) = (fields.u8(), fields.block8()) else {
            return;
        };
        match kind {
            0x04 => fact(Field::AddpHostname, value),
            0x08 => fact(Field::AddpFirmware, value),
            0x0d => fact(Field::AddpHardware, value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"DIGI\0\x02\0\x41\x01\x06\0\x40\x9d\0\0\x01\x02\x04\x0a\x14\x1e\x32\
        \x0d\x0aExample ME\x21\x06CANARY\x08\x1dVersion 82000000_A 01/01/2020";

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (2362, 2362),
            cut: false,
        }
    }

    fn say(bytes: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        Server::default().observe(&segment(bytes), &mut |seen| {
            said.push(match seen {
                Observation::Fact { field, value, .. } => {
                    format!("{}={}", field.name(), value.escape_ascii())
                }
                other => format!("{other:?}"),
            });
        });
        said
    }

    #[test]
    fn a_device_server_says_what_it_is() {
        assert_eq!(probe(&segment(ANSWER)), Verdict::Match(Role::Server));
        assert_eq!(
            say(ANSWER),
            [
                "Confirmed",
                "addp.role=device_server",
                "addp.hardware_name=Example ME",
                "addp.firmware=Version 82000000_A 01/01/2020",
            ]
        );
        let search = b"DIGI\0\x01\0\x06\xff\xff\xff\xff\xff\xff";
        assert_eq!(probe(&segment(search)), Verdict::Match(Role::Client));
        assert!(say(search).is_empty());
        let reboot = b"DVKT\0\x05\0\x07\0\x40\x9d\0\0\x01\x04";
        assert!(say(reboot)[0].contains("SerialServerConfigured"));
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        for bytes in [&ANSWER[..20], b"DICM\0\x02\0\0", b"DIGI\0\0\0\0", b"D"] {
            assert_eq!(probe(&segment(bytes)), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_messages() {
        bolero::check!().with_max_len(96).for_each(|bytes: &[u8]| {
            let _ = probe(&segment(bytes));
            let len = (bytes.len() as u16).to_be_bytes();
            let said = say(&[b"DIGI\0\x02", &len[..], bytes].concat());
            assert!(said.len() <= ADDP_FIELDS_MAX + 2);
        });
    }
}
