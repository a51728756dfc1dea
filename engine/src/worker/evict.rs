//! Which flow gives way when the table is full: of a few in turn the one that is worth least, so
//! that a flood of one-way packets takes no place from those who talk. It drops nothing that a
//! flow counted: that is paid before.

use medtap_table::vocabulary::Counter;

use super::Worker;
use crate::config::EVICT_LOOKS;
use crate::flow::table::{flag, state};
use crate::flow::{Flow, FlowId};

impl Worker {
    /// Ends a flow, to make room for another.
    #[cold]
    pub(super) fn evict(&mut self) {
        let mut least: Option<((u8, u64), FlowId)> = None;
        for _ in 0..EVICT_LOOKS {
            let id = self.next_to_evict();
            let flow = self.table.flow(id);
            let worth = (worth(flow), flow.last_ns);
            if !flow.is_free() && least.is_none_or(|(other, _)| worth < other) {
                least = Some((worth, id));
            }
        }
        if let Some((_, id)) = least {
            self.counters.count(Counter::FlowsEvicted);
            self.end_flow(id);
        }
    }

    /// Every number of the table in turn.
    fn next_to_evict(&mut self) -> FlowId {
        let id = self.evicting;
        self.evicting = if id + 1 < self.table.end() { id + 1 } else { 0 };
        id
    }
}

/// What would be lost with a flow, the least first: nobody answered, nothing more is wanted of it,
/// it may still be recognised, it is being read.
fn worth(flow: &Flow) -> u8 {
    match flow.state {
        state::KNOWN => 3,
        _ if !flow.has(flag::ANSWERED) => 0,
        state::DONE => 1,
        _ => 2,
    }
}
