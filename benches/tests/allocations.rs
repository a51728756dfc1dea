//! No allocation per packet: an allocator that counts proves it, for a whole worker with
//! everything on, once its flows are open. And no parser keeps more than it says.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use medtap_benches::maker::{Kind, Plan, bytes};
use medtap_benches::replay::{Solo, frames, open, rules};
use medtap_engine::capture::{Batch, Frame};
use medtap_engine::config::{SESSION_BYTES_MAX, SESSION_REST_BYTES};
use medtap_engine::flow::stream::{Arrival, Piece, Reply};
use medtap_engine::flow::{FlowKey, Stream};
use medtap_engine::observe::Role;
use medtap_engine::proto::{Decision, Segment, Session, Then, Transport, classify};
use medtap_engine::wire::{Headers, TransportKind};
use medtap_table::vocabulary::Counter;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that were taken and not given back.
    static HELD_BYTES: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread. Giving memory back is no allocation.
struct Counting;

fn count(bytes: usize) {
    // A thread that is ending has no counter any more; nothing is measured there.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = HELD_BYTES.try_with(|held| held.set(held.get().wrapping_add(bytes)));
}

fn give_back(bytes: usize) {
    let _ = HELD_BYTES.try_with(|held| held.set(held.get().wrapping_sub(bytes)));
}

// SAFETY: every call is handed to the system's allocator as it came; the counter is a plain cell
// of the thread and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        give_back(layout.size());
        // SAFETY: as above; `memory` came from the system's allocator.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: as above; `memory` came from the system's allocator.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the later part of a capture cost, whose lasting flows the earlier part opened.
#[derive(Debug, PartialEq, Eq)]
struct Steady {
    allocations: u64,
    packets: usize,
    conversations: u64,
}

fn steady(plan: &Plan, opening: usize) -> Steady {
    let capture = bytes(plan).unwrap();
    let frames = frames(&capture);
    let (opening, steady) = frames.split_at(opening);
    let mut solo = Solo::new(plan.flows * 2 + 4096, &rules()).unwrap();
    solo.take(opening);
    let opened = |solo: &Solo| solo.counters().get(Counter::FlowsOpened);
    let (allocations, conversations) = (ALLOCATIONS.get(), opened(&solo));
    solo.take(steady);
    Steady {
        allocations: ALLOCATIONS.get() - allocations,
        packets: steady.len(),
        conversations: opened(&solo) - conversations,
    }
}

#[test]
fn it_counts() {
    let before = ALLOCATIONS.get();
    let memory = std::hint::black_box(vec![1u8; 100]);
    assert_eq!(ALLOCATIONS.get() - before, 1);
    drop(memory);
}

#[test]
fn a_flood_allocates_nothing() {
    let plan = Plan {
        flows: 1_000,
        ..Plan::new(Kind::Flood, 20_000)
    };
    let plan = Plan {
        ipv6_percent: 20,
        ..plan
    };
    let cost = steady(&plan, 10_000);
    assert_eq!((cost.allocations, cost.packets), (0, 10_000));
}

/// TLS, HTTP and UDP, with new requests and responses all the time.
#[test]
fn the_mix_allocates_nothing() {
    let plan = Plan {
        flows: 30,
        ipv6_percent: 20,
        ..Plan::new(Kind::Imix, 60_000)
    };
    let cost = steady(&plan, 40_000);
    assert_eq!((cost.allocations, cost.packets), (0, 20_000));
}

/// A conversation takes this much at most while it is got to know: a handshake's lists and their
/// digests, an association's contexts, what stays of messages. About 16 is usual; the key of the
/// run moves some of it.
const ALLOCATIONS_PER_CONVERSATION: u64 = 24;

/// Conversations begin and end all the time: each may cost some, its packets none.
#[test]
fn a_hospital_allocates_for_conversations_alone() {
    let plan = Plan {
        flows: 60,
        devices: 100,
        ..Plan::new(Kind::Hospital, 40_000)
    };
    let cost = steady(&plan, 20_000);
    eprintln!("{cost:?}");
    assert!(
        cost.allocations < ALLOCATIONS_PER_CONVERSATION * cost.conversations,
        "{cost:?}"
    );
}

/// One conversation of a capture, and the most that its session kept.
#[derive(Default)]
struct Talk {
    streams: [Stream; 2],
    reader: Reader,
}

#[derive(Default)]
struct Reader {
    session: Option<Box<dyn Session>>,
    protocol: &'static str,
    roles: [Option<Role>; 2],
    /// Bytes that the session took in all that it was shown.
    held: usize,
    over: bool,
    /// The most of them, beside what it said then.
    most: (usize, usize),
}

impl Reader {
    /// Shows one piece to whoever knows it, and compares what it took with what it says.
    fn read(
        &mut self,
        bytes: &[u8],
        from: usize,
        transport: Transport,
        ports: (u16, u16),
    ) -> Reply {
        let segment = |from| Segment {
            bytes,
            from,
            time_ns: 1,
            ports,
            cut: false,
        };
        let before = HELD_BYTES.get();
        if self.session.is_none() {
            match classify(&segment(Role::Peer), transport) {
                Decision::Known(row, role) | Decision::Possible(row, role) => {
                    self.session = Some((row.session)());
                    self.protocol = row.protocol.name();
                    self.roles[from] = Some(role);
                    self.roles[1 - from] = Some(role.other());
                }
                Decision::NeedMore => return Reply::Consumed(0, 0),
                Decision::Unknown => return Reply::Consumed(bytes.len(), 0),
            }
        }
        let (Some(session), Some(role)) = (&mut self.session, self.roles[from]) else {
            return Reply::Stop;
        };
        let progress = session.observe(&segment(role), &mut |_| {});
        let said = size_of_val(session.as_ref()) + session.kept_bytes() + SESSION_REST_BYTES;
        let more = HELD_BYTES.get().wrapping_sub(before);
        self.held = self.held.wrapping_add(more);
        if self.held > self.most.0 {
            self.most = (self.held, said);
        }
        assert!(
            self.held <= said && said <= SESSION_BYTES_MAX,
            "{}: {} bytes kept, {said} said",
            self.protocol,
            self.held
        );
        match progress.then {
            Then::More => Reply::Consumed(progress.consumed, 0),
            Then::Skip(more) => Reply::Consumed(progress.consumed, more),
            Then::DoneDirection => Reply::Stop,
            Then::Done => {
                self.over = true;
                Reply::Stop
            }
        }
    }
}

/// Shows a frame to the conversation that it belongs to.
fn show(talks: &mut HashMap<FlowKey, Talk>, frame: &Frame<'_>) {
    let mut headers = Headers::default();
    let parsed = headers.parse_into(frame.bytes, frame.wire_len, frame.link);
    let is_v6 = headers.src.get(..10) != Some(&[0; 10]);
    let transport = match headers.transport {
        _ if parsed.is_err() => return,
        TransportKind::Tcp => Transport::Tcp,
        TransportKind::Udp => Transport::Udp,
        _ => return,
    };
    let (key, direction) = FlowKey::of(&headers, 0, if is_v6 { 6 } else { 4 });
    let Talk { streams, reader } = talks.entry(key).or_default();
    let (way, ports) = (direction.index(), (headers.src_port, headers.dst_port));
    let payload = headers.payload.of(frame.bytes);
    if payload.is_empty() || reader.over {
        return;
    }
    if transport == Transport::Udp {
        let _ = reader.read(payload, way, transport, ports);
        return;
    }
    let arrival = Arrival {
        seq: headers.seq,
        bytes: payload,
        wire_len: headers.payload_wire_len,
        time_ns: frame.time_ns,
        hurried: false,
    };
    streams[way].push(&arrival, &mut |piece| match piece {
        Piece::Bytes(bytes) if !reader.over => reader.read(bytes, way, transport, ports),
        _ => Reply::Stop,
    });
}

/// The committed captures.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut captures = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            captures.extend(self::captures(&path));
        } else if path
            .extension()
            .is_some_and(|it| it == "pcap" || it == "pcapng")
        {
            captures.push(path);
        }
    }
    captures
}

/// What bounds the memory of parsers is what they say that they keep: of every capture, no session
/// ever took more from the allocator.
#[test]
fn a_session_keeps_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps");
    let mut most: HashMap<&str, (usize, usize)> = HashMap::new();
    for path in captures(&folder) {
        let mut pcap = open(&[path]).unwrap();
        let mut batch = Batch::default();
        let mut talks = HashMap::new();
        while pcap.read(&mut batch) {
            batch.frames().for_each(|frame| show(&mut talks, &frame));
        }
        for talk in talks.values() {
            let known = most.entry(talk.reader.protocol).or_default();
            *known = (*known).max(talk.reader.most);
        }
    }
    let mut most: Vec<_> = most.into_iter().collect();
    most.sort_by_key(|(_, (held, _))| std::cmp::Reverse(*held));
    for (protocol, (held, said)) in &most {
        eprintln!("{protocol:16} {held:8} bytes, {said:8} said");
    }
    assert!(most.len() > 60, "only {} protocols", most.len());
    assert!(most[0].1.0 > 4096, "nothing kept much: {most:?}");
}
