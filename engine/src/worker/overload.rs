//! What a worker leaves out when it does not keep up, and when it does so: first what new
//! conversations between known devices say, then waiting for what is missing in streams. It never
//! leaves out a packet or a device: those are counted whatever the pressure.

use medtap_table::vocabulary::Counter;

use super::Worker;
use super::act::binding;
use crate::config::{
    PRESSURE_EASE_NS, PRESSURE_EASE_PERCENT, PRESSURE_HOLES_PERCENT, PRESSURE_UNREAD_PERCENT,
};
use crate::flow::table::{flag, state};
use crate::flow::{Direction, FlowId};

/// What is left out; each step leaves out what those before it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overload {
    /// Nothing.
    #[default]
    None,
    /// Payloads of conversations that nobody reads yet, where both ends are known. They stay
    /// owed: the first payload after the pressure is read as if it were the first of all.
    Unread,
    /// Waiting in streams: a segment ahead of a hole is read at once, and the hole given up.
    Holes,
}

/// How long a worker has lagged or kept up, by how full its rings are: a step more with every look
/// at rings too full, a step less for every while of rings nearly empty. Between the two nothing
/// changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pressure {
    overload: Overload,
    /// Since when the rings are nearly empty; 0 while they are not.
    eased_ns: u64,
}

impl Pressure {
    /// Says what to leave out now that the fullest ring is so full.
    pub fn look(&mut self, fullest_percent: u32, now_ns: u64) -> Overload {
        let next = match self.overload {
            Overload::None => (Overload::Unread, PRESSURE_UNREAD_PERCENT),
            Overload::Unread | Overload::Holes => (Overload::Holes, PRESSURE_HOLES_PERCENT),
        };
        if fullest_percent >= next.1 {
            self.overload = next.0;
        }
        // A clock that was set back begins the while again.
        let since = self.eased_ns;
        let eased = fullest_percent <= PRESSURE_EASE_PERCENT;
        if !eased || since == 0 || now_ns < since {
            self.eased_ns = if eased { now_ns } else { 0 };
        } else if now_ns - since >= PRESSURE_EASE_NS {
            self.eased_ns = now_ns;
            self.overload = match self.overload {
                Overload::Holes => Overload::Unread,
                Overload::Unread | Overload::None => Overload::None,
            };
        }
        self.overload
    }
}

impl Worker {
    /// From now on this is left out.
    pub fn set_overload(&mut self, overload: Overload) {
        if overload > self.overload {
            self.counters.count(Counter::OverloadRaised);
        }
        if overload < self.overload {
            self.counters.count(Counter::OverloadEased);
        }
        self.overload = overload;
    }

    /// True when a payload is left unread: the worker lags, nobody reads the conversation yet, and
    /// both of its ends are known.
    #[inline]
    pub(super) fn leaves_unread(&mut self, id: FlowId) -> bool {
        self.overload != Overload::None && self.leave_unread(id)
    }

    #[cold]
    fn leave_unread(&mut self, id: FlowId) -> bool {
        let flow = self.table.flow(id);
        let knows = |direction| self.ledger.knows(&binding(flow, direction));
        if flow.state != state::UNDECIDED || !Direction::BOTH.into_iter().all(knows) {
            return false;
        }
        self.counters.count(Counter::OverloadUnread);
        self.close_conversation(id);
        // What is read of it later is no beginning.
        self.table.flow_mut(id).flags &= !flag::ORIG_KNOWN;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One step with a look, in the stated order; back one step for each quiet while.
    #[test]
    fn steps_go_up_with_full_rings_and_down_with_quiet_ones() {
        let mut pressure = Pressure::default();
        assert_eq!(pressure.look(49, 1), Overload::None);
        assert_eq!(pressure.look(100, 2), Overload::Unread);
        assert_eq!(pressure.look(74, 3), Overload::Unread);
        assert_eq!(pressure.look(75, 4), Overload::Holes);
        assert_eq!(pressure.look(100, 5), Overload::Holes);
        // Less than half full is not yet easy.
        assert_eq!(pressure.look(13, PRESSURE_EASE_NS * 2), Overload::Holes);
        let begun = PRESSURE_EASE_NS * 3;
        assert_eq!(pressure.look(12, begun), Overload::Holes);
        let almost = begun + PRESSURE_EASE_NS - 1;
        assert_eq!(pressure.look(0, almost), Overload::Holes);
        assert_eq!(pressure.look(0, almost + 1), Overload::Unread);
        assert_eq!(pressure.look(0, almost + 2), Overload::Unread);
        let second = almost + 1 + PRESSURE_EASE_NS;
        assert_eq!(pressure.look(0, second), Overload::None);
    }

    #[test]
    fn a_burst_in_between_and_a_clock_set_back_begin_the_quiet_while_again() {
        let mut pressure = Pressure::default();
        let at = |n: u64| n * PRESSURE_EASE_NS;
        assert_eq!(pressure.look(50, at(10)), Overload::Unread);
        assert_eq!(pressure.look(0, at(11)), Overload::Unread);
        assert_eq!(pressure.look(30, at(12)), Overload::Unread);
        assert_eq!(pressure.look(0, at(13)), Overload::Unread);
        assert_eq!(pressure.look(0, at(2)), Overload::Unread);
        assert_eq!(pressure.look(0, at(3)), Overload::None);
    }
}
