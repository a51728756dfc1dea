//! One packet's way through a worker: a burst is parsed, hashed, looked up and acted on, stage by
//! stage, so that the memory which one stage needs was asked for by the stage before it. A worker
//! owns its shards, flows and counters; nothing here is shared and nothing waits for a lock.

mod act;
mod burst;
mod conversation;
mod ends;
mod evict;
mod finish;
mod greeting;
mod link;
mod opened;
mod overload;
mod recorder;
mod shunt;
mod steering;
mod tend;

use std::io;
use std::sync::Arc;

use arrayvec::ArrayVec;
use medtap_rules::Matcher;
use medtap_table::vocabulary::{Counter, Purpose};

use self::greeting::KnownMarks;
use crate::capture::{Frame, Scopes};
use crate::config::{
    BURST_FRAMES, FLOWS_AHEAD, FLOWS_MAX, SESSIONS_AHEAD, SESSIONS_BYTES_MAX, SESSIONS_MAX, SHARDS,
    STREAMS_BYTES_MAX,
};
use crate::counters::Counters;
use crate::device::ledger::Outbox;
use crate::device::sighting::Times;
use crate::device::{Ledger, PersonFilter};
use crate::flow::duplicates::Copies;
use crate::flow::habits::Openings;
use crate::flow::handshakes::Handshakes;
use crate::flow::{FlowHasher, FlowId, Fragments, Summary, Table, shard};
use crate::prefetch::prefetch_start;
use crate::wire::{Headers, Network, TransportKind, WireError};

pub use burst::Burst;
use conversation::Conversations;
pub use finish::FlowRecord;
use opened::OpenedSample;
pub use overload::{Overload, Pressure};
pub use shunt::Shunts;
pub use steering::shard_of;
use steering::{steering, unread};
use tend::Round;

/// How a worker is set up.
#[derive(Clone)]
pub struct Options {
    /// Flows it keeps at once.
    pub flows_max: u32,
    /// The rules that hold.
    pub matcher: Arc<Matcher>,
    /// What hides names of persons.
    pub persons: PersonFilter,
    /// The flow table's hash.
    pub hasher: FlowHasher,
    /// Keep a record of every flow that ends.
    pub flow_records: bool,
    /// Address spaces that the configuration tells apart.
    pub scopes: Scopes,
}

impl Options {
    /// The only worker of an offline run.
    pub fn offline(matcher: Arc<Matcher>) -> Self {
        Self {
            flows_max: FLOWS_MAX,
            matcher,
            persons: PersonFilter::FIXED,
            hasher: FlowHasher::FIXED,
            flow_records: false,
            scopes: Scopes::ONE,
        }
    }
}

impl Options {
    /// Writes the summary of a frame, if it is a plain packet; otherwise false. The first stage of
    /// nearly every packet.
    #[inline(always)]
    pub fn summarize(&self, frame: &Frame<'_>, summary: &mut Summary) -> bool {
        summary.time_ns = frame.time_ns;
        summary.bytes = frame.wire_len;
        let scope = |vlan| self.scopes.of(frame.interface, vlan);
        summary.read(frame.bytes, frame.link, scope, &self.hasher)
    }
}

/// A packet between two stages.
#[derive(Clone, Copy, Default)]
struct Staged {
    /// What its flow counts of it, if it is of a flow.
    summary: Summary,
    /// The flow that the hash most likely means, once its entry was asked for.
    likely: FlowId,
    kind: Kind,
}

/// How far a packet was read, and what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// A packet of a flow, of which only the summary was read.
    Plain,
    /// A packet of a flow, with all its headers.
    Whole,
    /// All its headers were read, and it has no flow of its own: a piece of a datagram, a frame
    /// without network header, or one that can't be read.
    #[default]
    Other,
}

/// One worker.
pub struct Worker {
    options: Options,
    table: Table,
    conversations: Conversations,
    copies: Copies,
    handshakes: Handshakes,
    openings: Openings,
    known_marks: KnownMarks,
    fragments: Vec<Fragments>,
    /// The latest time in each shard: timeouts depend on the shard's own packets alone.
    clocks: [u64; SHARDS],
    first_ns: u64,
    /// The latest of [`Self::clocks`].
    latest_ns: u64,
    ledger: Ledger,
    counters: Counters,
    /// The packets of a burst between two stages: always [`BURST_FRAMES`] places.
    staged: Vec<Staged>,
    /// Their headers, as far as they were read: as many places.
    headers: Vec<Headers>,
    sweep: u32,
    /// The next flow that may give way.
    evicting: FlowId,
    /// Bytes that streams hold back.
    held_bytes: usize,
    records: Vec<FlowRecord>,
    /// Time of the last settlement, in whole seconds.
    settled_s: u64,
    /// The last settlement was refused in part: the rest is still to be handed over.
    settling: bool,
    /// Other rules hold than those that the ledger was matched with.
    rules_changed: bool,
    /// The time that a live run says it is; offline 0, and packets tell the time alone.
    now_ns: u64,
    round: Round,
    /// What it leaves out because it does not keep up.
    overload: Overload,
    /// The flows that are left to the kernel's program, if any may be.
    shunts: Option<Box<Shunts>>,
    /// What it opened lately, if that is compared with other workers.
    opened: Option<OpenedSample>,
}

impl Worker {
    /// A worker with everything reserved.
    ///
    /// # Errors
    ///
    /// When the system does not grant the memory of the flow table.
    pub fn new(options: Options) -> io::Result<Self> {
        Ok(Self {
            table: Table::new(options.flows_max)?,
            conversations: Conversations::new(SESSIONS_MAX, SESSIONS_BYTES_MAX),
            copies: Copies::default(),
            handshakes: Handshakes::default(),
            openings: Openings::default(),
            known_marks: KnownMarks::default(),
            fragments: (0..SHARDS).map(|_| Fragments::default()).collect(),
            clocks: [0; SHARDS],
            first_ns: u64::MAX,
            latest_ns: 0,
            ledger: Ledger::new(options.persons.clone()),
            counters: Counters::default(),
            staged: vec![Staged::default(); BURST_FRAMES],
            headers: vec![Headers::NONE; BURST_FRAMES],
            sweep: 0,
            evicting: 0,
            held_bytes: 0,
            records: Vec::new(),
            settled_s: 0,
            settling: false,
            rules_changed: false,
            now_ns: 0,
            round: Round::default(),
            overload: Overload::default(),
            shunts: None,
            opened: None,
            options,
        })
    }

    /// Takes the memory of its flows from the system now, near the processor that it runs on.
    pub fn populate(&mut self) {
        self.table.populate();
    }

    /// Bytes that a worker with room for so many flows takes at most, by what for.
    pub fn bytes(flows_max: u32) -> [(Purpose, u64); 5] {
        let conversation = size_of::<conversation::Conversation>() as u64 + 16;
        [
            (Purpose::Flows, Table::bytes(flows_max)),
            (
                Purpose::Conversations,
                SESSIONS_MAX as u64 * conversation + STREAMS_BYTES_MAX as u64,
            ),
            (Purpose::Readers, SESSIONS_BYTES_MAX as u64),
            (
                Purpose::Copies,
                Copies::BYTES_MAX
                    + SHARDS as u64 * Fragments::BYTES_MAX
                    + Handshakes::BYTES
                    + Openings::BYTES
                    + KnownMarks::BYTES,
            ),
            (Purpose::Debts, Ledger::bytes()),
        ]
    }

    /// What it counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The first and the last time of its frames.
    pub fn times(&self) -> Times {
        Times {
            first_ns: self.first_ns,
            last_ns: self.latest_ns,
        }
    }

    /// The records of the flows that ended, if they were asked for.
    pub fn take_records(&mut self) -> Vec<FlowRecord> {
        std::mem::take(&mut self.records)
    }

    /// Takes the next frames, up to [`BURST_FRAMES`], all of them of its own shards; gives how
    /// many.
    #[inline]
    pub fn burst<'a>(
        &mut self,
        frames: impl Iterator<Item = Frame<'a>>,
        outbox: &mut dyn Outbox,
    ) -> usize {
        let frames: ArrayVec<_, BURST_FRAMES> = frames.take(BURST_FRAMES).collect();
        self.take(&frames[..], outbox);
        frames.len()
    }

    /// As [`Self::burst`], of frames that stay where they are.
    pub fn take<B: Burst + ?Sized>(&mut self, burst: &B, outbox: &mut dyn Outbox) {
        let mut places = std::mem::take(&mut self.staged);
        let mut headers = std::mem::take(&mut self.headers);
        let used = burst.len().min(BURST_FRAMES);
        if let Some(staged) = places.get_mut(..used) {
            self.stage_all(burst, staged, &mut headers);
            self.note_times(staged);
            self.act_on_all(burst, staged, &mut headers);
        }
        (self.staged, self.headers) = (places, headers);
        self.sweep(used as u32);
        self.settle_when_due(outbox);
    }

    /// First stage: parse, steer, hash.
    #[inline(never)]
    fn stage_all<B: Burst + ?Sized>(
        &mut self,
        burst: &B,
        staged: &mut [Staged],
        headers: &mut [Headers],
    ) {
        for (at, (staged, headers)) in staged.iter_mut().zip(headers).enumerate() {
            if burst.summarize(at, &self.options, &mut staged.summary) {
                staged.kind = Kind::Plain;
                self.table.prefetch_index(staged.summary.hash);
            } else {
                self.stage_any(&burst.frame(at), staged, headers);
            }
        }
    }

    /// Counts a burst, and notes when it was.
    fn note_times(&mut self, staged: &mut [Staged]) {
        let (mut first_ns, mut latest_ns, mut bytes) = (self.first_ns, self.latest_ns, 0);
        for Staged { summary, .. } in &mut *staged {
            // In the table a time of zero means never; some captures have no times.
            summary.time_ns = summary.time_ns.max(1);
            first_ns = first_ns.min(summary.time_ns);
            latest_ns = latest_ns.max(summary.time_ns);
            bytes += u64::from(summary.bytes);
        }
        (self.first_ns, self.latest_ns) = (first_ns, latest_ns);
        self.counters.add(Counter::Packets, staged.len() as u64);
        self.counters.add(Counter::Bytes, bytes);
    }

    /// The stages after the first, of a whole burst. Entries are asked for a few packets ahead: as
    /// many as the processor can wait for at once.
    #[inline(never)]
    fn act_on_all<B: Burst + ?Sized>(
        &mut self,
        burst: &B,
        staged: &mut [Staged],
        headers: &mut [Headers],
    ) {
        for packet in staged.iter_mut().take(FLOWS_AHEAD) {
            packet.likely = self.table.prefetch_flow(packet.summary.hash);
        }
        for (at, headers) in headers.iter_mut().enumerate().take(staged.len()) {
            if let Some(ahead) = staged.get_mut(at + FLOWS_AHEAD) {
                ahead.likely = self.table.prefetch_flow(ahead.summary.hash);
            }
            if let Some(ahead) = staged.get(at + SESSIONS_AHEAD)
                && let Some(session) = self.table.likely_session(ahead.likely)
            {
                self.conversations.prefetch(session);
                // Somebody else may have touched it last.
                prefetch_start(burst.frame(at + SESSIONS_AHEAD).bytes);
            }
            let Some(staged) = staged.get(at) else {
                break;
            };
            if !self.count(staged) {
                self.act(staged, headers, &burst.frame(at));
            }
        }
    }

    /// The first stage of any frame.
    #[inline(never)]
    fn stage_any(&mut self, frame: &Frame<'_>, staged: &mut Staged, headers: &mut Headers) {
        staged.kind = Kind::Other;
        staged.summary = Summary {
            time_ns: frame.time_ns,
            bytes: frame.wire_len,
            ..Summary::default()
        };
        let parsed = headers.parse_into(frame.bytes, frame.wire_len, frame.link);
        if let Err(error) = parsed {
            return self.stage_fault(frame, error, staged, headers);
        }
        if headers.too_deep {
            self.counters.count(Counter::TunnelDepth);
        }
        if headers.network == Network::None {
            staged.summary.shard = shard(steering(headers)) as u8;
            return;
        }
        if headers.transport == TransportKind::None {
            link::set_icmp_ports(headers, frame.bytes);
        }
        if headers.fragment.is_none() {
            staged.kind = Kind::Whole;
        }
        let Options { scopes, hasher, .. } = &self.options;
        let scope = scopes.of(frame.interface, headers.vlan);
        staged.summary.set(headers, scope, hasher);
        self.table.prefetch_index(staged.summary.hash);
    }

    /// A frame that can't be parsed is only counted.
    #[cold]
    fn stage_fault(
        &mut self,
        frame: &Frame<'_>,
        error: WireError,
        staged: &mut Staged,
        headers: &mut Headers,
    ) {
        self.counters.count(match error {
            WireError::Truncated => Counter::Truncated,
            WireError::Malformed => Counter::Malformed,
            WireError::UnknownLink => Counter::UnknownLink,
        });
        staged.summary.shard = unread(frame) as u8;
        *headers = Headers::NONE;
    }

    /// Hands debts over, once a second and whenever room is needed. False when not all that was
    /// due was taken: the rest stays owed.
    fn settle_when_due(&mut self, outbox: &mut dyn Outbox) -> bool {
        let now_s = self.latest_ns.max(self.now_ns) / 1_000_000_000;
        let crowded = self.ledger.is_crowded();
        if now_s == self.settled_s && !crowded && !self.settling {
            return true;
        }
        self.settled_s = now_s;
        let settled = self.ledger.settle(outbox);
        self.settling = !settled;
        if settled && (crowded || self.rules_changed) {
            self.ledger.forget();
            self.rules_changed = false;
        }
        settled
    }

    /// The input is over: every conversation ends, every debt is handed over. True when all of
    /// it was taken; otherwise call again.
    pub fn finish(&mut self, outbox: &mut dyn Outbox) -> bool {
        self.credit_shunts();
        let end = self.table.end();
        for id in 0..end {
            // Flows lie in a row, their places in the index do not: those are asked for ahead.
            if id + (FLOWS_AHEAD as u32) < end {
                let ahead = self.table.flow(id + FLOWS_AHEAD as u32);
                self.table
                    .prefetch_index(self.options.hasher.hash(&ahead.key));
            }
            if !self.table.flow(id).is_free() {
                if self.is_silent(id) {
                    self.counters.count(Counter::FlowsExpired);
                }
                self.end_flow(id);
                if self.ledger.is_crowded() && self.ledger.settle(outbox) {
                    self.ledger.forget();
                }
            }
        }
        for fragments in &mut self.fragments {
            fragments.finish(&mut self.counters);
        }
        self.ledger.settle(outbox)
    }
}

fn widen(mac: crate::observe::MacAddr) -> [u8; 16] {
    let mut wide = [0; 16];
    wide[10..].copy_from_slice(&mac);
    wide
}
