//! The one who fills a table. It keeps no index: the caller remembers the slots it was given, and
//! decides what is one subject and what is one fact.
//!
//! There is one writer for each table (`&mut self` everywhere), and any number of readers.

use std::fmt;
use std::path::Path;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use bytemuck::{Zeroable, bytes_of, cast_slice};

use crate::error::{CreateError, Full};
use crate::file::{Lock, Temporary, make_folder, reserve};
use crate::geometry::{Capacity, Geometry};
use crate::interface::{Interface, InterfaceId};
use crate::layout::{
    ActivityRecord, COUNTERS_MAX, FactRecord, GaugesRecord, HEADER_COUNTERS_OFFSET, HEADER_SIZE,
    Header, HeaderCounters, INTERFACE_COUNTERS_MAX, InterfaceRecord, LATENCY_BYTES_MAX,
    LAYOUT_VERSION, MAGIC, MEMORY_OFFSET, MemoryWords, PARSE_ERRORS_MAX, REGION_COUNT, Record,
    Region, SOURCE_OFFSET, SourceRecord, SubjectRecord, TEXT_BYTES_MAX,
};
use crate::map::MapMut;
use crate::reader::TableReader;
use crate::record::{
    Activity, ActivityId, Edge, EdgeId, Fact, FactId, FactTimes, Gauges, Source, Subject,
    SubjectId, Traffic, Volume,
};
use crate::seqlock::{SeqCell, publish};
use crate::sync::{AtomicU64, Ordering};
use crate::vocabulary::{Counter, InterfaceCounter, Protocol, Purpose};

/// The writer of one table.
pub struct TableWriter {
    map: MapMut,
    geometry: Geometry,
    used: [u64; REGION_COUNT],
    refused: [u64; REGION_COUNT],
    /// None for tables that no file holds.
    _lock: Option<Lock>,
}

impl TableWriter {
    /// A table that no file holds, for offline runs. Its run id, process and creation time are
    /// zero, so that what is saved of it depends on the input alone.
    ///
    /// # Errors
    /// When the capacity overflows the format, or there is no memory.
    pub fn anonymous(capacity: Capacity) -> Result<Self, CreateError> {
        let geometry = Geometry::live(&capacity).ok_or(CreateError::Capacity)?;
        let bytes = usize::try_from(geometry.file_size()).map_err(|_| CreateError::Capacity)?;
        let map = MapMut::anonymous(bytes).map_err(|error| CreateError::Memory {
            bytes: geometry.file_size(),
            error,
        })?;
        Ok(Self::begin(map, geometry, 0, 0, 0))
    }

    /// A table in a file, for live runs: made under a temporary name, with all its room reserved
    /// (so that a file system too small is an error here and no crash later), then renamed to
    /// `path`. Readers of an older table at `path` keep that one. The last folder of `path` is made
    /// where it is missing, and `path` with `.lock` behind it keeps other engines away for as long
    /// as the writer lives.
    ///
    /// # Errors
    /// When the capacity overflows the format, another engine writes this table, or the file
    /// cannot be made there.
    pub fn create(path: &Path, capacity: Capacity) -> Result<Self, CreateError> {
        let geometry = Geometry::live(&capacity).ok_or(CreateError::Capacity)?;
        let bytes = usize::try_from(geometry.file_size()).map_err(|_| CreateError::Capacity)?;
        let created = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let created_ns = u64::try_from(created.as_nanos()).unwrap_or(u64::MAX);
        let pid = process::id();

        make_folder(path).map_err(CreateError::io(path))?;
        let lock = Lock::take(path)?;
        let temporary = Temporary::create(path).map_err(CreateError::io(path))?;
        reserve(&temporary.file, geometry.file_size()).map_err(|error| CreateError::Room {
            path: path.to_owned(),
            bytes: geometry.file_size(),
            error,
        })?;
        let map = MapMut::file(&temporary.file, bytes).map_err(CreateError::io(path))?;
        let run_id = created_ns.rotate_left(16) ^ u64::from(pid);
        let mut writer = Self::begin(map, geometry, run_id.max(1), created_ns, pid);
        writer._lock = Some(lock);
        temporary.rename_to(path).map_err(CreateError::io(path))?;
        Ok(writer)
    }

    /// Writes the header into zeroed memory.
    fn begin(map: MapMut, geometry: Geometry, run_id: u64, created_ns: u64, pid: u32) -> Self {
        let header = Header {
            run_id,
            created_ns,
            pid,
            ..header(&geometry, false)
        };
        for (cell, word) in map
            .cells()
            .iter()
            .zip(cast_slice::<u8, u64>(bytes_of(&header)))
        {
            cell.store(*word, Ordering::Relaxed);
        }
        Self {
            map,
            geometry,
            used: [0; REGION_COUNT],
            refused: [0; REGION_COUNT],
            _lock: None,
        }
    }

    /// A reader of the same memory, for this process.
    pub fn reader(&self) -> TableReader {
        TableReader::shared(self.map.share(), self.geometry)
    }

    /// Saves what is in use as a compact file, see [`TableReader::save`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CreateError> {
        self.reader().save(path)
    }

    /// Adds a subject without traffic.
    ///
    /// # Errors
    /// When there is no room.
    pub fn add_subject(&mut self, subject: &Subject) -> Result<SubjectId, Full> {
        self.check_reporter(subject, self.used[Region::Subjects.index()]);
        self.add(&subject.encode()).map(SubjectId)
    }

    /// Replaces a subject; its traffic stays.
    pub fn set_subject(&mut self, id: SubjectId, subject: &Subject) {
        self.check_reporter(subject, id.0.into());
        self.set(id.0, &subject.encode());
    }

    /// A reporter comes before what it reports, so that readers meet no circles.
    fn check_reporter(&self, subject: &Subject, own: u64) {
        assert!(
            subject.reporter.is_none_or(|id| u64::from(id.0) < own),
            "unknown reporter"
        );
    }

    /// Adds to what a subject sent and received.
    pub fn add_traffic(&mut self, id: SubjectId, traffic: Traffic) {
        let hot = self
            .slot(Region::Subjects, id.0)
            .get(1 + SubjectRecord::WORDS..);
        add_words(hot.unwrap_or_default(), &traffic.words());
    }

    /// Adds a fact. Texts longer than [`TEXT_BYTES_MAX`] are cut, and so are longer texts when
    /// the heap is full: the fact says so.
    ///
    /// # Errors
    /// When there is no room for the fact itself.
    pub fn add_fact(&mut self, fact: &Fact<'_>) -> Result<FactId, Full> {
        self.check_subject(fact.subject);
        if self.is_full(Region::Facts) {
            return Err(self.refuse(Region::Facts));
        }
        let mut record = FactRecord {
            first_seen_ns: fact.first_seen_ns,
            last_seen_ns: fact.last_seen_ns,
            count: fact.count,
            subject: fact.subject.0,
            rule: fact.rule,
            field: fact.field.number(),
            attribute: fact.attribute.number(),
            confidence: fact.confidence,
            ..FactRecord::zeroed()
        };
        let raw = self.place_text(&fact.raw, &mut record.raw);
        let value = self.place_text(&fact.value, &mut record.value);
        record.raw_len = raw.len;
        record.raw_heap = raw.heap;
        record.value_len = value.len;
        record.value_heap = value.heap;
        record.flags =
            u32::from(fact.raw_cut || raw.cut) | u32::from(fact.value_cut || value.cut) << 1;
        self.add(&record).map(FactId)
    }

    /// Replaces the part of a fact that goes on changing.
    pub fn set_fact_times(&mut self, id: FactId, times: FactTimes) {
        const CONFIDENCE: usize = std::mem::offset_of!(FactRecord, confidence);
        const _: () = {
            assert!(std::mem::offset_of!(FactRecord, first_seen_ns) == 0);
            assert!(std::mem::offset_of!(FactRecord, last_seen_ns) == 8);
            assert!(std::mem::offset_of!(FactRecord, count) == 16);
        };
        let cell = self.cell::<FactRecord>(id.0);
        cell.write(|words| {
            let numbers = [times.first_seen_ns, times.last_seen_ns, times.count];
            for (word, number) in words.iter().zip(numbers) {
                word.store(number, Ordering::Relaxed);
            }
            // The other bytes of this word stay.
            if let Some(word) = words.get(CONFIDENCE / 8) {
                let mut bytes = word.load(Ordering::Relaxed).to_le_bytes();
                bytes[CONFIDENCE % 8] = times.confidence;
                word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
            }
        });
    }

    /// Adds an edge without volume.
    ///
    /// # Errors
    /// When there is no room.
    pub fn add_edge(&mut self, edge: &Edge) -> Result<EdgeId, Full> {
        self.check_subject(edge.orig);
        edge.resp
            .into_iter()
            .for_each(|resp| self.check_subject(resp));
        self.add(&edge.encode()).map(EdgeId)
    }

    /// Replaces an edge; its volume stays.
    pub fn set_edge(&mut self, id: EdgeId, edge: &Edge) {
        self.check_subject(edge.orig);
        edge.resp
            .into_iter()
            .for_each(|resp| self.check_subject(resp));
        self.set(id.0, &edge.encode());
    }

    /// Adds to what went over an edge.
    pub fn add_volume(&mut self, id: EdgeId, volume: Volume) {
        let hot = self
            .slot(Region::Edges, id.0)
            .get(1 + crate::layout::EdgeRecord::WORDS..);
        let words = [volume.packets, volume.bytes, volume.conversations];
        add_words(hot.unwrap_or_default(), &words);
    }

    /// Adds the activity of a subject with an event. One slot for each pair is the caller's care.
    ///
    /// # Errors
    /// When there is no room.
    pub fn add_activity(&mut self, activity: &Activity) -> Result<ActivityId, Full> {
        self.check_subject(activity.subject);
        self.add(&activity.encode()).map(ActivityId)
    }

    /// Replaces an activity.
    pub fn set_activity(&mut self, id: ActivityId, activity: &Activity) {
        self.check_subject(activity.subject);
        self.set(id.0, &activity.encode());
    }

    /// Adds `count` events at one time to an activity. The order of calls does not matter.
    pub fn count_event(&mut self, id: ActivityId, at_ns: u64, count: u32) {
        let mut record = ActivityRecord::zeroed();
        let cell = self.cell::<ActivityRecord>(id.0);
        cell.try_load(bytemuck::cast_slice_mut(bytemuck::bytes_of_mut(
            &mut record,
        )));
        if let Some(mut activity) = Activity::decode(&record) {
            activity.count(at_ns, count);
            cell.store(cast_slice(bytes_of(&activity.encode())));
        }
    }

    /// Replaces a worker's counters; those that are not named stay.
    ///
    /// # Errors
    /// When the table has no room for this worker.
    pub fn set_counters(
        &mut self,
        worker: u32,
        counters: impl IntoIterator<Item = (Counter, u64)>,
    ) -> Result<(), Full> {
        self.use_worker(worker)?;
        let cells = self.slot(Region::Workers, worker);
        let cells = cells.get(1 + GaugesRecord::WORDS..).unwrap_or_default();
        for (counter, number) in counters {
            if let Some(cell) = cells.get(usize::from(counter.number())) {
                cell.store(number, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Replaces all of a worker's parse errors.
    ///
    /// # Errors
    /// When the table has no room for this worker.
    pub fn set_parse_errors(
        &mut self,
        worker: u32,
        errors: impl IntoIterator<Item = (Protocol, u64)>,
    ) -> Result<(), Full> {
        self.use_worker(worker)?;
        let mut numbers = [0u64; PARSE_ERRORS_MAX];
        for (protocol, number) in errors {
            let index = usize::from(protocol.number());
            let index = if index < PARSE_ERRORS_MAX { index } else { 0 };
            numbers[index] = numbers[index].saturating_add(number);
        }
        let cells = self.slot(Region::Workers, worker);
        let cells = cells
            .get(1 + GaugesRecord::WORDS + COUNTERS_MAX..)
            .unwrap_or_default();
        for (cell, number) in cells.iter().zip(numbers) {
            cell.store(number, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Replaces a worker's gauges.
    ///
    /// # Errors
    /// When the table has no room for this worker, or the histogram is longer than
    /// [`LATENCY_BYTES_MAX`] (then none is kept).
    pub fn set_gauges(&mut self, worker: u32, gauges: &Gauges<'_>) -> Result<(), Full> {
        self.use_worker(worker)?;
        let fits = gauges.latency.len() <= LATENCY_BYTES_MAX;
        let latency = if fits { gauges.latency } else { &[] };
        let mut record = GaugesRecord {
            ring_fill: gauges.ring_fill,
            ring_capacity: gauges.ring_capacity,
            owed: gauges.owed,
            rules_generation: gauges.rules_generation,
            beat_ns: gauges.beat_ns,
            flows: gauges.flows,
            cpu: gauges.cpu.map_or(0, |cpu| u64::from(cpu) + 1),
            latency_len: latency.len() as u64,
            ..GaugesRecord::zeroed()
        };
        record.latency[..latency.len()].copy_from_slice(latency);
        self.set(worker, &record);
        if fits {
            Ok(())
        } else {
            Err(self.refuse(Region::Workers))
        }
    }

    /// Adds an interface; its counters are zero.
    ///
    /// # Errors
    /// When there is no room.
    pub fn add_interface(&mut self, interface: &Interface) -> Result<InterfaceId, Full> {
        self.add(&interface.encode()).map(InterfaceId)
    }

    /// Replaces an interface; its counters stay.
    pub fn set_interface(&mut self, id: InterfaceId, interface: &Interface) {
        self.set(id.0, &interface.encode());
    }

    /// Replaces an interface's counters; those that are not named stay.
    pub fn set_interface_counters(
        &mut self,
        id: InterfaceId,
        counters: impl IntoIterator<Item = (InterfaceCounter, u64)>,
    ) {
        const _: () = assert!(InterfaceCounter::ALL.len() <= INTERFACE_COUNTERS_MAX);
        let cells = self.slot(Region::Interfaces, id.0);
        let cells = cells.get(1 + InterfaceRecord::WORDS..).unwrap_or_default();
        for (counter, number) in counters {
            if let Some(cell) = cells.get(usize::from(counter.number())) {
                cell.store(number, Ordering::Relaxed);
            }
        }
    }

    /// How much there is room for.
    pub fn capacity(&self) -> Capacity {
        self.geometry.room()
    }

    /// Says that the engine ends its work in order: nothing changes any more.
    pub fn stop(&mut self, now_ns: u64) {
        const OFFSET: usize = std::mem::offset_of!(HeaderCounters, stopped_ns);
        self.header_word(OFFSET).store(now_ns, Ordering::Release);
    }

    /// Says that the engine lives.
    pub fn heartbeat(&mut self, now_ns: u64) {
        const OFFSET: usize = std::mem::offset_of!(HeaderCounters, heartbeat_ns);
        self.header_word(OFFSET).store(now_ns, Ordering::Relaxed);
    }

    /// Says which rules match the facts from now on.
    pub fn set_rules_generation(&mut self, generation: u64) {
        const OFFSET: usize = std::mem::offset_of!(HeaderCounters, rules_generation);
        self.header_word(OFFSET)
            .store(generation, Ordering::Relaxed);
    }

    /// Says where the packets came from.
    pub fn set_source(&mut self, source: &Source) {
        let slot = &self.map.cells()[SOURCE_OFFSET / 8..MEMORY_OFFSET / 8];
        if let Some(cell) = SeqCell::new(slot, size_of::<SourceRecord>() / 8) {
            cell.store(cast_slice(bytes_of(&source.encode())));
        }
    }

    /// Says what the engine takes of memory at most, by what for.
    pub fn set_memory_said(&mut self, said: impl IntoIterator<Item = (Purpose, u64)>) {
        const OFFSET: usize = std::mem::offset_of!(MemoryWords, said);
        for (purpose, bytes) in said {
            let place = (MEMORY_OFFSET + OFFSET) / 8 + usize::from(purpose.number());
            self.map.cells()[place].store(bytes, Ordering::Relaxed);
        }
    }

    /// Says what the engine's process holds of memory now.
    pub fn set_memory_taken(&mut self, bytes: u64) {
        const OFFSET: usize = std::mem::offset_of!(MemoryWords, taken);
        self.map.cells()[(MEMORY_OFFSET + OFFSET) / 8].store(bytes, Ordering::Relaxed);
    }

    fn header_word(&self, offset: usize) -> &AtomicU64 {
        &self.map.cells()[(HEADER_COUNTERS_OFFSET + offset) / 8]
    }

    /// Publishes how many slots (heap: bytes) are in use.
    fn set_used(&mut self, region: Region, used: u64) {
        const OFFSET: usize = std::mem::offset_of!(HeaderCounters, used);
        self.used[region.index()] = used;
        publish(self.header_word(OFFSET + 8 * region.index()), used);
    }

    /// Counts what found no room.
    fn refuse(&mut self, region: Region) -> Full {
        const OFFSET: usize = std::mem::offset_of!(HeaderCounters, refused);
        let refused = self.refused[region.index()].saturating_add(1);
        self.refused[region.index()] = refused;
        self.header_word(OFFSET + 8 * region.index())
            .store(refused, Ordering::Relaxed);
        Full { region }
    }

    fn is_full(&self, region: Region) -> bool {
        self.used[region.index()] >= self.geometry.capacity(region)
    }

    fn add<R: Record>(&mut self, record: &R) -> Result<u32, Full> {
        if self.is_full(R::REGION) {
            return Err(self.refuse(R::REGION));
        }
        let used = self.used[R::REGION.index()];
        let index = u32::try_from(used).map_err(|_| Full { region: R::REGION })?;
        let slot = &self.map.cells()[self.slot_range(R::REGION, index)];
        if let Some(cell) = SeqCell::new(slot, R::WORDS) {
            cell.store(cast_slice(bytes_of(record)));
        }
        self.set_used(R::REGION, used + 1);
        Ok(index)
    }

    fn set<R: Record>(&mut self, index: u32, record: &R) {
        self.cell::<R>(index).store(cast_slice(bytes_of(record)));
    }

    fn cell<R: Record>(&self, index: u32) -> SeqCell<'_, AtomicU64> {
        SeqCell::new(self.slot(R::REGION, index), R::WORDS).expect("a slot holds its record")
    }

    /// The words of a slot in use. Slots that this writer never gave out are the caller's mistake.
    fn slot(&self, region: Region, index: u32) -> &[AtomicU64] {
        assert!(u64::from(index) < self.used[region.index()], "no such slot");
        &self.map.cells()[self.slot_range(region, index)]
    }

    fn slot_range(&self, region: Region, index: u32) -> std::ops::Range<usize> {
        self.geometry
            .slot_words(region, index)
            .expect("below the capacity")
    }

    fn check_subject(&self, id: SubjectId) {
        assert!(
            u64::from(id.0) < self.used[Region::Subjects.index()],
            "no such subject"
        );
    }

    /// Workers are used up to the highest that ever reported.
    fn use_worker(&mut self, worker: u32) -> Result<(), Full> {
        if u64::from(worker) >= self.geometry.capacity(Region::Workers) {
            return Err(self.refuse(Region::Workers));
        }
        let count = u64::from(worker) + 1;
        if count > self.used[Region::Workers.index()] {
            self.set_used(Region::Workers, count);
        }
        Ok(())
    }

    /// Puts a text into its inline place, or into the heap where it is longer.
    fn place_text(&mut self, text: &str, inline: &mut [u8]) -> Placed {
        let kept = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let (kept, heap) = if kept.len() <= inline.len() {
            (kept, None)
        } else {
            match self.push_heap(kept.as_bytes()) {
                Some(offset) => (kept, Some(offset)),
                None => (&kept[..kept.floor_char_boundary(inline.len())], None),
            }
        };
        if heap.is_none() {
            inline[..kept.len()].copy_from_slice(kept.as_bytes());
        }
        Placed {
            len: kept.len() as u16, // At most TEXT_BYTES_MAX, which is asserted to fit.
            heap: heap.unwrap_or(0),
            cut: kept.len() < text.len(),
        }
    }

    /// Appends bytes to the heap; the offset in words.
    fn push_heap(&mut self, bytes: &[u8]) -> Option<u32> {
        let used = self.used[Region::Heap.index()];
        let end = used + (bytes.len() as u64).next_multiple_of(8);
        if end > self.geometry.capacity(Region::Heap) {
            self.refuse(Region::Heap);
            return None;
        }
        let offset = u32::try_from(used / 8).ok()?;
        let cells = self
            .map
            .cells()
            .get(self.geometry.heap_words()?)?
            .get(offset as usize..)?;
        for (cell, chunk) in cells.iter().zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            cell.store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        self.set_used(Region::Heap, end);
        Some(offset)
    }
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

/// Where a text went.
struct Placed {
    len: u16,
    heap: u32,
    cut: bool,
}

/// The header of a table with these places.
pub(crate) fn header(geometry: &Geometry, saved: bool) -> Header {
    Header {
        magic: MAGIC,
        layout_version: LAYOUT_VERSION,
        header_size: HEADER_SIZE as u32,
        file_size: geometry.file_size(),
        run_id: 0,
        created_ns: 0,
        pid: 0,
        saved: saved.into(),
        regions: *geometry.regions(),
    }
}

/// Adds to counters that only this writer changes.
fn add_words(cells: &[AtomicU64], numbers: &[u64]) {
    for (cell, number) in cells.iter().zip(numbers) {
        let sum = cell.load(Ordering::Relaxed).saturating_add(*number);
        cell.store(sum, Ordering::Relaxed);
    }
}
