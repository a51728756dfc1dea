//! Masimo pulse oximeters in their serial text format ("ASCII 1") through a terminal server: the
//! serial number. All else in a line is a patient's, and is stepped over.
//!
//! The oximeter is a device that the terminal server reports: the address is the server's.
//!
//! A line: `MM/DD/YY HH:MM:SS SN=<serial> SPO2=…`, once a second, unasked.

use medtap_table::vocabulary::{Field, Protocol};

use super::reported::{Identifier, is_placeholder};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::MASIMO_LINE_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol. Terminal servers are set up with any port.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Masimo,
    transport: Transport::Tcp,
    ports: &[],
    first: b"0123456789",
    marks: &[],
    probe,
    session: || Box::new(Line::default()),
};

/// How a line begins; `0` stands for a digit.
const START: &[u8] = b"00/00/00 00:00:00 SN=";

/// What follows the serial number.
const AFTER: &[u8] = b" SPO2=";

/// Serial numbers are as long as this, at most.
const SERIAL_BYTES_MAX: usize = 16;

/// Lines of one serial number before it is believed: nobody answers them.
const REPEATS: u8 = 2;

/// Does the line begin like one, as far as it goes?
fn begins(line: &[u8]) -> bool {
    line.iter().zip(START).all(|(byte, known)| match known {
        b'0' => byte.is_ascii_digit(),
        known => byte == known,
    })
}

/// The serial number of a line.
fn serial(line: &[u8]) -> Option<&[u8]> {
    if !begins(line) {
        return None;
    }
    let rest = line.get(START.len()..)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
    let (serial, rest) = rest.split_at(end);
    let sound = (4..=SERIAL_BYTES_MAX).contains(&end) && rest.starts_with(AFTER);
    sound.then_some(serial)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    match () {
        () if serial(bytes).is_some() => Verdict::Match(segment.from),
        () if begins(bytes) && bytes.len() < START.len() + SERIAL_BYTES_MAX + AFTER.len() => {
            match segment.cut {
                true => Verdict::Reject,
                false => Verdict::NeedMore,
            }
        }
        () => Verdict::Reject,
    }
}

/// An oximeter that speaks.
#[derive(Default)]
struct Line {
    serial: Vec<u8>,
    repeats: u8,
}

impl Session for Line {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let bytes = segment.bytes;
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            let too_long = bytes.len() >= MASIMO_LINE_BYTES_MAX;
            return Progress::consumed(if too_long { bytes.len() } else { 0 });
        };
        if let Some(serial) = bytes.get(..end).and_then(serial) {
            self.line(serial, emit);
        }
        Progress::consumed(end + 1)
    }

    /// The next line begins after the next line feed.
    fn gap(&mut self, _from: Role, _missing: u64) -> bool {
        true
    }
}

impl Line {
    fn line(&mut self, serial: &[u8], emit: Emit<'_>) {
        if self.serial == serial {
            self.repeats = self.repeats.saturating_add(1);
            if self.repeats == REPEATS {
                emit(Observation::Confirmed);
            }
            return;
        }
        self.serial = serial.to_vec();
        self.repeats = 1;
        let identifier = Identifier::new(b"masimo").part(serial).finish();
        let Some(identifier) = identifier.filter(|_| !is_placeholder(serial)) else {
            return;
        };
        for (field, value) in [
            (Field::MasimoRole, &b"oximeter"[..]),
            (Field::MasimoSerial, serial),
        ] {
            emit(Observation::Fact {
                subject: Subject::Reported(&identifier),
                field,
                value,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::driver;

    const LINE: &[u8] = b"01/02/26 10:11:12 SN=0000098765 SPO2=098% BPM=072% PI=02.60% SPCO=--.-% \
        SPMET=--.-% DESAT=-- PIDELTA=+-- PVI=--- ALARM=0000 EXC=000000\r\n";

    #[test]
    fn an_oximeter_says_its_number() {
        let conversation = [
            (Role::Server, LINE),
            (Role::Server, LINE),
            (Role::Server, LINE),
        ];
        driver::check_cuts(&CLASSIFIER, &conversation);
        assert_eq!(
            driver::run(&CLASSIFIER, &conversation),
            [
                "reported masimo.role=oximeter",
                "reported masimo.serial_number=0000098765",
                "confirmed",
            ]
        );
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let probe = |bytes: &[u8]| driver::probe(&CLASSIFIER, bytes, driver::PORTS);
        assert_eq!(probe(LINE), Verdict::Match(Role::Peer));
        assert_eq!(probe(&LINE[..30]), Verdict::NeedMore);
        for bytes in [
            &b"01/02/26 10:11:12 error SN=1"[..],
            b"200 OK",
            b"01/02/26 10:11:12 SN=12 SPO2=098% BPM=072% PI",
            b"01/02/26 10:11:12 SN=123456 BPM=1 and more of it",
        ] {
            assert_eq!(probe(bytes), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_line() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|input: &[u8]| driver::check_any(&CLASSIFIER, input, 2 * 1024));
    }
}
