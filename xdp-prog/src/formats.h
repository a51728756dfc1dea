// SPDX-License-Identifier: MIT OR GPL-2.0-only
//
// What the program knows of the formats it reads: numbers and headers, as the wire has them.

#define TYPE_IPV4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_BRIDGED 0x6558
#define TYPE_VLAN 0x8100
#define TYPE_IPV6 0x86dd
#define TYPE_MPLS 0x8847
#define TYPE_MPLS_UPSTREAM 0x8848
#define TYPE_PPP 0x880b
#define TYPE_PPPOE 0x8864
#define TYPE_VLAN_SERVICE 0x88a8
#define TYPE_BACKBONE 0x88e7
#define TYPE_FABRIC 0x8903
#define TYPE_CISCO_METADATA 0x8909
#define TYPE_NSH 0x894f
#define TYPE_VN_TAG 0x8926
#define TYPE_VLAN_STACKED 0x9100
#define LENGTH_MAX 1500
// No EtherType: IP of the version that its first byte says.
#define TYPE_IP 1501

#define ERSPAN 0x88be
#define ERSPAN_III 0x22eb
#define ARUBA_FIRST 0x8200
#define ARUBA_LAST 0x8370

#define HOP_BY_HOP 0
#define ICMP 1
#define IPV4_IN_IP 4
#define TCP 6
#define UDP 17
#define IPV6_IN_IP 41
#define ROUTING 43
#define FRAGMENT 44
#define GRE 47
#define AUTHENTICATION 51
#define ICMPV6 58
#define NONE 59
#define DESTINATION 60
#define ETHER_IP 97
#define L2TP 115
#define MOBILITY 135
#define MPLS_IN_IP 137
#define HOST_IDENTITY 139
#define SHIM6 140

#define L2TP_PORT 1701
#define GTP_PORT 2152
#define TEREDO_PORT 3544
#define GRE_PORT 4754
#define VXLAN_PORT 4789
#define VXLAN_PORT_GENERIC 4790
#define CAPWAP_PORT 5247
#define GENEVE_PORT 6081
#define MPLS_PORT 6635
#define VXLAN_PORT_LINUX 8472
#define TZSP_PORT 37008

#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136

struct ethernet {
	__be16 dst[3];
	__be16 src[3];
	__be16 type;
};

struct tag {
	__be16 control;
	__be16 type;
};

struct snap {
	__u8 dsap, ssap, control, organisation[3];
	__be16 type;
};

struct ipv4 {
	__u8 version_words, service;
	__be16 total_len, id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be32 src, dst;
};

struct ipv6 {
	__be32 version;
	__be16 payload_len;
	__u8 next, hops;
	__be32 src[4], dst[4];
};

struct extension {
	__u8 next, len;
	__be16 fragment;
};

struct tcp {
	__be16 src, dst;
	__be32 seq, ack;
	__u8 words, flags;
};

struct udp {
	__be16 src, dst, len, checksum;
};

struct gre {
	__u8 flags, version;
	__be16 protocol;
};

struct arp {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 operation;
	__u8 sender_mac[6], sender[4], target_mac[6];
	__be32 target;
};

static __always_inline int is_tag(__u16 type)
{
	return type == TYPE_VLAN || type == TYPE_VLAN_SERVICE || type == TYPE_VLAN_STACKED;
}

// Ports that one end of a tunnel receives on and answers from.
static __always_inline int is_server_port(__u16 port)
{
	return port == L2TP_PORT || port == TEREDO_PORT || port == CAPWAP_PORT;
}

// The UDP ports that tunnels use: is_port of wire/tunnel.rs.
static __always_inline int is_tunnel_port(__u16 src, __u16 dst)
{
	switch (dst) {
	case GTP_PORT:
	case GRE_PORT:
	case VXLAN_PORT:
	case VXLAN_PORT_GENERIC:
	case GENEVE_PORT:
	case MPLS_PORT:
	case VXLAN_PORT_LINUX:
	case TZSP_PORT:
		return 1;
	default:
		return is_server_port(dst) || is_server_port(src);
	}
}

// What the engine follows and this program does not, straight behind a link header.
static __always_inline int is_deeper(__u16 type)
{
	return is_tag(type) || type == TYPE_MPLS || type == TYPE_MPLS_UPSTREAM ||
	       type == TYPE_PPPOE || type == TYPE_CISCO_METADATA || type == TYPE_VN_TAG ||
	       type == TYPE_BACKBONE || type == TYPE_FABRIC;
}

// EtherTypes that stand in real frames: KNOWN of wire/ethernet.rs without IP and those above.
static __always_inline int is_known(__u16 type)
{
	switch (type) {
	case TYPE_ARP:
	case 0x0842: // Wake-on-LAN
	case 0x22f0: // AVTP
	case 0x22f3: // TRILL
	case 0x6003: // DECnet
	case 0x8035: // RARP
	case 0x809b: // AppleTalk
	case 0x80f3: // AppleTalk ARP
	case 0x8137: // IPX
	case 0x8809: // slow protocols: LACP
	case 0x8863: // PPPoE discovery
	case 0x888e: // IEEE 802.1X
	case 0x8892: // PROFINET
	case 0x88a4: // EtherCAT
	case 0x88ab: // POWERLINK
	case 0x88b8: // GOOSE
	case 0x88ba: // sampled values
	case 0x88cc: // LLDP
	case 0x88e1: // HomePlug
	case 0x88e3: // MRP
	case 0x88e5: // MACsec
	case 0x88f7: // PTP
	case 0x8902: // connectivity fault management
	case 0x9000: // loopback test
		return 1;
	default:
		return 0;
	}
}
