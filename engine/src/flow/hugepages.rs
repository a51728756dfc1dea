//! Asks the system to keep memory in huge pages: fewer misses of the TLB for the same accesses. It
//! changes nothing that the program can see.
#![allow(unsafe_code)]

use rustix::mm::{Advice, madvise};

/// Bytes of a page; huge pages begin at a multiple of it too.
const PAGE_BYTES: usize = 4096;

/// Asks for huge pages under `items`, whole pages of it. Without them all works the same, slower.
pub fn ask_for_huge_pages<T>(items: &[T]) {
    let range = items.as_ptr_range();
    let start = range.start.addr().next_multiple_of(PAGE_BYTES);
    let end = range.end.addr() / PAGE_BYTES * PAGE_BYTES;
    if let Some(len) = end.checked_sub(start).filter(|len| *len > 0) {
        let first = range
            .start
            .cast::<u8>()
            .wrapping_add(start - range.start.addr());
        // SAFETY: `first` and `len` lie inside `items`; this advice keeps every byte as it is.
        let _ = unsafe { madvise(first.cast_mut().cast(), len, Advice::LinuxHugepage) };
    }
}
