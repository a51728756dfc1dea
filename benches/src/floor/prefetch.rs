//! Asks the processor to bring a cache line near before it is needed. A hint: it reads and
//! changes nothing that the program can see.
#![allow(unsafe_code)]

/// Brings the line of `items[index]` into the first cache; nothing for an index outside.
#[inline(always)]
pub fn near<T>(items: &[T], index: usize) {
    if let Some(item) = items.get(index) {
        let address: *const T = item;
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: `address` comes from a live reference; a prefetch never faults and never
            // writes.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }
}
