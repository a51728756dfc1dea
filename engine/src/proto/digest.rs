//! What stands for bytes that are compared and not kept. It means nothing outside of the run that
//! made it: its key is chance, so that nobody can make other bytes that have the same.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

/// The key of this run, out of the system's chance.
static KEY: LazyLock<(u64, SharedSeed)> = LazyLock::new(|| {
    let chance = RandomState::new();
    (
        chance.hash_one("seed"),
        SharedSeed::from_u64(chance.hash_one("shared")),
    )
});

/// The digest of some bytes.
#[inline]
pub fn digest(bytes: &[u8]) -> u64 {
    let mut all = Digest::default();
    // Their number is in it.
    all.0.write(bytes);
    all.finish()
}

/// A digest in the making, of parts that stay apart.
pub struct Digest(FoldHasher<'static>);

impl Default for Digest {
    #[inline]
    fn default() -> Self {
        let (seed, shared) = &*KEY;
        Self(FoldHasher::with_seed(*seed, shared))
    }
}

impl Digest {
    /// Adds a part.
    #[must_use]
    pub fn part(mut self, bytes: &[u8]) -> Self {
        self.0.write_usize(bytes.len());
        self.0.write(bytes);
        self
    }

    /// Adds a part that is so many numbers.
    #[must_use]
    #[inline]
    pub fn words<const N: usize>(mut self, words: &[u64; N]) -> Self {
        for word in words {
            self.0.write_u64(*word);
        }
        self
    }

    /// What stands for all of them.
    #[inline]
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_apart() {
        let of = |parts: &[&[u8]]| {
            let all = parts
                .iter()
                .fold(Digest::default(), |all, part| all.part(part));
            all.finish()
        };
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"ab", b""]), of(&[b"", b"ab"]));
        assert_ne!(of(&[b"ab"]), of(&[b"ab", b""]));
        assert_eq!(digest(b"ab"), digest(b"ab"));
        assert_ne!(digest(b"ab"), digest(b"ab\0"));
        let words = |words: &[u64; 2]| Digest::default().words(words).finish();
        assert_eq!(words(&[1, 2]), words(&[1, 2]));
        assert_ne!(words(&[1, 2]), words(&[2, 1]));
    }
}
