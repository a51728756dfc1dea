//! Frames handed out together. A batch keeps alive what its frames borrow; it never changes
//! while it is shared.

use std::sync::Arc;

use crate::capture::Frame;
use crate::capture::map::Mapping;
use crate::config::{BATCH_BYTES_MAX, BATCH_FRAMES_MAX};
use crate::wire::LinkType;

/// Up to [`BATCH_FRAMES_MAX`] frames, in order.
///
/// Frames of mapped files borrow the mapping; streamed frames are copied into the batch. When
/// nobody uses them any more, the reader fills the same batch again without allocating.
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
        let number = self.first_number + index as u64;
        Some(record.frame(self.area(record.origin), number))
    }

    /// Every frame, in order.
    #[inline]
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> + '_ {
        let (mut origin, mut area) = (0, self.area(0));
        self.records.iter().enumerate().map(move |(index, record)| {
            // Nearly all have one origin: what they are in is looked up where that changes.
            if record.origin != origin {
                (origin, area) = (record.origin, self.area(record.origin));
            }
            record.frame(area, self.first_number + index as u64)
        })
    }

    /// Every frame, in order, in parts of so many; the last may have fewer.
    #[inline]
    pub fn parts(&self, len: usize) -> impl Iterator<Item = Part<'_>> {
        let parts = self.records.chunks(len.max(1));
        parts.enumerate().map(move |(number, records)| {
            let origin = records.first().map_or(0, |record| record.origin);
            Part {
                batch: self,
                records,
                first_number: self.first_number + (number * len) as u64,
                origin,
                area: self.area(origin),
            }
        })
    }

    /// What the bytes of frames of this origin are in.
    #[inline]
    fn area(&self, origin: u16) -> &[u8] {
        match usize::from(origin).checked_sub(1) {
            None => self.bytes.as_slice(),
            Some(mapping) => self.mappings.get(mapping).map_or(&[][..], Mapping::bytes),
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

impl Record {
    /// The frame whose bytes are in this area.
    #[inline]
    fn frame<'a>(&self, area: &'a [u8], number: u64) -> Frame<'a> {
        let start = self.start as usize;
        Frame {
            bytes: area
                .get(start..start + self.len as usize)
                .unwrap_or_default(),
            wire_len: self.wire_len,
            time_ns: self.time_ns,
            link: self.link,
            interface: self.interface,
            number,
        }
    }
}

/// Some frames of a batch, in a row. Nearly all have one origin: what they are in is looked up only
/// where it is another than the first one's.
pub struct Part<'a> {
    batch: &'a Batch,
    records: &'a [Record],
    first_number: u64,
    origin: u16,
    area: &'a [u8],
}

impl<'a> Part<'a> {
    /// Frames there are.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// The frame of this number, from 0, in the order of the batch.
    #[inline]
    pub fn frame(&self, at: usize) -> Option<Frame<'a>> {
        let record = self.records.get(at)?;
        let area = match record.origin == self.origin {
            true => self.area,
            false => self.batch.area(record.origin),
        };
        Some(record.frame(area, self.first_number + at as u64))
    }
}
