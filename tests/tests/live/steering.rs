//! The kernel's program and the engine steer alike, proved frame by frame with `BPF_PROG_RUN`.
//! Nothing is attached to an interface, and nothing is sent.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aya::maps::{HashMap, MapData, MapError, PerCpuArray};
use aya::programs::{ProgramError, SocketFilter, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader, TestRun, TestRunOptions, TestRunResult};
use libtest_mimic::{Failed, Trial};
use medtap_engine::capture::{Batch, Input, Pcap};
use medtap_engine::config::SHARDS;
use medtap_engine::flow::{shard, steer};
use medtap_engine::observe::MacAddr;
use medtap_engine::wire::{Headers, LinkType, Network};
use medtap_tests::{captures, data_folder, files_below, relative, root};

/// Foreign frames are compared for no longer than this, so many of each file.
const FOREIGN_TIME: Duration = Duration::from_secs(40);
const FOREIGN_FRAMES: u64 = 20_000;

/// Bits of `medtap_steer_test` beside the shard.
const DEEPER: u32 = 0x100;
const UNPARSED: u32 = 0x200;

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

/// Places in the map `counters`.
const PACKETS: usize = 0;
const REDIRECTED: usize = 1;
const NO_SOCKET: usize = 2;
const PASSED: usize = 3;

/// The trials of this file; ignored, with the reason in the name, where BPF can't be loaded.
pub fn trials() -> Vec<Trial> {
    type Test = fn() -> Result<(), Failed>;
    let tests: [(&str, Test); 4] = [
        ("steering_of_committed_captures", committed),
        ("steering_of_foreign_captures", foreign),
        ("steering_of_cut_and_nested_frames", made),
        ("own_addresses_pass", own_addresses),
    ];
    let refused = is_refused();
    let name = |name: &str| match refused {
        false => name.to_owned(),
        true => format!("{name} (skipped: no right to load BPF)"),
    };
    let trial = |(test, run): (&str, Test)| Trial::test(name(test), run).with_ignored_flag(refused);
    tests.into_iter().map(trial).collect()
}

/// True where nobody may load BPF: even a map is refused. That the kernel refuses the program
/// itself is no reason to skip.
fn is_refused() -> bool {
    let object = std::fs::read(root().join("xdp-prog/medtap.bpf.o")).unwrap_or_default();
    match EbpfLoader::new().load(&object) {
        Err(EbpfError::MapError(MapError::CreateError { io_error, .. })) => {
            io_error.kind() == ErrorKind::PermissionDenied
        }
        _ => false,
    }
}

/// The object, loaded.
struct Program(Ebpf);

impl Program {
    fn load(workers: u32, pass_own: bool) -> Result<Self, Failed> {
        let object = std::fs::read(root().join("xdp-prog/medtap.bpf.o"))?;
        let pass_own = u32::from(pass_own);
        let mut ebpf = EbpfLoader::new()
            .override_global("workers", &workers, true)
            .override_global("pass_own", &pass_own, true)
            .load(&object)?;
        for name in ["medtap_xdp", "medtap_steer_test"] {
            let program: &mut Xdp = program(&mut ebpf, name)?.try_into()?;
            program.load()?;
        }
        let filter: &mut SocketFilter = program(&mut ebpf, "medtap_fanout")?.try_into()?;
        filter.load()?;
        Ok(Self(ebpf))
    }

    fn xdp(&self, name: &str, frame: &[u8]) -> Result<Option<u32>, Failed> {
        let program: &Xdp = self.0.program(name).ok_or("no such program")?.try_into()?;
        run(program, frame)
    }

    fn filter(&self, frame: &[u8]) -> Result<Option<u32>, Failed> {
        let program = self.0.program("medtap_fanout").ok_or("no such program")?;
        let program: &SocketFilter = program.try_into()?;
        run(program, frame)
    }

    /// The counters, summed over processors.
    fn counters(&self) -> Result<[u64; 6], Failed> {
        let map = self.0.map("counters").ok_or("no such map")?;
        let map: PerCpuArray<&MapData, u64> = PerCpuArray::try_from(map)?;
        let mut sums = [0; 6];
        for (sum, index) in sums.iter_mut().zip(0..) {
            *sum = map.get(&index, 0)?.iter().sum();
        }
        Ok(sums)
    }

    fn own(&mut self, address: [u8; 16]) -> Result<(), Failed> {
        let map = self.0.map_mut("own").ok_or("no such map")?;
        let mut map: HashMap<&mut MapData, [u8; 16], u8> = HashMap::try_from(map)?;
        Ok(map.insert(address, 1, 0)?)
    }
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut aya::programs::Program, Failed> {
    let program = ebpf.program_mut(name);
    program.ok_or_else(|| format!("{name} is not in the object").into())
}

/// None where the kernel takes no such frame: one cut short, or longer than it has room for.
fn run<P>(program: &P, frame: &[u8]) -> Result<Option<u32>, Failed>
where
    P: for<'a> TestRun<Opts<'a> = TestRunOptions<'a>, Result = TestRunResult>,
{
    let options = TestRunOptions {
        data_in: Some(frame),
        ..TestRunOptions::new()
    };
    match program.test_run(options) {
        Ok(result) => Ok(Some(result.return_value)),
        Err(ProgramError::SyscallError(error))
            if matches!(
                error.io_error.kind(),
                ErrorKind::InvalidInput | ErrorKind::OutOfMemory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(format!("a frame of {} bytes: {error:?}", frame.len()).into()),
    }
}

/// The engine's answer, as `worker/mod.rs` has it.
fn of_engine(frame: &[u8]) -> Option<u32> {
    let headers = Headers::parse(frame, frame.len() as u32, LinkType::Ethernet).ok()?;
    let steering = match headers.network {
        Network::None => steer(&widen(headers.src_mac), &widen(headers.dst_mac)),
        _ => steer(&headers.src, &headers.dst),
    };
    Some(shard(steering) as u32)
}

fn widen(mac: MacAddr) -> [u8; 16] {
    let mut wide = [0; 16];
    wide[10..].copy_from_slice(&mac);
    wide
}

/// How many frames ended how.
#[derive(Debug, Default)]
struct Tally {
    compared: u64,
    agreed: u64,
    deeper: u64,
    deeper_agreed: u64,
    /// The engine does not steer them either: it only counts them.
    unparsed: u64,
    /// Of those compared: by XDP and by fan-out; the others by XDP alone.
    by_both: u64,
    not_run: u64,
    differ: BTreeMap<String, u64>,
}

impl Tally {
    fn compare(&mut self, program: &Program, frame: &[u8], place: &str) -> Result<(), Failed> {
        let Some(xdp) = program.xdp("medtap_steer_test", frame)? else {
            self.not_run += 1;
            return Ok(());
        };
        self.compared += 1;
        let fanout = program.filter(frame)?;
        self.by_both += u64::from(fanout.is_some());
        let kernel = xdp & !(DEEPER | UNPARSED);
        let engine = of_engine(frame);
        match engine {
            _ if fanout.is_some_and(|fanout| fanout != kernel) => {
                self.differs(place, "XDP and fan-out", frame)
            }
            None => self.unparsed += 1,
            Some(engine) if xdp & DEEPER != 0 => {
                self.deeper += 1;
                self.deeper_agreed += u64::from(engine == kernel);
            }
            Some(engine) if engine == kernel => self.agreed += 1,
            Some(_) => self.differs(place, "kernel and engine", frame),
        }
        Ok(())
    }

    fn differs(&mut self, place: &str, what: &str, frame: &[u8]) {
        let begin = frame.get(..64).unwrap_or(frame);
        if self.differ.len() < 20 {
            eprintln!(
                "{place}: {what} differ: {} bytes, {begin:02x?}",
                frame.len()
            );
        }
        *self.differ.entry(format!("{place}: {what}")).or_default() += 1;
    }

    fn compare_file(&mut self, program: &Program, path: &Path, most: u64) -> Result<(), Failed> {
        let mut capture = Pcap::open(&[Input::Path(path.to_owned())])?;
        let mut batch = Batch::default();
        let place = relative(path);
        let mut taken = 0;
        while taken < most && capture.read(&mut batch) {
            for frame in batch.frames() {
                taken += 1;
                if frame.link == LinkType::Ethernet && taken <= most {
                    self.compare(program, frame.bytes, &place)?;
                }
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failed> {
        eprintln!(
            "steering: {} frames compared, {} by fan-out too: {} agreed, {} deeper ({} of them \
             agreed), {} unparsed; {} could not be run, {} differ",
            self.compared,
            self.by_both,
            self.agreed,
            self.deeper,
            self.deeper_agreed,
            self.unparsed,
            self.not_run,
            self.differ.values().sum::<u64>(),
        );
        match self.differ.is_empty() {
            true => Ok(()),
            false => Err(format!("steered otherwise: {:#?}", self.differ).into()),
        }
    }
}

fn committed() -> Result<(), Failed> {
    let program = Program::load(SHARDS as u32, false)?;
    let mut tally = Tally::default();
    for path in captures() {
        tally.compare_file(&program, &path, u64::MAX)?;
    }
    if tally.agreed == 0 {
        return Err("nothing was compared".into());
    }
    tally.end()
}

fn foreign() -> Result<(), Failed> {
    let Some(data) = data_folder() else {
        return Ok(());
    };
    let program = Program::load(SHARDS as u32, false)?;
    let mut tally = Tally::default();
    let end = Instant::now() + FOREIGN_TIME;
    let files = files_below(&data.join("captures"));
    for (place, path) in files.iter().enumerate() {
        if Instant::now() > end {
            eprintln!("steering: {place} of {} files in time", files.len());
            break;
        }
        // What is no capture is no concern of this test.
        if Pcap::open(&[Input::Path(PathBuf::clone(path))]).is_ok() {
            tally.compare_file(&program, path, FOREIGN_FRAMES)?;
        }
    }
    tally.end()
}

/// A frame with every kind of header that the program reads: from the outside in.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let udp = |dst: u16, payload: &[u8]| {
        let mut bytes = vec![0xc0, 0];
        bytes.extend(dst.to_be_bytes());
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(payload);
        bytes
    };
    let mut tcp = [0; 32];
    tcp[12] = 0x80;
    let inner = link(&[], 0x0800, &ipv4(9, 6, &tcp));
    let outer = |protocol, payload: &[u8]| link(&[], 0x0800, &ipv4(1, protocol, payload));
    let gre = |head: &[u8], payload: &[u8]| outer(47, &[head, payload].concat());
    let vxlan = |payload: &[u8]| udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], payload].concat());
    let tagged = link(&[0x8100, 0x8100], 0x0800, &ipv4(9, 6, &tcp));
    let erspan_three = [
        &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 1][..],
        &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    let extensions = [0, 0, 0, 0, 0, 0, 0, 0];
    let hop = [60, 0, 0, 0, 0, 0, 0, 0];
    let last = [17, 0, 0, 0, 0, 0, 0, 0];
    let v6 = |next, payload: &[u8]| link(&[0x88a8, 0x8100], 0x86dd, &ipv6(next, payload));
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let arp = link(&[], 0x0806, &[0; 28]);
    vec![
        (
            "tags",
            link(&[0x88a8, 0x8100], 0x0800, &ipv4(1, 17, &udp(53, &[0; 9]))),
        ),
        (
            "extensions",
            v6(0, &[&hop[..], &hop, &hop, &last, &udp(53, &[1])].concat()),
        ),
        ("too many extensions", v6(0, &[&extensions[..]; 5].concat())),
        (
            "snap",
            link(&[], 60, &[&snap[..], &ipv4(1, 17, &udp(53, &[]))].concat()),
        ),
        ("spanning tree", link(&[], 38, &[0x42; 46])),
        ("gre", gre(&[0, 0, 8, 0], &ipv4(9, 6, &tcp))),
        (
            "gre with all fields",
            gre(
                &[&[0xb0, 0, 0x86, 0xdd][..], &[0; 12]].concat(),
                &ipv6(17, &udp(53, &[5])),
            ),
        ),
        ("nvgre", gre(&[0x20, 0, 0x65, 0x58, 0, 0, 1, 1], &tagged)),
        ("erspan one", gre(&[0, 0, 0x88, 0xbe], &inner)),
        (
            "erspan two",
            gre(
                &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 1],
                &inner,
            ),
        ),
        ("erspan three", gre(&erspan_three.concat(), &inner)),
        ("ip in ip", outer(4, &ipv4(9, 6, &tcp))),
        ("ipv6 in ip", outer(41, &ipv6(17, &udp(53, &[5])))),
        ("vxlan", outer(17, &vxlan(&inner))),
        (
            "vxlan over ipv6",
            link(&[], 0x86dd, &ipv6(17, &vxlan(&tagged))),
        ),
        ("vxlan with arp", outer(17, &vxlan(&arp))),
        (
            "vxlan in vxlan",
            outer(17, &vxlan(&outer(17, &vxlan(&inner)))),
        ),
        ("vxlan with noise", outer(17, &vxlan(&[0x5a; 60]))),
        (
            "geneve",
            outer(
                17,
                &udp(
                    6081,
                    &[&[0, 0, 0x65, 0x58, 0, 0, 1, 0], &inner[..]].concat(),
                ),
            ),
        ),
        ("etherip", outer(97, &[&[0x30, 0], &inner[..]].concat())),
        (
            "l2tp",
            outer(
                17,
                &udp(1701, &[&[0, 3, 0, 0, 0, 0, 0, 5], &inner[..]].concat()),
            ),
        ),
    ]
}

fn link(tags: &[u16], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let seed = payload.len() as u8;
    let mut bytes = vec![2, 0, 0, 0, 1, seed, 2, 0, 0, 0, 2, 7];
    for tag in tags {
        bytes.extend(tag.to_be_bytes());
        bytes.extend([0, 5]);
    }
    bytes.extend(ether_type.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// With one option word.
fn ipv4(net: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = 24 + payload.len() as u16;
    let [high, low] = len.to_be_bytes();
    let mut bytes = vec![0x46, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0];
    bytes.extend([10, 0, net, 1, 10, 0, net, 77, 1, 1, 1, 0]);
    bytes.extend(payload);
    bytes
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = (payload.len() as u16).to_be_bytes();
    let mut bytes = vec![0x60, 0, 0, 0, high, low, next, 64, 0xfe, 0x80];
    bytes.extend([3; 14]);
    bytes.extend([0xfd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    bytes.extend(payload);
    bytes
}

/// Every kind of header, cut at every byte, and with every byte of it wrong.
fn made() -> Result<(), Failed> {
    let program = Program::load(SHARDS as u32, false)?;
    let mut tally = Tally::default();
    for (name, frame) in frames() {
        tally.compare(&program, &frame, name)?;
        for len in 14..frame.len() {
            tally.compare(&program, &frame[..len], &format!("{name}, cut"))?;
        }
        for at in 0..frame.len() {
            for wrong in [0x00, 0x04, 0x11, 0x2f, 0x47, 0x60, 0x81, 0xff] {
                let mut frame = frame.clone();
                frame[at] = wrong;
                tally.compare(&program, &frame, &format!("{name}, wrong at {at}"))?;
            }
        }
    }
    tally.end()
}

/// What is for an own address goes on to the kernel, all else does not; and every frame is in one
/// of three counters.
fn own_addresses() -> Result<(), Failed> {
    let mapped = |last| [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 1, last];
    let node = [0xfd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    let mut program = Program::load(1, true)?;
    program.own(mapped(77))?;
    program.own(node)?;
    let arp = |last| {
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 1, 1];
        bytes.extend([0, 0, 0, 0, 0, 0, 10, 0, 1, last]);
        link(&[], 0x0806, &bytes)
    };
    let echo = [8, 0, 0, 0, 0, 1, 0, 1];
    let solicit = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &node].concat();
    let mut to_group = ipv6(58, &solicit);
    to_group[24..40].copy_from_slice(&[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 12, 13, 14]);
    let mut for_other = to_group.clone();
    for_other[63] ^= 1;
    let cases = [
        ("ARP for it", arp(77), XDP_PASS),
        ("ARP for another", arp(78), XDP_DROP),
        (
            "ICMP to it",
            link(&[], 0x0800, &ipv4(1, 1, &echo)),
            XDP_PASS,
        ),
        (
            "ICMP to another",
            link(&[], 0x0800, &ipv4(2, 1, &echo)),
            XDP_DROP,
        ),
        (
            "TCP to it",
            link(&[], 0x0800, &ipv4(1, 6, &[0x50; 20])),
            XDP_DROP,
        ),
        (
            "ICMPv6 to it",
            link(&[], 0x86dd, &ipv6(58, &[128, 0, 0, 0])),
            XDP_PASS,
        ),
        (
            "UDP to it over IPv6",
            link(&[], 0x86dd, &ipv6(17, &echo)),
            XDP_DROP,
        ),
        (
            "solicitation for it",
            link(&[0x8100], 0x86dd, &to_group),
            XDP_PASS,
        ),
        (
            "solicitation for another",
            link(&[], 0x86dd, &for_other),
            XDP_DROP,
        ),
    ];
    let count = cases.len() as u64;
    for (name, frame, expected) in &cases {
        let action = program.xdp("medtap_xdp", frame)?;
        if action != Some(*expected) {
            return Err(format!("{name}: action {action:?} instead of {expected}").into());
        }
    }
    let counters = program.counters()?;
    let [packets, rest @ ..] = counters;
    let parts = rest[REDIRECTED - 1] + rest[NO_SOCKET - 1] + rest[PASSED - 1];
    if counters[PACKETS] != count || packets != parts || counters[PASSED] != 4 {
        return Err(format!("{count} frames were counted as {counters:?}").into());
    }
    // The same without the wish: the sensor answers nobody.
    let silent = Program::load(1, false)?;
    match silent.xdp("medtap_xdp", &arp(77))? {
        Some(XDP_DROP) => Ok(()),
        action => Err(format!("an ARP request passed unasked: action {action:?}").into()),
    }
}
