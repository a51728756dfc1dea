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
}

impl Believed {
    /// Of a message that leaves this, by the digest of its control id.
    pub fn new(left: &Left, id: u64, witnesses: &mut Witnesses) -> Self {
        let mut is_witnessed =
            |digest: Option<u64>| digest.is_some_and(|digest| witnesses.agree(digest, id));
        Self {
            software: is_witnessed(left.software),
            devices: Sure::of(is_witnessed(left.devices), left.is_doubtful),
        }
    }

    /// All of it in four bits.
    pub fn bits(self) -> u8 {
        u8::from(self.software) << 3 | self.devices as u8
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
        if left.devices.is_some() {
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
