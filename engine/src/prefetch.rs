//! Asks the processor to bring a cache line near before it is needed. A hint: it reads and
//! changes nothing that the program can see.
#![allow(unsafe_code)]

use crate::config::CACHE_LINE_BYTES;

/// Brings the line of `items[index]` near; nothing for an index outside.
#[inline]
pub fn prefetch<T>(items: &[T], index: usize) {
    if let Some(item) = items.get(index) {
        let address: *const T = item;
        fetch(address.cast());
    }
}

/// Brings the first two lines of a frame near: few begin at one.
#[inline]
pub fn prefetch_start(bytes: &[u8]) {
    prefetch(bytes, 0);
    prefetch(bytes, CACHE_LINE_BYTES);
}

/// Brings every line of a value near.
#[inline]
pub fn prefetch_whole<T>(value: &T) {
    let first: *const T = value;
    for line in 0..size_of::<T>().div_ceil(CACHE_LINE_BYTES) {
        fetch(first.cast::<u8>().wrapping_add(line * CACHE_LINE_BYTES));
    }
}

#[inline]
fn fetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults and never writes, whatever the address; all callers
        // make it of a live reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
