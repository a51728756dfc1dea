//! The two ends of a flow, as its frames show them: made once for all that a flow pays. It counts
//! nothing, and knows no protocol.

use super::act::binding;
use crate::device::BindingKey;
use crate::flow::{Direction, Flow};

/// Who sends in each direction of a flow, and for whom.
pub(super) struct FlowEnds {
    senders: [BindingKey; 2],
    /// Whom the frames of a direction go to, where that is not who sends in the other.
    elsewhere: [Option<BindingKey>; 2],
}

impl FlowEnds {
    /// Those of this flow.
    pub fn of(flow: &Flow) -> Self {
        let [up, down] = Direction::BOTH;
        let senders = [binding(flow, up), binding(flow, down)];
        let elsewhere = [
            elsewhere(flow, up, &senders[down.index()]),
            elsewhere(flow, down, &senders[up.index()]),
        ];
        Self { senders, elsewhere }
    }

    /// Who sends in a direction: by its own frames, or else by those that were sent to it.
    #[inline]
    pub fn sender(&self, direction: Direction) -> &BindingKey {
        &self.senders[direction.index()]
    }

    /// Whom the frames of a direction go to.
    #[inline]
    pub fn receiver(&self, direction: Direction) -> &BindingKey {
        let elsewhere = self.elsewhere[direction.index()].as_ref();
        elsewhere.unwrap_or_else(|| self.sender(direction.other()))
    }

    /// True where the frames of a direction go to who sends in the other.
    #[inline]
    pub fn answers_sender(&self, direction: Direction) -> bool {
        self.elsewhere[direction.index()].is_none()
    }
}

/// Whom the frames of a direction go to, if that is not this one: nearly always they go to where
/// the answer comes from.
#[inline]
fn elsewhere(flow: &Flow, direction: Direction, back: &BindingKey) -> Option<BindingKey> {
    let link = &flow.links[direction.index()];
    let (vlan, mac) = (link.vlan(), link.dst_mac());
    if back.vlan == vlan && back.mac == mac {
        return None;
    }
    let (address, _) = flow.key.receiver(direction);
    let (scope, version) = (flow.key.scope, flow.key.version);
    Some(BindingKey::new(scope, vlan, mac, version, address))
}
