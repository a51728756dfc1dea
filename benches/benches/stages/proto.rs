//! Classifiers and sessions, on the conversations of the committed captures: what a session was
//! shown once is shown again, so that streams and tables cost nothing here. Elements are the
//! packets that carried the payload.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput};
use medtap_engine::capture::Frame;
use medtap_engine::capture::pcap::{Batch, Input, Pcap};
use medtap_engine::flow::{Direction, FlowKey};
use medtap_engine::observe::Role;
use medtap_engine::proto::{Classifier, Decision, Segment, Session, Then, Transport};
use medtap_engine::wire::{Headers, Network, TransportKind};

pub fn classify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("proto/classify");
    for (name, talks) in conversations() {
        let firsts: Vec<(Segment<'_>, Transport)> = talks
            .iter()
            .filter_map(|talk| {
                let shown = talk.shown.first()?;
                Some((shown.segment(Role::Peer), talk.transport))
            })
            .collect();
        group.throughput(Throughput::Elements(firsts.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                for (segment, transport) in &firsts {
                    black_box(medtap_engine::proto::classify(segment, *transport));
                }
            });
        });
    }
}

pub fn observe(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("proto/observe");
    for (name, talks) in conversations() {
        group.throughput(Throughput::Elements(
            talks.iter().map(|talk| talk.packets).sum(),
        ));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| talks.iter().for_each(Talk::replay));
        });
    }
}

/// What a session was shown.
struct Shown {
    bytes: Vec<u8>,
    from: Role,
    time_ns: u64,
    ports: (u16, u16),
}

impl Shown {
    fn segment(&self, from: Role) -> Segment<'_> {
        let (time_ns, ports) = (self.time_ns, self.ports);
        Segment {
            bytes: &self.bytes,
            from,
            time_ns,
            ports,
            cut: false,
        }
    }
}

/// One conversation of a known protocol.
struct Talk {
    transport: Transport,
    classifier: &'static Classifier,
    packets: u64,
    shown: Vec<Shown>,
}

impl Talk {
    fn replay(&self) {
        let mut session = (self.classifier.session)();
        for shown in &self.shown {
            let segment = shown.segment(shown.from);
            black_box(session.observe(&segment, &mut |observation| {
                black_box(&observation);
            }));
        }
    }
}

/// The conversations of pcaps/<protocol>/, by protocol. Empty, visibly, where there are none.
fn conversations() -> BTreeMap<String, Vec<Talk>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps");
    let mut found: BTreeMap<String, Vec<Talk>> = BTreeMap::new();
    for folder in entries(&root) {
        for path in entries(&folder) {
            if path
                .extension()
                .is_some_and(|extension| extension == "pcap")
            {
                for talk in talks_of(path) {
                    found
                        .entry(talk.classifier.protocol.name().into())
                        .or_default()
                        .push(talk);
                }
            }
        }
    }
    if found.is_empty() {
        eprintln!("skipped: no captures in {}", root.display());
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    entries
}

fn talks_of(path: PathBuf) -> Vec<Talk> {
    let mut pcap = Pcap::open(&[Input::Path(path)]).expect("a committed capture opens");
    let mut batch = Batch::default();
    let mut under_way: BTreeMap<FlowKey, Recording> = BTreeMap::new();
    while pcap.read(&mut batch) {
        for frame in batch.frames() {
            if let Ok(headers) = Headers::parse(frame.bytes, frame.wire_len, frame.link) {
                take(&mut under_way, &frame, &headers);
            }
        }
    }
    under_way
        .into_values()
        .filter_map(Recording::finish)
        .collect()
}

fn take(under_way: &mut BTreeMap<FlowKey, Recording>, frame: &Frame<'_>, headers: &Headers) {
    let transport = match headers.transport {
        TransportKind::Tcp => Transport::Tcp,
        TransportKind::Udp => Transport::Udp,
        TransportKind::None => return,
    };
    let payload = headers.payload.of(frame.bytes);
    if payload.is_empty() {
        return;
    }
    let version = if headers.network == Network::V6 { 6 } else { 4 };
    let (key, direction) = FlowKey::of(headers, 0, version);
    let recording = under_way
        .entry(key)
        .or_insert_with(|| Recording::new(transport));
    recording.take(direction, headers, frame.time_ns, payload);
}

/// A conversation that is being recorded, as a worker would read it.
struct Recording {
    transport: Transport,
    classifier: Option<&'static Classifier>,
    session: Option<Box<dyn Session>>,
    roles: [Role; 2],
    next: [Option<u32>; 2],
    held: [Vec<u8>; 2],
    skip: [u64; 2],
    closed: [bool; 2],
    packets: u64,
    shown: Vec<Shown>,
}

impl Recording {
    fn new(transport: Transport) -> Self {
        Self {
            transport,
            classifier: None,
            session: None,
            roles: [Role::Peer; 2],
            next: [None; 2],
            held: Default::default(),
            skip: [0; 2],
            closed: [false; 2],
            packets: 0,
            shown: Vec::new(),
        }
    }

    fn finish(self) -> Option<Talk> {
        let classifier = self.classifier?;
        let (transport, packets, shown) = (self.transport, self.packets, self.shown);
        Some(Talk {
            transport,
            classifier,
            packets,
            shown,
        })
    }

    fn take(&mut self, from: Direction, headers: &Headers, time_ns: u64, payload: &[u8]) {
        let side = from.index();
        if self.transport == Transport::Tcp {
            // Sent again, or ahead of a hole: not for a bench.
            if self.next[side].is_some_and(|next| next != headers.seq) {
                return;
            }
            self.next[side] = Some(headers.seq.wrapping_add(payload.len() as u32));
        } else {
            self.held[side].clear();
        }
        self.packets += 1;
        self.held[side].extend_from_slice(payload);
        let ports = (headers.src_port, headers.dst_port);
        if self.session.is_none() {
            let held = &self.held[side];
            let segment = Segment {
                bytes: held,
                from: Role::Peer,
                time_ns,
                ports,
                cut: headers.cut,
            };
            let decision = medtap_engine::proto::classify(&segment, self.transport);
            let Decision::Known(classifier, role) = decision else {
                return;
            };
            self.classifier = Some(classifier);
            self.session = Some((classifier.session)());
            self.roles[side] = role;
            self.roles[1 - side] = role.other();
        }
        self.show(side, time_ns, ports);
        if self.transport == Transport::Tcp {
            self.show(1 - side, time_ns, (ports.1, ports.0));
        }
    }

    fn show(&mut self, side: usize, time_ns: u64, ports: (u16, u16)) {
        let Some(session) = &mut self.session else {
            return;
        };
        loop {
            let skipped = self.skip[side].min(self.held[side].len() as u64);
            self.skip[side] -= skipped;
            self.held[side].drain(..skipped as usize);
            if self.closed[side] || self.held[side].is_empty() {
                return;
            }
            let bytes = self.held[side].clone();
            let shown = Shown {
                bytes,
                from: self.roles[side],
                time_ns,
                ports,
            };
            let progress = session.observe(&shown.segment(shown.from), &mut |_| {});
            self.shown.push(shown);
            if self.transport == Transport::Udp {
                self.closed = [progress.then == Then::Done; 2];
                return;
            }
            self.held[side].drain(..progress.consumed);
            match progress.then {
                Then::More if progress.consumed == 0 => return,
                Then::More => {}
                Then::Skip(count) => self.skip[side] = count,
                Then::DoneDirection => self.closed[side] = true,
                Then::Done => self.closed = [true; 2],
            }
        }
    }
}
