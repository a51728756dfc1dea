//! Disjoint sets of numbers: what was found to be the same. The smallest number of a set stands
//! for it, so that the order of joins does not matter. It knows no reasons.

/// The sets of the numbers from 0 to a fixed one.
pub struct Sets {
    parents: Vec<u32>,
}

impl Sets {
    /// Every number alone.
    pub fn new(count: usize) -> Self {
        Self {
            parents: (0..u32::try_from(count).unwrap_or(u32::MAX)).collect(),
        }
    }

    /// The number that stands for the set of this one.
    pub fn root(&mut self, number: u32) -> u32 {
        let mut at = number;
        while let Some(&parent) = self.parents.get(at as usize)
            && parent != at
        {
            // Halves the path: each step points two further up.
            let above = self.parents.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(at as usize) {
                *slot = above;
            }
            at = above;
        }
        at
    }

    /// Makes two sets one; true if they were two.
    pub fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.parents.get_mut(high as usize) {
            *slot = low;
        }
        low != high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_stands_for_all() {
        let mut sets = Sets::new(5);
        assert!(sets.join(4, 3));
        assert!(sets.join(3, 1));
        assert!(!sets.join(1, 4));
        let roots: Vec<u32> = (0..5).map(|number| sets.root(number)).collect();
        assert_eq!(roots, [0, 1, 2, 1, 1]);
        assert_eq!(sets.root(9), 9, "outside: alone");
    }
}
