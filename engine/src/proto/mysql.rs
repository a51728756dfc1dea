//! MySQL and MariaDB (the client/server protocol's version 10; port 3306): the version that a
//! server greets with. It reads no user, no password and no query.
//!
//! ```text
//! length u24 (LE) | sequence u8 | 10 u8 | version, 0 | thread u32 | salt 8 | 0 | capabilities …
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Mysql,
    transport: Transport::Tcp,
    ports: &[3306],
    first: &LENGTHS,
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const HEADER_LEN: usize = 4;
const VERSION_10: u8 = 10;
/// The shortest greeting, of version 3.23, and the longest: a version, a salt, a plug-in's name.
const GREETING_BYTES: std::ops::RangeInclusive<usize> = 0x26..=0x9f;
/// The first byte is the length's.
const LENGTHS: [u8; 0x9f - 0x26 + 1] = {
    let mut lengths = [0; 0x9f - 0x26 + 1];
    let mut at = 0;
    while at < lengths.len() {
        lengths[at] = 0x26 + at as u8;
        at += 1;
    }
    lengths
};
/// Thread, salt, 0, capabilities.
const TAIL_LEN_MIN: usize = 4 + 8 + 1 + 2;

/// The version in a greeting. `Some(None)`: the bytes so far are a beginning.
fn greeting(bytes: &[u8]) -> Option<Option<&[u8]>> {
    let [a, b, c, sequence, protocol] = *bytes.first_chunk::<5>()?;
    let len = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
    let is_first = sequence == 0 && protocol == VERSION_10;
    if !is_first || !GREETING_BYTES.contains(&len) {
        return None;
    }
    let body = bytes.get(HEADER_LEN + 1..)?;
    let Some(end) = body.iter().position(|byte| *byte == 0) else {
        let is_text = body.iter().all(u8::is_ascii_graphic);
        return (is_text && body.len() < len).then_some(None);
    };
    let (version, tail) = body.split_at_checked(end)?;
    let is_version =
        version.first().is_some_and(u8::is_ascii_digit) && version.iter().all(u8::is_ascii_graphic);
    let Some(zero) = tail.get(TAIL_LEN_MIN - 2) else {
        return (is_version && bytes.len() < HEADER_LEN + len).then_some(None);
    };
    (is_version && *zero == 0).then_some(Some(version))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match greeting(segment.bytes) {
        Some(Some(_)) => Verdict::Match(Role::Server),
        Some(None) if !segment.cut => Verdict::NeedMore,
        None if segment.bytes.len() < HEADER_LEN + 1
            && segment.from == Role::Server
            && !segment.cut =>
        {
            Verdict::NeedMore
        }
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    greeted: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.from == Role::Client {
            // A client's answer has the next number.
            return match segment.bytes.first_chunk::<HEADER_LEN>() {
                None => Progress::consumed(0),
                Some([.., 1]) if self.greeted => {
                    emit(Observation::Confirmed);
                    Progress::DONE
                }
                Some(_) => Progress::DONE,
            };
        }
        match greeting(segment.bytes) {
            Some(Some(version)) => {
                self.greeted = true;
                if let Some(value) = printable(version) {
                    says(Field::MysqlVersion, value, emit);
                }
                Progress {
                    consumed: segment.bytes.len(),
                    then: Then::DoneDirection,
                }
            }
            Some(None) => Progress::consumed(0),
            None if segment.bytes.len() < HEADER_LEN + 1 => Progress::consumed(0),
            None => {
                emit(Observation::Malformed);
                Progress::DONE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const GREETING: &[u8] = b"\x3a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0\x07\0\0\0saltsalt\0\xfe\xf7\
        \x2d\x02\0";
    const ANSWER: &[u8] = b"\x20\0\0\x01CANARY";

    fn probe(bytes: &[u8]) -> Verdict {
        super::super::driver::probe(&CLASSIFIER, bytes, (3306, 50_000))
    }

    #[test]
    fn a_server_tells_its_version_and_no_user() {
        let conversation = [(Role::Server, GREETING), (Role::Client, ANSWER)];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            ["sender mysql.version=5.5.5-10.11.6-MariaDB", "confirmed"]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn probes() {
        assert_eq!(probe(GREETING), Verdict::Match(Role::Server));
        assert_eq!(probe(&GREETING[..12]), Verdict::NeedMore);
        for bytes in [
            &b"\x3a\0\0\x01\x0a5.5\0"[..],
            b"\x3a\0\0\0\x0anone\0\x07\0\0\0saltsalt\0\xfe\xf7",
            b"\x3a\0\0\0\x0a5.5\0\x07\0\0\0saltsalt\x01\xfe\xf7",
            b"\xff\xff\xff\0\x0a5.5",
        ] {
            assert_eq!(probe(bytes), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
