//! The atomics that concurrent code of this crate imports, so that loom checks the code that
//! ships. Nothing else may name `core::sync::atomic`.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// A word that can be read with a relaxed load.
///
/// Readers use nothing but this and acquire fences: std promises relaxed loads of up to 8 bytes
/// as the only atomics that work on pages mapped read-only (x86_64 and aarch64).
pub(crate) trait Load {
    /// A relaxed load.
    fn load_relaxed(&self) -> u64;
}

impl Load for AtomicU64 {
    #[inline]
    fn load_relaxed(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }
}
