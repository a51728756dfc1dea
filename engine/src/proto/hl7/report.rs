//! What the rows of a message tell of software and devices, and how much of it can be believed. It
//! tells nothing that the rows before it did not keep.

use medtap_table::vocabulary::Event;

use super::equipment::Devices;
use super::known::Known;
use super::repeats::Left;
use super::rows::{Kind, Rows};
use super::software;
use super::syntax::Delimiters;
use super::witness::Witnesses;
use crate::observe::{Emit, Observation, Subject};
use crate::proto::digest::Digest;

/// What can be believed of a message. HL7 has no checksum, and where bytes are missing unseen, the
/// beginning of one field and the end of another are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sure {
    /// Nothing.
    Nothing,
    /// What stands twice in it, or has a form that no rest of another field has.
    Proven,
    /// All: another message said the same.
    Whole,
}

impl Sure {
    /// Where another message said the same or not, and where the end of a message may be missing.
    pub fn of(is_witnessed: bool, is_doubtful: bool) -> Self {
        match (is_witnessed, is_doubtful) {
            (true, _) => Self::Whole,
            (false, false) => Self::Proven,
            (false, true) => Self::Nothing,
        }
    }
}

/// What can be believed of a message that came before.
#[derive(Clone, Copy, Debug)]
pub struct Believed {
    /// Another message said the same of its software.
    software: bool,
    devices: Sure,
    /// What stands for what is said of software and of devices.
    pub words: [u64; 2],
}

impl Believed {
    /// Of a message that leaves this, by the digest of its control id.
    pub fn new(left: &Left, id: u64, witnesses: &mut Witnesses) -> Self {
        let (head, is_result) = (left.known.head, left.known.is_result);
        let mut believed = Self {
            software: false,
            devices: Sure::Nothing,
            words: [0, u64::from(is_result)],
        };
        if let Some((_, rows)) = left.software {
            let digest = software(head, rows);
            believed.software = witnesses.agree(digest, id);
            believed.words[0] = digest ^ u64::from(believed.software);
        }
        if left.has_devices {
            let digest = devices(head, left.digest, is_result);
            believed.devices = Sure::of(witnesses.agree(digest, id), left.is_doubtful);
            believed.words[1] = digest ^ believed.devices as u64;
        }
        believed
    }

    /// Says it; `between` what comes between software and devices.
    pub fn tell(
        &self,
        (left, kept): (&Left, &[u8]),
        between: impl FnOnce(Emit<'_>),
        emit: Emit<'_>,
    ) {
        let Known {
            delimiters,
            is_result,
            ref sender,
            ..
        } = *left.known;
        let mut rows = Rows::default();
        // There was room for them before.
        let _ = rows.push_again(sender) && rows.push_again(kept);
        if left.software.is_some() {
            say_software(&rows, &delimiters, self.software, emit);
        }
        between(emit);
        if left.has_devices {
            say_devices(&rows, &delimiters, (is_result, self.devices), emit);
        } else if is_result {
            say_result(emit);
        }
    }
}

/// What stands for all that rows with this digest tell of the software of this sender.
pub fn software(head: u64, rows: u64) -> u64 {
    Digest::default().words(&[head, rows]).finish()
}

/// What stands for all that they tell of devices.
pub fn devices(head: u64, rows: u64, is_result: bool) -> u64 {
    let kind = 1 + u64::from(is_result);
    Digest::default().words(&[head, rows, kind]).finish()
}

/// Says what rows tell of the sender's software.
pub fn say_software(rows: &Rows, delimiters: &Delimiters, sure: bool, emit: Emit<'_>) {
    for (kind, fields) in rows.iter() {
        if kind == Kind::Software {
            software::say(delimiters, &fields, sure, emit);
        }
    }
}

/// Says what rows tell of devices; of a result or not, and how much of it can be believed.
pub fn say_devices(
    rows: &Rows,
    delimiters: &Delimiters,
    (is_result, sure): (bool, Sure),
    emit: Emit<'_>,
) {
    let mut devices = Devices::default();
    devices.read(delimiters, rows);
    devices.emit(is_result, sure, emit);
}

/// A result of no device is the sender's own.
pub fn say_result(emit: Emit<'_>) {
    emit(Observation::Event {
        subject: Subject::Sender,
        event: Event::Hl7Result,
    });
}
