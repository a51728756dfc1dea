//! Saved tables: a compact file of what is in use, under the same layout. It copies words and
//! decodes nothing, so it can save what this version has no names for.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use bytemuck::{Zeroable, bytes_of};

use crate::error::CreateError;
use crate::file::Temporary;
use crate::geometry::Geometry;
use crate::layout::{
    ActivityRecord, EdgeRecord, FactRecord, GaugesRecord, HEADER_COUNTERS_OFFSET, HEADER_SIZE,
    Header, HeaderCounters, InterfaceRecord, MEMORY_OFFSET, REGION_COUNT, Record, Region,
    SOURCE_OFFSET, SourceSlot, SubjectRecord,
};
use crate::reader::TableReader;
use crate::sync::Load;
use crate::writer::header;

/// The sequence number of every record in a saved table: written once.
const SEQUENCE_SAVED: u64 = 2;

impl TableReader {
    /// Saves what is in use as a compact file that [`TableReader::open`] reads like this table.
    /// A record that stays torn is left empty and counted. The same records give the same bytes.
    ///
    /// # Errors
    /// When the file cannot be written; then there is none, or the old one.
    pub fn save(&self, path: &Path) -> Result<(), CreateError> {
        // What refers is counted before what it refers to, so that the copy refers to nothing
        // that came later.
        let mut used = [0; REGION_COUNT];
        for region in Region::ALL.into_iter().rev() {
            if !matches!(region, Region::Subjects | Region::Heap) {
                used[region.index()] = self.used(region);
            }
        }
        used[Region::Subjects.index()] = self.used(Region::Subjects);
        used[Region::Heap.index()] = self.used(Region::Heap).next_multiple_of(8);
        let geometry = Geometry::saved(&used).ok_or(CreateError::Capacity)?;

        let temporary = Temporary::create(path).map_err(CreateError::io(path))?;
        self.write_saved(&geometry, &used, &temporary.file)
            .and_then(|()| temporary.file.sync_all())
            .and_then(|()| temporary.rename_to(path))
            .map_err(CreateError::io(path))
    }

    fn write_saved(
        &self,
        geometry: &Geometry,
        used: &[u64; REGION_COUNT],
        file: impl Write,
    ) -> io::Result<()> {
        let mut out = Counted {
            inner: BufWriter::new(file),
            written: 0,
        };
        self.write_header(geometry, used, &mut out)?;
        for region in Region::ALL {
            out.pad_to(geometry.regions()[region.index()].offset)?;
            match region {
                Region::Subjects => self.write_slots::<SubjectRecord>(used, &mut out)?,
                Region::Facts => self.write_slots::<FactRecord>(used, &mut out)?,
                Region::Edges => self.write_slots::<EdgeRecord>(used, &mut out)?,
                Region::Activity => self.write_slots::<ActivityRecord>(used, &mut out)?,
                Region::Workers => self.write_slots::<GaugesRecord>(used, &mut out)?,
                Region::Interfaces => self.write_slots::<InterfaceRecord>(used, &mut out)?,
                Region::Heap => {
                    let count = usize::try_from(used[region.index()] / 8).unwrap_or(0);
                    for word in self.heap().iter().take(count) {
                        out.write_all(&word.load_relaxed().to_le_bytes())?;
                    }
                }
            }
        }
        out.pad_to(geometry.file_size())?;
        out.flush()
    }

    fn write_header(
        &self,
        geometry: &Geometry,
        used: &[u64; REGION_COUNT],
        out: &mut Counted<impl Write>,
    ) -> io::Result<()> {
        let live = self.header();
        out.write_all(bytes_of(&Header {
            run_id: live.run_id,
            created_ns: live.created_ns,
            pid: live.pid,
            ..header(geometry, true)
        }))?;
        out.pad_to(HEADER_COUNTERS_OFFSET as u64)?;
        out.write_all(bytes_of(&HeaderCounters {
            heartbeat_ns: self.heartbeat_ns(),
            rules_generation: self.rules_generation(),
            stopped_ns: self.stopped_ns(),
            used: *used,
            refused: Region::ALL.map(|region| self.refused(region)),
        }))?;
        out.pad_to(SOURCE_OFFSET as u64)?;
        let slot = self
            .source()
            .map_or_else(SourceSlot::zeroed, |source| SourceSlot {
                sequence: SEQUENCE_SAVED,
                record: source.encode(),
            });
        out.write_all(bytes_of(&slot))?;
        out.pad_to(MEMORY_OFFSET as u64)?;
        out.write_all(bytes_of(&self.memory_words()))?;
        out.pad_to(HEADER_SIZE as u64)
    }

    fn write_slots<R: Record>(
        &self,
        used: &[u64; REGION_COUNT],
        out: &mut Counted<impl Write>,
    ) -> io::Result<()> {
        let count = u32::try_from(used[R::REGION.index()]).unwrap_or(u32::MAX);
        for index in 0..count {
            let slot = self.slot(R::REGION, index).unwrap_or_default();
            let record: Option<R> = self.load(slot);
            let sequence = if record.is_some() { SEQUENCE_SAVED } else { 0 };
            out.write_all(&sequence.to_le_bytes())?;
            out.write_all(bytes_of(&record.unwrap_or_else(R::zeroed)))?;
            for word in slot.iter().skip(1 + R::WORDS) {
                out.write_all(&word.load_relaxed().to_le_bytes())?;
            }
        }
        Ok(())
    }
}

/// A writer that knows where it is.
struct Counted<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Counted<W> {
    /// Zeros up to a place in the file.
    fn pad_to(&mut self, offset: u64) -> io::Result<()> {
        const ZEROS: [u8; 64] = [0; 64];
        while self.written < offset {
            let count = (offset - self.written).min(ZEROS.len() as u64) as usize;
            self.write_all(&ZEROS[..count])?;
        }
        Ok(())
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
