//! Packets without ports: protocols straight on the link (ARP, LLDP, CDP), ICMP, and the pieces
//! of fragmented datagrams.

use medtap_table::vocabulary::{Counter, Protocol};
use medtap_table::{EdgeFlags, Traffic, Volume};

use super::act::{Packet, ends};
use super::recorder::{Ends, Recorder};
use super::{Staged, Worker};
use crate::capture::Frame;
use crate::device::BindingKey;
use crate::device::ledger::SubjectNote;
use crate::device::sighting::{EdgeKey, EdgeSighting, Times};
use crate::flow::FlowId;
use crate::flow::table::{flag, state};
use crate::observe::Observation;
use crate::proto::{LINK_CLASSIFIERS, Layer, LinkClassifier, LinkContext};
use crate::wire::{Fragment, Headers, Network, TransportKind, WireError};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

impl Worker {
    /// A frame without network header.
    pub(super) fn act_on_link(&mut self, headers: &Headers, frame: &Frame<'_>) {
        let vlan = headers.vlan;
        let scope = self.options.scopes.of(frame.interface, vlan);
        let sender = BindingKey::new(scope, vlan, headers.src_mac, 0, [0; 16]);
        let receiver = BindingKey::new(scope, vlan, headers.dst_mac, 0, [0; 16]);
        let bytes = u64::from(frame.wire_len);
        let note = SubjectNote {
            times: Some(Times::at(frame.time_ns)),
            packet: frame.number,
            traffic: Traffic {
                packets_sent: 1,
                bytes_sent: bytes,
                ..Traffic::default()
            },
            ..SubjectNote::default()
        };
        self.ledger.end(&sender, &note, &mut self.counters);
        let traffic = Traffic {
            packets_received: 1,
            bytes_received: bytes,
            ..Traffic::default()
        };
        let note = SubjectNote {
            traffic,
            ..SubjectNote::default()
        };
        self.ledger.end(&receiver, &note, &mut self.counters);

        let payload = headers.payload.of(frame.bytes);
        let layer = match (headers.snap_oui, headers.ether_type) {
            (0, 0) => Layer::Llc(payload.first().copied().unwrap_or_default()),
            (0, ether_type) => Layer::EtherType(ether_type),
            (oui, protocol) => Layer::Snap(oui, protocol),
        };
        let Some(classifier) = classifier(layer) else {
            return;
        };
        let ends = Ends {
            sender,
            receiver,
            time_ns: frame.time_ns,
        };
        if self.observe_link(classifier, payload, headers, &ends) && sender.is_unicast() {
            self.ledger.edge(
                &EdgeSighting {
                    key: EdgeKey {
                        orig: sender,
                        resp: None,
                        protocol: Some(classifier.protocol),
                        transport: 0,
                        port: 0,
                    },
                    flags: EdgeFlags::PEERS | EdgeFlags::CONFIRMED,
                    confidence: 95,
                    times: Times::at(frame.time_ns),
                    volume: Volume {
                        packets: 1,
                        bytes,
                        conversations: 0,
                    },
                },
                &mut self.counters,
            );
        }
    }

    fn observe_link(
        &mut self,
        classifier: &LinkClassifier,
        payload: &[u8],
        headers: &Headers,
        ends: &Ends,
    ) -> bool {
        let context = LinkContext {
            src_mac: headers.src_mac,
            dst_mac: headers.dst_mac,
            src: headers.src_address(),
            dst: headers.dst_address(),
            ttl: headers.ttl,
        };
        let mut recorder = Recorder {
            ledger: &mut self.ledger,
            counters: &mut self.counters,
            matcher: &self.options.matcher,
            protocol: Some(classifier.protocol),
        };
        // These protocols have no answer to wait for: a well-formed frame stands for itself.
        let well_formed = (classifier.observe)(payload, &context, &mut |observation| {
            let _ = recorder.record(&observation, ends, true);
        });
        if !well_formed {
            let _ = recorder.record(&Observation::malformed(headers.cut), ends, true);
        }
        well_formed
    }

    /// A packet of an IP protocol without ports.
    pub(super) fn read_ip(&mut self, id: FlowId, packet: &Packet<'_>) {
        let headers = packet.headers;
        let Some(classifier) = classifier(Layer::Ip(headers.ip_protocol)) else {
            let flow = self.table.flow_mut(id);
            if flow.key.protocol == ICMP {
                flow.protocol = Protocol::Icmp.number() as u8;
                flow.flags |= flag::PEERS;
            }
            flow.state = state::DONE;
            return;
        };
        let flow = self.table.flow_mut(id);
        flow.protocol = classifier.protocol.number() as u8;
        flow.flags |= flag::PEERS;
        flow.state = state::KNOWN;
        let ends = ends(flow, packet);
        self.observe_link(classifier, packet.payload, headers, &ends);
    }

    /// A piece of a datagram; the whole, once it is there, is a packet like any other.
    pub(super) fn act_on_fragment(
        &mut self,
        staged: &Staged,
        headers: &Headers,
        fragment: Fragment,
        frame: &Frame<'_>,
    ) {
        let piece = headers.payload.of(frame.bytes);
        if headers.cut {
            // It can never become whole: the first is read as far as it goes, like any cut frame.
            self.counters.count(Counter::Fragments);
            if fragment.offset == 0 {
                let payload = (piece, headers.payload_wire_len);
                self.act_on_datagram(staged, headers, payload, (1, frame.wire_len), frame);
            }
            return;
        }
        let scope = staged.summary.key.scope;
        let piece = (frame.time_ns, frame.wire_len, scope);
        let fragments = &mut self.fragments[usize::from(staged.summary.shard)];
        let counters = &mut self.counters;
        let Some(whole) = fragments.push(headers, fragment, frame.bytes, piece, counters) else {
            return;
        };
        let wire_bytes = u32::try_from(whole.wire_bytes).unwrap_or(u32::MAX);
        let payload = (&*whole.payload, whole.payload.len() as u32);
        let count = (whole.packets, wire_bytes);
        self.act_on_datagram(staged, &whole.headers, payload, count, frame);
    }

    /// The payload of a datagram that came in pieces: what there is of it and what was sent, in
    /// so many packets and bytes. `headers` are those of a piece.
    fn act_on_datagram(
        &mut self,
        staged: &Staged,
        headers: &Headers,
        (payload, sent): (&[u8], u32),
        count: (u32, u32),
        frame: &Frame<'_>,
    ) {
        let mut headers = match headers.reassembled(payload, sent) {
            Ok(headers) => headers,
            Err(WireError::Truncated) => return self.counters.count(Counter::Truncated),
            Err(_) => return self.counters.count(Counter::Malformed),
        };
        if headers.network == Network::None {
            return;
        }
        if headers.transport == TransportKind::None {
            set_icmp_ports(&mut headers, payload);
        }
        // It stays with the shard of its pieces.
        let (mut summary, shard) = (staged.summary, staged.summary.shard);
        summary.set(&headers, summary.key.scope, &self.options.hasher);
        summary.shard = shard;
        let staged = Staged { summary, ..*staged };
        let packet = Packet {
            headers: &headers,
            direction: summary.direction,
            hash: summary.hash,
            frame: payload,
            payload: headers.payload.of(payload),
            time_ns: frame.time_ns,
            number: frame.number,
            count,
        };
        self.act_on_packet(&staged, &packet);
    }

    /// Notes who forwarded a copy of a packet.
    pub(super) fn note_forwarded(
        &mut self,
        key: BindingKey,
        headers: &Headers,
        packet: &Packet<'_>,
    ) {
        let unicast = headers.dst_mac[0] & 1 == 0;
        let note = SubjectNote {
            ttl: if unicast { headers.ttl } else { 0 },
            times: Some(Times::at(packet.time_ns)),
            packet: packet.number,
            ..SubjectNote::default()
        };
        self.ledger.end(&key, &note, &mut self.counters);
    }
}

fn classifier(layer: Layer) -> Option<&'static LinkClassifier> {
    LINK_CLASSIFIERS
        .iter()
        .find(|classifier| classifier.layer == layer)
}

/// ICMP has no ports: the two ends of an exchange are told by its types, as the Community ID
/// specification (version 1) does it: a request and its reply share one flow.
pub(super) fn set_icmp_ports(headers: &mut Headers, frame: &[u8]) {
    let pairs: &[(u8, u8)] = match headers.ip_protocol {
        ICMP => &[(8, 0), (13, 14), (15, 16), (17, 18), (10, 9)],
        ICMPV6 => &[
            (128, 129),
            (133, 134),
            (135, 136),
            (130, 131),
            (139, 140),
            (144, 145),
        ],
        _ => return,
    };
    let payload = headers.payload.of(frame);
    let [kind, code, ..] = *payload else { return };
    let other = pairs.iter().find_map(|&(request, reply)| match kind {
        k if k == request => Some(reply),
        k if k == reply => Some(request),
        _ => None,
    });
    headers.src_port = kind.into();
    headers.dst_port = other.unwrap_or(code).into();
}
