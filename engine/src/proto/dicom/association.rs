//! What an association's request and answer say: the titles of both ends, their implementations,
//! the contexts that were offered and accepted. It keeps no name from the user identity items.

use std::ops::Range;

use medtap_table::vocabulary::Field;

use super::data_set::Syntax;
use super::pdu::{Associate, Items, item};
use crate::config::DICOM_CONTEXTS_MAX;
use crate::observe::{Emit, Observation, Subject};
use crate::proto::digest::digest;
use crate::proto::kept;
use crate::proto::reported;

/// Length of the longest UID, PS3.5 6.2.
const UID_BYTES_MAX: usize = 64;

/// Titles that tools call when they are told none: an end that answers to one need not bear it.
const ANY_TITLE: &[&[u8]] = &[b"ANY-SCP", b"ANY_SCP", b"ANYSCP", b"ANY"];

/// An AE title without padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Title {
    bytes: [u8; 16],
    len: usize,
}

impl Title {
    /// Reads a padded title; one that is no title (PS3.5 6.2, VR AE) is empty.
    pub fn new(padded: &[u8]) -> Self {
        let mut title = Self::default();
        if let Some(text) = reported::text(padded).filter(|text| is_title(text)) {
            for (to, from) in title.bytes.iter_mut().zip(text) {
                *to = *from;
                title.len += 1;
            }
        }
        title
    }

    /// The title; empty if there is none.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// True for the default repertoire without backslash.
pub fn is_title(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\')
}

/// One presentation context.
#[derive(Clone, Debug)]
struct Context {
    id: u8,
    /// The first context with the same SOP class.
    first: usize,
    /// Where the SOP class stands among [`Association::classes`].
    class: Range<usize>,
    /// Accepted with this syntax, if it is one that is read.
    syntax: Option<Syntax>,
}

/// A bit for each of the contexts, in their order or by their numbers, which are odd.
type Contexts = u128;

const _: () = assert!(DICOM_CONTEXTS_MAX <= Contexts::BITS as usize);

/// What is known of the association of a conversation.
#[derive(Debug, Default)]
pub struct Association {
    /// The title of the one that asked.
    pub calling: Title,
    /// The title that it asked for.
    pub called: Title,
    /// A request was seen and nothing has answered it yet.
    pub pending: bool,
    contexts: Vec<Context>,
    /// What stands for the SOP class of each context.
    digests: Vec<u64>,
    /// SOP classes, one after another.
    classes: Vec<u8>,
    /// Contexts that were offered, by their numbers.
    offered: Contexts,
    /// Contexts whose SOP class was accepted in one of them; of each class the first.
    accepted: Contexts,
    /// The answer was seen: a context that is not accepted is not used.
    answered: bool,
}

impl Association {
    /// Reads a request and says what it says of its sender, but for the titles: they count when
    /// the other end has answered. False if items are broken.
    pub fn request(&mut self, request: &Associate<'_>, emit: Emit<'_>) -> bool {
        *self = Self {
            calling: Title::new(request.calling),
            called: Title::new(request.called),
            pending: true,
            ..Self::default()
        };
        let mut items = request.items;
        let mut sound = true;
        for (kind, content) in items.by_ref() {
            match kind {
                item::APPLICATION => application(content, emit),
                item::CONTEXT_RQ => sound &= self.offer(content, emit),
                item::USER => sound &= user(content, emit),
                _ => {}
            }
        }
        sound && !items.is_broken()
    }

    /// Reads an answer and says what it says of its sender. False if items are broken.
    pub fn answer(&mut self, answer: &Associate<'_>, emit: Emit<'_>) -> bool {
        self.answered = true;
        let mut items = answer.items;
        let mut sound = true;
        for (kind, content) in items.by_ref() {
            match kind {
                item::APPLICATION => application(content, emit),
                item::CONTEXT_AC => sound &= self.accept(content, emit),
                item::USER => sound &= user(content, emit),
                _ => {}
            }
        }
        sound && !items.is_broken()
    }

    /// The transfer syntax of a context; nothing for a context that was not accepted.
    pub fn syntax(&self, id: u8) -> Option<Syntax> {
        if !self.answered {
            return Some(Syntax::Unknown);
        }
        let context = self.contexts.get(self.place(id)?)?;
        context.syntax
    }

    /// The SOP class of a context; empty if it is not known.
    pub fn sop_class(&self, id: u8) -> &[u8] {
        self.place(id).map_or(&[], |at| self.class(at))
    }

    /// One context of a request: `id | 0 | 0 | 0 | items`.
    fn offer(&mut self, content: &[u8], emit: Emit<'_>) -> bool {
        let Some(([id, _, _, _], items)) = content.split_first_chunk::<4>() else {
            return false;
        };
        let mut items = Items::new(items);
        let sop_class = items
            .by_ref()
            .find(|(kind, _)| *kind == item::ABSTRACT_SYNTAX)
            .and_then(|(_, uid)| uid_text(uid));
        let Some(sop_class) = sop_class else {
            return false;
        };
        let bit: Contexts = 1 << (id / 2);
        if id % 2 == 0 || self.offered & bit != 0 || self.contexts.len() >= DICOM_CONTEXTS_MAX {
            return false;
        }
        self.offered |= bit;
        if self.add(*id, sop_class, None) {
            fact(Field::DicomOfferedSopClass, sop_class, emit);
        }
        true
    }

    /// One context of an answer: `id | 0 | result | 0 | items`.
    fn accept(&mut self, content: &[u8], emit: Emit<'_>) -> bool {
        let Some(([id, _, result, _], items)) = content.split_first_chunk::<4>() else {
            return false;
        };
        // Where the result is not acceptance, the syntax says nothing (PS3.8 9.3.3.2).
        if *result != 0 {
            return true;
        }
        let mut items = Items::new(items);
        let syntax = items
            .by_ref()
            .find(|(kind, _)| *kind == item::TRANSFER_SYNTAX)
            .and_then(|(_, uid)| uid_text(uid))
            .and_then(Syntax::of);
        let room = self.contexts.len() < DICOM_CONTEXTS_MAX;
        match self.place(*id) {
            Some(at) => {
                if let Some(context) = self.contexts.get_mut(at) {
                    context.syntax = syntax;
                }
                if self.accept_class(at) {
                    fact(Field::DicomAcceptedSopClass, self.class(at), emit);
                }
            }
            // The request was not seen.
            None if id % 2 == 1 && room => {
                let at = self.contexts.len();
                self.add(*id, &[], syntax);
                self.accept_class(at);
            }
            None => return false,
        }
        true
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.contexts) + kept::list(&self.digests) + kept::list(&self.classes)
    }
}

impl Association {
    /// Where a context stands. They come in the order of their numbers, as a rule.
    fn place(&self, id: u8) -> Option<usize> {
        let usual = usize::from(id / 2);
        let is = |context: &Context| context.id == id;
        match self.contexts.get(usual).is_some_and(is) {
            true => Some(usual),
            false => self.contexts.iter().position(is),
        }
    }

    /// The SOP class of a context.
    fn class(&self, at: usize) -> &[u8] {
        let place = self.contexts.get(at).map(|context| context.class.clone());
        place
            .and_then(|class| self.classes.get(class))
            .unwrap_or_default()
    }

    /// Adds a context; true if no other has its SOP class.
    fn add(&mut self, id: u8, class: &[u8], syntax: Option<Syntax>) -> bool {
        let digest = digest(class);
        let mut same = None;
        // Nearly every class is new, which its digest tells at once; another digest is another's.
        if self.digests.contains(&digest) {
            let mut known = self.digests.iter().enumerate();
            same = known.position(|(at, known)| *known == digest && self.class(at) == class);
        }
        let place = match same.and_then(|at| self.contexts.get(at)) {
            Some(first) => first.class.clone(),
            None => {
                let start = self.classes.len();
                self.classes.extend_from_slice(class);
                start..self.classes.len()
            }
        };
        self.contexts.push(Context {
            id,
            first: same.unwrap_or(self.contexts.len()),
            class: place,
            syntax,
        });
        self.digests.push(digest);
        same.is_none()
    }

    /// Accepts the SOP class of a context; true the first time.
    fn accept_class(&mut self, at: usize) -> bool {
        let first = self.contexts.get(at).map_or(at, |context| context.first);
        let before = self.accepted;
        self.accepted |= 1 << first;
        before != self.accepted
    }
}

/// The title that the called end answered to, if it can be taken for its own.
pub fn called_title(title: &Title) -> Option<&[u8]> {
    let text = title.as_bytes();
    (!text.is_empty() && !ANY_TITLE.contains(&text)).then_some(text)
}

/// The application context: which rules of speaking the sender means.
fn application(content: &[u8], emit: Emit<'_>) {
    if let Some(uid) = uid_text(content) {
        fact(Field::DicomApplicationContext, uid, emit);
    }
}

/// The user information: what implementation the sender is.
fn user(content: &[u8], emit: Emit<'_>) -> bool {
    let mut items = Items::new(content);
    for (kind, content) in items.by_ref() {
        match kind {
            item::MAXIMUM_LENGTH => {
                if let Ok(length) = content.try_into().map(u32::from_be_bytes) {
                    fact(Field::DicomMaximumPdu, length.to_string().as_bytes(), emit);
                }
            }
            item::IMPLEMENTATION_UID => {
                if let Some(uid) = uid_text(content) {
                    fact(Field::DicomImplementationUid, uid, emit);
                }
            }
            item::IMPLEMENTATION_VERSION => {
                if let Some(version) = reported::text(content).filter(|text| is_title(text)) {
                    fact(Field::DicomImplementationVersion, version, emit);
                }
            }
            _ => {}
        }
    }
    !items.is_broken()
}

/// A UID without padding; nothing for text that is none (PS3.5 9.1).
pub fn uid_text(value: &[u8]) -> Option<&[u8]> {
    let uid = reported::trim(value);
    let plausible = uid.len() <= UID_BYTES_MAX
        && uid.first().is_some_and(u8::is_ascii_digit)
        && uid
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    plausible.then_some(uid)
}

/// Says a fact of the sender.
fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject: Subject::Sender,
        field,
        value,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contexts in any order of their numbers; a class counts once, in however many contexts.
    #[test]
    fn contexts_are_found_by_number_and_classes_told_once() {
        let mut association = Association::default();
        let mut said = Vec::new();
        let mut emit = |observation: Observation<'_>| {
            if let Observation::Fact { field, value, .. } = observation {
                said.push((field, String::from_utf8(value.to_vec()).unwrap()));
            }
        };
        let context = |head: [u8; 4], kind: u8, uid: &[u8]| {
            let mut bytes = head.to_vec();
            bytes.extend([kind, 0, 0, uid.len() as u8]);
            bytes.extend(uid);
            bytes
        };
        for (id, class) in [(5, &b"1.2"[..]), (1, b"1.3"), (3, b"1.2")] {
            let content = context([id, 0, 0, 0], item::ABSTRACT_SYNTAX, class);
            assert!(association.offer(&content, &mut emit));
            assert!(!association.offer(&content, &mut emit), "{id} again");
        }
        association.answered = true;
        for id in [3, 5, 1, 7] {
            let content = context([id, 0, 0, 0], item::TRANSFER_SYNTAX, b"1.2.840.10008.1.2");
            assert!(association.accept(&content, &mut emit));
        }
        let classes = [1, 3, 5, 7, 9].map(|id| association.sop_class(id));
        assert_eq!(classes, [&b"1.3"[..], b"1.2", b"1.2", b"", b""]);
        assert!(association.syntax(7).is_some() && association.syntax(9).is_none());
        let (offered, accepted) = (Field::DicomOfferedSopClass, Field::DicomAcceptedSopClass);
        let expected = [
            (offered, "1.2"),
            (offered, "1.3"),
            (accepted, "1.2"),
            (accepted, "1.3"),
        ];
        assert_eq!(said, expected.map(|(field, uid)| (field, uid.to_owned())));
    }

    #[test]
    fn titles() {
        assert_eq!(Title::new(b" CT01           ").as_bytes(), b"CT01");
        assert_eq!(Title::new(b"                ").as_bytes(), b"");
        assert_eq!(Title::new(b"A\\B").as_bytes(), b"");
        assert_eq!(Title::new(b"\0\0\0\0").as_bytes(), b"");
        assert_eq!(called_title(&Title::new(b"ANY-SCP")), None);
    }

    #[test]
    fn uids() {
        assert_eq!(uid_text(b"1.2.840\0"), Some(&b"1.2.840"[..]));
        assert_eq!(uid_text(b"Anna"), None);
        assert_eq!(uid_text(b""), None);
    }
}
