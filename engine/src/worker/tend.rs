//! What a live worker does between bursts: time goes on without frames too. Offline none of this
//! is called, and the packets' own times are all there is.

use std::sync::Arc;

use medtap_rules::Matcher;
use medtap_table::vocabulary::Counter;

use super::Worker;
use crate::config::{EDGE_WAIT_NS, TEND_FLOWS_MAX, TEND_ROUND_NS};
use crate::device::ledger::Outbox;
use crate::flow::table::state;

/// Where a worker is in its round over all flows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    begun_ns: u64,
    next: u32,
}

impl Worker {
    /// Goes on with the round over all flows, at a pace that takes a second for all of them:
    /// those that fell silent end, the others pay what they owe. Hands over debts that are due,
    /// or that were refused before. To be called after every burst and while there are no frames.
    pub fn tend(&mut self, now_ns: u64, outbox: &mut dyn Outbox) {
        self.now_ns = now_ns;
        let end = self.table.end();
        let elapsed_ns = now_ns.saturating_sub(self.round.begun_ns);
        let due = u128::from(end) * u128::from(elapsed_ns) / u128::from(TEND_ROUND_NS);
        let due = u32::try_from(due).unwrap_or(u32::MAX).min(end);
        let stop = due.min(self.round.next.saturating_add(TEND_FLOWS_MAX));
        while self.round.next < stop {
            self.tend_flow(self.round.next);
            self.round.next += 1;
        }
        if self.round.next >= end && elapsed_ns >= TEND_ROUND_NS {
            self.round = Round {
                begun_ns: now_ns,
                next: 0,
            };
            self.credit_shunts();
        }
        if !self.settle_when_due(outbox) {
            self.counters.count(Counter::HandoversWaited);
        }
    }

    fn tend_flow(&mut self, id: u32) {
        if self.table.flow(id).is_free() {
            return;
        }
        if self.is_silent(id) {
            self.counters.count(Counter::FlowsExpired);
            self.end_flow(id);
            return;
        }
        self.shunt_if_heavy(id);
        self.flush(id);
        // What an edge says of a young conversation may still change: who answers, by which
        // interface, and whether it is encrypted. Paid too early it would be another edge.
        let age_ns = self.now_ns.saturating_sub(self.table.totals(id).first_ns());
        if self.table.flow(id).state != state::UNDECIDED && age_ns >= EDGE_WAIT_NS {
            self.flush_edge(id);
        }
    }

    /// From now on these rules hold. What was matched before is matched again when it is seen
    /// again.
    pub fn set_matcher(&mut self, matcher: Arc<Matcher>) {
        self.options.matcher = matcher;
        self.rules_changed = true;
        self.ledger.forget_meanings();
    }

    /// Flows that it knows.
    pub fn flows(&self) -> u32 {
        self.table.len()
    }

    /// Debts that are not handed over yet.
    pub fn owed(&self) -> usize {
        self.ledger.owed()
    }
}
