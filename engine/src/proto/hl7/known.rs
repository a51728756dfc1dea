//! A message header that came before, and what it means: one that differs from it only in its time,
//! its control id and its sequence number says the same. It keeps digests, and of the fields those
//! that name the sender; never one that is new each time.

use medtap_table::vocabulary::Event;

use super::forms::Form;
use super::header::{Header, MessageCode};
use super::rows::{Kind, Rows};
use super::syntax::Delimiters;
use crate::observe::{Emit, Observation, Subject};
use crate::proto::digest::{Digest, digest};

/// What a header means, and its form.
#[derive(Debug)]
pub struct Known {
    /// What stays in it.
    pub form: Form,
    /// Its separators.
    pub delimiters: Delimiters,
    /// MSH-9.1.
    pub code: Option<MessageCode>,
    /// Type, processing id and version stand where they belong.
    pub is_sound: bool,
    /// Its version has OBX-18.
    pub names_devices: bool,
    /// The message is a result.
    pub is_result: bool,
    /// Of MSH-3.
    pub application: u64,
    /// Of all that is said of it.
    pub said: u64,
    /// Of the separators and the names by which the sender goes.
    pub head: u64,
    /// By what names the sender goes, as a row.
    pub sender: Box<[u8]>,
}

impl Known {
    /// Where MSH-7, the time, stands among the fields.
    pub const TIME: usize = 6;
    /// Where MSH-10, the control id, stands.
    pub const ID: usize = 9;
    /// What is new each time: these, and MSH-13, the sequence number.
    pub const NEW_EACH_TIME: &[usize] = &[Self::TIME, Self::ID, 12];

    /// Reads a header, its time and its control id.
    pub fn read(segment: &[u8]) -> Option<(Self, &[u8], &[u8])> {
        let delimiters = Delimiters::parse(segment).flatten()?;
        let header = Header::read(&delimiters, segment);
        let mut sender = Rows::default();
        let names = [2, 3, 5].map(|at| delimiters.component(header.fields[at], 1));
        if !sender.push(Kind::Sender, &names) {
            return None;
        }
        let head = Digest::default().part(&delimiters.bytes());
        let known = Self {
            form: Form::new(segment, delimiters.field, Self::NEW_EACH_TIME)?,
            delimiters,
            code: header.code,
            is_sound: header.is_sound(),
            names_devices: header.has_instances(),
            is_result: header.is_result(),
            application: digest(header.fields[2]),
            said: header.digest(),
            head: head.part(sender.bytes()).finish(),
            sender: sender.bytes().into(),
        };
        Some((known, header.fields[Self::TIME], header.fields[Self::ID]))
    }

    /// True for an acknowledgement alone.
    pub fn acknowledges(&self) -> bool {
        self.code == Some(MessageCode(*b"ack"))
    }

    /// Says what a sound header says. `echoed`: the sender's names are the other end's.
    pub fn tell(&self, segment: &[u8], echoed: bool, emit: Emit<'_>) {
        let header = Header::read(&self.delimiters, segment);
        header.ends(echoed, emit);
        if !self.acknowledges() {
            header.kind(emit);
            emit(Observation::Event {
                subject: Subject::Sender,
                event: Event::Hl7Message,
            });
        }
    }

    /// Bytes that it takes where it is shared.
    pub fn kept_bytes(&self) -> usize {
        size_of::<Self>() + self.sender.len()
    }
}
