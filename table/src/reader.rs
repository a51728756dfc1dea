//! Who reads a table: live or saved, through the same code. It believes no byte of the file, it
//! never writes and never waits long, and it does not say what a record means.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::mem::offset_of;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bytemuck::{Pod, Zeroable, bytes_of_mut, cast_slice_mut};

use crate::error::{LayoutError, OpenError};
use crate::geometry::Geometry;
use crate::interface::{Interface, InterfaceId};
use crate::layout::{
    ActivityRecord, COUNTERS_MAX, EdgeRecord, FactRecord, GaugesRecord, HEADER_COUNTERS_OFFSET,
    HEADER_SIZE, Header, HeaderCounters, INTERFACE_COUNTERS_MAX, InterfaceRecord, MAGIC,
    MEMORY_OFFSET, MemoryWords, PARSE_ERRORS_MAX, Record, Region, SOURCE_OFFSET, SourceRecord,
    SubjectRecord, TEXT_BYTES_MAX,
};
use crate::map::{Map, Word};
use crate::record::{
    Activity, ActivityId, Edge, EdgeId, Fact, FactHead, FactId, Source, Subject, SubjectId,
    Traffic, Volume, WorkerStatus,
};
use crate::seqlock::{Attempt, SeqCell, published};
use crate::sync::{AtomicU64, Load, Ordering};
use crate::vocabulary::{Attribute, Counter, Field, InterfaceCounter, Protocol, Purpose};

/// Attempts to read a record while writes are under way.
const ATTEMPTS_MAX: u32 = 256;
/// Attempts after which the reader gives its processor away: the writer may wait for it.
const ATTEMPTS_SPINNING: u32 = 64;
/// Torn records after which the writer is taken for dead and each record gets few attempts.
const TORN_PATIENCE: u64 = 64;
/// Attempts then.
const ATTEMPTS_IMPATIENT: u32 = 4;

/// A fact as it lies in its slot: what it says, in the reader's own memory.
#[derive(Clone, Copy, Debug)]
pub struct StoredFact(FactRecord);

/// A reader of one table.
pub struct TableReader {
    map: Arc<Map>,
    geometry: Geometry,
    torn: AtomicU64,
    skipped: AtomicU64,
}

impl TableReader {
    /// Opens a live or a saved table.
    ///
    /// # Errors
    /// When the file cannot be read, or is no table of this version, whole and sound.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io {
            path: path.to_owned(),
            error,
        };
        // Before opening, since opening a pipe would wait for its other end.
        if !fs::metadata(path).map_err(io)?.is_file() {
            return Err(OpenError::NotAFile {
                path: path.to_owned(),
            });
        }
        let file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let layout = |error| OpenError::Layout {
            path: path.to_owned(),
            error,
        };
        let Some(len) = usize::try_from(bytes).ok().filter(|&len| len > 0) else {
            return Err(layout(LayoutError::Empty));
        };
        let map = Map::open(&file, len).map_err(io)?;
        Self::check(map, bytes).map_err(layout)
    }

    /// Checks the header against the bytes that there are.
    fn check(map: Arc<Map>, bytes: u64) -> Result<Self, LayoutError> {
        let cut_short = LayoutError::CutShort {
            announced: HEADER_SIZE as u64,
            actual: bytes,
        };
        let magic = u64::from_le_bytes(MAGIC);
        match map.words().first() {
            None => return Err(LayoutError::NotATable),
            Some(word) if word.load_relaxed() != magic => return Err(LayoutError::NotATable),
            Some(_) => {}
        }
        let words = map
            .words()
            .get(..size_of::<Header>() / 8)
            .ok_or(cut_short)?;
        let header: Header = load_words(words);
        if bytes < HEADER_SIZE as u64 && header.layout_version == crate::LAYOUT_VERSION {
            return Err(cut_short);
        }
        let geometry = Geometry::check(&header, bytes)?;
        Ok(Self::shared(map, geometry))
    }

    /// A reader of memory whose places are known to be sound.
    pub(crate) fn shared(map: Arc<Map>, geometry: Geometry) -> Self {
        Self {
            map,
            geometry,
            torn: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }
    }

    /// The header as it was written at the start.
    pub fn header(&self) -> Header {
        load_words(
            self.map
                .words()
                .get(..size_of::<Header>() / 8)
                .unwrap_or_default(),
        )
    }

    /// Differs for every live run; 0 for offline runs.
    pub fn run_id(&self) -> u64 {
        self.header().run_id
    }

    /// True for a saved table: it does not change any more.
    pub fn is_saved(&self) -> bool {
        self.header().saved != 0
    }

    /// The engine's process; 0 for offline runs.
    pub fn pid(&self) -> u32 {
        self.header().pid
    }

    /// When the engine made the table, by the wall clock; 0 for offline runs.
    pub fn started_ns(&self) -> u64 {
        self.header().created_ns
    }

    /// When the engine ended its work in order; 0 while it runs, and where it was ended.
    pub fn stopped_ns(&self) -> u64 {
        self.header_word(offset_of!(HeaderCounters, stopped_ns))
    }

    /// When the engine last said that it lives.
    pub fn heartbeat_ns(&self) -> u64 {
        self.header_word(offset_of!(HeaderCounters, heartbeat_ns))
    }

    /// Which rules matched the facts.
    pub fn rules_generation(&self) -> u64 {
        self.header_word(offset_of!(HeaderCounters, rules_generation))
    }

    /// Slots (heap: bytes) in use.
    pub fn used(&self, region: Region) -> u64 {
        let offset = HEADER_COUNTERS_OFFSET + offset_of!(HeaderCounters, used) + 8 * region.index();
        let used = self.map.words().get(offset / 8).map_or(0, published);
        used.min(self.geometry.capacity(region))
    }

    /// Slots (heap: bytes) that there are.
    pub fn capacity(&self, region: Region) -> u64 {
        self.geometry.capacity(region)
    }

    /// Records (heap: texts) that found no room.
    pub fn refused(&self, region: Region) -> u64 {
        self.header_word(offset_of!(HeaderCounters, refused) + 8 * region.index())
    }

    /// Where the packets came from; none when nobody said so yet.
    pub fn source(&self) -> Option<Source> {
        let slot = self.map.words().get(SOURCE_OFFSET / 8..MEMORY_OFFSET / 8)?;
        self.load::<SourceRecord>(slot)
            .map(|record| Source::decode(&record))
    }

    /// What the engine said that it takes of memory at most, in bytes by what for; nothing for
    /// offline runs.
    pub fn memory_said(&self) -> Vec<(Purpose, u64)> {
        let said = self.memory_words().said;
        let bytes = |purpose: &Purpose| said.get(usize::from(purpose.number())).copied();
        let parts = Purpose::ALL.iter().filter_map(|it| Some((*it, bytes(it)?)));
        parts.filter(|(_, bytes)| *bytes > 0).collect()
    }

    /// Bytes that the engine's process held when it last said so, beside the table; 0 where it
    /// never did.
    pub fn memory_taken(&self) -> u64 {
        self.memory_words().taken
    }

    pub(crate) fn memory_words(&self) -> MemoryWords {
        let words = self.map.words().get(MEMORY_OFFSET / 8..HEADER_SIZE / 8);
        load_words(words.unwrap_or_default())
    }

    /// Records that stayed torn, since this reader was made: they are missing from what it gave.
    pub fn torn(&self) -> u64 {
        self.torn.load(Ordering::Relaxed)
    }

    /// Records that make no sense to this version, since this reader was made: damaged, or
    /// with numbers that its vocabulary has no name for.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Every subject with its traffic, in the order of slots.
    pub fn subjects(&self) -> impl Iterator<Item = (SubjectId, Subject, Traffic)> + '_ {
        self.slots(Region::Subjects).filter_map(|index| {
            let id = SubjectId(index);
            self.subject(id)
                .map(|(subject, traffic)| (id, subject, traffic))
        })
    }

    /// One subject with its traffic.
    pub fn subject(&self, id: SubjectId) -> Option<(Subject, Traffic)> {
        let slot = self.slot(Region::Subjects, id.0)?;
        let record: SubjectRecord = self.load(slot)?;
        let subject = self.sensible(Subject::decode(&record, id.0))?;
        let traffic = hot_words(slot, SubjectRecord::WORDS);
        Some((subject, Traffic::from_words(traffic)))
    }

    /// Every fact, in the order of slots.
    pub fn facts(&self) -> impl Iterator<Item = (FactId, Fact<'static>)> + '_ {
        self.slots(Region::Facts).filter_map(|index| {
            let record: FactRecord = self.load(self.slot(Region::Facts, index)?)?;
            let fact = self.sensible(self.decode_fact(&record))?;
            Some((FactId(index), fact.into_owned()))
        })
    }

    /// One fact; none where it makes no sense, which is not counted.
    pub fn fact(&self, id: FactId) -> Option<Fact<'static>> {
        let record: FactRecord = self.load(self.slot(Region::Facts, id.0)?)?;
        self.decode_fact(&record).map(Fact::into_owned)
    }

    /// What these slots say, in their order; whether it makes sense is seen when it is told.
    pub fn stored_facts(&self, slots: &[u32]) -> Vec<StoredFact> {
        let mut stored = vec![StoredFact(FactRecord::zeroed()); slots.len()];
        let mut count = 0;
        for slot in slots.iter().filter_map(|it| self.slot(Region::Facts, *it)) {
            let Some(StoredFact(record)) = stored.get_mut(count) else {
                break;
            };
            let words = cast_slice_mut::<u8, u64>(bytes_of_mut(record));
            count += usize::from(self.load_into(slot, words).is_some());
        }
        stored.truncate(count);
        stored
    }

    /// The fact of a slot of this table; none where it makes no sense, which is not counted. Texts
    /// that lie in the slot are not copied.
    pub fn told<'a>(&self, stored: &'a StoredFact) -> Option<Fact<'a>> {
        self.decode_fact(&stored.0)
    }

    /// What the facts of these slots are about, without their texts.
    pub fn fact_heads(&self, slots: Range<u32>) -> impl Iterator<Item = (FactId, FactHead)> + '_ {
        slots.filter_map(|index| {
            let mut record = FactRecord::zeroed();
            self.load_head(index, &mut record)?;
            Some((FactId(index), self.sensible(self.decode_head(&record))?))
        })
    }

    /// What one fact is about; none where it makes no sense, which is not counted.
    pub fn fact_head(&self, id: FactId) -> Option<FactHead> {
        let mut record = FactRecord::zeroed();
        self.load_head(id.0, &mut record)?;
        self.decode_head(&record)
    }

    /// The part of a fact before its texts: with the lock, one cache line.
    fn load_head(&self, index: u32, record: &mut FactRecord) -> Option<()> {
        const WORDS: usize = offset_of!(FactRecord, raw) / 8;
        const _: () = assert!(WORDS * 8 == offset_of!(FactRecord, raw) && WORDS == 7);
        let words = cast_slice_mut::<u8, u64>(bytes_of_mut(record)).get_mut(..WORDS)?;
        self.load_into(self.slot(Region::Facts, index)?, words)
    }

    /// Every edge with its volume, in the order of slots.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeId, Edge, Volume)> + '_ {
        let slots = self.each_slot(Region::Edges);
        // Read after the edges' number: whoever they name was there before them.
        let subjects = self.used(Region::Subjects);
        slots.filter_map(move |(index, slot)| {
            let record: EdgeRecord = self.load(slot)?;
            let edge = Edge::decode(&record);
            let is_known = |id: SubjectId| u64::from(id.0) < subjects;
            let known = is_known(edge.orig) && edge.resp.is_none_or(is_known);
            let edge = self.sensible(known.then_some(edge))?;
            let [packets, bytes, conversations] = hot_words(slot, EdgeRecord::WORDS);
            let volume = Volume {
                packets,
                bytes,
                conversations,
            };
            Some((EdgeId(index), edge, volume))
        })
    }

    /// Every activity, in the order of slots.
    pub fn activity(&self) -> impl Iterator<Item = (ActivityId, Activity)> + '_ {
        self.slots(Region::Activity).filter_map(|index| {
            let record: ActivityRecord = self.load(self.slot(Region::Activity, index)?)?;
            let activity = Activity::decode(&record).filter(|a| self.is_subject(a.subject));
            Some((ActivityId(index), self.sensible(activity)?))
        })
    }

    /// Every worker's numbers, by worker number.
    pub fn workers(&self) -> impl Iterator<Item = WorkerStatus> + '_ {
        self.slots(Region::Workers)
            .filter_map(|index| self.worker(index))
    }

    fn worker(&self, index: u32) -> Option<WorkerStatus> {
        let slot = self.slot(Region::Workers, index)?;
        let gauges = self
            .load::<GaugesRecord>(slot)
            .unwrap_or_else(GaugesRecord::zeroed);
        let counters: [u64; COUNTERS_MAX] = hot_words(slot, GaugesRecord::WORDS);
        let errors: [u64; PARSE_ERRORS_MAX] = hot_words(slot, GaugesRecord::WORDS + COUNTERS_MAX);
        let latency = usize::try_from(gauges.latency_len).ok();
        let latency = latency
            .and_then(|len| gauges.latency.get(..len))
            .unwrap_or_default();
        let counter = |c: &Counter| {
            (
                *c,
                counters.get(usize::from(c.number())).copied().unwrap_or(0),
            )
        };
        Some(WorkerStatus {
            counters: Counter::ALL.iter().map(counter).collect(),
            parse_errors: (0u16..)
                .zip(errors)
                .filter(|&(_, count)| count > 0)
                .map(|(number, count)| (Protocol::from_number(number), count))
                .collect(),
            ring_fill: gauges.ring_fill,
            ring_capacity: gauges.ring_capacity,
            owed: gauges.owed,
            rules_generation: gauges.rules_generation,
            cpu: gauges
                .cpu
                .checked_sub(1)
                .and_then(|cpu| u32::try_from(cpu).ok()),
            beat_ns: gauges.beat_ns,
            flows: gauges.flows,
            latency: latency.to_vec(),
        })
    }

    /// Every interface with its counters, in the order of slots.
    pub fn interfaces(
        &self,
    ) -> impl Iterator<Item = (InterfaceId, Interface, Vec<(InterfaceCounter, u64)>)> + '_ {
        self.slots(Region::Interfaces).filter_map(|index| {
            let slot = self.slot(Region::Interfaces, index)?;
            let record: InterfaceRecord = self.load(slot)?;
            let interface = self.sensible(Interface::decode(&record))?;
            let numbers: [u64; INTERFACE_COUNTERS_MAX] = hot_words(slot, InterfaceRecord::WORDS);
            let counter = |c: &InterfaceCounter| {
                let number = numbers.get(usize::from(c.number())).copied();
                (*c, number.unwrap_or(0))
            };
            let counters = InterfaceCounter::ALL.iter().map(counter).collect();
            Some((InterfaceId(index), interface, counters))
        })
    }

    /// A counter, summed over the workers, with what the table itself refused.
    pub fn counter(&self, counter: Counter) -> u64 {
        let word = 1 + GaugesRecord::WORDS + usize::from(counter.number());
        let of_worker = |index| self.slot(Region::Workers, index)?.get(word);
        let workers = self
            .slots(Region::Workers)
            .filter_map(of_worker)
            .map(Word::load_relaxed);
        let region = match counter {
            Counter::SubjectsRefused => Some(Region::Subjects),
            Counter::FactsRefused => Some(Region::Facts),
            Counter::EdgesRefused => Some(Region::Edges),
            Counter::ActivityRefused => Some(Region::Activity),
            Counter::HeapRefused => Some(Region::Heap),
            _ => None,
        };
        let own = region.map_or(0, |region| self.refused(region));
        workers.fold(own, u64::saturating_add)
    }

    /// Every limit that refused something, with how often; empty while nothing was lost.
    pub fn limits_hit(&self) -> Vec<(Counter, u64)> {
        let limits = Counter::ALL.iter().filter(|counter| counter.is_limit());
        limits
            .map(|&c| (c, self.counter(c)))
            .filter(|&(_, count)| count > 0)
            .collect()
    }

    fn header_word(&self, offset: usize) -> u64 {
        let word = self.map.words().get((HEADER_COUNTERS_OFFSET + offset) / 8);
        word.map_or(0, Word::load_relaxed)
    }

    fn slots(&self, region: Region) -> std::ops::Range<u32> {
        0..u32::try_from(self.used(region)).unwrap_or(u32::MAX)
    }

    /// The words of every slot in use, with its number.
    fn each_slot(&self, region: Region) -> impl Iterator<Item = (u32, &[Word])> {
        let slots = self.slots(region);
        let words = self.geometry.slot_words(region, 0).and_then(|first| {
            let end = first
                .len()
                .checked_mul(slots.len())?
                .checked_add(first.start)?;
            self.map.words().get(first.start..end)
        });
        let words = words.unwrap_or_default();
        slots.zip(words.chunks_exact((region.slot_size() / 8).max(1)))
    }

    /// The words of a slot in use.
    pub(crate) fn slot(&self, region: Region, index: u32) -> Option<&[Word]> {
        if u64::from(index) >= self.used(region) {
            return None;
        }
        self.map
            .words()
            .get(self.geometry.slot_words(region, index)?)
    }

    /// The words of the heap in use.
    pub(crate) fn heap(&self) -> &[Word] {
        let used = usize::try_from(self.used(Region::Heap) / 8).unwrap_or(usize::MAX);
        let words = self
            .geometry
            .heap_words()
            .and_then(|range| self.map.words().get(range));
        words
            .and_then(|words| words.get(..used))
            .unwrap_or_default()
    }

    /// The record at the front of a slot. None where there is none, or where it stays torn.
    pub(crate) fn load<R: Pod>(&self, slot: &[Word]) -> Option<R> {
        let mut record = R::zeroed();
        self.load_into(slot, cast_slice_mut::<u8, u64>(bytes_of_mut(&mut record)))?;
        Some(record)
    }

    /// The first words of the record at the front of a slot.
    fn load_into(&self, slot: &[Word], words: &mut [u64]) -> Option<()> {
        let cell = SeqCell::new(slot, words.len())?;
        let patient = self.torn() < TORN_PATIENCE;
        let attempts = if patient {
            ATTEMPTS_MAX
        } else {
            ATTEMPTS_IMPATIENT
        };
        for attempt in 0..attempts {
            match cell.try_load(words) {
                Attempt::Whole => return Some(()),
                Attempt::Empty => return None,
                Attempt::Torn if attempt < ATTEMPTS_SPINNING => std::hint::spin_loop(),
                Attempt::Torn => thread::yield_now(),
            }
        }
        self.torn.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Counts what makes no sense.
    fn sensible<T>(&self, decoded: Option<T>) -> Option<T> {
        if decoded.is_none() {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
        decoded
    }

    fn is_subject(&self, id: SubjectId) -> bool {
        u64::from(id.0) < self.used(Region::Subjects)
    }

    fn decode_fact<'a>(&self, record: &'a FactRecord) -> Option<Fact<'a>> {
        let subject = SubjectId(record.subject);
        if !self.is_subject(subject) {
            return None;
        }
        Some(Fact {
            subject,
            rule: record.rule,
            field: Field::from_number(record.field)?,
            attribute: Attribute::from_number(record.attribute)?,
            confidence: record.confidence.min(100),
            raw: self.text(&record.raw, record.raw_len, record.raw_heap)?,
            value: self.text(&record.value, record.value_len, record.value_heap)?,
            raw_cut: record.flags & 1 != 0,
            value_cut: record.flags & 2 != 0,
            first_seen_ns: record.first_seen_ns,
            last_seen_ns: record.last_seen_ns,
            count: record.count,
        })
    }

    /// The head of a fact whose texts are where it says.
    fn decode_head(&self, record: &FactRecord) -> Option<FactHead> {
        let there = |inline: usize, len: u16, heap: u32| {
            let len = usize::from(len);
            let end = || (heap as usize).checked_add(len.div_ceil(8));
            let lies = || end().is_some_and(|end| end <= self.heap().len());
            len <= inline || (len <= TEXT_BYTES_MAX && lies())
        };
        let subject = SubjectId(record.subject);
        let whole = self.is_subject(subject)
            && there(record.raw.len(), record.raw_len, record.raw_heap)
            && there(record.value.len(), record.value_len, record.value_heap);
        if !whole {
            return None;
        }
        Some(FactHead {
            subject,
            field: Field::from_number(record.field)?,
            attribute: Attribute::from_number(record.attribute)?,
            confidence: record.confidence.min(100),
            first_seen_ns: record.first_seen_ns,
            last_seen_ns: record.last_seen_ns,
        })
    }

    /// A text from its inline place or from the heap. None where it lies outside.
    fn text<'a>(&self, inline: &'a [u8], len: u16, heap: u32) -> Option<Cow<'a, str>> {
        let len = usize::from(len);
        if let Some(bytes) = inline.get(..len) {
            return Some(text_of(bytes));
        }
        let mut bytes = [0u8; TEXT_BYTES_MAX];
        let bytes = bytes.get_mut(..len)?;
        let start = heap as usize;
        let words = self
            .heap()
            .get(start..start.checked_add(len.div_ceil(8))?)?;
        for (chunk, word) in bytes.chunks_mut(8).zip(words) {
            let word = word.load_relaxed().to_le_bytes();
            chunk.copy_from_slice(word.get(..chunk.len())?);
        }
        Some(text_of(bytes).into_owned().into())
    }
}

/// The text that these bytes are. All of it is looked at, many bytes at a time, before anything is
/// mended.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

impl fmt::Debug for TableReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = Region::ALL.map(|region| (region.name(), self.used(region)));
        f.debug_struct("TableReader")
            .field("used", &used)
            .finish_non_exhaustive()
    }
}

/// A value of words that never change, or where each word may change by itself.
fn load_words<T: Pod>(words: &[Word]) -> T {
    let mut value = T::zeroed();
    for (place, word) in cast_slice_mut::<u8, u64>(bytes_of_mut(&mut value))
        .iter_mut()
        .zip(words)
    {
        *place = word.load_relaxed();
    }
    value
}

/// The counters behind the record of `record_words` words.
fn hot_words<const N: usize>(slot: &[Word], record_words: usize) -> [u64; N] {
    let words = slot.get(1 + record_words..).unwrap_or_default();
    std::array::from_fn(|i| words.get(i).map_or(0, Word::load_relaxed))
}
