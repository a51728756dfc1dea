//! What a parser says about the devices at both ends of a conversation. An observation borrows
//! the frame; it names no table, no flow and no rule.

use std::cell::Cell;
use std::net::IpAddr;

use medtap_table::vocabulary::{Counter, Event, Field, Protocol};

/// A 48-bit MAC address (IEEE 802).
pub type MacAddr = [u8; 6];

/// Which end of a conversation spoke, by its part in the protocol. Where the protocol has no
/// parts (mDNS, SSDP), every speaker is a [`Role::Peer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The end that asks: the one that opened the association, connection or exchange.
    Client,
    /// The end that answers.
    Server,
    /// An end of a protocol without parts.
    Peer,
}

impl Role {
    /// The role of the other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
            Self::Peer => Self::Peer,
        }
    }
}

/// Whom an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The device that sent these bytes.
    Sender,
    /// The device that these bytes are for.
    Receiver,
    /// The device with this MAC address (a DHCP client before it has an address).
    Mac(MacAddr),
    /// The device with this MAC address, wherever it is: on another link than the sender.
    Station(MacAddr),
    /// A device behind the sender or inside its object: (sender, identifier). The identifier
    /// is made of equipment fields alone, the same for every message about the same device.
    Reported(&'a [u8]),
}

/// What proves that an address belongs to a MAC address on the local link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// ARP, RFC 826: the sender's own pair.
    Arp,
    /// Neighbour discovery, RFC 4861: the link-layer address options.
    Nd,
    /// A DHCP acknowledgement, RFC 2131: `yiaddr` leased to `chaddr`.
    Dhcp,
}

/// The longest fingerprint: a JA4.
const FINGERPRINT_LEN: usize = 36;

/// A short text that stands for how the software of a sender is made and set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    text: [u8; FINGERPRINT_LEN],
    len: u8,
}

impl Fingerprint {
    /// No fingerprint.
    pub const NONE: Self = Self {
        text: [0; FINGERPRINT_LEN],
        len: 0,
    };

    /// This text, or none where it is too long.
    pub fn new(text: &[u8]) -> Self {
        let mut new = Self::NONE;
        if let Some(room) = new.text.get_mut(..text.len()) {
            room.copy_from_slice(text);
            new.len = text.len() as u8;
        }
        new
    }

    /// Its text.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// One thing that a parser saw. It is used before the parser goes on, so it may borrow the frame.
#[derive(Clone, Copy, Debug)]
pub enum Observation<'a> {
    /// A field of an equipment's identity. The value is raw: bytes as sent, without padding;
    /// the receiver of the observation makes text of it and cuts it to its limit.
    Fact {
        /// Whom it is about.
        subject: Subject<'a>,
        /// Where it was read.
        field: Field,
        /// The accepted component alone, never its surroundings.
        value: &'a [u8],
    },
    /// A field of the sender that follows from its basis and from nothing else. It is made only
    /// where nobody knows what this basis makes.
    Fingerprint {
        /// Which fingerprint.
        field: Field,
        /// All that it is made of, and nothing that it is not made of: senders that are set up
        /// alike have the same.
        basis: &'a [u8],
        /// Makes it.
        make: fn(&[u8]) -> Fingerprint,
    },
    /// Something was done, once.
    Event {
        /// Who did it.
        subject: Subject<'a>,
        /// What.
        event: Event,
    },
    /// An address and a MAC address belong together on the local link.
    Binding {
        /// The MAC address.
        mac: MacAddr,
        /// The address.
        address: IpAddr,
        /// What proves it.
        proof: Proof,
    },
    /// The sender forwards packets for others (a router advertisement, RFC 4861).
    Router,
    /// What is said over this conversation is, more closely, this protocol: one that rides on
    /// the one it was recognised as (DICOMweb on HTTP). The first one named stays.
    Carries(Protocol),
    /// Both ends agreed to go on in this protocol (HTTP/1 that is upgraded to HTTP/2). What is said
    /// over it may still be named more closely.
    Becomes(Protocol),
    /// The conversation may be this protocol: a port or a name says so, and its content is not
    /// to be read. What is said of the flow then has little confidence.
    Suggests(Protocol),
    /// Both ends spoke this protocol: what one side claimed, the other answered.
    Confirmed,
    /// From here on the payload is encrypted.
    Encrypted,
    /// What follows until [`Observation::PassageEnd`] is told of sender and receiver and follows
    /// from this digest alone. Where it was told before and is counted again, `known` is set, and
    /// nothing needs to follow. See [`passage`].
    Passage {
        /// What stands for all that is told.
        digest: u64,
        /// Set by the receiver of the observation.
        known: &'a Cell<bool>,
    },
    /// The passage is told.
    PassageEnd,
    /// Bytes that contradict the format's structure; the parser went on or gave up. Counted.
    Malformed,
    /// Bytes that are no good for another reason. Counted by it, as `Malformed` is.
    Faulty(Fault),
}

impl Observation<'_> {
    /// True for the borders of a passage, which say nothing by themselves.
    pub const fn is_passage(&self) -> bool {
        matches!(self, Self::Passage { .. } | Self::PassageEnd)
    }

    /// Bytes contradict their format; where some of those that were announced are missing, they may
    /// only end too early.
    pub const fn malformed(cut: bool) -> Self {
        match cut {
            true => Self::Faulty(Fault::Truncated),
            false => Self::Malformed,
        }
    }
}

/// Why bytes are no good, besides [`Observation::Malformed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Less is there than was declared, and nothing will follow.
    Truncated,
    /// Longer, deeper or more than a limit of the parser allows.
    OverLimit,
    /// A checksum says that something was changed.
    Checksum,
    /// Text or compressed bytes that do not decode.
    Encoding,
    /// Compressed bytes that become more than is ever inflated.
    Inflation,
}

impl Fault {
    /// What it is counted as.
    pub const fn counter(self) -> Counter {
        match self {
            Self::Truncated => Counter::ParseTruncated,
            Self::OverLimit => Counter::ParseOverLimit,
            Self::Checksum => Counter::ParseChecksum,
            Self::Encoding => Counter::ParseEncoding,
            Self::Inflation => Counter::ParseInflation,
        }
    }
}

/// Where observations go.
pub type Emit<'a> = &'a mut dyn FnMut(Observation<'_>);

/// Tells what follows from this digest alone: facts and events of sender, receiver and reported
/// devices. One that was told lately is counted again, and `tell` is not asked.
pub fn passage(digest: u64, emit: Emit<'_>, tell: impl FnOnce(Emit<'_>)) {
    let known = Cell::new(false);
    emit(Observation::Passage {
        digest,
        known: &known,
    });
    if !known.get() {
        tell(emit);
        emit(Observation::PassageEnd);
    }
}

/// The sender says this of itself.
pub fn says(field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject: Subject::Sender,
        field,
        value,
    });
}

/// The sender has this fingerprint.
pub fn has_fingerprint(field: Field, basis: &[u8], make: fn(&[u8]) -> Fingerprint, emit: Emit<'_>) {
    emit(Observation::Fingerprint { field, basis, make });
}

/// What both ends do together: it is told of each.
pub fn both(field: Field, value: &[u8], emit: Emit<'_>) {
    for subject in [Subject::Sender, Subject::Receiver] {
        emit(Observation::Fact {
            subject,
            field,
            value,
        });
    }
}

/// The sender refused somebody's log-on: an obstacle at both ends.
pub fn refuses_logon(emit: Emit<'_>) {
    for subject in [Subject::Sender, Subject::Receiver] {
        emit(Observation::Event {
            subject,
            event: Event::LogonRefused,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_a_cause_of_its_own() {
        let causes = [
            (Fault::Truncated, "parse_truncated"),
            (Fault::OverLimit, "parse_over_limit"),
            (Fault::Checksum, "parse_checksum"),
            (Fault::Encoding, "parse_encoding"),
            (Fault::Inflation, "parse_inflation"),
        ];
        for (fault, name) in causes {
            assert_eq!(fault.counter().name(), name);
        }
    }
}
