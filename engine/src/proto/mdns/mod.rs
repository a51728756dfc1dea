//! Multicast DNS, [RFC 6762](https://www.rfc-editor.org/rfc/rfc6762), and its service discovery,
//! RFC 6763: a host's own name and what it offers. It believes answers from port 5353 alone,
//! nothing of one who speaks for several hosts, and emits no name that a person gave a thing
//! unless the thing prints or scans.

pub mod text;

use medtap_table::vocabulary::{Field, Protocol};

use self::text::{Family, Text, family};
use super::dns::message::{
    CLASS_IN, Extent, FNV_START, Item, Message, Name, Record, Section, TYPE_A, TYPE_AAAA, TYPE_PTR,
    TYPE_SRV, TYPE_TXT, fnv,
};
use super::stack_text::{StackText, printable};
use super::{ANY, Classifier, Mark, Progress, Segment, Session, Transport, Verdict};
use crate::config::{MDNS_BYTES_MAX, MDNS_SERVICES_MAX};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Mdns,
    transport: Transport::Udp,
    ports: &[PORT],
    first: ANY,
    marks: &[Mark::Port],
    probe,
    session: || Box::new(Responder::default()),
};

/// The port that makes DNS multicast DNS, RFC 6762 section 3.
const PORT: u16 = 5353;

/// "This is all there is" on a record, "answer to me alone" on a question, RFC 6762 section 18.
const TOP_BIT: u16 = 0x8000;

/// Any class, RFC 1035 section 3.2.5.
const CLASS_ANY: u16 = 255;

/// A service's two labels, such as `_ipp._tcp`, in bytes (RFC 6335: 15 and the underscore; some
/// use more).
const SERVICE_LEN_MAX: usize = 40;

/// The message, if all of it has the form of this protocol. Everything else that has the form
/// of DNS uses another port, so here alone the port is part of the proof.
fn read<'a>(segment: &Segment<'a>) -> Option<Message<'a>> {
    let ports = segment.ports.0 == PORT || segment.ports.1 == PORT;
    if !ports || segment.bytes.len() > MDNS_BYTES_MAX {
        return None;
    }
    let message = Message::parse(segment.bytes)?;
    // Operation and result are zero, RFC 6762 sections 18.3 and 18.11.
    if message.opcode() != 0 || message.rcode() != 0 || message.counts() == [0; 4] {
        return None;
    }
    match message.check().ok()? {
        Extent::Whole(end) if end == segment.bytes.len() => {}
        Extent::Short(whole) if segment.cut && whole > 0 => {}
        _ => return None,
    }
    let class = match message.items().next()?.ok()? {
        Item::Question(question) => question.class,
        Item::Record(record) => record.class,
    };
    matches!(class & !TOP_BIT, CLASS_IN | CLASS_ANY).then_some(message)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment) {
        Some(_) => Verdict::Match(Role::Peer),
        None => Verdict::Reject,
    }
}

/// One speaker. Names are kept as their hashes.
#[derive(Default)]
struct Responder {
    confirmed: bool,
    /// The only host that it has named so far.
    host: Option<u64>,
    /// It named a second: it passes on what others say, or answers for those asleep. What it
    /// says is no longer taken for its own.
    speaks_for_others: bool,
}

impl Session for Responder {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match read(segment) {
            // An answer from another port is to be ignored, RFC 6762 section 6.
            Some(message) if message.is_response() && segment.ports.0 == PORT => {
                if !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                self.answer(&message, emit);
            }
            // What a host asks for, or knows from others, says nothing of itself.
            Some(_) => {}
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

/// The records of an answer that hold: not those that are being taken back.
fn standing<'a>(message: &Message<'a>) -> impl Iterator<Item = Record<'a>> + use<'a> {
    message.records().filter(|record| {
        record.section != Section::Authority
            && record.ttl > 0
            && record.class & !TOP_BIT == CLASS_IN
    })
}

/// The host's own label, if the record says that a name under `.local` has an address, and has
/// it alone.
fn host_label<'a>(record: &Record<'a>) -> Option<&'a [u8]> {
    let address = matches!(
        (record.kind, record.data.len()),
        (TYPE_A, 4) | (TYPE_AAAA, 16)
    );
    let [label, local] = record.name.parts()?;
    (address && record.class & TOP_BIT != 0 && local.eq_ignore_ascii_case(b"local"))
        .then_some(label)
}

/// A service instance and its host, both hashed.
type Offer = (u64, u64);

impl Responder {
    fn answer(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        let named = standing(message).find_map(|record| {
            let label = host_label(&record)?;
            Some((label, record.name.hash()))
        });
        for record in standing(message) {
            if host_label(&record).is_some() {
                let host = record.name.hash();
                self.speaks_for_others |= *self.host.get_or_insert(host) != host;
            }
        }
        if self.speaks_for_others {
            return;
        }
        if let Some(label) = named.and_then(|(label, _)| printable(label)) {
            fact(Field::MdnsHostname, label, emit);
        }
        services(message, emit);
        let offers = self.offers(message);
        for record in standing(message).filter(|record| record.kind == TYPE_TXT) {
            self.text(&record, &offers, named.is_some(), emit);
        }
    }

    /// The instances in this message that run on the host that the sender is.
    fn offers(&self, message: &Message<'_>) -> [Option<Offer>; MDNS_SERVICES_MAX] {
        let mut offers = [None; MDNS_SERVICES_MAX];
        let found = standing(message).filter_map(|record| {
            let target = record.target.filter(|_| record.kind == TYPE_SRV)?;
            let offer = (record.name.hash(), target.hash());
            (self.host == Some(offer.1)).then_some(offer)
        });
        for (place, offer) in offers.iter_mut().zip(found) {
            *place = Some(offer);
        }
        offers
    }

    fn text(
        &self,
        record: &Record<'_>,
        offers: &[Option<Offer>; MDNS_SERVICES_MAX],
        host_is_here: bool,
        emit: Emit<'_>,
    ) {
        let Some([instance, service, _, _]) = record.name.parts() else {
            return;
        };
        let Some(family) = family(service) else {
            return;
        };
        let owner = record.name.hash();
        let own = match family {
            // It is no service: only that the host is named beside it shows whose it is.
            Family::DeviceInfo => host_is_here,
            _ => offers.iter().flatten().any(|offer| offer.0 == owner),
        };
        let text = Text(record.data);
        if !own || (family == Family::Print && text.is_shared_queue()) {
            return;
        }
        if family == Family::Print && !is_personal(instance) {
            fact(Field::MdnsInstance, instance, emit);
        }
        for (field, value) in text.facts(family) {
            fact(field, value, emit);
        }
    }
}

/// Does somebody own this, by its name: "Anna's printer", "HP @ anna-laptop"?
fn is_personal(instance: &[u8]) -> bool {
    let apostrophe = "\u{2019}".as_bytes();
    instance.contains(&b'\'')
        || instance.contains(&b'@')
        || instance.windows(3).any(|bytes| bytes == apostrophe)
}

/// The types of the services that the message names, each once.
fn services(message: &Message<'_>, emit: Emit<'_>) {
    let mut said = [None; MDNS_SERVICES_MAX];
    for record in standing(message) {
        let name = match record.kind {
            TYPE_PTR => record.target,
            TYPE_SRV => Some(record.name),
            _ => None,
        };
        let Some(found) = name.as_ref().and_then(service_type) else {
            continue;
        };
        let hash = fnv(FNV_START, found.as_bytes());
        // The first free place, or the one that holds it.
        let place = said
            .iter_mut()
            .find(|place| place.is_none_or(|known| known == hash));
        match place {
            Some(place @ None) => *place = Some(hash),
            _ => continue,
        }
        fact(Field::MdnsService, found.as_bytes(), emit);
    }
}

/// `_ipp._tcp` of `_ipp._tcp.local` or `instance._ipp._tcp.local`, in lower case.
fn service_type(name: &Name<'_>) -> Option<StackText<SERVICE_LEN_MAX>> {
    let [service, transport, local] = match name.parts::<4>() {
        Some([_, parts @ ..]) => parts,
        None => name.parts::<3>()?,
    };
    let letters = service.strip_prefix(b"_")?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let udp = transport.eq_ignore_ascii_case(b"_udp");
    if letters.is_empty()
        || !letters.iter().all(plain)
        || !(udp || transport.eq_ignore_ascii_case(b"_tcp"))
        || !local.eq_ignore_ascii_case(b"local")
    {
        return None;
    }
    let mut text = StackText::new();
    for byte in service {
        if !text.push(&[byte.to_ascii_lowercase()]) {
            return None;
        }
    }
    text.push(if udp { b"._udp" } else { b"._tcp" })
        .then_some(text)
}

fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    if let Some(value) = printable(value) {
        emit(Observation::Fact {
            subject: Subject::Sender,
            field,
            value,
        });
    }
}

#[cfg(test)]
mod tests;
