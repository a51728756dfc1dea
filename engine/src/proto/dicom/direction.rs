//! One direction of a DICOM conversation: where in its stream the next byte is, the message under
//! way, the requests that wait for answers. It says nothing: the session does.

use super::command::{Command, Status};
use super::data_set::DataSet;
use super::equipment::Kind;
use super::pdu::{ASSOCIATE_FIXED_LEN, PDU_HEADER_LEN, PDV_HEADER_LEN, Pdu, Pdv, SHORT_LEN, kind};
use super::service::Service;
use crate::config::{DICOM_ASSOCIATION_BYTES_MAX, DICOM_REQUESTS_MAX};
use crate::observe::Fault;
use crate::proto::kept;

/// Bytes that prove that a PDU with a command set begins: up to the command field.
const RESYNC_BYTES: usize = 128;

/// Where in a direction's stream the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// At a PDU's header.
    Pdu,
    /// At a PDV's header, with this much of the PDU left.
    Pdv { pdu_left: u64 },
    /// In a fragment: what is left of it, and of the PDU after it.
    Fragment { pdv: Pdv, left: u64, pdu_left: u64 },
    /// Nowhere known: a command's PDU is looked for.
    Lost,
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub id: u16,
    pub command: u16,
    pub service: Service,
}

/// One direction of the conversation.
#[derive(Default)]
pub struct Direction {
    pub state: Option<State>,
    /// The command set so far.
    pub command: Vec<u8>,
    /// A part of the command set under way was lost: what is left of it is none.
    pub command_is_broken: bool,
    /// The data set that is read, if its equipment is wanted and has not passed.
    pub data: Option<Box<DataSet>>,
    /// What the data set to come is for: its kind, and whether an N-CREATE brings it.
    pub expected: Option<(Kind, bool)>,
    /// Requests sent and not answered, oldest first.
    pub requests: Vec<Request>,
    /// Bytes that were shown and not consumed.
    pub held: u64,
    pub resyncs: u8,
    /// Bytes of it were lost since the last command: where it contradicts itself, it may be read at
    /// a wrong place.
    pub has_holes: bool,
}

/// What to do after a step.
pub enum Step {
    /// So many bytes are used; go on.
    Used(usize),
    /// More bytes are needed.
    Wait,
    /// All bytes are used, and so many after them are of no use.
    Skip(u64),
    /// The place is lost, for this reason where it is more than the structure.
    Lost(Option<Fault>),
}

impl Direction {
    /// Gives up the message under way.
    pub fn forget_message(&mut self) {
        self.command.clear();
        self.data = None;
        self.expected = None;
    }

    /// The place in the stream is not known any more.
    pub fn lose(&mut self) {
        self.forget_message();
        self.state = Some(State::Lost);
    }

    /// Bytes are missing here.
    pub fn hole(&mut self) {
        self.has_holes = true;
        self.command_is_broken = match self.state {
            // The rest of this fragment is stepped over, and with the last one the command ends.
            Some(State::Fragment { pdv, .. }) if pdv.command => !pdv.last,
            _ => self.command_is_broken || !self.command.is_empty(),
        };
    }

    /// Steps over what is left of a PDU, and gives up the message that it belongs to.
    pub fn discard(&mut self, pdu_left: u64) {
        self.forget_message();
        let pdv = Pdv {
            len: 0,
            context: 0,
            command: false,
            last: false,
        };
        self.state = Some(State::Fragment {
            pdv,
            left: pdu_left,
            pdu_left: 0,
        });
    }

    /// Remembers a request; one with the same number is over.
    pub fn asks(&mut self, request: Request) {
        self.requests.retain(|known| known.id != request.id);
        if self.requests.len() >= DICOM_REQUESTS_MAX {
            self.requests.remove(0);
        }
        self.requests.push(request);
    }

    /// Takes the request that an answer is for. One with more answers to come stays.
    pub fn answered(&mut self, command: &Command<'_>) -> Option<Request> {
        let at = self
            .requests
            .iter()
            .position(|request| request.id == command.message_id)?;
        let request = *self.requests.get(at)?;
        if request.command != command.field {
            return None;
        }
        if command.status != Status::Pending {
            self.requests.remove(at);
        }
        Some(request)
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let data = self.data.as_deref();
        kept::list(&self.command)
            + kept::list(&self.requests)
            + data.map_or(0, |data| size_of_val(data) + data.kept_bytes())
    }
}

impl Direction {
    /// A new association on the same connection: what was before is over.
    pub fn kept_state(old: &mut Self) -> Self {
        Self {
            state: old.state,
            held: old.held,
            resyncs: old.resyncs,
            has_holes: old.has_holes,
            ..Self::default()
        }
    }

    /// Looks for a PDU that begins with a command set.
    pub fn search(&mut self, rest: &[u8]) -> Step {
        for at in 0..rest.len() {
            let here = rest.get(at..).unwrap_or_default();
            if here.first() != Some(&kind::DATA) {
                continue;
            }
            // No more than it waits for: what proves it is the same wherever the stream was cut.
            match super::command_pdu(here.get(..RESYNC_BYTES).unwrap_or(here)) {
                Some(Some(_)) => {
                    self.state = Some(State::Pdu);
                    self.command_is_broken = false;
                    return Step::Used(at);
                }
                Some(None) => {}
                // It could still be one; what is before it is none.
                None if here.len() < RESYNC_BYTES && at == 0 => return Step::Wait,
                None if here.len() < RESYNC_BYTES => return Step::Used(at),
                None => {}
            }
        }
        if rest.is_empty() {
            Step::Wait
        } else {
            Step::Used(rest.len())
        }
    }
}

/// True for a header of a PDU of bounded length.
pub fn is_plausible(pdu: Pdu) -> bool {
    match pdu.kind {
        kind::ASSOCIATE_RQ | kind::ASSOCIATE_AC => {
            (ASSOCIATE_FIXED_LEN..=DICOM_ASSOCIATION_BYTES_MAX).contains(&(pdu.len as usize))
        }
        kind::ASSOCIATE_RJ | kind::RELEASE_RQ | kind::RELEASE_RP | kind::ABORT => {
            pdu.len == SHORT_LEN
        }
        _ => false,
    }
}

/// Whether a direction's first bytes begin a PDU; nothing while they could.
pub fn starts_pdu(bytes: &[u8]) -> Option<bool> {
    let pdu = Pdu::parse(bytes)?;
    if pdu.kind != kind::DATA {
        return Some(is_plausible(pdu));
    }
    let pdv = Pdv::parse(bytes.get(PDU_HEADER_LEN..)?)?;
    Some(pdv.is_some_and(|pdv| u64::from(pdv.len) + PDV_HEADER_LEN as u64 <= u64::from(pdu.len)))
}
