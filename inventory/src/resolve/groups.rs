//! Numbers in groups, in two flat lists: which facts are a unit's, which units a device's. It keeps
//! the order in which they were given, and knows nothing of what they number.

/// Numbers, by group.
#[derive(Debug, Default)]
pub struct Groups {
    /// Where each group begins, and where the last one ends.
    begins: Vec<u32>,
    numbers: Vec<u32>,
}

impl Groups {
    /// Lays pairs of group and number out; groups from `count` on are left out.
    pub fn new(count: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut begins = vec![0u32; count + 1];
        for (group, _) in pairs.clone() {
            if let Some(size) = begins.get_mut(group as usize + 1) {
                *size += 1;
            }
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut numbers = vec![0; sum as usize];
        let mut next = begins.clone();
        for (group, number) in pairs.filter(|(group, _)| (*group as usize) < count) {
            if let Some(at) = next.get_mut(group as usize) {
                if let Some(slot) = numbers.get_mut(*at as usize) {
                    *slot = number;
                }
                *at += 1;
            }
        }
        Self { begins, numbers }
    }

    /// Every number, group by group.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The numbers of a group.
    pub fn of(&self, group: u32) -> &[u32] {
        let at = |group: usize| self.begins.get(group).map(|begin| *begin as usize);
        let group = group as usize;
        let (Some(begin), Some(end)) = (at(group), at(group + 1)) else {
            return &[];
        };
        self.numbers.get(begin..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order() {
        let pairs = [(2, 7), (0, 5), (2, 1), (9, 3), (0, 4)];
        let groups = Groups::new(3, pairs.into_iter());
        assert_eq!(groups.of(0), [5, 4]);
        assert_eq!(groups.of(1), []);
        assert_eq!(groups.of(2), [7, 1]);
        assert_eq!(groups.of(3), [], "outside: none");
        assert_eq!(groups.numbers(), [5, 4, 7, 1]);
        assert_eq!(Groups::default().of(0), []);
    }
}
