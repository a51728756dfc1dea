//! Frames handed out together. A batch keeps alive what its frames borrow; it never changes
//! while it is shared.

use std::sync::Arc;

use crate::capture::Frame;
use crate::capture::map::Mapping;
use crate::config::{BATCH_BYTES_MAX, BATCH_FRAMES_MAX, CACHE_LINE_BYTES};
use crate::prefetch::prefetch;
use crate::wire::LinkType;

/// Up to [`BATCH_FRAMES_MAX`] frames, in order.
///
/// Frames of mapped files borrow the mapping; streamed frames are copied into the batch. Workers
/// share a filled batch as `Arc<Batch>`; when they are done, the reader gets it back with
/// [`Arc::get_mut`] and fills it again without allocating.
#[derive(Debug, Default)]
pub struct Batch {
    records: Vec<Record>,
    bytes: Vec<u8>,
    mappings: Arc<[Mapping]>,
    first_number: u64,
}

/// Where one frame's bytes are, and what is known of it. 32 bytes, two to a cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) time_ns: u64,
    /// Offset in the batch's own bytes or in the mapping.
    pub(super) start: u64,
    pub(super) len: u32,
    pub(super) wire_len: u32,
    pub(super) link: LinkType,
    pub(super) interface: u16,
    /// 0 for the batch's own bytes, else the number of the mapping plus one.
    pub(super) origin: u16,
}

const _: () = assert!(size_of::<Record>() == 32);

impl Batch {
    /// Frames there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True before the first read and after the last.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The frame at `index`, below [`Self::len`].
    #[inline]
    pub fn frame(&self, index: usize) -> Option<Frame<'_>> {
        let record = self.records.get(index)?;
        Some(self.resolve(index, record))
    }

    /// Every frame, in order.
    #[inline]
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> + '_ {
        let records = self.records.iter().enumerate();
        records.map(|(index, record)| self.resolve(index, record))
    }

    /// Brings the beginning of the frame at `index` near: two lines, since none begins at one.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        if let Some(record) = self.records.get(index) {
            let (area, start) = (self.area(record), record.start as usize);
            prefetch(area, start);
            prefetch(area, start + CACHE_LINE_BYTES);
        }
    }

    /// What a frame's bytes are in.
    #[inline]
    fn area(&self, record: &Record) -> &[u8] {
        match usize::from(record.origin).checked_sub(1) {
            None => self.bytes.as_slice(),
            Some(mapping) => self.mappings.get(mapping).map_or(&[][..], Mapping::bytes),
        }
    }

    #[inline]
    fn resolve(&self, index: usize, record: &Record) -> Frame<'_> {
        let start = record.start as usize;
        let bytes = self.area(record).get(start..start + record.len as usize);
        Frame {
            bytes: bytes.unwrap_or(&[]),
            wire_len: record.wire_len,
            time_ns: record.time_ns,
            link: record.link,
            interface: record.interface,
            number: self.first_number + index as u64,
        }
    }

    /// Empties the batch for a read that begins with frame `first_number`.
    pub(super) fn restart(&mut self, first_number: u64, mappings: &Arc<[Mapping]>) {
        self.records.clear();
        self.bytes.clear();
        self.records.reserve(BATCH_FRAMES_MAX);
        self.first_number = first_number;
        if !Arc::ptr_eq(&self.mappings, mappings) {
            self.mappings = Arc::clone(mappings);
        }
    }

    /// True when no further frame fits.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= BATCH_FRAMES_MAX
    }

    /// Appends a frame whose bytes are in a mapping.
    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Appends a frame and copies its bytes; false when they don't fit any more. A first frame
    /// always fits: no record is longer than a batch.
    pub(super) fn push_copy(&mut self, mut record: Record, bytes: &[u8]) -> bool {
        if self.bytes.len() + bytes.len() > BATCH_BYTES_MAX && !self.records.is_empty() {
            return false;
        }
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(BATCH_BYTES_MAX);
        }
        record.start = self.bytes.len() as u64;
        record.origin = 0;
        self.bytes.extend_from_slice(bytes);
        self.records.push(record);
        true
    }
}
