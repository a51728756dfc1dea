//! What a worker tells the aggregator: sums since the last time; a fact borrows what it is of.
//! Every merge of sightings is commutative: counts add, first times take the least, last the
//! greatest.

use medtap_table::vocabulary::{Attribute, Event, Field, Protocol};
use medtap_table::{EdgeFlags, SubjectFlags, Traffic, Volume};

use super::claims::Claims;
use super::sketch::Sketch;
use super::subject::{BindingKey, SubjectKey};
use super::text::ValueRef;

/// The first and the last time of something, nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The first time; `u64::MAX` while there was none.
    pub first_ns: u64,
    /// The last time.
    pub last_ns: u64,
}

impl Times {
    /// Not yet.
    pub const NEVER: Self = Self {
        first_ns: u64::MAX,
        last_ns: 0,
    };

    /// Once.
    pub const fn at(time_ns: u64) -> Self {
        Self {
            first_ns: time_ns,
            last_ns: time_ns,
        }
    }

    /// Widens it.
    #[inline]
    pub fn merge(&mut self, other: Self) {
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
    }
}

/// What was seen of a subject since the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectSighting {
    /// Who.
    pub key: SubjectKey,
    /// What was seen of it.
    pub flags: SubjectFlags,
    /// Least TTL of what it sent to one receiver; `u8::MAX` while there was none.
    pub ttl_min: u8,
    /// Greatest TTL of that.
    pub ttl_max: u8,
    /// When it sent.
    pub times: Times,
    /// When it said that its address is its own.
    pub claims: Claims,
    /// Number of its first packet.
    pub first_packet: u64,
    /// What it sent and received.
    pub traffic: Traffic,
}

/// What was said of a subject since the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactSighting<'a> {
    /// Of whom.
    pub key: &'a SubjectKey,
    /// Where it was read.
    pub field: Field,
    /// What it says.
    pub attribute: Attribute,
    /// The rule that says so, 0 for none.
    pub rule: u32,
    /// 0–100.
    pub confidence: u8,
    /// When.
    pub times: Times,
    /// How often.
    pub count: u64,
    /// As it was sent.
    pub raw: ValueRef<'a>,
    /// What it means.
    pub value: ValueRef<'a>,
}

/// Who spoke with whom since the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeSighting {
    /// Who and with whom, over what.
    pub key: EdgeKey,
    /// What was seen of it.
    pub flags: EdgeFlags,
    /// Confidence of the protocol, 0–100.
    pub confidence: u8,
    /// When.
    pub times: Times,
    /// How much in both directions, and conversations that were not told of before.
    pub volume: Volume,
}

/// What makes an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EdgeKey {
    /// Who opened it.
    pub orig: BindingKey,
    /// The other end; `None` where it is no device (multicast, broadcast, the link).
    pub resp: Option<BindingKey>,
    /// What they spoke, if it is known.
    pub protocol: Option<Protocol>,
    /// IP protocol number, 0 on the link.
    pub transport: u8,
    /// The responder's port.
    pub port: u16,
}

/// What somebody did since the last time, by hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivitySighting {
    /// Who.
    pub key: SubjectKey,
    /// What.
    pub event: Event,
    /// Hour of the week, UTC, 0 = Monday 00:00.
    pub hour: u8,
    /// How often.
    pub count: u64,
    /// When.
    pub times: Times,
}

/// Whose connections came to nothing within an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnansweredSighting {
    /// Who tried.
    pub key: UnansweredKey,
    /// The addresses and ports that did not answer, or refused.
    pub targets: Sketch,
    /// When.
    pub times: Times,
}

/// What makes a number of targets: who tried, and in which hour since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnansweredKey {
    /// Who tried.
    pub orig: BindingKey,
    /// The hour.
    pub hour: u32,
}

/// What travels on the ring of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountSighting {
    /// Of a subject.
    Subject(SubjectSighting),
    /// Between two subjects.
    Edge(EdgeSighting),
    /// Of what somebody did.
    Activity(ActivitySighting),
    /// Of connections that came to nothing.
    Unanswered(UnansweredSighting),
}
