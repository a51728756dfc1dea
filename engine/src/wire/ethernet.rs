//! Ethernet II and IEEE 802.3 frames, and IEEE 802.1Q tags. It leaves what follows the type
//! field to others, and knows no preamble and no frame check sequence.
//!
//! ```text
//! | destination 6 | source 6 | type or length 2 | payload …
//! tag, in place of the type: | type 2 | priority 3 bits, DEI 1, VLAN 12 | next type 2
//! ```

use super::WireError;
use crate::observe::MacAddr;

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 14;
/// The size of a tag behind its own type field, in bytes: control and next type.
pub const TAG_LEN: usize = 4;
/// The greatest value of the type field that is a length, IEEE 802.3 clause 3.2.6.
pub const LENGTH_MAX: u16 = 1500;

/// IPv4, RFC 894.
pub const IPV4: u16 = 0x0800;
/// ARP, RFC 826.
pub const ARP: u16 = 0x0806;
/// IPv6, RFC 2464.
pub const IPV6: u16 = 0x86dd;
/// Transparent Ethernet bridging, RFC 1701: an Ethernet frame follows.
pub const BRIDGED: u16 = 0x6558;
/// MPLS unicast, RFC 5332.
pub const MPLS: u16 = 0x8847;
/// MPLS with upstream-assigned label, RFC 5332.
pub const MPLS_UPSTREAM: u16 = 0x8848;
/// Cisco's fabric: a tag, then an Ethernet frame.
pub const FABRIC: u16 = 0x8903;
/// The fabric's tag, in bytes.
pub const FABRIC_LEN: usize = 2;
/// A provider's backbone, IEEE 802.1ah: a service tag, then an Ethernet frame.
pub const BACKBONE: u16 = 0x88e7;
/// The backbone's service tag, in bytes.
pub const BACKBONE_LEN: usize = 4;
/// A service chain's header, RFC 8300.
pub const NSH: u16 = 0x894f;
/// PPPoE session stage, RFC 2516.
pub const PPPOE_SESSION: u16 = 0x8864;
/// Customer tag, IEEE 802.1Q.
pub const VLAN: u16 = 0x8100;
/// Service tag, IEEE 802.1ad.
pub const VLAN_SERVICE: u16 = 0x88a8;
/// Service tag before IEEE 802.1ad, as many switches still send it.
pub const VLAN_STACKED: u16 = 0x9100;

/// VN-Tag, the draft of IEEE 802.1BR: a switch's tag for its extenders' and hosts' ports.
pub const VN_TAG: u16 = 0x8926;
/// Cisco metadata: the security group of TrustSec.
pub const CISCO_METADATA: u16 = 0x8909;

/// EtherTypes that stand in real frames (IEEE registry), beside IP and the tags: the test for
/// "is this an Ethernet frame" where only a guess says so.
const KNOWN: [u16; 29] = [
    ARP,
    0x0842, // Wake-on-LAN
    0x22f0, // AVTP
    0x22f3, // TRILL
    0x6003, // DECnet
    0x8035, // RARP
    0x809b, // AppleTalk
    0x80f3, // AppleTalk ARP
    0x8137, // IPX
    MPLS,
    MPLS_UPSTREAM,
    0x8809, // slow protocols: LACP
    0x8863, // PPPoE discovery
    PPPOE_SESSION,
    0x888e, // IEEE 802.1X
    0x8892, // PROFINET
    0x88a4, // EtherCAT
    0x88ab, // POWERLINK
    0x88b8, // GOOSE
    0x88ba, // sampled values
    0x88cc, // LLDP
    0x88e1, // HomePlug
    0x88e3, // MRP
    0x88e5, // MACsec
    BACKBONE,
    0x88f7, // PTP
    0x8902, // connectivity fault management
    FABRIC,
    0x9000, // loopback test
];

/// True for a type field that a VLAN tag follows.
#[inline]
pub const fn is_tag(ether_type: u16) -> bool {
    matches!(ether_type, VLAN | VLAN_SERVICE | VLAN_STACKED)
}

/// True for an EtherType that stands in real frames.
pub fn is_known(ether_type: u16) -> bool {
    matches!(ether_type, IPV4 | IPV6) || KNOWN.contains(&ether_type)
}

/// A view of one frame.
#[derive(Clone, Copy, Debug)]
pub struct EthernetFrame<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> EthernetFrame<'a> {
    /// Checks that the header is there.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, payload) = bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        Ok(Self { header, payload })
    }

    /// The receiver's address.
    #[inline]
    pub fn dst(&self) -> MacAddr {
        let [a, b, c, d, e, f, ..] = *self.header;
        [a, b, c, d, e, f]
    }

    /// The sender's address.
    #[inline]
    pub fn src(&self) -> MacAddr {
        let [.., a, b, c, d, e, f, _, _] = *self.header;
        [a, b, c, d, e, f]
    }

    /// Both addresses, the sender's first, each in the six lower bytes of a little-endian word.
    #[inline]
    pub fn addresses(&self) -> [u64; 2] {
        const ADDRESS: u64 = (1 << 48) - 1;
        let (dst, _) = self
            .header
            .split_first_chunk::<8>()
            .unwrap_or((&[0; 8], &[]));
        let (_, src) = self
            .header
            .split_last_chunk::<8>()
            .unwrap_or((&[], &[0; 8]));
        let (src, dst) = (u64::from_le_bytes(*src), u64::from_le_bytes(*dst));
        [src & ADDRESS, dst & ADDRESS]
    }

    /// The EtherType, or the length of the payload if at most [`LENGTH_MAX`].
    #[inline]
    pub fn type_or_length(&self) -> u16 {
        u16::from_be_bytes([self.header[12], self.header[13]])
    }

    /// What follows the header, with any padding.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A view of one tag, from behind the type field that announced it.
#[derive(Clone, Copy, Debug)]
pub struct VlanTag<'a> {
    tag: &'a [u8; TAG_LEN],
    payload: &'a [u8],
}

impl<'a> VlanTag<'a> {
    /// Checks that the tag is there.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (tag, payload) = bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        Ok(Self { tag, payload })
    }

    /// VLAN identifier, 12 bits; 0 means priority alone.
    #[inline]
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.tag[0], self.tag[1]]) & 0x0fff
    }

    /// Priority code point, 3 bits.
    pub fn priority(&self) -> u8 {
        self.tag[0] >> 5
    }

    /// The type or length that follows, as [`EthernetFrame::type_or_length`].
    #[inline]
    pub fn type_or_length(&self) -> u16 {
        u16::from_be_bytes([self.tag[2], self.tag[3]])
    }

    /// What follows the tag.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A view of one tag that switches set among themselves and that holds no VLAN: VN-Tag or Cisco
/// metadata, from behind the type field that announced it.
#[derive(Clone, Copy, Debug)]
pub struct SwitchTag<'a> {
    tag: &'a [u8],
    next: [u8; 2],
}

impl<'a> SwitchTag<'a> {
    /// Checks that the tag is there; [`WireError::Malformed`] for other types, and for metadata
    /// other than one security group (version 1, one option of type 1).
    #[inline(never)]
    pub fn parse(ether_type: u16, bytes: &'a [u8]) -> Result<Self, WireError> {
        let len = match ether_type {
            VN_TAG => 4,
            CISCO_METADATA => 6,
            _ => return Err(WireError::Malformed),
        };
        let (tag, rest) = bytes.split_at_checked(len).ok_or(WireError::Truncated)?;
        if ether_type == CISCO_METADATA && !tag.starts_with(&[1, 1, 0, 1]) {
            return Err(WireError::Malformed);
        }
        let next = *rest.first_chunk().ok_or(WireError::Truncated)?;
        Ok(Self { tag, next })
    }

    /// The tag with the next type field, bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.tag.len() + self.next.len()
    }

    /// The type or length that follows, as [`EthernetFrame::type_or_length`].
    pub fn type_or_length(&self) -> u16 {
        u16::from_be_bytes(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: [u8; 20] = [
        0x01, 0x80, 0xc2, 0, 0, 0x0e, 0, 0x1b, 0x21, 1, 2, 3, 0x81, 0, 0xa0, 0xd2, 0x88, 0xcc, 2, 7,
    ];

    #[test]
    fn frame_with_tag() {
        let frame = EthernetFrame::parse(&FRAME).unwrap();
        assert_eq!(frame.dst(), [0x01, 0x80, 0xc2, 0, 0, 0x0e]);
        assert_eq!(frame.src(), [0, 0x1b, 0x21, 1, 2, 3]);
        assert!(is_tag(frame.type_or_length()));
        let tag = VlanTag::parse(frame.payload()).unwrap();
        assert_eq!((tag.id(), tag.priority()), (210, 5));
        assert!(is_known(tag.type_or_length()));
        assert_eq!(tag.payload(), [2, 7]);
    }

    #[test]
    fn switch_tags() {
        let bytes = [1, 1, 0, 1, 0, 100, 8, 0, 0x45];
        let tag = SwitchTag::parse(CISCO_METADATA, &bytes).unwrap();
        assert_eq!((tag.len(), tag.type_or_length()), (8, IPV4));
        let tag = SwitchTag::parse(VN_TAG, &bytes).unwrap();
        assert_eq!((tag.len(), tag.type_or_length()), (6, 100));
        for len in 0..8 {
            let error = SwitchTag::parse(CISCO_METADATA, &bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        let error = SwitchTag::parse(CISCO_METADATA, &[0; 8]).err();
        assert_eq!(error, Some(WireError::Malformed));
        let error = SwitchTag::parse(VLAN, &bytes).err();
        assert_eq!(error, Some(WireError::Malformed));
    }

    #[test]
    fn every_truncation() {
        for len in 0..FRAME.len() {
            let frame = EthernetFrame::parse(&FRAME[..len]);
            assert_eq!(frame.is_err(), len < HEADER_LEN);
            if let Ok(frame) = frame {
                assert_eq!(VlanTag::parse(frame.payload()).is_err(), len < 18);
            }
        }
    }
}
