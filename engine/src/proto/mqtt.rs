//! MQTT, versions 3.1, 3.1.1 and 5 (OASIS; port 1883): who brokers, and whether a client logs on
//! in clear text. It reads no client identifier, no user, no password, no topic and no payload.
//!
//! ```text
//! kind and flags u8 | remaining length, 7 bits a byte | …
//! CONNECT 10   length u16 "MQTT" or "MQIsdp" | level u8 | flags u8 | …
//! CONNACK 20   flags u8 | reason u8 | …
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, both};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Mqtt,
    transport: Transport::Tcp,
    ports: &[1883],
    first: &[CONNECT],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
/// The longest way to write a length, section 1.5.5.
const LENGTH_BYTES_MAX: usize = 4;
/// A user and a password follow, section 3.1.2.
const FLAG_USER: u8 = 0x80;
const FLAG_PASSWORD: u8 = 0x40;
/// Kind, length, name, level, flags: what is read of a connect packet.
const HEAD_LEN_MAX: usize = 1 + LENGTH_BYTES_MAX + 8 + 2;

/// Version and flags of a connect packet. `Some(None)`: the bytes so far are a beginning.
fn connect(bytes: &[u8]) -> Option<Option<(u8, u8)>> {
    let short = bytes.len() < HEAD_LEN_MAX;
    let undecided = || short.then_some(None);
    let mut reader = Reader(bytes);
    if reader.u8()? != CONNECT {
        return None;
    }
    let mut len_bytes = 0;
    loop {
        let Some(byte) = reader.u8() else {
            return undecided();
        };
        len_bytes += 1;
        match (byte & 0x80, len_bytes) {
            (0, _) => break,
            (_, LENGTH_BYTES_MAX) => return None,
            _ => {}
        }
    }
    let rest = reader.0;
    for (name, levels) in [(&b"\0\x04MQTT"[..], [4, 5]), (&b"\0\x06MQIsdp"[..], [3, 3])] {
        if let Some([level, flags, ..]) = rest.strip_prefix(name) {
            // The last bit is reserved, section 3.1.2.3.
            let is_sound = levels.contains(level) && flags & 1 == 0;
            return is_sound.then_some(Some((*level, *flags)));
        }
        let (head, _) = name.split_at(rest.len().min(name.len()));
        if rest.starts_with(name) || (rest.len() < name.len() && head == rest) {
            return undecided();
        }
    }
    None
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match connect(segment.bytes) {
        Some(Some(_)) => Verdict::Match(Role::Client),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    asked: Option<(u8, u8)>,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.from != Role::Server {
            match connect(segment.bytes) {
                Some(Some(asked)) => self.asked = Some(asked),
                Some(None) if !segment.cut => return Progress::consumed(0),
                _ => {}
            }
            // Only the answer is still of interest.
            return Progress {
                consumed: segment.bytes.len(),
                then: super::Then::DoneDirection,
            };
        }
        let Some([kind, _, _, reason]) = segment.bytes.first_chunk::<4>() else {
            return Progress::consumed(0);
        };
        match self.asked {
            Some((level, flags)) if *kind == CONNACK => {
                emit(Observation::Confirmed);
                let version: &[u8] = match level {
                    3 => b"3.1",
                    4 => b"3.1.1",
                    _ => b"5",
                };
                both(Field::MqttVersion, version, emit);
                if *reason == 0 {
                    let log_on: &[u8] = match flags & (FLAG_USER | FLAG_PASSWORD) {
                        0 => b"none",
                        _ => b"password",
                    };
                    both(Field::MqttLogin, log_on, emit);
                }
            }
            _ => emit(Observation::Malformed),
        }
        Progress::DONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const LOG_ON: &[u8] = b"\x10\x1e\0\x04MQTT\x04\xc2\0\x3c\0\x06CANARY\0\x02me\0\x04word";
    const WELCOME: &[u8] = b"\x20\x02\0\0";

    #[test]
    fn a_log_on_is_told_of_both_and_nobody_s_name() {
        let conversation = [(Role::Client, LOG_ON), (Role::Server, WELCOME)];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "sender mqtt.version=3.1.1",
                "receiver mqtt.version=3.1.1",
                "sender mqtt.login=password",
                "receiver mqtt.login=password"
            ]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn a_refused_log_on_is_none() {
        let refused = [(Role::Client, LOG_ON), (Role::Server, b"\x20\x02\0\x05")];
        assert_eq!(run(&CLASSIFIER, &refused).len(), 3);
        let stranger = [(Role::Client, LOG_ON), (Role::Server, b"HTTP")];
        assert_eq!(run(&CLASSIFIER, &stranger), ["malformed"]);
    }

    #[test]
    fn probes() {
        assert_eq!(
            probe(&CLASSIFIER, LOG_ON, PORTS),
            Verdict::Match(Role::Client)
        );
        assert_eq!(probe(&CLASSIFIER, &LOG_ON[..6], PORTS), Verdict::NeedMore);
        let old = b"\x10\x20\0\x06MQIsdp\x03\x02\0\x3c";
        assert_eq!(probe(&CLASSIFIER, old, PORTS), Verdict::Match(Role::Client));
        for bytes in [
            &b"\x10\x1e\0\x04MQTT\x09\xc2\0"[..],
            b"\x10\x1e\0\x04MQTT\x04\xc3\0",
            b"\x10\xff\xff\xff\xff\x01",
            b"\x10\x1e\0\x05",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
