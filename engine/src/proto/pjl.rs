//! PJL, the job language of printers (port 9100): a printer's own name where it is asked for. It
//! reads no job, no name of one, no user, no password and no page.
//!
//! ```text
//! ESC %-12345X | @PJL command CR LF | …          an answer: @PJL command CR LF | text CR LF | FF
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::LINE_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Pjl,
    transport: Transport::Tcp,
    ports: &[9100],
    first: b"\x1b@",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// "Universal exit language".
const EXIT: &[u8] = b"\x1b%-12345X";
const COMMAND: &[u8] = b"@PJL";
/// Where nothing is left to be exited, some begin with a command.
const ALONE: &[u8] = b"@PJL ";
const IDENTITY: &[u8] = b"@PJL INFO ID";

fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    let rest = bytes.strip_prefix(EXIT).map(|mut rest| {
        // Some send it twice, some a blank line.
        while let Some(after) = rest.strip_prefix(EXIT) {
            rest = after;
        }
        rest.trim_ascii_start()
    });
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    match rest {
        Some(rest) if rest.starts_with(COMMAND) => Verdict::Match(Role::Client),
        Some(rest) if COMMAND.starts_with(rest) || EXIT.starts_with(rest) => undecided,
        None if bytes.starts_with(ALONE) => Verdict::Match(Role::Client),
        None if EXIT.starts_with(bytes) || ALONE.starts_with(bytes) => undecided,
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    asked: bool,
    confirmed: bool,
    /// The next line is the printer's name.
    is_name: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.from != Role::Server {
            // A job may be long, and is nobody's business.
            self.asked = true;
            return Progress {
                consumed: segment.bytes.len(),
                then: Then::DoneDirection,
            };
        }
        let Some(end) = segment.bytes.iter().position(|byte| *byte == b'\n') else {
            return match segment.bytes.len() > LINE_BYTES_MAX {
                true => Progress::DONE,
                false => Progress::consumed(0),
            };
        };
        let line = segment.bytes.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.strip_prefix(b"\x0c").unwrap_or(line);
        if line.starts_with(COMMAND) {
            if self.asked && !self.confirmed {
                self.confirmed = true;
                emit(Observation::Confirmed);
            }
            self.is_name = line.trim_ascii_end() == IDENTITY;
        } else if std::mem::take(&mut self.is_name) {
            let name = line.trim_ascii();
            let name = name.strip_prefix(b"\"").unwrap_or(name);
            let name = name.strip_suffix(b"\"").unwrap_or(name);
            if let Some(name) = printable(name) {
                says(Field::PjlId, name, emit);
            }
        }
        Progress::consumed(end + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x1b%-12345X@PJL INFO ID\r\n@PJL SET JOBNAME=\"CANARY\"\r\n";
    const ANSWER: &[u8] =
        b"@PJL INFO ID\r\n\"INKJOY LaserStar 400\"\r\n\x0c@PJL USTATUS\r\nCANARY\r\n";

    #[test]
    fn a_printer_says_its_name() {
        let talk = [(Role::Client, ASK), (Role::Server, ANSWER)];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            ["confirmed", "sender pjl.id=INKJOY LaserStar 400"]
        );
        check_cuts(&CLASSIFIER, &talk);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, ASK, ports), client);
        let twice = [EXIT, EXIT, b"\r\n@PJL"].concat();
        assert_eq!(probe(&CLASSIFIER, &twice, ports), client);
        assert_eq!(probe(&CLASSIFIER, &ASK[..11], ports), Verdict::NeedMore);
        let alone = b"@PJL INFO STATUS\r\n";
        assert_eq!(probe(&CLASSIFIER, alone, ports), client);
        assert_eq!(probe(&CLASSIFIER, &alone[..4], ports), Verdict::NeedMore);
        for bytes in [&b"\x1b%-12345X%!PS"[..], b"\x1bE\x1b&l0O", b"@PJLX"] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
