//! Which protocol, and what it says. One file for each protocol: its format, the probe that
//! recognises it, the session that reads it, its tests. A protocol gets bytes, never tables: the
//! worker joins them.
//!
//! # The contract of a parser
//!
//! * Any bytes: no panic, no allocation that grows with the input beyond a named limit, no loop
//!   that consumes nothing.
//! * Extraction is an allow-list of exact fields; all else is stepped over. Nothing that names a
//!   person is emitted: no patient, no staff, no user name, no free text.
//! * A probe proves by content. Ports order the questions; they answer none.

pub mod addp;
pub mod alaris;
pub mod amqp;
pub mod arp;
pub mod astm;
pub mod bacnet;
mod ber;
#[cfg(test)]
mod causes;
pub mod cdp;
pub mod clock;
pub mod cnip;
pub mod coap;
#[cfg(test)]
mod damage;
pub mod dhcp;
pub mod dhcpv6;
pub mod dicom;
pub mod dicomweb;
mod digest;
mod dispatch;
pub mod dnp3;
pub mod dns;
pub mod dri;
#[cfg(test)]
mod driver;
pub mod dtls;
pub mod eapol;
pub mod enip;
pub mod fhir;
pub mod fox;
pub mod ftp;
pub mod gwmp;
pub mod hl7;
#[cfg(test)]
mod hostile;
pub mod http;
pub mod icmpv6;
pub mod iec104;
pub mod ieee11073;
pub mod igmp;
pub mod intellivue;
pub mod ipp;
pub mod isakmp;
mod json;
mod kept;
pub mod kerberos;
pub mod kip;
pub mod lantronix;
pub mod ldap;
pub mod lldp;
pub mod llmnr;
pub mod mail;
pub mod masimo;
mod mder;
pub mod mdns;
pub mod medibus;
pub mod melsoft;
pub mod modbus;
pub mod moxa;
pub mod mqtt;
pub mod mysql;
pub mod nbdgm;
pub mod nbns;
pub mod ntlmssp;
pub mod ntp;
pub mod omron;
pub mod opcua;
pub mod openvpn;
pub mod pair;
pub mod pgsql;
pub mod pjl;
pub mod pn_dcp;
pub mod poct1;
mod ports;
pub mod quic;
pub mod radius;
pub mod rdp;
mod reader;
pub mod registered;
#[cfg(test)]
mod replay;
mod reported;
pub mod resp;
pub mod rmcp;
pub mod rpc;
pub mod rsh;
pub mod rtp;
pub mod rtsp;
pub mod s7comm;
pub mod sdc;
pub mod sip;
pub mod skinny;
pub mod slmp;
pub mod smb;
pub mod snmp;
pub mod socks;
pub mod ssdp;
pub mod ssh;
pub mod stack_text;
pub mod stp;
pub mod stun;
pub mod syslog;
pub mod tacplus;
pub mod tap;
pub mod tds;
pub mod telnet;
pub mod tftp;
pub mod tls;
pub mod tns;
pub mod unity;
mod upgrade;
pub mod upnp;
pub mod vnc;
pub mod wacp;
pub mod wg;
pub mod winrm;
pub mod wsd;
pub mod xml;
pub mod xmpp;

pub use self::dispatch::{Decision, classify};
use medtap_table::vocabulary::Protocol;

use crate::observe::{Emit, Role};

/// What a probe says about the first bytes of one direction of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// These bytes are this protocol, and their sender has this role in it.
    Match(Role),
    /// These bytes could be this protocol, and chance could make them: nothing goes by its name
    /// before the session confirms it. Asked for where no other row matches.
    Possible(Role),
    /// More bytes could still decide it.
    NeedMore,
    /// These bytes cannot be this protocol.
    Reject,
}

/// What carries the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A stream of bytes in order.
    Tcp,
    /// Datagrams, each on its own.
    Udp,
}

/// The next piece of a conversation, in order.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// For a stream: every byte from the first that the session has not consumed. For
    /// datagrams: one payload.
    pub bytes: &'a [u8],
    /// Who sent it. For a probe: the end that opened the connection is the client, the other
    /// the server; a peer where the opening was not seen.
    pub from: Role,
    /// Capture time, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The sender's and the receiver's port.
    pub ports: (u16, u16),
    /// The capture holds less of this piece than was sent (a snap length); nothing will follow.
    pub cut: bool,
}

/// How a session goes on after a segment. For datagrams only [`Then`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the segment that will not be needed again; at most its length.
    pub consumed: usize,
    /// What it waits for.
    pub then: Then,
}

/// What a session waits for in the direction that it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// At least one byte after those it left.
    More,
    /// This many bytes after those that it consumed are not shown to it; they need no buffer.
    Skip(u64),
    /// Nothing more of this direction.
    DoneDirection,
    /// Nothing more of this flow: all is learnt and no event is owed.
    Done,
}

impl Progress {
    /// All of these bytes were used; go on.
    pub const fn consumed(consumed: usize) -> Self {
        Self {
            consumed,
            then: Then::More,
        }
    }

    /// Nothing more can be learnt from this flow.
    pub const DONE: Self = Self {
        consumed: 0,
        then: Then::Done,
    };
}

/// What one conversation has said so far. A session owns a bounded amount of memory.
pub trait Session: Send {
    /// Reads the next piece. Called again at once with the rest while it consumes bytes and
    /// bytes are left.
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress;

    /// Bytes of a stream that the capture does not hold: `missing` of them after the last that
    /// was shown. True if the session can find its place again; false ends it.
    fn gap(&mut self, _from: Role, _missing: u64) -> bool {
        false
    }

    /// Bytes at most that it keeps beside itself now. [`SESSION_REST_BYTES`] of them are counted
    /// for every session and need not be told.
    ///
    /// [`SESSION_REST_BYTES`]: crate::config::SESSION_REST_BYTES
    fn kept_bytes(&self) -> usize {
        0
    }
}

/// A protocol that runs over TCP or UDP: pure functions over borrowed bytes, and the session.
pub struct Classifier {
    /// What this row recognises.
    pub protocol: Protocol,
    /// What carries it.
    pub transport: Transport,
    /// Asked first when an end uses one of these; a hint, never proof.
    pub ports: &'static [u16],
    /// The bytes that can come first, of either end; all others it would reject. Where its
    /// format leaves that open, [`ANY`]: then [`Self::marks`] keep it from being asked about every
    /// conversation.
    pub first: &'static [u8],
    /// What else it would reject all without.
    pub marks: &'static [Mark],
    /// Is it?
    pub probe: fn(&Segment<'_>) -> Verdict,
    /// Begins to read one conversation.
    pub session: fn() -> Box<dyn Session>,
}

/// What a conversation must show before a probe is asked.
#[derive(Debug)]
pub enum Mark {
    /// One of these bytes at this place, unless fewer are there; the dispatch knows the places.
    At(usize, &'static [u8]),
    /// One of the row's ports: its format alone is no proof.
    Port,
}

/// Where a protocol without ports sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Straight on Ethernet, by EtherType.
    EtherType(u16),
    /// On LLC (IEEE 802.2) alone, by service access point; the payload begins with the header.
    Llc(u8),
    /// On LLC/SNAP (IEEE 802): organisation and protocol.
    Snap(u32, u16),
    /// On IP, by protocol number.
    Ip(u8),
}

/// What is known of the packet that carried a link protocol.
#[derive(Clone, Copy, Debug)]
pub struct LinkContext {
    /// The frame's own sender.
    pub src_mac: crate::observe::MacAddr,
    /// The frame's receiver.
    pub dst_mac: crate::observe::MacAddr,
    /// The sender's address, if there is a network header.
    pub src: Option<std::net::IpAddr>,
    /// The receiver's address, if there is a network header.
    pub dst: Option<std::net::IpAddr>,
    /// TTL or hop limit, 0 without a network header.
    pub ttl: u8,
}

/// A protocol that has no ports: every frame is read by itself.
pub struct LinkClassifier {
    /// What this row recognises.
    pub protocol: Protocol,
    /// Where it sits.
    pub layer: Layer,
    /// Reads one payload; true if it is well formed.
    pub observe: fn(&[u8], &LinkContext, Emit<'_>) -> bool,
}

/// Every protocol over TCP and UDP, most specific probe first: the order decides between two
/// that would both match.
pub const CLASSIFIERS: &[Classifier] = &[
    dicom::CLASSIFIER,
    hl7::CLASSIFIER,
    astm::CLASSIFIER,
    poct1::CLASSIFIER,
    tls::CLASSIFIER,
    quic::CLASSIFIER,
    http::CLASSIFIER,
    http::h2::CLASSIFIER,
    ssh::CLASSIFIER,
    smb::CLASSIFIER,
    rdp::CLASSIFIER,
    vnc::CLASSIFIER,
    telnet::CLASSIFIER,
    telnet::WITHOUT_OPTIONS,
    ftp::CLASSIFIER,
    mail::SMTP,
    mail::IMAP,
    mail::POP,
    xmpp::CLASSIFIER,
    ldap::CLASSIFIER,
    mqtt::CLASSIFIER,
    mysql::CLASSIFIER,
    pgsql::CLASSIFIER,
    tds::CLASSIFIER,
    tns::CLASSIFIER,
    resp::CLASSIFIER,
    amqp::CLASSIFIER,
    amqp::IN_THE_MIDDLE,
    rtsp::CLASSIFIER,
    kerberos::OVER_UDP,
    kerberos::OVER_TCP,
    rpc::OVER_UDP,
    rpc::OVER_TCP,
    tacplus::CLASSIFIER,
    rmcp::CLASSIFIER,
    tftp::CLASSIFIER,
    isakmp::CLASSIFIER,
    isakmp::BESIDE_ESP,
    skinny::CLASSIFIER,
    pjl::CLASSIFIER,
    rsh::CLASSIFIER,
    rsh::RLOGIN,
    openvpn::OVER_UDP,
    openvpn::OVER_TCP,
    wg::CLASSIFIER,
    coap::CLASSIFIER,
    stun::OVER_UDP,
    stun::OVER_TCP,
    dtls::CLASSIFIER,
    rdp::OVER_UDP,
    rtp::CONTROL,
    rtp::CLASSIFIER,
    enip::OVER_TCP,
    dhcp::CLASSIFIER,
    dhcpv6::CLASSIFIER,
    llmnr::OVER_UDP,
    llmnr::OVER_TCP,
    nbns::CLASSIFIER,
    nbdgm::CLASSIFIER,
    mdns::CLASSIFIER,
    ssdp::CLASSIFIER,
    syslog::OVER_UDP,
    syslog::OVER_TCP,
    sip::OVER_UDP,
    sip::OVER_TCP,
    snmp::CLASSIFIER,
    bacnet::CLASSIFIER,
    enip::OVER_UDP,
    enip::IMPLICIT,
    ntp::CLASSIFIER,
    radius::CLASSIFIER,
    wsd::CLASSIFIER,
    intellivue::CLASSIFIER,
    ieee11073::CLASSIFIER,
    medibus::CLASSIFIER,
    alaris::CLASSIFIER,
    wacp::CLASSIFIER,
    dri::CLASSIFIER,
    tap::CLASSIFIER,
    masimo::CLASSIFIER,
    lantronix::CLASSIFIER,
    addp::CLASSIFIER,
    moxa::CLASSIFIER,
    unity::CLASSIFIER,
    dns::OVER_UDP,
    dns::OVER_TCP,
    dns::dnscrypt::OVER_UDP,
    dns::dnscrypt::OVER_TCP,
    modbus::CLASSIFIER,
    s7comm::CLASSIFIER,
    opcua::CLASSIFIER,
    fox::CLASSIFIER,
    dnp3::OVER_TCP,
    dnp3::OVER_UDP,
    omron::OVER_TCP,
    omron::OVER_UDP,
    iec104::CLASSIFIER,
    slmp::OVER_TCP,
    slmp::OVER_UDP,
    melsoft::OVER_TCP,
    melsoft::OVER_UDP,
    kip::CLASSIFIER,
    gwmp::CLASSIFIER,
    cnip::CLASSIFIER,
    socks::CLASSIFIER,
    registered::ALARIS_DISC,
    registered::ASCOMALARM,
];

/// Every protocol that rides on HTTP; the order decides between two that would both claim a
/// message.
pub const APPLICATIONS: &[http::application::Application] = &[
    dicomweb::APPLICATION,
    fhir::APPLICATION,
    winrm::APPLICATION,
    sdc::APPLICATION,
    upnp::APPLICATION,
    ipp::APPLICATION,
];

/// Every protocol without ports.
pub const LINK_CLASSIFIERS: &[LinkClassifier] = &[
    arp::CLASSIFIER,
    icmpv6::CLASSIFIER,
    lldp::CLASSIFIER,
    cdp::CLASSIFIER,
    pn_dcp::CLASSIFIER,
    stp::CLASSIFIER,
    stp::PER_VLAN,
    igmp::CLASSIFIER,
    eapol::CLASSIFIER,
    bacnet::ON_LINK,
];

/// Every byte can come first, see [`Classifier::first`].
pub const ANY: &[u8] = &[];
