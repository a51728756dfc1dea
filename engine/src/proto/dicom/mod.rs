//! DICOM over TCP: the upper layer (PS3.8), commands (PS3.7) and the equipment in data sets
//! (PS3.3, PS3.5). It never reads a patient's, a study's or a user's elements, nor pixels.
//!
//! What it says, and of whom:
//!
//! * of both ends: AE title, implementation, largest PDU, SOP classes (offered, accepted, used),
//!   and roles such as `storage_scu`, `worklist_scp` or `forwarder`, by what was done;
//! * of the machine that a data set describes, as a reported device: see `equipment`;
//! * events: each belongs to the end that asked, also where the other's answer tells of it (an
//!   association, a rejection, a failure); an abort belongs to the end that aborts; what a document
//!   tells of an examination belongs to the machine that made the document: see `document`.

mod association;
mod command;
pub(super) mod data_set;
mod direction;
pub(super) mod document;
pub(super) mod equipment;
mod pdu;
mod service;
mod session;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::Protocol;

use super::{Classifier, Segment, Transport, Verdict};
use crate::config::DICOM_ASSOCIATION_BYTES_MAX;
use crate::observe::Role;
use pdu::{
    APPLICATION_CONTEXT, ASSOCIATE_FIXED_LEN, PDU_HEADER_LEN, PDV_HEADER_LEN, Pdu, Pdv, SHORT_LEN,
    item, kind,
};

/// The row of this protocol. 104 and 11112 are registered, 4242 and 4006 are usual.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Dicom,
    transport: Transport::Tcp,
    ports: &[104, 11112, 4242, 4006],
    first: &[
        kind::ASSOCIATE_RQ,
        kind::ASSOCIATE_AC,
        kind::ASSOCIATE_RJ,
        kind::DATA,
    ],
    marks: &[],
    probe,
    session: || Box::new(session::DicomSession::default()),
};

/// Whose first bytes these are: an association's request or answer, or, where the capture begins
/// later, data that begin with a command set.
fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    let verdict = match bytes.first() {
        Some(&(kind::ASSOCIATE_RQ | kind::ASSOCIATE_AC)) => associate(bytes),
        Some(&kind::ASSOCIATE_RJ) => reject(bytes),
        Some(&kind::DATA) => match command_pdu(bytes) {
            None => Verdict::NeedMore,
            Some(None) => Verdict::Reject,
            Some(Some(field)) if field & command::RESPONSE != 0 => Verdict::Match(Role::Server),
            Some(Some(_)) => Verdict::Match(Role::Client),
        },
        Some(_) => Verdict::Reject,
        None => Verdict::NeedMore,
    };
    if segment.cut && verdict == Verdict::NeedMore {
        Verdict::Reject
    } else {
        verdict
    }
}

/// An association request or answer: its length, version 1, titles in the default repertoire (an
/// answer's are not to be tested, PS3.8 9.3.3), an item; the application context's UID where it
/// comes first, as it does.
fn associate(bytes: &[u8]) -> Verdict {
    let Some(pdu) = Pdu::parse(bytes) else {
        return Verdict::NeedMore;
    };
    let len = pdu.len as usize;
    if !(ASSOCIATE_FIXED_LEN + 4..=DICOM_ASSOCIATION_BYTES_MAX).contains(&len) {
        return Verdict::Reject;
    }
    let body = bytes.get(PDU_HEADER_LEN..).unwrap_or_default();
    if let Some([_, version, r0, r1]) = body.first_chunk()
        && (version & 1 == 0 || [*r0, *r1] != [0, 0])
    {
        return Verdict::Reject;
    }
    let request = pdu.kind == kind::ASSOCIATE_RQ;
    let title = |byte: &u8| matches!(byte, 0 | b' '..=b'~');
    let titles = body.get(4..body.len().min(36)).unwrap_or_default();
    if request && !titles.iter().all(title) {
        return Verdict::Reject;
    }
    let Some(([item, reserved, high, low], content)) = body
        .get(ASSOCIATE_FIXED_LEN..)
        .and_then(|items| items.split_first_chunk::<4>())
    else {
        return Verdict::NeedMore;
    };
    let item_len = usize::from(u16::from_be_bytes([*high, *low]));
    if *reserved != 0 || ASSOCIATE_FIXED_LEN + 4 + item_len > len {
        return Verdict::Reject;
    }
    let role = if request { Role::Client } else { Role::Server };
    match *item {
        item::APPLICATION => {
            let seen = content.len().min(APPLICATION_CONTEXT.len());
            if item_len < APPLICATION_CONTEXT.len()
                || content.get(..seen) != APPLICATION_CONTEXT.get(..seen)
            {
                Verdict::Reject
            } else if seen < APPLICATION_CONTEXT.len() {
                Verdict::NeedMore
            } else {
                Verdict::Match(role)
            }
        }
        item::CONTEXT_RQ if request => Verdict::Match(role),
        item::CONTEXT_AC if !request => Verdict::Match(role),
        item::USER => Verdict::Match(role),
        _ => Verdict::Reject,
    }
}

/// A rejection: `03 00 00000004 00 result source reason`.
fn reject(bytes: &[u8]) -> Verdict {
    const START: [u8; 7] = [kind::ASSOCIATE_RJ, 0, 0, 0, 0, SHORT_LEN as u8, 0];
    let seen = bytes.len().min(START.len());
    if bytes.get(..seen) != START.get(..seen) {
        return Verdict::Reject;
    }
    match bytes.get(START.len()..) {
        Some([1..=2, 1..=3, 0..=10]) => Verdict::Match(Role::Server),
        Some(rest) if rest.len() >= 3 => Verdict::Reject,
        _ => Verdict::NeedMore,
    }
}

/// The command field of a data PDU that begins with a command set: `None` while it has not come,
/// `Some(None)` for anything else. Chance does not make one: type, two lengths that agree, an odd
/// context, the control bits, and a group length that fits both.
fn command_pdu(bytes: &[u8]) -> Option<Option<u16>> {
    if bytes.first() != Some(&kind::DATA) {
        return Some(None);
    }
    // The reserved byte and the length's first are zero in all that speak it: 16 MiB is no PDU.
    if bytes.iter().skip(1).take(2).any(|byte| *byte != 0) {
        return Some(None);
    }
    let pdu = Pdu::parse(bytes)?;
    let Some(pdv) = Pdv::parse(bytes.get(PDU_HEADER_LEN..)?)? else {
        return Some(None);
    };
    if !pdv.command || u64::from(pdv.len) + PDV_HEADER_LEN as u64 > u64::from(pdu.len) {
        return Some(None);
    }
    let fragment = bytes.get(PDU_HEADER_LEN + PDV_HEADER_LEN..)?;
    command::peek(fragment, pdv.len, pdv.last)
}
