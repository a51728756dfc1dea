//! KNXnet/IP (KNX standard 3/8; ISO 22510; port 3671): what an interface or router of a building's
//! bus says of itself. It reads no telegram of the bus, no group address and no key.
//!
//! ```text
//! 06 | 10 | service u16 | total u16                                       3/8/1 section 4.2
//! description   54 u8 | 1 u8 | medium | status | address u16 | project u16 | serial 6 |
//!               multicast 4 | MAC 6 | name 30                              3/8/2 section 7.5.4.2
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::stack_text::{hex, mac};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Kip,
    transport: Transport::Udp,
    ports: &[3671],
    first: &[HEADER_LEN],
    marks: &[],
    probe,
    session: || Box::new(Interface::default()),
};

const HEADER_LEN: u8 = 6;
const VERSION_1: u8 = 0x10;

const SEARCH: u16 = 0x0201;
const FOUND: u16 = 0x0202;
const DESCRIBE: u16 = 0x0203;
const DESCRIBED: u16 = 0x0204;
const SEARCH_MORE: u16 = 0x020b;
const FOUND_MORE: u16 = 0x020c;
const ROUTING: u16 = 0x0530;
const ROUTING_LAST: u16 = 0x0533;

/// A block with the device's own description, and its length.
const OF_DEVICE: u8 = 1;
const OF_DEVICE_LEN: u8 = 54;
/// The control endpoint in front of what a search finds.
const ENDPOINT: usize = 8;

/// Service and body of a datagram that is one message to its last byte.
fn read<'a>(segment: &Segment<'a>) -> Option<(u16, Reader<'a>)> {
    let mut reader = Reader(segment.bytes);
    let (len, version) = (reader.u8()?, reader.u8()?);
    let (service, total) = (reader.u16()?, usize::from(reader.u16()?));
    let is_known = matches!(service, 0x0201..=0x020c | 0x0310..=0x0313 | 0x0420..=0x0425)
        || matches!(service, ROUTING..=ROUTING_LAST | 0x0950..=0x0955);
    let fits = total == segment.bytes.len() || (segment.cut && total > segment.bytes.len());
    (len == HEADER_LEN && version == VERSION_1 && is_known && fits).then_some((service, reader))
}

/// Who sends such a message; the bus speaks through routers, which are equals.
fn role(service: u16) -> Role {
    match service {
        FOUND | DESCRIBED | FOUND_MORE | 0x0206 | 0x0208 | 0x020a => Role::Server,
        SEARCH | DESCRIBE | SEARCH_MORE | 0x0205 | 0x0207 | 0x0209 => Role::Client,
        _ => Role::Peer,
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    read(segment).map_or(Verdict::Reject, |(service, _)| {
        Verdict::Match(role(service))
    })
}

/// An interface and who asks it. A search goes to a group, so what is found is its own proof:
/// its description has a length and a form that nothing else has.
#[derive(Default)]
struct Interface {
    confirmed: bool,
    asked: bool,
}

impl Session for Interface {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let done = Progress::consumed(segment.bytes.len());
        let Some((service, mut body)) = read(segment) else {
            emit(Observation::Malformed);
            return done;
        };
        if matches!(service, FOUND | FOUND_MORE) && body.take(ENDPOINT).is_none() {
            emit(Observation::Malformed);
            return done;
        }
        match service {
            FOUND | FOUND_MORE | DESCRIBED => match description(body) {
                Some(description) => {
                    self.confirm(emit);
                    description.tell(emit);
                }
                None => emit(Observation::Malformed),
            },
            _ => match role(service) {
                Role::Client => self.asked = true,
                Role::Server if self.asked => self.confirm(emit),
                _ => {}
            },
        }
        done
    }
}

impl Interface {
    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }
}

/// What a device says of itself.
struct Description<'a> {
    medium: u8,
    serial: &'a [u8; 6],
    mac: &'a [u8; 6],
    name: &'a [u8],
}

/// The device's block among others.
fn description(mut blocks: Reader<'_>) -> Option<Description<'_>> {
    loop {
        let len = blocks.u8()?;
        let kind = blocks.u8()?;
        let mut block = Reader(blocks.take(usize::from(len).checked_sub(2)?)?);
        if (len, kind) == (OF_DEVICE_LEN, OF_DEVICE) {
            let medium = block.u8()?;
            block.take(1 + 2 + 2)?;
            let serial = block.take(6)?.first_chunk()?;
            block.take(4)?;
            let mac = block.take(6)?.first_chunk()?;
            return Some(Description {
                medium,
                serial,
                mac,
                name: block.0,
            });
        }
    }
}

impl Description<'_> {
    fn tell(&self, emit: Emit<'_>) {
        let name = reported::text(self.name).filter(|name| !reported::names_person(name));
        if let Some(name) = name {
            says(Field::KipName, name, emit);
        }
        if *self.serial != [0; 6] {
            says(
                Field::KipSerial,
                hex::<12>(self.serial, b"").as_bytes(),
                emit,
            );
            // The first two bytes are the number of the maker.
            let maker = u16::from_be_bytes([self.serial[0], self.serial[1]]);
            super::stack_text::says_number(Field::KipManufacturer, maker.into(), emit);
        }
        if *self.mac != [0; 6] {
            says(Field::KipMac, mac(self.mac).as_bytes(), emit);
        }
        let medium: &[u8] = match self.medium {
            0x02 => b"twisted_pair",
            0x04 => b"power_line",
            0x10 => b"radio",
            0x20 => b"ip",
            _ => return,
        };
        says(Field::KipMedium, medium, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_datagrams, datagrams, probe};
    use super::*;

    const ASK: &[u8] = b"\x06\x10\x02\x03\0\x0e\x08\x01\x0a\0\0\x05\xc0\x01";

    fn answer(service: u8, name: &str) -> Vec<u8> {
        let mut out = vec![6, 0x10, 2, service, 0, 0];
        if service == 2 {
            out.extend([8, 1, 10, 0, 0, 5, 0x0e, 0x57]);
        }
        out.extend([OF_DEVICE_LEN, OF_DEVICE, 2, 0, 0x11, 0xff, 0, 0]);
        out.extend([0, 0xc5, 1, 2, 3, 4, 224, 0, 23, 12, 0, 0x24, 0x6d, 1, 2, 3]);
        let at = out.len();
        out.extend(name.as_bytes());
        out.resize(at + 30, 0);
        out.extend([6, 2, 2, 1, 4, 1]);
        out[5] = out.len() as u8;
        out
    }

    #[test]
    fn an_interface_says_what_it_is() {
        let found = answer(4, "KNX IP Router 752");
        let expected = [
            "confirmed",
            "sender kip.friendly_name=KNX IP Router 752",
            "sender kip.serial=00c501020304",
            "sender kip.manufacturer_id=197",
            "sender kip.mac=00:24:6d:01:02:03",
            "sender kip.medium=twisted_pair",
        ];
        let said = datagrams(&CLASSIFIER, &[(Role::Client, ASK), (Role::Server, &found)]);
        assert_eq!(said, expected);
        let said = datagrams(
            &CLASSIFIER,
            &[(Role::Server, &answer(2, "KNX IP Router 752"))],
        );
        assert_eq!(said, expected);
        let said = datagrams(&CLASSIFIER, &[(Role::Server, &answer(2, "Dr. CANARY"))]);
        assert!(said.iter().all(|fact| !fact.contains("CANARY")), "{said:?}");
    }

    #[test]
    fn probes() {
        assert_eq!(probe(&CLASSIFIER, ASK, PORTS), Verdict::Match(Role::Client));
        let found = answer(2, "x");
        assert_eq!(
            probe(&CLASSIFIER, &found, PORTS),
            Verdict::Match(Role::Server)
        );
        for bytes in [
            &ASK[..13],
            b"\x06\x20\x02\x03\0\x06",
            b"\x06\x10\x09\x03\0\x06",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_datagrams(&CLASSIFIER, bytes));
    }
}
