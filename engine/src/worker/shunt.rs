//! Which flows the kernel's program only counts, and what comes of its counts: heavy ones of which
//! nothing more can be learnt. Never one that owes events or shows copies; what opens or ends a
//! flow always comes here, and so does every frame that is not as those before it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use medtap_table::Traffic;
use medtap_table::vocabulary::Counter;

use super::Worker;
use crate::capture::shunt::{Counted, ShuntCounts, ShuntKey, ShuntOrder, ShuntParts};
use crate::config::{SHUNT_IDLE_NS, SHUNT_PACKETS_MIN};
use crate::device::BindingKey;
use crate::device::ledger::SubjectNote;
use crate::device::sighting::Times;
use crate::flow::table::{Link, NO_SESSION, flag, state};
use crate::flow::{Direction, Flow, FlowId, FlowKey};

/// Packets that are credited to a flow at once: so many of the longest fit its sums.
const PORTION_PACKETS: u64 = 30_000;

/// What a place is used for.
#[derive(Clone, Copy)]
struct Use {
    flow: FlowKey,
    direction: Direction,
    link: Link,
    key: ShuntKey,
    /// It was asked for its end, and may still count.
    ending: bool,
    /// When it last counted more.
    grown_ns: u64,
}

/// The worker's places in the programs' counters.
pub struct Shunts {
    /// Those of every interface: a flow may come by any.
    counts: Vec<Arc<dyn ShuntCounts>>,
    /// How many interfaces there are, with and without a program.
    interfaces: u16,
    first: u32,
    uses: Vec<Option<Use>>,
    /// Which of them are free.
    free: Vec<usize>,
    /// What was credited of each place: it is never set back.
    credited: Vec<(u64, u64)>,
    by_flow: HashMap<(FlowKey, Direction), u32, RandomState>,
    orders: Vec<ShuntOrder>,
}

impl Shunts {
    /// Places of this worker alone, the same in the counters of every interface.
    pub fn new(counts: Vec<Arc<dyn ShuntCounts>>, interfaces: u16, places: Range<u32>) -> Self {
        Self {
            counts,
            interfaces,
            first: places.start,
            uses: places.clone().map(|_| None).collect(),
            free: (0..places.len()).rev().collect(),
            credited: places.map(|_| (0, 0)).collect(),
            by_flow: HashMap::default(),
            orders: Vec::new(),
        }
    }

    /// What there is to be done, in this order.
    fn take_orders(&mut self) -> Vec<ShuntOrder> {
        std::mem::take(&mut self.orders)
    }

    fn begin(&mut self, flow: &Flow, direction: Direction, now_ns: u64) {
        let of = (flow.key, direction);
        if self.by_flow.contains_key(&of) {
            return;
        }
        let Some(at) = self.free.pop() else {
            return;
        };
        let link = flow.links[direction.index()];
        let ((src, src_port), (dst, dst_port)) =
            (flow.key.sender(direction), flow.key.receiver(direction));
        let key = ShuntKey::from(ShuntParts {
            src: (src, src_port, link.src_mac()),
            dst: (dst, dst_port, link.dst_mac()),
            vlan: link.vlan(),
            protocol: flow.key.protocol,
            ttl: link.ttl(),
        });
        let place = self.first + at as u32;
        self.uses[at] = Some(Use {
            flow: flow.key,
            direction,
            link,
            key,
            ending: false,
            grown_ns: now_ns,
        });
        self.by_flow.insert(of, place);
        self.orders.push(ShuntOrder::Begin(place, key));
    }

    fn end(&mut self, flow: &FlowKey, direction: Direction) {
        let place = self.by_flow.get(&(*flow, direction));
        let Some(at) = place.map(|place| (place - self.first) as usize) else {
            return;
        };
        self.end_at(at);
    }

    fn end_at(&mut self, at: usize) {
        if let Some(Some(used)) = self.uses.get_mut(at)
            && !used.ending
        {
            used.ending = true;
            let place = self.first + at as u32;
            self.orders.push(ShuntOrder::End(place, used.key));
        }
    }

    /// What a place counted since the last time, and whose it is.
    fn grown(&mut self, at: usize, now_ns: u64) -> Option<(Use, Counted)> {
        let used = self.uses.get_mut(at)?.as_mut()?;
        let (packets, bytes) = self.credited.get_mut(at)?;
        let mut sum = Counted::default();
        for counts in &self.counts {
            let counted = counts.read(self.first + at as u32);
            sum.packets += counted.packets;
            sum.bytes += counted.bytes;
            sum.last_ns = sum.last_ns.max(counted.last_ns);
        }
        let grown = Counted {
            packets: sum.packets - *packets,
            bytes: sum.bytes - *bytes,
            last_ns: sum.last_ns,
        };
        // Bytes whose packet is not yet counted wait for it.
        if grown.packets == 0 {
            return None;
        }
        (*packets, *bytes) = (sum.packets, sum.bytes);
        used.grown_ns = now_ns;
        Some((*used, grown))
    }

    /// Frees a place at which nothing counts any more.
    fn free(&mut self, at: usize) {
        if let Some(used) = self.uses.get_mut(at).and_then(Option::take) {
            self.by_flow.remove(&(used.flow, used.direction));
            self.free.push(at);
        }
    }
}

impl Worker {
    /// From now on heavy flows are left to the program.
    pub fn set_shunts(&mut self, shunts: Shunts) {
        self.shunts = Some(Box::new(shunts));
    }

    /// What the programs of all interfaces are to be told, in this order.
    pub fn take_shunt_orders(&mut self) -> Vec<ShuntOrder> {
        let shunts = self.shunts.as_mut();
        shunts.map(|it| it.take_orders()).unwrap_or_default()
    }

    /// No program counts at this place any more: the last is credited, and the place is free.
    pub fn shunt_ended(&mut self, place: u32) {
        let Some(shunts) = &self.shunts else { return };
        let Some(at) = place.checked_sub(shunts.first) else {
            return;
        };
        self.credit_place(at as usize);
        if let Some(shunts) = &mut self.shunts {
            shunts.free(at as usize);
        }
    }

    /// Leaves those directions of a flow to the program that were heavy in the last round: of which
    /// nothing more can be learnt, that owe nothing and show no copies.
    pub(super) fn shunt_if_heavy(&mut self, id: FlowId) {
        let Some(shunts) = &mut self.shunts else {
            return;
        };
        let flow = self.table.flow(id);
        let barred = flow.state != state::DONE
            || flow.session != NO_SESSION
            || flow.flags & (flag::DUPLICATES | flag::CLOSED) != 0;
        if barred {
            return;
        }
        for direction in Direction::BOTH {
            let d = direction.index();
            // A program knows no address spaces: the key must mean one flow at every interface.
            let vlan = flow.links[d].vlan();
            let scope = |place| self.options.scopes.of(place, vlan);
            if flow.packets[d] >= SHUNT_PACKETS_MIN
                && (0..shunts.interfaces).all(|place| scope(place) == flow.key.scope)
            {
                shunts.begin(flow, direction, self.now_ns);
            }
        }
    }

    /// Both directions of a flow come to the engine again.
    pub(super) fn unshunt(&mut self, id: FlowId) {
        if let Some(shunts) = &mut self.shunts
            && !shunts.by_flow.is_empty()
        {
            let key = self.table.flow(id).key;
            for direction in Direction::BOTH {
                shunts.end(&key, direction);
            }
        }
    }

    /// Credits what the programs counted; flows that fell silent come to the engine again.
    pub(super) fn credit_shunts(&mut self) {
        let places = self.shunts.as_ref().map_or(0, |it| it.uses.len());
        for at in 0..places {
            self.credit_place(at);
            if let Some(shunts) = &mut self.shunts
                && let Some(Some(used)) = shunts.uses.get(at)
                && self.now_ns.saturating_sub(used.grown_ns) > SHUNT_IDLE_NS
            {
                shunts.end_at(at);
            }
        }
    }

    fn credit_place(&mut self, at: usize) {
        let now_ns = self.now_ns;
        let grown = self.shunts.as_mut().and_then(|it| it.grown(at, now_ns));
        let Some((used, grown)) = grown else { return };
        self.counters.add(Counter::ShuntedPackets, grown.packets);
        self.counters.add(Counter::ShuntedBytes, grown.bytes);
        let hash = self.options.hasher.hash(&used.flow);
        match self.table.find(&used.flow, hash) {
            Some(id) => self.credit_flow(id, used.direction, grown),
            None => self.credit_ends(&used, grown),
        }
    }

    /// Counts them as if they had come one by one.
    fn credit_flow(&mut self, id: FlowId, direction: Direction, grown: Counted) {
        let (mut packets, mut bytes) = (grown.packets, grown.bytes);
        let d = direction.index();
        self.flush(id);
        while packets > 0 {
            let portion = packets.min(PORTION_PACKETS);
            let share = bytes / packets * portion;
            let share = if portion == packets { bytes } else { share };
            let flow = self.table.flow_mut(id);
            flow.packets[d] = portion as u32;
            flow.bytes[d] = share as u32;
            flow.touch(direction, grown.last_ns);
            self.flush(id);
            (packets, bytes) = (packets - portion, bytes - share);
        }
    }

    /// The flow ended meanwhile and no other took its place: its ends are still told.
    #[cold]
    fn credit_ends(&mut self, used: &Use, grown: Counted) {
        let (flow, link) = (&used.flow, &used.link);
        let end =
            |mac, address| BindingKey::new(flow.scope, link.vlan(), mac, flow.version, address);
        let sent = SubjectNote {
            times: Some(Times::at(grown.last_ns)),
            packet: u64::MAX,
            traffic: Traffic {
                packets_sent: grown.packets,
                bytes_sent: grown.bytes,
                ..Traffic::default()
            },
            ..SubjectNote::default()
        };
        let received = SubjectNote {
            traffic: Traffic {
                packets_received: grown.packets,
                bytes_received: grown.bytes,
                ..Traffic::default()
            },
            ..SubjectNote::default()
        };
        let sender = end(link.src_mac(), flow.sender(used.direction).0);
        let receiver = end(link.dst_mac(), flow.receiver(used.direction).0);
        self.ledger.end(&sender, &sent, &mut self.counters);
        self.ledger.end(&receiver, &received, &mut self.counters);
    }
}

#[cfg(test)]
mod tests;
