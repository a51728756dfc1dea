//! How much a table holds and where its regions lie: made here, or checked here against the
//! bytes that there are. It touches none of them.

use bytemuck::Zeroable;

use crate::error::LayoutError;
use crate::layout::{
    HEADER_SIZE, Header, LAYOUT_VERSION, MAGIC, REGION_COUNT, Region, RegionHeader,
};

/// Regions of a live table begin on pages of their own.
const REGION_ALIGN: u64 = 4096;
/// Regions of a saved table begin on cache lines.
const REGION_ALIGN_SAVED: u64 = 64;

/// How much a table can hold. Memory is touched as it is used, except that a table with a file
/// has its room reserved at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Bindings and reported devices.
    pub subjects: u32,
    /// Facts.
    pub facts: u32,
    /// Edges.
    pub edges: u32,
    /// Pairs of subject and event.
    pub activities: u32,
    /// Workers.
    pub workers: u32,
    /// Interfaces.
    pub interfaces: u32,
    /// Bytes for longer texts; rounded up to a multiple of 8.
    pub heap_bytes: u64,
}

/// Bindings and reported devices, unless somebody asks for more.
const SUBJECTS_DEFAULT: u32 = 65_536;
/// Facts, and conversations, for each subject.
const FACTS_EACH: u32 = 4;
/// Subjects for each pair of subject and event: few devices tell of what they do.
const SUBJECTS_PER_ACTIVITY: u32 = 4;
/// Bytes for longer texts, for each fact.
const HEAP_BYTES_EACH: u64 = 64;

impl Default for Capacity {
    /// About 120 MiB of address space.
    fn default() -> Self {
        Self::of_subjects(SUBJECTS_DEFAULT)
    }
}

impl Capacity {
    /// Room for so many subjects, and for what a hospital's devices say and do.
    pub const fn of_subjects(subjects: u32) -> Self {
        let facts = subjects.saturating_mul(FACTS_EACH);
        Self {
            subjects,
            facts,
            edges: facts,
            activities: subjects / SUBJECTS_PER_ACTIVITY,
            workers: 8,
            interfaces: 64,
            heap_bytes: facts as u64 * HEAP_BYTES_EACH,
        }
    }

    /// The same with room for so many facts.
    #[must_use]
    pub const fn with_facts(self, facts: u32) -> Self {
        Self {
            facts,
            heap_bytes: facts as u64 * HEAP_BYTES_EACH,
            ..self
        }
    }

    /// Bytes of a table with this room; none where the format has no numbers for it.
    pub fn bytes(&self) -> Option<u64> {
        Geometry::live(self).map(|geometry| geometry.file_size())
    }
}

/// Where everything is. Valid by construction: made by [`Geometry::live`] and
/// [`Geometry::saved`], or checked by [`Geometry::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    regions: [RegionHeader; REGION_COUNT],
    file_size: u64,
}

impl Geometry {
    /// The places of a table that will grow; `None` where the sizes overflow.
    pub(crate) fn live(capacity: &Capacity) -> Option<Self> {
        // Offsets of texts are 32-bit word numbers, and no slot may bear the number of "none".
        let heap = capacity.heap_bytes.checked_next_multiple_of(8)?;
        let heap = (heap <= u64::from(u32::MAX) * 8).then_some(heap)?;
        let slots = [
            capacity.subjects.into(),
            capacity.facts.into(),
            capacity.edges.into(),
            capacity.activities.into(),
            capacity.workers.into(),
            capacity.interfaces.into(),
            heap,
        ];
        Self::lay_out(&slots, REGION_ALIGN)
    }

    /// The places of a saved table with just this much in it.
    pub(crate) fn saved(used: &[u64; REGION_COUNT]) -> Option<Self> {
        Self::lay_out(used, REGION_ALIGN_SAVED)
    }

    fn lay_out(capacities: &[u64; REGION_COUNT], align: u64) -> Option<Self> {
        let mut regions = [RegionHeader::zeroed(); REGION_COUNT];
        let mut end = HEADER_SIZE as u64;
        for region in Region::ALL {
            let capacity = *capacities.get(region.index())?;
            let slot_size = region.slot_size() as u64;
            let offset = end.checked_next_multiple_of(align)?;
            end = slot_size.checked_mul(capacity)?.checked_add(offset)?;
            *regions.get_mut(region.index())? = RegionHeader {
                offset,
                slot_size,
                capacity,
            };
        }
        Some(Self {
            regions,
            file_size: end.checked_next_multiple_of(align)?,
        })
    }

    /// Checks a header that may say anything, against the bytes that there are.
    pub(crate) fn check(header: &Header, actual: u64) -> Result<Self, LayoutError> {
        if header.magic != MAGIC {
            return Err(LayoutError::NotATable);
        }
        if header.layout_version != LAYOUT_VERSION {
            return Err(LayoutError::Version {
                found: header.layout_version,
            });
        }
        if header.header_size as usize != HEADER_SIZE {
            return Err(LayoutError::Damaged("the size of the header is wrong"));
        }
        if actual < header.file_size {
            return Err(LayoutError::CutShort {
                announced: header.file_size,
                actual,
            });
        }
        if actual > header.file_size {
            return Err(LayoutError::Damaged(
                "the file is longer than its header announces",
            ));
        }
        let mut end = HEADER_SIZE as u64;
        for (region, place) in Region::ALL.iter().zip(&header.regions) {
            if place.slot_size != region.slot_size() as u64 {
                return Err(LayoutError::Damaged("the size of a record is wrong"));
            }
            if place.offset < end || !place.offset.is_multiple_of(8) {
                return Err(LayoutError::Damaged("a region begins where it cannot"));
            }
            let size = place.slot_size.checked_mul(place.capacity);
            end = size
                .and_then(|size| size.checked_add(place.offset))
                .filter(|&end| end <= actual)
                .ok_or(LayoutError::Damaged("a region ends outside the file"))?;
            if place.capacity > u64::from(u32::MAX) && *region != Region::Heap {
                return Err(LayoutError::Damaged("a region has more slots than numbers"));
            }
        }
        Ok(Self {
            regions: header.regions,
            file_size: header.file_size,
        })
    }

    /// Bytes of the whole file.
    pub(crate) fn file_size(&self) -> u64 {
        self.file_size
    }

    /// The places, for the header.
    pub(crate) fn regions(&self) -> &[RegionHeader; REGION_COUNT] {
        &self.regions
    }

    /// How much there is room for.
    pub(crate) fn room(&self) -> Capacity {
        let slots = |region| u32::try_from(self.capacity(region)).unwrap_or(u32::MAX);
        Capacity {
            subjects: slots(Region::Subjects),
            facts: slots(Region::Facts),
            edges: slots(Region::Edges),
            activities: slots(Region::Activity),
            workers: slots(Region::Workers),
            interfaces: slots(Region::Interfaces),
            heap_bytes: self.capacity(Region::Heap),
        }
    }

    /// Slots (heap: bytes) of a region.
    pub(crate) fn capacity(&self, region: Region) -> u64 {
        self.regions[region.index()].capacity
    }

    /// The words of a slot, as a range of the file's words. Only for indices below the capacity.
    pub(crate) fn slot_words(&self, region: Region, index: u32) -> Option<std::ops::Range<usize>> {
        let place = self.regions.get(region.index())?;
        let first = place
            .offset
            .checked_add(place.slot_size.checked_mul(index.into())?)?;
        let first = usize::try_from(first / 8).ok()?;
        (u64::from(index) < place.capacity).then(|| first..first + region.slot_size() / 8)
    }

    /// The words of the heap, as a range of the file's words; a last part of a word is left out.
    pub(crate) fn heap_words(&self) -> Option<std::ops::Range<usize>> {
        let place = self.regions.get(Region::Heap.index())?;
        let first = usize::try_from(place.offset / 8).ok()?;
        Some(first..first.checked_add(usize::try_from(place.capacity / 8).ok()?)?)
    }
}
