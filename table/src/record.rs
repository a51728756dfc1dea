//! Subjects, facts, edges and activity as both sides handle them: decoded, with the vocabulary's
//! types. How they lie in memory is in `layout`; what they mean for a device is `resolve`'s.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytemuck::Zeroable;

use crate::flags::{EdgeFlags, SubjectFlags};
use crate::layout::{
    ActivityRecord, EdgeRecord, HOURS_OF_WEEK, IDENTIFIER_BYTES_MAX, NO_SUBJECT, SourceRecord,
    SubjectRecord,
};
use crate::text::Text;
use crate::vocabulary::{Attribute, Counter, Event, Field, Protocol};

/// Declares the number of a slot.
macro_rules! slot_number {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

slot_number! {
    /// A subject's slot. Slots are given in order from 0 and never reused.
    SubjectId
}
slot_number! {
    /// A fact's slot.
    FactId
}
slot_number! {
    /// An edge's slot.
    EdgeId
}
slot_number! {
    /// An activity's slot.
    ActivityId
}

/// What kind of subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A MAC address, with the IP address that it used, if any.
    #[default]
    Binding,
    /// A device that another one told of.
    Reported,
}

/// Somebody that facts are about. Times are in nanoseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Binding or reported.
    pub kind: SubjectKind,
    /// What was seen of it.
    pub flags: SubjectFlags,
    /// Address space, 0 unless configured.
    pub scope: u16,
    /// VLAN id, 0 untagged.
    pub vlan: u16,
    /// MAC address; zero for reported subjects.
    pub mac: [u8; 6],
    /// IP address; none for a binding of the link alone, and for reported subjects.
    pub address: Option<IpAddr>,
    /// Smallest TTL or hop limit of packets it sent, 0 none seen.
    pub ttl_min: u8,
    /// Largest TTL or hop limit of packets it sent, 0 none seen.
    pub ttl_max: u8,
    /// Who reported it: a subject with a smaller number. Only for reported subjects.
    pub reporter: Option<SubjectId>,
    /// Who a reported subject is; longer identifiers must be shortened to something unique.
    pub identifier: Text<IDENTIFIER_BYTES_MAX>,
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
    /// Smallest number of a packet about it: breaks ties of time.
    pub first_packet: u64,
}

impl Subject {
    /// As it lies in memory.
    pub(crate) fn encode(&self) -> SubjectRecord {
        let mut record = SubjectRecord {
            first_seen_ns: self.first_seen_ns,
            last_seen_ns: self.last_seen_ns,
            first_packet: self.first_packet,
            mac: self.mac,
            vlan: self.vlan,
            reporter: self.reporter.map_or(NO_SUBJECT, |id| id.0),
            scope: self.scope,
            flags: self.flags.0,
            kind: match self.kind {
                SubjectKind::Binding => 1,
                SubjectKind::Reported => 2,
            },
            ttl_min: self.ttl_min,
            ttl_max: self.ttl_max,
            identifier_len: self.identifier.len as u8, // At most 64, by its type.
            identifier: self.identifier.bytes,
            ..SubjectRecord::zeroed()
        };
        match self.address {
            Some(IpAddr::V4(address)) => {
                record.ip = address.to_ipv6_mapped().octets();
                record.network = 4;
            }
            Some(IpAddr::V6(address)) => {
                record.ip = address.octets();
                record.network = 6;
            }
            None => {}
        }
        record
    }

    /// The subject of slot `id`, if the record makes sense there.
    pub(crate) fn decode(record: &SubjectRecord, id: u32) -> Option<Self> {
        let [.., a, b, c, d] = record.ip;
        let address = match record.network {
            0 => None,
            4 => Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
            6 => Some(IpAddr::V6(Ipv6Addr::from(record.ip))),
            _ => return None,
        };
        let reporter = match record.reporter {
            NO_SUBJECT => None,
            earlier if earlier < id => Some(SubjectId(earlier)),
            _ => return None,
        };
        let identifier = record
            .identifier
            .get(..usize::from(record.identifier_len))?;
        Some(Self {
            kind: match record.kind {
                1 => SubjectKind::Binding,
                2 => SubjectKind::Reported,
                _ => return None,
            },
            flags: SubjectFlags(record.flags),
            scope: record.scope,
            vlan: record.vlan,
            mac: record.mac,
            address,
            ttl_min: record.ttl_min,
            ttl_max: record.ttl_max,
            reporter,
            identifier: Text::cut(&String::from_utf8_lossy(identifier)),
            first_seen_ns: record.first_seen_ns,
            last_seen_ns: record.last_seen_ns,
            first_packet: record.first_packet,
        })
    }
}

/// What a subject sent and received; bytes are lengths on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets it sent.
    pub packets_sent: u64,
    /// Packets it received.
    pub packets_received: u64,
    /// Bytes it sent.
    pub bytes_sent: u64,
    /// Bytes it received.
    pub bytes_received: u64,
}

impl Traffic {
    /// In the order of the layout.
    pub(crate) const fn words(self) -> [u64; 4] {
        [
            self.packets_sent,
            self.packets_received,
            self.bytes_sent,
            self.bytes_received,
        ]
    }

    /// From the order of the layout.
    pub(crate) const fn from_words(words: [u64; 4]) -> Self {
        let [packets_sent, packets_received, bytes_sent, bytes_received] = words;
        Self {
            packets_sent,
            packets_received,
            bytes_sent,
            bytes_received,
        }
    }
}

/// What was seen of a subject in one place, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact<'a> {
    /// Whom it is about.
    pub subject: SubjectId,
    /// The rule that gave the value, 0 none.
    pub rule: u32,
    /// Where it was read.
    pub field: Field,
    /// What it says about the subject.
    pub attribute: Attribute,
    /// How far it can be trusted, 0–100.
    pub confidence: u8,
    /// The text as sent, at most [`crate::layout::TEXT_BYTES_MAX`] bytes.
    pub raw: Cow<'a, str>,
    /// The value, at most [`crate::layout::TEXT_BYTES_MAX`] bytes.
    pub value: Cow<'a, str>,
    /// The raw text was longer. A writer sets it where it cut; the table adds its own cuts.
    pub raw_cut: bool,
    /// The value was longer: it is no join key.
    pub value_cut: bool,
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
    /// How often it was seen.
    pub count: u64,
}

impl Fact<'_> {
    /// The same with texts of its own.
    pub fn into_owned(self) -> Fact<'static> {
        Fact {
            raw: self.raw.into_owned().into(),
            value: self.value.into_owned().into(),
            ..self
        }
    }
}

/// What a fact is about, without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactHead {
    /// Whom it is about.
    pub subject: SubjectId,
    /// Where it was read.
    pub field: Field,
    /// What it says about the subject.
    pub attribute: Attribute,
    /// How far it can be trusted, 0–100.
    pub confidence: u8,
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
}

/// The part of a fact that goes on changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactTimes {
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
    /// How often it was seen.
    pub count: u64,
    /// How far it can be trusted, 0–100.
    pub confidence: u8,
}

/// Who talks to whom, how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who opened the conversation.
    pub orig: SubjectId,
    /// To whom; none where that is no single device (multicast, broadcast, the link).
    pub resp: Option<SubjectId>,
    /// In what; none where it is not known.
    pub protocol: Option<Protocol>,
    /// The responder's port, 0 where the transport has none.
    pub port: u16,
    /// IP protocol number, 0 for frames without IP.
    pub transport: u8,
    /// What was seen of it.
    pub flags: EdgeFlags,
    /// How sure the protocol is, 0–100.
    pub confidence: u8,
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
}

impl Edge {
    /// As it lies in memory.
    pub(crate) fn encode(&self) -> EdgeRecord {
        EdgeRecord {
            first_seen_ns: self.first_seen_ns,
            last_seen_ns: self.last_seen_ns,
            orig: self.orig.0,
            resp: self.resp.map_or(NO_SUBJECT, |resp| resp.0),
            protocol: self.protocol.map_or(0, Protocol::number),
            port: self.port,
            transport: self.transport,
            flags: self.flags.0,
            confidence: self.confidence,
            reserved: 0,
        }
    }

    /// The edge; its subjects are not checked. A protocol that this version has no name for
    /// is not known.
    pub(crate) fn decode(record: &EdgeRecord) -> Self {
        Self {
            orig: SubjectId(record.orig),
            resp: (record.resp != NO_SUBJECT).then_some(SubjectId(record.resp)),
            protocol: Protocol::from_number(record.protocol),
            port: record.port,
            transport: record.transport,
            flags: EdgeFlags(record.flags),
            confidence: record.confidence.min(100),
            first_seen_ns: record.first_seen_ns,
            last_seen_ns: record.last_seen_ns,
        }
    }
}

/// How much went over an edge in both directions; bytes are lengths on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Conversations; 0 where they are not counted: on the link, and in tables of before.
    pub conversations: u64,
}

impl std::ops::AddAssign for Volume {
    fn add_assign(&mut self, more: Self) {
        self.packets += more.packets;
        self.bytes += more.bytes;
        self.conversations += more.conversations;
    }
}

/// How often a subject did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Who.
    pub subject: SubjectId,
    /// What.
    pub event: Event,
    /// How often.
    pub total: u64,
    /// When first.
    pub first_seen_ns: u64,
    /// When last.
    pub last_seen_ns: u64,
    /// By [`hour_of_week`].
    pub bins: [u32; HOURS_OF_WEEK],
}

impl Activity {
    /// A subject and an event that have not met yet; count with `TableWriter::count_event`.
    pub const fn new(subject: SubjectId, event: Event) -> Self {
        Self {
            subject,
            event,
            total: 0,
            first_seen_ns: 0,
            last_seen_ns: 0,
            bins: [0; HOURS_OF_WEEK],
        }
    }

    /// Adds `count` events at one time. The order of calls does not matter.
    pub fn count(&mut self, at_ns: u64, count: u32) {
        if count == 0 {
            return;
        }
        self.first_seen_ns = if self.total == 0 {
            at_ns
        } else {
            self.first_seen_ns.min(at_ns)
        };
        self.last_seen_ns = self.last_seen_ns.max(at_ns);
        self.total = self.total.saturating_add(count.into());
        if let Some(bin) = self.bins.get_mut(hour_of_week(at_ns)) {
            *bin = bin.saturating_add(count);
        }
    }

    /// As it lies in memory.
    pub(crate) fn encode(&self) -> ActivityRecord {
        ActivityRecord {
            total: self.total,
            first_seen_ns: self.first_seen_ns,
            last_seen_ns: self.last_seen_ns,
            subject: self.subject.0,
            event: self.event.number(),
            reserved: 0,
            bins: self.bins,
        }
    }

    /// The activity; its subject is not checked. None where this version has no such event.
    pub(crate) fn decode(record: &ActivityRecord) -> Option<Self> {
        Some(Self {
            subject: SubjectId(record.subject),
            event: Event::from_number(record.event)?,
            total: record.total,
            first_seen_ns: record.first_seen_ns,
            last_seen_ns: record.last_seen_ns,
            bins: record.bins,
        })
    }
}

/// The bin of a time: the hour of its week in UTC, 0 to 167, Monday 00:00 first.
pub const fn hour_of_week(at_ns: u64) -> usize {
    const NS_PER_HOUR: u64 = 3_600_000_000_000;
    // 1970-01-01 was a Thursday.
    const HOURS_FROM_MONDAY: u64 = 3 * 24;
    ((at_ns / NS_PER_HOUR + HOURS_FROM_MONDAY) % HOURS_OF_WEEK as u64) as usize
}

/// Where the packets came from, and how the input was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Capture files read.
    pub files: u64,
    /// Packets seen.
    pub packets: u64,
    /// Their lengths on the wire.
    pub bytes: u64,
    /// Time of the first packet.
    pub first_seen_ns: u64,
    /// Time of the last packet.
    pub last_seen_ns: u64,
    /// Packets that contradict a format.
    pub malformed: u64,
    /// Packets of which the capture holds less than the wire had.
    pub truncated: u64,
    /// Copies of a packet that was counted already.
    pub duplicates: u64,
    /// The time that ages are counted to.
    pub as_of_ns: u64,
    /// Part of the input could not be read.
    pub partial: bool,
}

impl Source {
    /// As it lies in memory.
    pub(crate) fn encode(&self) -> SourceRecord {
        SourceRecord {
            files: self.files,
            packets: self.packets,
            bytes: self.bytes,
            first_seen_ns: self.first_seen_ns,
            last_seen_ns: self.last_seen_ns,
            malformed: self.malformed,
            truncated: self.truncated,
            duplicates: self.duplicates,
            as_of_ns: self.as_of_ns,
            flags: self.partial.into(),
        }
    }

    /// From memory.
    pub(crate) fn decode(record: &SourceRecord) -> Self {
        Self {
            files: record.files,
            packets: record.packets,
            bytes: record.bytes,
            first_seen_ns: record.first_seen_ns,
            last_seen_ns: record.last_seen_ns,
            malformed: record.malformed,
            truncated: record.truncated,
            duplicates: record.duplicates,
            as_of_ns: record.as_of_ns,
            partial: record.flags & 1 != 0,
        }
    }
}

/// What changes with a worker as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges<'a> {
    /// Entries in the worker's ring of facts.
    pub ring_fill: u64,
    /// Entries that the ring can hold.
    pub ring_capacity: u64,
    /// Sightings that are not handed over yet.
    pub owed: u64,
    /// The rules that the worker matches with.
    pub rules_generation: u64,
    /// The processor that it is pinned to.
    pub cpu: Option<u32>,
    /// When it last went round; 0 never.
    pub beat_ns: u64,
    /// Flows in its table.
    pub flows: u64,
    /// Serialized HdrHistogram of burst latency, at most
    /// [`crate::layout::LATENCY_BYTES_MAX`] bytes; empty for none.
    pub latency: &'a [u8],
}

/// One worker's numbers as a reader sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    /// By [`Counter`], in the order of [`Counter::ALL`].
    pub counters: Vec<(Counter, u64)>,
    /// Parse errors, only where there are any; none for protocols without a name here.
    pub parse_errors: Vec<(Option<Protocol>, u64)>,
    /// Entries in the worker's ring of facts.
    pub ring_fill: u64,
    /// Entries that the ring can hold.
    pub ring_capacity: u64,
    /// Sightings that are not handed over yet.
    pub owed: u64,
    /// The rules that the worker matches with.
    pub rules_generation: u64,
    /// The processor that it is pinned to.
    pub cpu: Option<u32>,
    /// When it last went round; 0 never.
    pub beat_ns: u64,
    /// Flows in its table.
    pub flows: u64,
    /// Serialized HdrHistogram of burst latency; empty for none.
    pub latency: Vec<u8>,
}
