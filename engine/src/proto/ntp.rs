//! NTP, versions 1 to 4 (RFC 5905, RFC 1305; port 123): who serves the time, how far from a clock,
//! which kind of clock it has, and of control messages the software and system that a server names.
//! It reads no key, no extension, no peer and no private message.

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::clock::{self, Clock as Shown};
use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Ntp,
    transport: Transport::Udp,
    ports: &[PORT],
    first: &FIRST,
    marks: &[],
    probe,
    session: || Box::new(Clock::default()),
};

const PORT: u16 = 123;
const HEADER_LEN: usize = 48;

/// Modes, RFC 5905 section 3.
const SYMMETRIC_ACTIVE: u8 = 1;
const SYMMETRIC_PASSIVE: u8 = 2;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;
const BROADCAST: u8 = 5;

/// Control messages, RFC 9327, and private ones of ntpd.
const CONTROL: u8 = 6;
const PRIVATE: u8 = 7;
/// Leap indicator (in private messages: answer, more), versions 1 to 4, modes.
const FIRST: [u8; 112] = {
    let mut bytes = [0; 112];
    let mut at = 0;
    while at < bytes.len() {
        let (leap, version, mode) = (at / 28, at / 7 % 4 + 1, at % 7 + 1);
        bytes[at] = (leap << 6 | version << 3 | mode) as u8;
        at += 1;
    }
    bytes
};

/// True for one of [`FIRST`], without looking through them.
const fn is_first(byte: u8) -> bool {
    let (version, mode) = (byte >> 3 & 7, byte & 7);
    1 <= version && version <= 4 && mode != 0
}

/// Poll intervals and strata that make sense, as powers of two and steps from a clock.
const POLL_MAX: u8 = 17;
const STRATUM_MAX: u8 = 16;

/// A header whose fields make sense. It has no magic number: without the port it is not believed.
fn header<'a>(segment: &Segment<'a>) -> Option<&'a [u8; HEADER_LEN]> {
    let (src, dst) = segment.ports;
    let header = segment.bytes.first_chunk::<HEADER_LEN>()?;
    let [first, stratum, poll, ..] = *header;
    let is_sound = is_first(first)
        && !matches!(first & 7, CONTROL | PRIVATE)
        && stratum <= STRATUM_MAX
        && poll <= POLL_MAX
        && segment.bytes.len().is_multiple_of(4);
    ((src == PORT || dst == PORT) && is_sound).then_some(header)
}

fn mode(header: &[u8; HEADER_LEN]) -> u8 {
    header[0] & 7
}

/// A control or private message: who sent it, and the text of an answer that fills one message.
struct Management<'a> {
    role: Role,
    text: &'a [u8],
}

impl<'a> Management<'a> {
    fn parse(segment: &Segment<'a>) -> Option<Self> {
        let (src, dst) = segment.ports;
        let bytes = segment.bytes;
        let first = *bytes.first().filter(|first| is_first(**first))?;
        let answers = match first & 7 {
            // Response, error, more, operation 5 bits: RFC 9327 section 2.
            CONTROL => bytes.get(1)? & 0x80 != 0,
            PRIVATE => first & 0x80 != 0,
            _ => return None,
        };
        let text = match first & 7 {
            CONTROL => control(bytes, segment.cut)?,
            _ => {
                private(bytes)?;
                &[]
            }
        };
        let role = match answers {
            true if src == PORT => Role::Server,
            false if dst == PORT => Role::Client,
            _ => return None,
        };
        Some(Self { role, text })
    }
}

/// The data of a control message whose counts fit: operation, sequence, status, association,
/// offset, count. Empty where it is not the only part of its answer.
fn control(bytes: &[u8], cut: bool) -> Option<&[u8]> {
    /// Operations that are assigned, RFC 9327 section 2, and the mask of the field.
    const OPERATIONS: [u8; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 30, 31];
    const MORE: u8 = 0x20;
    let (head, rest) = bytes.split_first_chunk::<12>()?;
    let [_, operation, .., o1, o2, c1, c2] = *head;
    let count = usize::from(u16::from_be_bytes([c1, c2]));
    let padded = count.next_multiple_of(4);
    // What may follow authenticates: a key's number and a digest.
    let is_sound = OPERATIONS.contains(&(operation & 0x1f))
        && (cut || matches!(rest.len().checked_sub(padded), Some(0 | 12 | 20 | 24)));
    if !is_sound {
        return None;
    }
    let is_alone = operation & MORE == 0 && [o1, o2] == [0, 0];
    Some(rest.get(..count).filter(|_| is_alone).unwrap_or_default())
}

/// Private messages: sequence, implementation, request, then how many items of which size.
fn private(bytes: &[u8]) -> Option<()> {
    /// Universal, and ntpd's of old and new.
    const IMPLEMENTATIONS: [u8; 3] = [0, 2, 3];
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let [_, _, implementation, _, items @ ..] = *head;
    let [high, low, size_high, size_low] = items;
    let count = usize::from(u16::from_be_bytes([high & 0x0f, low]));
    let size = usize::from(u16::from_be_bytes([size_high, size_low]));
    let is_sound = IMPLEMENTATIONS.contains(&implementation)
        && size < 0x1000
        && rest.len() >= count * size
        && bytes.len().is_multiple_of(4);
    is_sound.then_some(())
}

/// What a server names in the list of its variables: `version="…", processor="…", system="…"`.
fn variables(text: &[u8], emit: Emit<'_>) {
    let named: [(&[u8], Field); 3] = [
        (b"version=\"", Field::NtpVersion),
        (b"processor=\"", Field::NtpProcessor),
        (b"system=\"", Field::NtpSystem),
    ];
    for (key, field) in named {
        let value = memchr::memmem::find(text, key)
            .filter(|at| *at == 0 || matches!(text.get(at - 1), Some(b' ' | b',' | b'\n')))
            .and_then(|at| text.get(at + key.len()..))
            .and_then(|rest| rest.split(|byte| *byte == b'"').next())
            .and_then(printable);
        if let Some(value) = value {
            says(field, value, emit);
        }
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    if let Some(management) = Management::parse(segment) {
        return Verdict::Match(management.role);
    }
    match header(segment).map(mode) {
        Some(CLIENT) => Verdict::Match(Role::Client),
        Some(SERVER | BROADCAST) => Verdict::Match(Role::Server),
        Some(_) => Verdict::Match(Role::Peer),
        None => Verdict::Reject,
    }
}

/// What a conversation with a clock has said.
#[derive(Default)]
struct Clock {
    /// The time stamp of the last question: an answer repeats it.
    asked: Option<[u8; 8]>,
    confirmed: bool,
    /// A control or private message was asked.
    managed: bool,
    /// What the answers show of the server's clock.
    served: Shown,
}

impl Session for Clock {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(management) = Management::parse(segment) {
            self.manage(&management, emit);
            return Progress::consumed(segment.bytes.len());
        }
        let Some(header) = header(segment) else {
            emit(Observation::Malformed);
            return Progress::consumed(segment.bytes.len());
        };
        let stamp = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk::<8>).copied();
        match mode(header) {
            CLIENT => self.asked = stamp(40).filter(|stamp| *stamp != [0; 8]),
            SERVER => {
                if !self.confirmed && self.asked.is_some() && self.asked == stamp(24) {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                self.clock(header, segment.time_ns, emit);
            }
            BROADCAST | SYMMETRIC_ACTIVE | SYMMETRIC_PASSIVE => {
                self.clock(header, segment.time_ns, emit);
            }
            _ => {}
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Clock {
    fn manage(&mut self, management: &Management<'_>, emit: Emit<'_>) {
        match management.role {
            Role::Server => {
                if self.managed && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                variables(management.text, emit);
            }
            _ => self.managed = true,
        }
    }

    /// What a clock says of itself, and what its time says. A client's own time stamp is no time:
    /// many put chance there, so that nobody learns more of them.
    fn clock(&mut self, header: &[u8; HEADER_LEN], time_ns: u64, emit: Emit<'_>) {
        let stratum = header[1];
        if stratum == 0 || stratum == STRATUM_MAX {
            return;
        }
        clock(header, emit);
        if let Some(stamp) = header.last_chunk::<8>().filter(|stamp| **stamp != [0; 8]) {
            let told = clock::ntp(*stamp);
            self.served.read(Field::NtpOffset, told, time_ns, emit);
        }
    }
}

/// Stratum and, of one that has a clock of its own, which: section 7.3. Stratum 0 refuses, 16 has
/// no time.
fn clock(header: &[u8; HEADER_LEN], emit: Emit<'_>) {
    let stratum = header[1];
    let mut text = StackText::<2>::new();
    if write!(text, "{stratum}").is_ok() {
        says(Field::NtpStratum, text.as_bytes(), emit);
    }
    let source = header.get(12..16).and_then(printable);
    if let Some(source) = source.filter(|_| stratum == 1) {
        says(Field::NtpReferenceId, source, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(first: u8, stratum: u8, origin: u8, transmit: u8) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&[first, stratum, 6, 0xe9]);
        bytes[12..16].copy_from_slice(b"GPS\0");
        bytes[24..32].fill(origin);
        bytes[40..48].fill(transmit);
        bytes
    }

    fn segment(bytes: &[u8], ports: (u16, u16)) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports,
            cut: false,
        }
    }

    fn say(messages: &[&[u8]]) -> Vec<String> {
        let mut said = Vec::new();
        let mut clock = Clock::default();
        for bytes in messages {
            clock.observe(&segment(bytes, (PORT, PORT)), &mut |seen| {
                said.push(match seen {
                    Observation::Fact { field, value, .. } => {
                        format!("{} {}", field.name(), value.escape_ascii())
                    }
                    other => format!("{other:?}"),
                });
            });
        }
        said
    }

    #[test]
    fn a_server_with_a_clock_of_its_own() {
        let (ask, answer) = (message(0x23, 0, 0, 7), message(0x24, 1, 7, 9));
        assert_eq!(
            say(&[&ask, &answer]),
            ["Confirmed", "ntp.stratum 1", "ntp.refid GPS"]
        );
        // An answer to another question.
        assert_eq!(say(&[&ask, &message(0x24, 2, 8, 9)]), ["ntp.stratum 2"]);
    }

    /// 2026-01-05 08:00:00 UTC, and what answers around it show.
    #[test]
    fn a_server_shows_its_clock() {
        const NOW_S: u32 = 1_767_600_000;
        let mut said = Vec::new();
        let mut clock = Clock::default();
        for fast in [-900, -300, -400] {
            let mut answer = message(0x24, 2, 0, 0);
            let stamp = (NOW_S + 2_208_988_800).wrapping_add_signed(fast);
            answer[40..44].copy_from_slice(&stamp.to_be_bytes());
            let mut segment = segment(&answer, (PORT, 5_000));
            segment.time_ns = u64::from(NOW_S) * 1_000_000_000;
            clock.observe(&segment, &mut |seen| {
                if let Observation::Fact { field, value, .. } = seen
                    && field == Field::NtpOffset
                {
                    said.push(value.escape_ascii().to_string());
                }
            });
        }
        assert_eq!(said, ["-900", "-300"]);
    }

    #[test]
    fn probes() {
        let answer = message(0x24, 1, 7, 9);
        let probe = |bytes: &[u8], ports| super::probe(&segment(bytes, ports));
        assert_eq!(probe(&answer, (123, 5_000)), Verdict::Match(Role::Server));
        assert_eq!(probe(&answer, (5_000, 5_001)), Verdict::Reject);
        assert_eq!(probe(&answer[..47], (123, 123)), Verdict::Reject);
        assert_eq!(probe(&message(0x26, 1, 0, 0), (123, 123)), Verdict::Reject);
        assert_eq!(probe(&message(0x24, 17, 0, 0), (123, 123)), Verdict::Reject);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            say(&[bytes, bytes]);
        });
    }
}
