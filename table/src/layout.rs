//! Every byte of a table: header, regions, slots and records. It computes nothing: where the
//! regions of one table lie is in `geometry`.
//!
//! ```text
//! 0        256              448      536            704
//! | Header | HeaderCounters | Source | MemoryWords | subjects | facts |
//!                                 | edges | activity | workers | interfaces | heap |
//! ```
//!
//! A slot is a sequence word, the record that it guards, and hot counters outside the guard.
//! `layout.txt` prints every offset; any change to it needs a new [`LAYOUT_VERSION`].

use std::mem::{align_of, offset_of, size_of};

use bytemuck::{Pod, Zeroable};

// The words of a saved table are read on other machines as they were written.
const _: () = assert!(cfg!(target_endian = "little"), "tables are little-endian");

/// First bytes of a table file. The control bytes catch text-mode mangling.
pub const MAGIC: [u8; 8] = *b"MEDTBL\x1a\n";

/// Raised by any change to the meaning or place of any byte. No partial compatibility.
pub const LAYOUT_VERSION: u32 = 3;

/// Bytes of a reported device's identifier.
pub const IDENTIFIER_BYTES_MAX: usize = 64;
/// Bytes of a fact's raw text, and of its value, that are kept; longer ones are cut.
pub const TEXT_BYTES_MAX: usize = 256;
/// Bytes of a raw text that lie in the record; a longer one lies in the heap.
pub const RAW_BYTES_INLINE: usize = 112;
/// Bytes of a value that lie in the record; a longer one lies in the heap.
pub const VALUE_BYTES_INLINE: usize = 80;
/// Hours of a week, the bins of an activity.
pub const HOURS_OF_WEEK: usize = 168;
/// Room for counters of a worker, by `Counter` number.
pub const COUNTERS_MAX: usize = 128;
/// Room for parse errors of a worker, by `Protocol` number; number 0 takes those beyond.
pub const PARSE_ERRORS_MAX: usize = 256;
/// Bytes of a worker's serialized latency histogram.
pub const LATENCY_BYTES_MAX: usize = 8192;
/// Bytes of an interface's name, with the kernel's room for one.
pub const INTERFACE_NAME_BYTES_MAX: usize = 16;
/// Bytes of the note why an interface works as it does; a longer one is cut.
pub const INTERFACE_NOTE_BYTES_MAX: usize = 400;
/// Room for what memory is for, by `Purpose` number.
pub const PURPOSES_MAX: usize = 16;
/// Room for counters of an interface, by `InterfaceCounter` number.
pub const INTERFACE_COUNTERS_MAX: usize = 32;

/// Number of regions.
pub const REGION_COUNT: usize = 7;
/// Where [`HeaderCounters`] begins.
pub const HEADER_COUNTERS_OFFSET: usize = 256;
/// Where the [`SourceRecord`]'s slot begins.
pub const SOURCE_OFFSET: usize = 448;
/// Where [`MemoryWords`] begin.
pub const MEMORY_OFFSET: usize = 536;
/// Bytes before the first region of a saved table.
pub const HEADER_SIZE: usize = 704;

/// The number that stands for "no subject".
pub(crate) const NO_SUBJECT: u32 = u32::MAX;

/// Declares a record: `repr(C)`, no padding (bytemuck refuses it), size asserted, fields listed.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident: $size:literal {
        $($(#[$fmeta:meta])* $field:ident: $type:ty,)+
    }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type,)+ }

        impl $name {
            /// Name, offset, size and type of each field.
            pub const FIELDS: &'static [(&'static str, usize, usize, &'static str)] = &[
                $((stringify!($field), offset_of!($name, $field), {
                    let probe: fn(&$name) -> &$type = |record| &record.$field;
                    size_of_pointee(probe)
                }, stringify!($type)),)+
            ];
        }

        const _: () = {
            assert!(size_of::<$name>() == $size);
            assert!(size_of::<$name>().is_multiple_of(8));
            assert!(align_of::<$name>() == 8);
        };
    };
}

/// The size of what a function returns a reference to.
const fn size_of_pointee<R, F>(_: fn(&R) -> &F) -> usize {
    size_of::<F>()
}

record! {
    /// Place of one region.
    RegionHeader: 24 {
        /// Where it begins, in bytes from the start of the file; a multiple of 8.
        offset: u64,
        /// Bytes of one slot; 1 for the heap.
        slot_size: u64,
        /// Slots; bytes for the heap.
        capacity: u64,
    }
}

record! {
    /// The first bytes of the file, written once, before the file gets its name.
    Header: 216 {
        /// [`MAGIC`].
        magic: [u8; 8],
        /// [`LAYOUT_VERSION`].
        layout_version: u32,
        /// [`HEADER_SIZE`].
        header_size: u32,
        /// Bytes of the whole file.
        file_size: u64,
        /// Differs for every engine run, so that a reader notices a restart; 0 for offline runs.
        run_id: u64,
        /// When the table was made, by the wall clock; 0 for offline runs.
        created_ns: u64,
        /// The engine's process; 0 for offline runs.
        pid: u32,
        /// 0 live, 1 saved.
        saved: u32,
        /// By [`Region`] number.
        regions: [RegionHeader; REGION_COUNT],
    }
}

record! {
    /// The part of the header that changes: each word by itself, under no lock.
    HeaderCounters: 136 {
        /// When the engine last said that it lives.
        heartbeat_ns: u64,
        /// Which rules matched the facts: the rule set's fingerprint.
        rules_generation: u64,
        /// When the engine ended its work in order; 0 while it runs, and where it was ended.
        stopped_ns: u64,
        /// Slots (heap: bytes) in use, published after their contents. By [`Region`] number.
        used: [u64; REGION_COUNT],
        /// Records (heap: texts) that found no room. By [`Region`] number.
        refused: [u64; REGION_COUNT],
    }
}

record! {
    /// What the engine takes of memory: each word by itself, under no lock.
    MemoryWords: 136 {
        /// Bytes at most, as it said at its start. By `Purpose` number; 0 where nothing was said.
        said: [u64; PURPOSES_MAX],
        /// Bytes that its process holds now and no file does; the table is none of them.
        taken: u64,
    }
}

record! {
    /// Where the packets came from.
    SourceRecord: 80 {
        /// Capture files read.
        files: u64,
        /// Packets seen.
        packets: u64,
        /// Their lengths on the wire.
        bytes: u64,
        /// Time of the first packet.
        first_seen_ns: u64,
        /// Time of the last packet.
        last_seen_ns: u64,
        /// Packets that contradict a format.
        malformed: u64,
        /// Packets of which the capture holds less than the wire had.
        truncated: u64,
        /// Copies of a packet that was counted already.
        duplicates: u64,
        /// The time that ages are counted to.
        as_of_ns: u64,
        /// Bit 0: part of the input could not be read.
        flags: u64,
    }
}

record! {
    /// A binding or a reported device.
    SubjectRecord: 128 {
        /// When it was first seen.
        first_seen_ns: u64,
        /// When it was last seen.
        last_seen_ns: u64,
        /// Smallest number of a packet about it: breaks ties of time.
        first_packet: u64,
        /// IPv6, or IPv4 mapped into it; all zero: no address.
        ip: [u8; 16],
        /// MAC address.
        mac: [u8; 6],
        /// VLAN id, 0 untagged.
        vlan: u16,
        /// Slot of the subject that reported it; [`u32::MAX`] none.
        reporter: u32,
        /// Address space.
        scope: u16,
        /// `SubjectFlags`.
        flags: u16,
        /// 0 empty, 1 binding, 2 reported.
        kind: u8,
        /// Smallest TTL or hop limit that it sent, 0 none seen.
        ttl_min: u8,
        /// Largest TTL or hop limit that it sent.
        ttl_max: u8,
        /// 0 none, 4, 6.
        network: u8,
        /// Bytes of the identifier in use.
        identifier_len: u8,
        /// Zero.
        reserved: [u8; 3],
        /// Who a reported device is, UTF-8.
        identifier: [u8; IDENTIFIER_BYTES_MAX],
    }
}

record! {
    /// One fact about one subject.
    FactRecord: 248 {
        /// When it was first seen.
        first_seen_ns: u64,
        /// When it was last seen.
        last_seen_ns: u64,
        /// How often.
        count: u64,
        /// Slot of the subject.
        subject: u32,
        /// The rule that gave the value, 0 none.
        rule: u32,
        /// `Field` number.
        field: u16,
        /// `Attribute` number.
        attribute: u8,
        /// 0–100.
        confidence: u8,
        /// Bytes of the raw text.
        raw_len: u16,
        /// Bytes of the value.
        value_len: u16,
        /// Heap offset of the raw text in words; used where it is longer than its inline place.
        raw_heap: u32,
        /// Heap offset of the value in words; used where it is longer than its inline place.
        value_heap: u32,
        /// Bit 0: the raw text is cut. Bit 1: the value is cut.
        flags: u32,
        /// Zero.
        reserved: u32,
        /// The raw text as sent, UTF-8.
        raw: [u8; RAW_BYTES_INLINE],
        /// The value, UTF-8.
        value: [u8; VALUE_BYTES_INLINE],
    }
}

record! {
    /// Who talks to whom, how.
    EdgeRecord: 32 {
        /// When it was first seen.
        first_seen_ns: u64,
        /// When it was last seen.
        last_seen_ns: u64,
        /// Slot of the subject that opened the conversation.
        orig: u32,
        /// Slot of the subject that it was opened to.
        resp: u32,
        /// `Protocol` number, 0 unknown.
        protocol: u16,
        /// The responder's port.
        port: u16,
        /// IP protocol number.
        transport: u8,
        /// `EdgeFlags`.
        flags: u8,
        /// 0–100.
        confidence: u8,
        /// Zero.
        reserved: u8,
    }
}

record! {
    /// How often a subject did something, by hour of the week.
    ActivityRecord: 704 {
        /// How often.
        total: u64,
        /// When first.
        first_seen_ns: u64,
        /// When last.
        last_seen_ns: u64,
        /// Slot of the subject.
        subject: u32,
        /// `Event` number.
        event: u16,
        /// Zero.
        reserved: u16,
        /// By hour of the week in UTC, Monday 00:00 first.
        bins: [u32; HOURS_OF_WEEK],
    }
}

record! {
    /// What changes with a worker as one: its rings, its rules and its latency.
    GaugesRecord: 8256 {
        /// Entries in the worker's ring of facts.
        ring_fill: u64,
        /// Entries that the ring can hold.
        ring_capacity: u64,
        /// Sightings that are not handed over yet.
        owed: u64,
        /// The rules that the worker matches with.
        rules_generation: u64,
        /// When the worker last went round; 0 never.
        beat_ns: u64,
        /// Flows in its table.
        flows: u64,
        /// One more than the processor that it is pinned to; 0 none.
        cpu: u64,
        /// Bytes of the histogram in use.
        latency_len: u64,
        /// Serialized HdrHistogram of burst latency.
        latency: [u8; LATENCY_BYTES_MAX],
    }
}

record! {
    /// How an interface is received from.
    InterfaceRecord: 448 {
        /// The kernel's number of it.
        index: u64,
        /// Largest packet that it takes.
        mtu: u32,
        /// Bytes of one frame of its memory.
        frame_bytes: u32,
        /// Frames of its memory.
        frames: u32,
        /// Receive queues that sockets are bound to.
        queues: u16,
        /// Sockets on each queue.
        sockets: u16,
        /// `InterfaceFlags`.
        flags: u16,
        /// Bytes of the note in use.
        note_len: u16,
        /// `Attach` number.
        attach: u8,
        /// `Delivery` number.
        delivery: u8,
        /// Bytes of the name in use.
        name_len: u8,
        /// Zero.
        reserved: u8,
        /// Its name, UTF-8.
        name: [u8; INTERFACE_NAME_BYTES_MAX],
        /// Why better modes were not taken, UTF-8.
        note: [u8; INTERFACE_NOTE_BYTES_MAX],
    }
}

record! {
    /// Slot of the region "subjects". 192 bytes: three cache lines.
    SubjectSlot: 192 {
        /// Sequence lock of the record.
        sequence: u64,
        /// The record.
        record: SubjectRecord,
        /// Packets it sent.
        packets_sent: u64,
        /// Packets it received.
        packets_received: u64,
        /// Bytes it sent, on the wire.
        bytes_sent: u64,
        /// Bytes it received, on the wire.
        bytes_received: u64,
        /// Zero.
        reserved: [u64; 3],
    }
}

record! {
    /// Slot of the region "facts". 256 bytes: four cache lines.
    FactSlot: 256 {
        /// Sequence lock of the record.
        sequence: u64,
        /// The record.
        record: FactRecord,
    }
}

record! {
    /// Slot of the region "edges". 64 bytes: one cache line.
    EdgeSlot: 64 {
        /// Sequence lock of the record.
        sequence: u64,
        /// The record.
        record: EdgeRecord,
        /// Packets in both directions.
        packets: u64,
        /// Bytes in both directions, on the wire.
        bytes: u64,
        /// Conversations; 0 where they are not counted.
        conversations: u64,
    }
}

record! {
    /// Slot of the region "activity".
    ActivitySlot: 712 {
        /// Sequence lock of the record.
        sequence: u64,
        /// The record.
        record: ActivityRecord,
    }
}

record! {
    /// Slot of the region "workers".
    WorkerSlot: 11336 {
        /// Sequence lock of the gauges.
        sequence: u64,
        /// The gauges.
        record: GaugesRecord,
        /// By `Counter` number.
        counters: [u64; COUNTERS_MAX],
        /// By `Protocol` number; 0 for numbers that have no place.
        parse_errors: [u64; PARSE_ERRORS_MAX],
    }
}

record! {
    /// Slot of the region "interfaces".
    InterfaceSlot: 712 {
        /// Sequence lock of the record.
        sequence: u64,
        /// The record.
        record: InterfaceRecord,
        /// By `InterfaceCounter` number.
        counters: [u64; INTERFACE_COUNTERS_MAX],
    }
}

record! {
    /// The source's slot in the header.
    SourceSlot: 88 {
        /// Sequence lock of the record.
        sequence: u64,
        /// The record.
        record: SourceRecord,
    }
}

const _: () = {
    assert!(size_of::<Header>() <= HEADER_COUNTERS_OFFSET);
    assert!(HEADER_COUNTERS_OFFSET + size_of::<HeaderCounters>() <= SOURCE_OFFSET);
    assert!(SOURCE_OFFSET + size_of::<SourceSlot>() <= MEMORY_OFFSET);
    assert!(MEMORY_OFFSET + size_of::<MemoryWords>() <= HEADER_SIZE);
    assert!(TEXT_BYTES_MAX <= u16::MAX as usize);
};

/// A part of the table with a bound of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Region {
    /// Bindings and reported devices.
    Subjects = 0,
    /// Facts.
    Facts = 1,
    /// Edges.
    Edges = 2,
    /// Activity.
    Activity = 3,
    /// Workers' counters.
    Workers = 4,
    /// Interfaces and their counters.
    Interfaces = 5,
    /// Longer texts; its unit is the byte.
    Heap = 6,
}

impl Region {
    /// Every region, in the order of the file.
    pub const ALL: [Self; REGION_COUNT] = [
        Self::Subjects,
        Self::Facts,
        Self::Edges,
        Self::Activity,
        Self::Workers,
        Self::Interfaces,
        Self::Heap,
    ];

    /// The name that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subjects => "subjects",
            Self::Facts => "facts",
            Self::Edges => "edges",
            Self::Activity => "activity",
            Self::Workers => "workers",
            Self::Interfaces => "interfaces",
            Self::Heap => "heap",
        }
    }

    /// Bytes of one slot.
    pub const fn slot_size(self) -> usize {
        match self {
            Self::Subjects => size_of::<SubjectSlot>(),
            Self::Facts => size_of::<FactSlot>(),
            Self::Edges => size_of::<EdgeSlot>(),
            Self::Activity => size_of::<ActivitySlot>(),
            Self::Workers => size_of::<WorkerSlot>(),
            Self::Interfaces => size_of::<InterfaceSlot>(),
            Self::Heap => 1,
        }
    }

    /// The place of the region in arrays.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// A record that lies in a slot behind a sequence word.
pub(crate) trait Record: Pod {
    /// The region whose slots hold it.
    const REGION: Region;
    /// Words of the record.
    const WORDS: usize = size_of::<Self>() / 8;
}

impl Record for SubjectRecord {
    const REGION: Region = Region::Subjects;
}
impl Record for FactRecord {
    const REGION: Region = Region::Facts;
}
impl Record for EdgeRecord {
    const REGION: Region = Region::Edges;
}
impl Record for ActivityRecord {
    const REGION: Region = Region::Activity;
}
impl Record for GaugesRecord {
    const REGION: Region = Region::Workers;
}
impl Record for InterfaceRecord {
    const REGION: Region = Region::Interfaces;
}
