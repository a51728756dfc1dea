//! What was made lately of some bytes that say how a sender is set up, whoever the sender is: most
//! hellos are those of a few libraries. A basis is compared whole, so that none passes for another.
//! It knows no subject, and no way to make anything.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use medtap_table::vocabulary::Field;

use crate::config::{FINGERPRINT_BASIS_MAX, FINGERPRINT_SLOTS};
use crate::observe::Fingerprint;

/// Places that a basis can have.
const WAYS: usize = 4;

/// A basis, and what was made of it.
#[derive(Clone)]
struct Made {
    hash: u64,
    field: Option<Field>,
    /// It was found again since others of its places looked for room.
    is_used: bool,
    fingerprint: Fingerprint,
    basis: Box<[u8]>,
}

/// What was made lately.
pub struct Fingerprints {
    slots: Box<[Made]>,
    hasher: RandomState,
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprints").finish_non_exhaustive()
    }
}

impl Default for Fingerprints {
    fn default() -> Self {
        let none = Made {
            hash: 0,
            field: None,
            is_used: false,
            fingerprint: Fingerprint::NONE,
            basis: Box::default(),
        };
        Self {
            slots: vec![none; FINGERPRINT_SLOTS].into(),
            // Keyed per run: what shares its places with what is not for a sender to choose.
            hasher: RandomState::default(),
        }
    }
}

impl Fingerprints {
    /// Bytes that they take at most, with what the allocator adds to each basis.
    pub const BYTES_MAX: u64 =
        (FINGERPRINT_SLOTS * (size_of::<Made>() + FINGERPRINT_BASIS_MAX + 16)) as u64;

    /// The fingerprint that follows from this basis; it is made where that was not done lately.
    pub fn of(
        &mut self,
        field: Field,
        basis: &[u8],
        make: fn(&[u8]) -> Fingerprint,
    ) -> Fingerprint {
        if basis.len() > FINGERPRINT_BASIS_MAX {
            return make(basis);
        }
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u16(field.number());
        hasher.write(basis);
        let hash = hasher.finish();
        let first = hash as usize % (FINGERPRINT_SLOTS / WAYS) * WAYS;
        let places = self.slots.get_mut(first..first + WAYS).unwrap_or_default();
        let is_known = |made: &&mut Made| {
            made.hash == hash && made.field == Some(field) && *made.basis == *basis
        };
        if let Some(known) = places.iter_mut().find(is_known) {
            known.is_used = true;
            return known.fingerprint;
        }
        let fingerprint = make(basis);
        // The oldest gives way, but none that is found again and again to what is seen once.
        if places.iter().all(|made| made.is_used) {
            places.iter_mut().for_each(|made| made.is_used = false);
        }
        if let Some(oldest) = places.iter().rposition(|made| !made.is_used)
            && let Some(places) = places.get_mut(..=oldest)
        {
            places.rotate_right(1);
            places[0] = Made {
                hash,
                field: Some(field),
                is_used: false,
                fingerprint,
                basis: basis.into(),
            };
        }
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How often something was made.
        static MADE: Cell<usize> = const { Cell::new(0) };
    }

    /// Stands for a fingerprint: the number of its basis' bytes, their sum, and its ends.
    fn make(basis: &[u8]) -> Fingerprint {
        MADE.set(MADE.get() + 1);
        let sum: u64 = basis.iter().map(|byte| u64::from(*byte)).sum();
        let (first, last) = (basis.first(), basis.last());
        Fingerprint::new(format!("{}.{sum}.{first:?}{last:?}", basis.len()).as_bytes())
    }

    /// How many of these had to be made; each must be what its basis makes.
    fn made(prints: &mut Fingerprints, field: Field, bases: &[Vec<u8>]) -> usize {
        let before = MADE.get();
        let found: Vec<_> = bases.iter().map(|b| prints.of(field, b, make)).collect();
        let made = MADE.get() - before;
        for (basis, found) in bases.iter().zip(found) {
            assert_eq!(found, make(basis));
        }
        made
    }

    #[test]
    fn what_was_made_is_found_by_all_of_its_basis() {
        let mut prints = Fingerprints::default();
        let basis = vec![7; 300];
        let one = std::slice::from_ref(&basis);
        assert_eq!(made(&mut prints, Field::TlsJa4, one), 1);
        assert_eq!(made(&mut prints, Field::TlsJa4, one), 0);
        assert_eq!(made(&mut prints, Field::TlsJa3, one), 1);
        // Any byte counts, and so does each that is missing.
        for at in 0..basis.len() {
            let mut other = basis.clone();
            other[at] ^= 1;
            assert_eq!(made(&mut prints, Field::TlsJa4, &[other]), 1, "{at}");
        }
        for len in 0..basis.len() {
            let other = vec![7; len];
            assert_eq!(made(&mut prints, Field::TlsJa4, &[other]), 1, "{len}");
        }
    }

    /// The memory has an end, and what is met all the time is not pushed out by what comes once.
    #[test]
    fn what_comes_once_does_not_push_out_what_comes_again() {
        let mut prints = Fingerprints::default();
        let often: Vec<_> = (0..FINGERPRINT_SLOTS as u32 / 16)
            .map(|n| n.to_be_bytes().to_vec())
            .collect();
        made(&mut prints, Field::TlsJa4, &often);
        made(&mut prints, Field::TlsJa4, &often);
        let mut again = 0;
        for round in 0..20_u32 {
            let once: Vec<_> = (0..FINGERPRINT_SLOTS as u32)
                .map(|n| [n.to_be_bytes(), round.to_be_bytes()].concat())
                .collect();
            assert_eq!(made(&mut prints, Field::TlsJa4, &once), once.len());
            again += made(&mut prints, Field::TlsJa4, &often);
        }
        assert_eq!(prints.slots.len(), FINGERPRINT_SLOTS);
        // Chance may bring four or more of them together in four places.
        assert!(again <= 20 * often.len() / 2, "{again} made again");
    }

    #[test]
    fn what_is_too_long_is_made_each_time_and_not_kept() {
        let mut prints = Fingerprints::default();
        let long = [vec![1; FINGERPRINT_BASIS_MAX + 1]];
        assert_eq!(made(&mut prints, Field::SshHassh, &long), 1);
        assert_eq!(made(&mut prints, Field::SshHassh, &long), 1);
        let longest = [vec![1; FINGERPRINT_BASIS_MAX]];
        assert_eq!(made(&mut prints, Field::SshHassh, &longest), 1);
        assert_eq!(made(&mut prints, Field::SshHassh, &longest), 0);
        let kept: usize = prints.slots.iter().map(|made| made.basis.len()).sum();
        assert_eq!(kept, FINGERPRINT_BASIS_MAX);
        let all = prints.slots.len() * size_of::<Made>() + kept;
        assert!(all as u64 <= Fingerprints::BYTES_MAX);
    }

    /// One whose hash is another's is not that one.
    #[test]
    fn what_has_the_hash_of_another_is_made() {
        let mut prints = Fingerprints::default();
        let basis = [vec![1, 2, 3]];
        made(&mut prints, Field::TlsJa4, &basis);
        let of_another = [vec![4, 5, 6]];
        let mut hasher = prints.hasher.build_hasher();
        hasher.write_u16(Field::TlsJa4.number());
        hasher.write(&of_another[0]);
        let hash = hasher.finish();
        let (first, known) = (
            hash as usize % (FINGERPRINT_SLOTS / WAYS) * WAYS,
            prints.slots.iter().find(|made| made.field.is_some()),
        );
        let forged = Made {
            hash,
            ..known.unwrap().clone()
        };
        prints.slots[first..first + WAYS].fill(forged);
        assert_eq!(made(&mut prints, Field::TlsJa4, &of_another), 1);
    }
}
