//! OpenVPN (port 1194) over UDP and TCP: that two ends have a tunnel. It reads nothing in it and
//! tells nothing of the ends but that.
//!
//! ```text
//! over TCP: length u16, then as over UDP
//! operation 5 bits, key 3 bits | session 8 | [seal] | acknowledged: count u8, numbers, session | …
//! ```

use medtap_table::vocabulary::Protocol;

use super::{Classifier, Progress, Segment, Session, Then, Transport, Verdict};
use crate::config::OPENVPN_PACKETS_MAX;
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Openvpn,
    transport: Transport::Udp,
    ports: &[1194],
    first: &RESETS,
    marks: &[],
    probe: |segment| match is_reset(segment.bytes) {
        true => Verdict::Possible(Role::Client),
        false => Verdict::Reject,
    },
    session: || Box::new(Tunnel::default()),
};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Openvpn,
    transport: Transport::Tcp,
    ports: &[1194],
    first: &[0, 1, 2],
    marks: &[],
    probe: probe_stream,
    session: || {
        Box::new(Tunnel {
            is_framed: true,
            ..Tunnel::default()
        })
    },
};

/// A client's first packet: operation 7 or 10, key 0.
const RESETS: [u8; 2] = [7 << 3, 10 << 3];
/// A server's first packet.
const SERVER_RESET: u8 = 8 << 3;
/// Control and acknowledgement, which carry their sender's session, too.
const CONTROL: [u8; 2] = [4 << 3, 5 << 3];

const SESSION_LEN: usize = 8;
/// Operation, session, count, number.
const PACKET_LEN_MIN: usize = 14;
/// With a seal of any hash, and the client's wrapped key.
const RESET_LEN_MAX: usize = 2048;

fn session(bytes: &[u8]) -> Option<&[u8; SESSION_LEN]> {
    bytes.get(1..)?.first_chunk()
}

fn is_reset(bytes: &[u8]) -> bool {
    (PACKET_LEN_MIN..=RESET_LEN_MAX).contains(&bytes.len())
        && bytes.first().is_some_and(|first| RESETS.contains(first))
        && session(bytes).is_some_and(|session| *session != [0; SESSION_LEN])
}

/// The first packet of a client is all that it sends at first.
fn probe_stream(segment: &Segment<'_>) -> Verdict {
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    let Some((prefix, packet)) = segment.bytes.split_first_chunk::<2>() else {
        return undecided;
    };
    let len = usize::from(u16::from_be_bytes(*prefix));
    let begins = packet.first().is_none_or(|first| RESETS.contains(first));
    match packet.len().cmp(&len) {
        _ if !(PACKET_LEN_MIN..=RESET_LEN_MAX).contains(&len) || !begins => Verdict::Reject,
        std::cmp::Ordering::Less => undecided,
        std::cmp::Ordering::Equal if is_reset(packet) => Verdict::Possible(Role::Client),
        _ => Verdict::Reject,
    }
}

/// What a conversation has shown so far.
#[derive(Default)]
struct Tunnel {
    is_framed: bool,
    /// The session of the client.
    client: Option<[u8; SESSION_LEN]>,
    /// The server began a session of its own.
    is_answered: bool,
    packets: u16,
}

impl Session for Tunnel {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let (packet, consumed) = match (self.is_framed, segment.bytes) {
            (false, bytes) => (bytes, bytes.len()),
            (true, [high, low, rest @ ..]) => {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                match rest.get(..len) {
                    Some(packet) => (packet, 2 + len),
                    None => return Progress::consumed(0),
                }
            }
            (true, _) => return Progress::consumed(0),
        };
        self.packets += 1;
        let is_proved = self.packet(packet, segment.from);
        if is_proved {
            emit(Observation::Confirmed);
            emit(Observation::Encrypted);
        }
        match is_proved || self.packets >= OPENVPN_PACKETS_MAX {
            true => Progress::DONE,
            false => Progress {
                consumed,
                then: Then::More,
            },
        }
    }
}

impl Tunnel {
    /// True once the server repeats the client's session, or, where a seal hides that, once the
    /// client goes on in the same session after the server has begun its own.
    fn packet(&mut self, packet: &[u8], from: Role) -> bool {
        let (Some(first), Some(own)) = (packet.first(), session(packet)) else {
            return false;
        };
        if from == Role::Server {
            self.is_answered |= *first == SERVER_RESET && packet.len() >= PACKET_LEN_MIN;
            let rest = packet.get(1 + SESSION_LEN..).unwrap_or_default();
            return self.is_answered
                && self.client.is_some_and(|client| {
                    rest.windows(SESSION_LEN).any(|window| *window == client)
                });
        }
        if RESETS.contains(first) {
            self.client = Some(*own);
            return false;
        }
        CONTROL.contains(first) && self.is_answered && self.client == Some(*own)
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x38CLIENT01\0\0\0\0\0";
    const ANSWER: &[u8] = b"\x40SERVER02\x01\0\0\0\0CLIENT01\0\0\0\0";
    const SEALED: &[u8] = b"\x40SERVER02\x91\x92\x93\x94\x95\x96\x97\x98";
    const GOES_ON: &[u8] = b"\x28CLIENT01\x91\x92\x93\x94\x95";

    #[test]
    fn a_session_that_is_repeated_proves_it() {
        let talk = [(Role::Client, ASK), (Role::Server, ANSWER)];
        assert_eq!(run(&OVER_UDP, &talk), ["confirmed", "encrypted"]);
        let sealed = [
            (Role::Client, ASK),
            (Role::Server, SEALED),
            (Role::Client, GOES_ON),
        ];
        assert_eq!(run(&OVER_UDP, &sealed), ["confirmed", "encrypted"]);
        assert!(run(&OVER_UDP, &sealed[..2]).is_empty());
        let framed = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
        let (ask, answer) = (framed(ASK), framed(ANSWER));
        let talk: [(Role, &[u8]); 2] = [(Role::Client, &ask), (Role::Server, &answer)];
        assert_eq!(run(&OVER_TCP, &talk), ["confirmed", "encrypted"]);
        check_cuts(&OVER_TCP, &talk);
        let possible = Verdict::Possible(Role::Client);
        assert_eq!(probe(&OVER_TCP, &ask, PORTS), possible);
        assert_eq!(probe(&OVER_TCP, &ask[..5], PORTS), Verdict::NeedMore);
    }

    #[test]
    fn probes() {
        let possible = Verdict::Possible(Role::Client);
        assert_eq!(probe(&OVER_UDP, ASK, PORTS), possible);
        for bytes in [&ASK[..13], b"\x39CLIENT01\0\0\0\0\0", &[0x38; 0], ANSWER] {
            assert_eq!(probe(&OVER_UDP, bytes, PORTS), Verdict::Reject);
        }
        let long = [&[0, 9][..], ASK].concat();
        assert_eq!(probe(&OVER_TCP, &long, PORTS), Verdict::Reject);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_UDP, bytes, usize::MAX);
            check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX);
        });
    }
}
