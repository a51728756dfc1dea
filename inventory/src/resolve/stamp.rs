//! Whether anything of a device is other than before, told from where its records lie and what they
//! are about. It reads no text: what a slot says stays, as long as one engine writes the table.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Resolution;

impl Resolution<'_> {
    /// A number that stays while nothing of a device changes but times, packets and how often
    /// something was said. Only of one run of an engine can two of them be compared.
    pub fn stamp(&self, place: usize) -> Option<u64> {
        let number = self.number(place)?;
        let mut state = DefaultHasher::new();
        let id = |device: &u32| self.id(*device as usize);
        for unit in self.folding.units.of(number) {
            self.bindings
                .states
                .get(*unit as usize)?
                .routes
                .hash(&mut state);
            for (slot, head) in self.said.heads(&self.snapshot, *unit) {
                (slot, head.confidence).hash(&mut state);
            }
        }
        for subject in self.folding.subjects.of(number) {
            let subject = &self.snapshot.subjects.get(*subject as usize)?.subject;
            (subject.scope, subject.vlan, subject.mac, subject.address).hash(&mut state);
            (subject.identifier.as_str(), subject.flags.0).hash(&mut state);
            (subject.first_seen_ns != 0).hash(&mut state);
        }
        let groups = [
            (&self.folding.opened, true),
            (&self.folding.answered, false),
        ];
        for (edges, opened) in groups {
            for place in edges.of(number) {
                let edge = self.snapshot.edges.get(*place as usize)?.0;
                let other = self.folding.other(*place, opened);
                (other.as_ref().and_then(id), opened, edge.flags.0).hash(&mut state);
                (edge.protocol, edge.port, edge.transport).hash(&mut state);
            }
        }
        let by = self.folding.reporters.get(&number).into_iter().flatten();
        by.map(id).for_each(|by| by.hash(&mut state));
        let reports = self.folding.reports.get(&number);
        reports.map(|reports| reports.len()).hash(&mut state);
        self.folding.reasons.get(&number).hash(&mut state);
        Some(state.finish())
    }
}
