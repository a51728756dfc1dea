//! ICMPv6, [RFC 4443](https://www.rfc-editor.org/rfc/rfc4443), and its neighbour discovery,
//! [RFC 4861](https://www.rfc-editor.org/rfc/rfc4861): who has which address, who routes, and who
//! asks for listeners ([RFC 3810](https://www.rfc-editor.org/rfc/rfc3810)). It believes what
//! cannot have crossed a router and what a sender says of itself alone; redirects and errors,
//! which speak of others, and what anybody listens to it steps over.

use std::net::{IpAddr, Ipv6Addr};

use medtap_table::vocabulary::{Field, Protocol};

use super::pair::{is_host_ipv6, is_host_mac};
use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, MacAddr, Observation, Proof, Subject, says};

/// The row of this protocol.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::Icmpv6,
    layer: Layer::Ip(58),
    observe,
};

/// Type, code, checksum: the shortest message.
const HEADER_LEN: usize = 4;

/// Message types, RFC 4861 section 4.
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

/// Who asks which groups are wanted (multicast listener discovery), RFC 2710 and RFC 3810, and
/// the shortest such question: header, longest delay, group.
const LISTENER_QUERY: u8 = 130;
const LISTENER_QUERY_LEN_MIN: usize = 24;

/// Options that hold a link-layer address, RFC 4861 section 4.6.1.
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;

/// The hop limit that no router can have passed on, RFC 4861 section 7.1.
const ON_LINK: u8 = 255;

/// "Replace what you knew": not set by one who answers for another, RFC 4861 section 7.2.8.
const OVERRIDE: u8 = 0x20;

/// The options of a neighbour discovery message: their link-layer addresses, if every option is
/// well formed (RFC 4861: a length of zero condemns the whole message).
#[derive(Default)]
struct Options {
    source: Option<MacAddr>,
    target: Option<MacAddr>,
}

impl Options {
    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut options = Self::default();
        while let [kind, units, ..] = *bytes {
            let len = usize::from(units) * 8;
            let (option, rest) = bytes.split_at_checked(len).filter(|_| len > 0)?;
            // One unit: two bytes of header, and the six of an Ethernet address.
            if let [_, _, a, b, c, d, e, f] = *option {
                let mac = Some([a, b, c, d, e, f]);
                match kind {
                    SOURCE_LINK_LAYER => options.source = mac,
                    TARGET_LINK_LAYER => options.target = mac,
                    _ => {}
                }
            }
            bytes = rest;
        }
        bytes.is_empty().then_some(options)
    }
}

fn observe(bytes: &[u8], context: &LinkContext, emit: Emit<'_>) -> bool {
    let Some(([kind, code, ..], body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return false;
    };
    if *kind == LISTENER_QUERY {
        return listener_query(bytes, context, emit);
    }
    if !(ROUTER_SOLICITATION..=REDIRECT).contains(kind) {
        return true;
    }
    if *code != 0 || context.ttl != ON_LINK {
        return false;
    }
    let Some(IpAddr::V6(src)) = context.src else {
        return false;
    };
    discovery(*kind, body, src, context.src_mac, emit).is_some()
}

/// A question for listeners, which nobody forwards and only a link-local address may ask.
fn listener_query(bytes: &[u8], context: &LinkContext, emit: Emit<'_>) -> bool {
    let is_sound = bytes.len() >= LISTENER_QUERY_LEN_MIN
        && bytes.get(1) == Some(&0)
        && context.ttl == 1
        && matches!(context.src, Some(IpAddr::V6(src)) if src.is_unicast_link_local())
        && context.dst.is_some_and(|dst| dst.is_multicast());
    if is_sound {
        emit(Observation::Confirmed);
        says(Field::MldRole, b"querier", emit);
    }
    is_sound
}

/// Reads what follows the checksum; `None` if it is not well formed.
fn discovery(kind: u8, body: &[u8], src: Ipv6Addr, src_mac: MacAddr, emit: Emit<'_>) -> Option<()> {
    match kind {
        ROUTER_SOLICITATION => {
            let (_, options) = body.split_first_chunk::<4>()?;
            bind(Options::parse(options)?.source, src, src_mac, emit);
        }
        ROUTER_ADVERTISEMENT => {
            let (fixed, options) = body.split_first_chunk::<12>()?;
            let options = Options::parse(options)?;
            if !src.is_unicast_link_local() {
                return None;
            }
            let [_, _, high, low, ..] = *fixed;
            // A lifetime of zero: "I am no router for you", RFC 4861 section 4.2.
            if u16::from_be_bytes([high, low]) != 0 {
                emit(Observation::Confirmed);
                emit(Observation::Router);
                emit(Observation::Fact {
                    subject: Subject::Sender,
                    field: Field::NdpRouter,
                    value: b"ra",
                });
            }
            bind(options.source, src, src_mac, emit);
        }
        NEIGHBOUR_SOLICITATION => {
            let (fixed, options) = body.split_first_chunk::<20>()?;
            let options = Options::parse(options)?;
            target(fixed)?;
            // Unspecified: the sender only asks whether the address is free; nothing is bound.
            bind(options.source, src, src_mac, emit);
        }
        NEIGHBOUR_ADVERTISEMENT => {
            let (fixed, options) = body.split_first_chunk::<20>()?;
            let options = Options::parse(options)?;
            let target = target(fixed)?;
            if fixed[0] & OVERRIDE != 0 || target == src {
                bind(options.target, target, src_mac, emit);
            }
        }
        // A redirect: a router's word about others.
        _ => {
            body.get(..36)?;
        }
    }
    Some(())
}

/// The target of a solicitation or advertisement; never a group.
fn target(fixed: &[u8; 20]) -> Option<Ipv6Addr> {
    let target = Ipv6Addr::from(*fixed.last_chunk::<16>()?);
    (!target.is_multicast()).then_some(target)
}

/// Binds an address to the MAC address of an option, if that is the frame's own sender.
fn bind(option: Option<MacAddr>, address: Ipv6Addr, src_mac: MacAddr, emit: Emit<'_>) {
    if let Some(mac) = option
        && mac == src_mac
        && is_host_mac(&mac)
        && is_host_ipv6(address)
    {
        emit(Observation::Binding {
            mac,
            address: IpAddr::V6(address),
            proof: Proof::Nd,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: MacAddr = [0x00, 0x1b, 0x2c, 0x03, 0x04, 0x05];
    const SOURCE_OPTION: [u8; 8] = [1, 1, 0x00, 0x1b, 0x2c, 0x03, 0x04, 0x05];
    const TARGET_OPTION: [u8; 8] = [2, 1, 0x00, 0x1b, 0x2c, 0x03, 0x04, 0x05];
    const LINK_LOCAL: &str = "fe80::21b:2cff:fe03:405";

    fn context(src: &str, ttl: u8) -> LinkContext {
        LinkContext {
            src_mac: HOST,
            dst_mac: [0x33, 0x33, 0, 0, 0, 1],
            src: Some(src.parse().unwrap()),
            dst: Some("ff02::1".parse().unwrap()),
            ttl,
        }
    }

    /// Whether it is well formed; the bound address; whether it routes.
    fn read(bytes: &[u8], context: &LinkContext) -> (bool, Option<String>, bool) {
        let (mut bound, mut router) = (None, false);
        let good = observe(bytes, context, &mut |seen| match seen {
            Observation::Binding {
                mac,
                address,
                proof,
            } => {
                assert_eq!((mac, proof), (HOST, Proof::Nd));
                bound = Some(address.to_string());
            }
            Observation::Router => router = true,
            Observation::Fact { field, value, .. } => {
                assert_eq!((field, value), (Field::NdpRouter, &b"ra"[..]));
            }
            _ => {}
        });
        (good, bound, router)
    }

    fn advertisement(lifetime: u16) -> Vec<u8> {
        let [high, low] = lifetime.to_be_bytes();
        let mut bytes = vec![134, 0, 0xaa, 0xbb, 64, 0, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&SOURCE_OPTION);
        // An MTU option, then a prefix.
        bytes.extend_from_slice(&[5, 1, 0, 0, 0, 0, 5, 0xdc]);
        bytes.extend_from_slice(&[3, 4, 64, 0xc0]);
        bytes.extend_from_slice(&[0; 28]);
        bytes
    }

    fn neighbour(kind: u8, flags: u8, target: &str, option: &[u8]) -> Vec<u8> {
        let target: Ipv6Addr = target.parse().unwrap();
        let head = [kind, 0, 0xaa, 0xbb, flags, 0, 0, 0];
        [&head[..], &target.octets(), option].concat()
    }

    #[test]
    fn a_router_advertises_itself() {
        let (good, bound, router) = read(&advertisement(1800), &context(LINK_LOCAL, 255));
        assert!(good && router);
        assert_eq!(bound.as_deref(), Some(LINK_LOCAL));
        assert!(!read(&advertisement(0), &context(LINK_LOCAL, 255)).2);
        assert!(!read(&advertisement(1800), &context("2001:db8::1", 255)).0);
    }

    #[test]
    fn what_crossed_a_router_is_not_believed() {
        let seen = read(&advertisement(1800), &context(LINK_LOCAL, 254));
        assert_eq!(seen, (false, None, false));
    }

    #[test]
    fn a_solicitation_binds_its_source() {
        let ask = neighbour(135, 0, "2001:db8::9", &SOURCE_OPTION);
        let (good, bound, _) = read(&ask, &context("2001:db8::7", 255));
        assert_eq!((good, bound.as_deref()), (true, Some("2001:db8::7")));
        let probe = neighbour(135, 0, "2001:db8::9", &[]);
        assert_eq!(read(&probe, &context("::", 255)), (true, None, false));
        let group = neighbour(135, 0, "ff02::1", &SOURCE_OPTION);
        assert!(!read(&group, &context("2001:db8::7", 255)).0);
        let router = [&[133, 0, 0, 0, 0, 0, 0, 0][..], &SOURCE_OPTION].concat();
        let (_, bound, _) = read(&router, &context(LINK_LOCAL, 255));
        assert_eq!(bound.as_deref(), Some(LINK_LOCAL));
    }

    #[test]
    fn an_advertisement_binds_its_target() {
        let own = neighbour(136, 0x60, "2001:db8::7", &TARGET_OPTION);
        let (good, bound, _) = read(&own, &context("2001:db8::7", 255));
        assert_eq!((good, bound.as_deref()), (true, Some("2001:db8::7")));
        let proxy = neighbour(136, 0x40, "2001:db8::8", &TARGET_OPTION);
        let seen = read(&proxy, &context("2001:db8::7", 255));
        assert_eq!(seen, (true, None, false));
        let other = neighbour(136, 0x60, "2001:db8::7", &[2, 1, 2, 2, 2, 2, 2, 2]);
        let seen = read(&other, &context("2001:db8::7", 255));
        assert_eq!(seen, (true, None, false));
    }

    #[test]
    fn other_messages_are_left_alone() {
        let echo = [128, 0, 0xaa, 0xbb, 0, 1, 0, 1, b'x'];
        assert_eq!(
            read(&echo, &context("2001:db8::7", 64)),
            (true, None, false)
        );
    }

    #[test]
    fn a_querier_is_one_of_the_link() {
        let mut query = [0; 28];
        query[0] = LISTENER_QUERY;
        let asks = |bytes: &[u8], src, ttl| {
            let mut roles = 0;
            let good = observe(bytes, &context(src, ttl), &mut |seen| {
                if let Observation::Fact { field, value, .. } = seen {
                    assert_eq!((field, value), (Field::MldRole, &b"querier"[..]));
                    roles += 1;
                }
            });
            (good, roles)
        };
        assert_eq!(asks(&query, LINK_LOCAL, 1), (true, 1));
        assert_eq!(asks(&query[..24], LINK_LOCAL, 1), (true, 1), "version 1");
        assert_eq!(asks(&query[..23], LINK_LOCAL, 1), (false, 0));
        assert_eq!(asks(&query, LINK_LOCAL, 255), (false, 0));
        assert_eq!(asks(&query, "2001:db8::1", 1), (false, 0));
        query[0] = 143;
        assert_eq!(asks(&query, LINK_LOCAL, 1), (true, 0), "a listener");
    }

    #[test]
    fn an_option_without_length_condemns_the_message() {
        let bad = neighbour(135, 0, "2001:db8::9", &[1, 0, 0, 0, 0, 0, 0, 0]);
        let seen = read(&bad, &context("2001:db8::7", 255));
        assert_eq!(seen, (false, None, false));
    }

    #[test]
    fn every_prefix_and_any_bytes() {
        let whole = advertisement(1800);
        for len in 0..whole.len() {
            read(&whole[..len], &context(LINK_LOCAL, 255));
        }
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(128)
            .for_each(|bytes: &[u8]| {
                read_any(bytes);
            });
    }

    fn read_any(bytes: &[u8]) {
        for kind in [LISTENER_QUERY, 133, 134, 135, 136, 137] {
            let message = [&[kind, 0, 0, 0][..], bytes].concat();
            observe(&message, &context(LINK_LOCAL, 255), &mut |_| {});
            observe(&message, &context(LINK_LOCAL, 1), &mut |_| {});
        }
    }
}
