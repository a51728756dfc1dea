// SPDX-License-Identifier: MIT OR GPL-2.0-only
//
// The kernel's part of medtap: which worker a frame is for, and whether it is only counted: a
// frame of a direction of a flow that the engine has shunted. It looks at nothing but what these
// two need, and changes, keeps and sends nothing.
//
// It must agree with the engine: the arithmetic is that of `flow/hash.rs`, and what counts as a
// tunnel that of `wire/headers.rs` and `wire/tunnel.rs`. A tunnel is opened only where what it
// carries proves itself; otherwise the outer headers stand. The test `live` compares both over
// all captures. What lies deeper than this program reads is steered by what was read, and
// counted.

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "formats.h"

#define SHARDS_LOG2 6
#define SOCKETS_PER_QUEUE 64
#define SOCKETS_MAX 4096
#define OWN_MAX 16
#define SHUNTS_MAX 4096

#define TAGS_MAX 2
#define EXTENSIONS_MAX 4
// Frame, and what one tunnel in it carries.
#define LEVELS 2
// Headers that begin farther from the frame's start are not read: the verifier wants a bound.
#define OFFSET_MAX 0x3fff

// Workers that share a queue, 1 to 64, and whether frames for the sensor's own addresses go on
// to the kernel. Set before the program is loaded.
const volatile __u32 workers = 1;
const volatile __u32 pass_own = 0;
// Whether flows may be shunted.
const volatile __u32 shunt = 0;

enum counter {
	PACKETS, // all of them: redirected, no_socket, passed and shunted together
	REDIRECTED,
	NO_SOCKET,
	PASSED,
	UNPARSED,
	DEEPER,
	SHUNTED,
	COUNTERS,
};

// By queue * SOCKETS_PER_QUEUE + worker.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, SOCKETS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct address {
	__be32 words[4];
};

// The sensor's own addresses, IPv4 as ::ffff:a.b.c.d. A solicited-node group may stand here too.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWN_MAX);
	__type(key, struct address);
	__type(value, __u8);
} own SEC(".maps");

// One direction of a flow, with the frame that is around its packets: those in another frame are
// the engine's. Ports, MACs and addresses in the order of the network, no padding.
struct shunt_key {
	struct address src, dst;
	__u8 macs[12];
	__be16 src_port, dst_port;
	__u16 vlan;
	__u8 protocol, ttl;
};

// Which place of `shunted` counts it. A flow that finds no room here is not shunted.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHUNTS_MAX);
	__type(key, struct shunt_key);
	__type(value, __u32);
} shunts SEC(".maps");

// Never set back: who uses a place again remembers where it stood.
struct shunt_count {
	__u64 packets, bytes;
	__u64 last_ns; // CLOCK_MONOTONIC, to a few milliseconds
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SHUNTS_MAX);
	__type(key, __u32);
	__type(value, struct shunt_count);
} shunted SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += 1;
}

// ---- frames, as XDP and as a packet socket's filter see them ----

#define ETHERNET_LEN 14

// One of the two; which one is known when this is compiled.
struct packet {
	struct xdp_md *xdp;
	struct __sk_buff *skb;
};

// Copies `len` bytes of the frame; false if they are not there.
static __always_inline int load(const struct packet *packet, __u32 offset, void *to, __u32 len)
{
	void *from, *end;

	if (packet->skb) {
		// A filter's data begin behind the link header.
		if (offset < ETHERNET_LEN)
			return !bpf_skb_load_bytes_relative(packet->skb, offset, to, len,
							    BPF_HDR_START_MAC);
		return !bpf_skb_load_bytes(packet->skb, offset - ETHERNET_LEN, to, len);
	}
	if (offset > OFFSET_MAX)
		return 0;
	// Without this the compiler compares one register and adds another.
	asm volatile("%0 &= %1" : "+r"(offset) : "i"(OFFSET_MAX));
	from = (void *)(long)packet->xdp->data + offset;
	end = (void *)(long)packet->xdp->data_end;
	if (from + len > end)
		return 0;
	__builtin_memcpy(to, from, len);
	return 1;
}

// ---- steering, as engine/src/flow/hash.rs ----

#define STEER_HIGH 0x9e3779b97f4a7c15ULL
#define STEER_LOW 0xbf58476d1ce4e5b9ULL
#define STEER_LAST 0x94d049bb133111ebULL

static __always_inline __u64 mix(__u64 high, __u64 low)
{
	__u64 mixed = ((high ^ STEER_LOW) * STEER_HIGH) ^ (low * STEER_LOW);

	return mixed ^ (mixed >> 29);
}

static __always_inline __u64 mix_ipv4(__be32 address)
{
	return mix(0, 0xffff00000000ULL | bpf_ntohl(address));
}

static __always_inline __u64 mix_ipv6(const __be32 *words)
{
	return mix((__u64)bpf_ntohl(words[0]) << 32 | bpf_ntohl(words[1]),
		   (__u64)bpf_ntohl(words[2]) << 32 | bpf_ntohl(words[3]));
}

static __always_inline __u64 mix_mac(const __be16 *words)
{
	return mix(0, (__u64)bpf_ntohs(words[0]) << 32 | (__u64)bpf_ntohs(words[1]) << 16 |
			      bpf_ntohs(words[2]));
}

static __always_inline __u32 shard(__u64 sum)
{
	return (sum * STEER_LAST) >> (64 - SHARDS_LOG2);
}

// ---- the pass over the headers ----

static __always_inline int is_known_llc(const struct packet *packet, __u32 offset)
{
	__u8 llc[3];

	if (!load(packet, offset, llc, sizeof(llc)))
		return 0;
	return llc[0] == (llc[1] & 0xfe) && llc[2] == 3 &&
	       (llc[0] == 0x42 || llc[0] == 0xaa || llc[0] == 0xe0 || llc[0] == 0xf0 ||
		llc[0] == 0xfe);
}

static __always_inline int is_extension(__u16 type, __u8 next)
{
	if (type == TYPE_IPV4)
		return next == AUTHENTICATION;
	return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT ||
	       next == AUTHENTICATION || next == DESTINATION || next == MOBILITY ||
	       next == HOST_IDENTITY || next == SHIM6;
}

enum outcome {
	FAULT, // the headers contradict themselves or end too early
	STANDS, // these are the innermost headers
	UNREAD, // there may be more inside, which this program does not read
	TUNNEL, // there may be more inside: where and what was noted
};

// Where reading stands, and what the headers so far say.
struct place {
	__u32 offset;
	__u32 end; // of the bytes there are
	__u32 wire_end; // of the bytes that the headers say there are
	__u16 type; // what comes next, then the last EtherType
	__u8 protocol; // of IP
	__u32 network; // where the IP header began
	__u32 inner; // not 0 inside a tunnel, where the headers have to prove themselves
	__u64 sum; // of the mixed addresses: MAC, then IP
};

static __always_inline int has(const struct place *place, __u32 len)
{
	return place->offset + len <= place->end;
}

// A header says how much there is: padding is dropped.
static __always_inline void limit(struct place *place, __u32 len)
{
	place->wire_end = place->offset + len;
	if (place->end > place->wire_end)
		place->end = place->wire_end;
}

// 802.3: a length instead of a type. Behind SNAP an EtherType is followed to IP.
static __always_inline enum outcome read_llc(const struct packet *packet, struct place *place)
{
	__u32 whole_end = place->end;
	struct snap snap;
	__u16 type;

	limit(place, place->type);
	place->type = 0;
	if (has(place, sizeof(snap)) && load(packet, place->offset, &snap, sizeof(snap)) &&
	    snap.dsap == 0xaa && snap.ssap == 0xaa && snap.control == 3) {
		if (snap.organisation[0] || snap.organisation[1] || snap.organisation[2])
			return STANDS;
		place->offset += sizeof(snap);
		type = bpf_ntohs(snap.type);
		place->type = type;
		if (type == TYPE_IPV4 || type == TYPE_IPV6)
			return TUNNEL;
		if (type)
			return !place->inner || is_known(type) || type == TYPE_MPLS ||
					       type == TYPE_MPLS_UPSTREAM || type == TYPE_PPPOE
				       ? STANDS
				       : FAULT;
	}
	if (!place->inner)
		return STANDS;
	return place->offset + 3 <= whole_end && is_known_llc(packet, place->offset) ? STANDS
										      : FAULT;
}

// The link header. TUNNEL here means that IP follows.
static __always_inline enum outcome read_link(const struct packet *packet, struct place *place)
{
	struct ethernet ethernet;
	struct tag tag;
	__u16 type;
	int i;

	if (!has(place, sizeof(ethernet)) ||
	    !load(packet, place->offset, &ethernet, sizeof(ethernet)))
		return FAULT;
	place->sum = mix_mac(ethernet.dst) + mix_mac(ethernet.src);
	place->offset += sizeof(ethernet);
	type = bpf_ntohs(ethernet.type);
#pragma unroll
	for (i = 0; i < TAGS_MAX; i++) {
		if (!is_tag(type))
			break;
		if (!has(place, sizeof(tag)) || !load(packet, place->offset, &tag, sizeof(tag)))
			return FAULT;
		place->offset += sizeof(tag);
		type = bpf_ntohs(tag.type);
	}
	place->type = type;
	if (type == TYPE_IPV4 || type == TYPE_IPV6)
		return TUNNEL;
	if (type <= LENGTH_MAX)
		return read_llc(packet, place);
	if (is_deeper(type))
		return UNREAD;
	return !place->inner || is_known(type) ? STANDS : FAULT;
}

static __always_inline enum outcome read_ipv4(const struct packet *packet, struct place *place)
{
	struct ipv4 ip;
	__u32 len, total_len;

	if (!has(place, sizeof(ip)) || !load(packet, place->offset, &ip, sizeof(ip)))
		return FAULT;
	len = (ip.version_words & 0x0f) * 4;
	total_len = bpf_ntohs(ip.total_len);
	if (ip.version_words >> 4 != 4 || len < sizeof(ip) || !has(place, len) ||
	    (total_len && total_len < len))
		return FAULT;
	place->sum = mix_ipv4(ip.src) + mix_ipv4(ip.dst);
	place->protocol = ip.protocol;
	place->offset += len;
	// Zero was left to the network card by segmentation offload.
	if (total_len)
		limit(place, total_len - len);
	return ip.fragment & bpf_htons(0x3fff) ? STANDS : TUNNEL;
}

static __always_inline enum outcome read_ipv6(const struct packet *packet, struct place *place)
{
	struct ipv6 ip;
	__u32 payload_len;

	if (!has(place, sizeof(ip)) || !load(packet, place->offset, &ip, sizeof(ip)) ||
	    bpf_ntohl(ip.version) >> 28 != 6)
		return FAULT;
	place->sum = mix_ipv6(ip.src) + mix_ipv6(ip.dst);
	place->protocol = ip.next;
	place->offset += sizeof(ip);
	payload_len = bpf_ntohs(ip.payload_len);
	// Zero before something that cannot be empty says nothing; no interface has jumbograms.
	if (payload_len || ip.next == NONE)
		limit(place, payload_len);
	return TUNNEL;
}

static __always_inline enum outcome read_extensions(const struct packet *packet,
						    struct place *place)
{
	struct extension extension;
	__u32 len;
	int i;

#pragma unroll
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		if (!is_extension(place->type, place->protocol))
			return TUNNEL;
		if (!has(place, 8) ||
		    !load(packet, place->offset, &extension, sizeof(extension)))
			return FAULT;
		len = (extension.len + 1) * 8;
		if (place->protocol == AUTHENTICATION)
			len = (extension.len + 2) * 4;
		if (place->protocol == FRAGMENT)
			len = 8;
		// The mask is for the verifier.
		len &= 0xfff;
		if (!has(place, len))
			return FAULT;
		place->offset += len;
		if (place->protocol == FRAGMENT && extension.fragment & bpf_htons(0xfff9)) {
			place->protocol = extension.next;
			return STANDS;
		}
		place->protocol = extension.next;
	}
	return is_extension(place->type, place->protocol) ? UNREAD : TUNNEL;
}

static __always_inline enum outcome read_tcp(const struct packet *packet,
					     const struct place *place)
{
	__u8 words;
	__u32 len;

	if (!has(place, 20) || !load(packet, place->offset + 12, &words, sizeof(words)))
		return FAULT;
	len = (words >> 4) * 4;
	if (len < 20 || place->offset + len > place->wire_end)
		return FAULT;
	return STANDS;
}

static __always_inline enum outcome read_udp(const struct packet *packet, struct place *place)
{
	struct udp udp;
	__u16 dst, len;
	__u8 flags;

	if (!has(place, sizeof(udp)) || !load(packet, place->offset, &udp, sizeof(udp)))
		return FAULT;
	len = bpf_ntohs(udp.len);
	if (len && len < sizeof(udp))
		return FAULT;
	dst = bpf_ntohs(udp.dst);
	if (!is_tunnel_port(bpf_ntohs(udp.src), dst))
		return STANDS;
	if (place->inner || (dst != VXLAN_PORT && dst != VXLAN_PORT_LINUX))
		return UNREAD;
	place->offset += sizeof(udp);
	if (len && place->offset + len - sizeof(udp) <= place->wire_end)
		limit(place, len - sizeof(udp));
	if (!has(place, 8) || !load(packet, place->offset, &flags, sizeof(flags)) || !(flags & 8))
		return STANDS;
	place->offset += 8;
	place->type = TYPE_BRIDGED;
	return TUNNEL;
}

static __always_inline enum outcome read_erspan(const struct packet *packet, struct place *place,
						__u16 protocol)
{
	__u8 header[12];
	__u32 len = 8;

	place->type = TYPE_BRIDGED;
	if (protocol == ERSPAN) {
		if (!has(place, 8) || !load(packet, place->offset, header, 1) ||
		    header[0] >> 4 != 1)
			return STANDS;
	} else {
		if (!has(place, sizeof(header)) ||
		    !load(packet, place->offset, header, sizeof(header)) || header[0] >> 4 != 2)
			return STANDS;
		len = header[11] & 1 ? 20 : 12;
		if (!has(place, len))
			return STANDS;
		header[10] &= 0x7c;
		if (header[10] == 2 << 2)
			place->type = TYPE_IP;
		else if (header[10])
			return STANDS;
	}
	place->offset += len;
	return TUNNEL;
}

static __always_inline enum outcome read_gre(const struct packet *packet, struct place *place)
{
	struct gre gre;
	__u16 protocol;

	// What is no GRE header leaves the packet as it is.
	if (!has(place, sizeof(gre)) || !load(packet, place->offset, &gre, sizeof(gre)))
		return STANDS;
	protocol = bpf_ntohs(gre.protocol);
	if (protocol == TYPE_PPP)
		return UNREAD;
	if (gre.flags & 0x40 || gre.version & 7)
		return STANDS;
	place->offset += sizeof(gre) + (gre.flags >> 7 & 1) * 4 + (gre.flags >> 5 & 1) * 4 +
			 (gre.flags >> 4 & 1) * 4;
	if (!has(place, 0))
		return STANDS;
	if (protocol == ERSPAN_III || (protocol == ERSPAN && gre.flags & 0x10))
		return read_erspan(packet, place, protocol);
	if (protocol == ERSPAN)
		protocol = TYPE_BRIDGED;
	place->type = protocol;
	if (protocol == TYPE_IPV4 || protocol == TYPE_IPV6 || protocol == TYPE_BRIDGED)
		return TUNNEL;
	if (protocol == TYPE_MPLS || protocol == TYPE_MPLS_UPSTREAM || protocol == TYPE_NSH ||
	    (protocol >= ARUBA_FIRST && protocol <= ARUBA_LAST))
		return UNREAD;
	return STANDS;
}

static __always_inline enum outcome read_transport(const struct packet *packet,
						   struct place *place)
{
	switch (place->protocol) {
	case TCP:
		// Only what is in a tunnel has to prove itself.
		return place->inner ? read_tcp(packet, place) : STANDS;
	case UDP:
		return read_udp(packet, place);
	case IPV4_IN_IP:
		place->type = TYPE_IPV4;
		return place->inner ? UNREAD : TUNNEL;
	case IPV6_IN_IP:
		place->type = TYPE_IPV6;
		return place->inner ? UNREAD : TUNNEL;
	case GRE:
		return place->inner ? UNREAD : read_gre(packet, place);
	case ETHER_IP:
	case L2TP:
	case MPLS_IN_IP:
		return UNREAD;
	default:
		return STANDS;
	}
}

static __always_inline enum outcome read_network(const struct packet *packet,
						 struct place *place)
{
	enum outcome outcome;
	__u8 first;

	if (place->type == TYPE_IP) {
		if (!has(place, 1) || !load(packet, place->offset, &first, sizeof(first)))
			return FAULT;
		place->type = first >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4;
	}
	place->network = place->offset;
	outcome = place->type == TYPE_IPV4 ? read_ipv4(packet, place) : read_ipv6(packet, place);
	if (outcome != TUNNEL)
		return outcome;
	return read_extensions(packet, place);
}

// ---- the same as functions of their own ----

// The verifier judges a global function once, for any arguments. Were all of them one function,
// it would walk every way through the link with every way through the rest, and give up.
#define PASS(name, context, field, read)                                                          \
	__noinline int name(struct context *ctx, struct place *place)                  \
	{                                                                                         \
		struct packet packet = { .field = ctx };                                          \
                                                                                                  \
		if (!place)                                                                       \
			return FAULT;                                                             \
		return read(&packet, place);                                               \
	}

PASS(xdp_link, xdp_md, xdp, read_link)
PASS(xdp_network, xdp_md, xdp, read_network)
PASS(xdp_transport, xdp_md, xdp, read_transport)
PASS(skb_link, __sk_buff, skb, read_link)
PASS(skb_network, __sk_buff, skb, read_network)
PASS(skb_transport, __sk_buff, skb, read_transport)

#define CALL(name, packet, place)                                                          \
	((packet)->skb ? skb_##name((packet)->skb, place)                                  \
		       : xdp_##name((packet)->xdp, place))

// ---- frames for the sensor itself ----

static __always_inline int is_own(const struct address *address)
{
	return bpf_map_lookup_elem(&own, address) != 0;
}

static __always_inline int is_own_ipv4(__be32 word)
{
	struct address address;

	// One by one: a whole constant would become a section of its own.
	address.words[0] = 0;
	address.words[1] = 0;
	address.words[2] = bpf_htonl(0xffff);
	address.words[3] = word;
	return is_own(&address);
}

// ARP, ICMP and neighbour discovery: without them nobody could send the sensor a tunnel.
static __always_inline int is_for_sensor(const struct packet *packet, const struct place *place)
{
	struct address address;
	struct arp arp;
	__be32 word;
	__u8 type;

	if (place->type == TYPE_ARP)
		return load(packet, place->offset, &arp, sizeof(arp)) &&
		       arp.protocol == bpf_htons(TYPE_IPV4) && arp.hardware_len == 6 &&
		       arp.protocol_len == 4 && is_own_ipv4(arp.target);
	if (place->type == TYPE_IPV4)
		return place->protocol == ICMP &&
		       load(packet, place->network + 16, &word, sizeof(word)) &&
		       is_own_ipv4(word);
	if (place->type != TYPE_IPV6 || place->protocol != ICMPV6)
		return 0;
	if (load(packet, place->network + 24, &address, sizeof(address)) && is_own(&address))
		return 1;
	// A solicitation goes to a group; whom it asks for stands inside.
	return load(packet, place->offset, &type, sizeof(type)) &&
	       (type == NEIGHBOUR_SOLICITATION || type == NEIGHBOUR_ADVERTISEMENT) &&
	       load(packet, place->offset + 8, &address, sizeof(address)) && is_own(&address);
}

// ---- flows that are only counted ----

#define TCP_FIN_SYN_RST 7

static __always_inline void set_ipv4(struct address *address, __be32 word)
{
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = word;
}

// The transport header, of which there are `rest` bytes with what it carries. What opens, ends or
// contradicts itself is the engine's.
static __always_inline int read_ports(const struct packet *packet, __u32 offset, __u32 rest,
				      struct shunt_key *key)
{
	struct udp udp;
	struct tcp tcp;

	if (key->protocol == TCP) {
		if (!load(packet, offset, &tcp, sizeof(tcp)) || tcp.flags & TCP_FIN_SYN_RST ||
		    tcp.words >> 4 < 5 || (__u32)(tcp.words >> 4) * 4 > rest)
			return 0;
		key->src_port = tcp.src;
		key->dst_port = tcp.dst;
		return 1;
	}
	if (key->protocol != UDP || !load(packet, offset, &udp, sizeof(udp)) ||
	    bpf_ntohs(udp.len) != rest || rest < sizeof(udp))
		return 0;
	if (is_tunnel_port(bpf_ntohs(udp.src), bpf_ntohs(udp.dst)))
		return 0;
	key->src_port = udp.src;
	key->dst_port = udp.dst;
	return 1;
}

// The key of a frame that is whole and plain: one tag at most, no options, extensions, fragments
// or tunnels.
static __always_inline int read_key(const struct packet *packet, __u32 len, struct shunt_key *key)
{
	__u32 offset = sizeof(struct ethernet), rest;
	struct ethernet ethernet;
	struct ipv4 ipv4;
	struct ipv6 ipv6;
	struct tag tag;
	__u16 type;

	if (!load(packet, 0, &ethernet, sizeof(ethernet)))
		return 0;
	__builtin_memcpy(key->macs, &ethernet, sizeof(key->macs));
	type = bpf_ntohs(ethernet.type);
	if (is_tag(type)) {
		if (!load(packet, offset, &tag, sizeof(tag)))
			return 0;
		key->vlan = bpf_ntohs(tag.control) & 0xfff;
		type = bpf_ntohs(tag.type);
		offset += sizeof(tag);
	}
	if (type == TYPE_IPV4) {
		if (!load(packet, offset, &ipv4, sizeof(ipv4)) || ipv4.version_words != 0x45 ||
		    ipv4.fragment & bpf_htons(0x3fff))
			return 0;
		set_ipv4(&key->src, ipv4.src);
		set_ipv4(&key->dst, ipv4.dst);
		key->protocol = ipv4.protocol;
		key->ttl = ipv4.ttl;
		rest = bpf_ntohs(ipv4.total_len);
		if (rest < sizeof(ipv4))
			return 0;
		rest -= sizeof(ipv4);
		offset += sizeof(ipv4);
	} else if (type == TYPE_IPV6) {
		if (!load(packet, offset, &ipv6, sizeof(ipv6)) ||
		    bpf_ntohl(ipv6.version) >> 28 != 6)
			return 0;
		__builtin_memcpy(&key->src, ipv6.src, sizeof(key->src));
		__builtin_memcpy(&key->dst, ipv6.dst, sizeof(key->dst));
		key->protocol = ipv6.next;
		key->ttl = ipv6.hops;
		rest = bpf_ntohs(ipv6.payload_len);
		offset += sizeof(ipv6);
	} else {
		return 0;
	}
	return offset + rest <= len && read_ports(packet, offset, rest, key);
}

// Counts a frame of a flow that is shunted: not 0 if it was one.
__noinline int xdp_shunt(struct xdp_md *ctx)
{
	struct packet packet = { .xdp = ctx };
	__u32 len = bpf_xdp_get_buff_len(ctx);
	struct shunt_key key = {};
	struct shunt_count *counted;
	__u32 *place;

	if (!read_key(&packet, len, &key))
		return 0;
	place = bpf_map_lookup_elem(&shunts, &key);
	if (!place)
		return 0;
	counted = bpf_map_lookup_elem(&shunted, place);
	if (!counted)
		return 0;
	// The time first: who sees the packet counted sees its time.
	counted->last_ns = bpf_ktime_get_coarse_ns();
	__sync_fetch_and_add(&counted->bytes, len);
	__sync_fetch_and_add(&counted->packets, 1);
	return 1;
}

// ---- the programs ----

struct verdict {
	__u32 shard;
	__u8 unparsed, deeper, own;
};

static __always_inline void judge(const struct packet *packet, __u32 len, int may_pass,
				  struct verdict *verdict)
{
	struct place place = { .end = len, .wire_end = len, .type = TYPE_BRIDGED };
	int outcome = FAULT;
	__u64 sum = 0;
	int level;

#pragma unroll
	for (level = 0; level < LEVELS; level++) {
		place.inner = level;
		outcome = TUNNEL;
		if (place.type == TYPE_BRIDGED)
			outcome = CALL(link, packet, &place);
		if (outcome == TUNNEL)
			outcome = CALL(network, packet, &place);
		if (may_pass && !level && outcome != FAULT && is_for_sensor(packet, &place)) {
			verdict->own = 1;
			return;
		}
		if (outcome == TUNNEL)
			outcome = CALL(transport, packet, &place);
		// What is in a tunnel and wrong was no tunnel.
		if (!level || outcome != FAULT)
			sum = place.sum;
		if (outcome != TUNNEL)
			break;
	}
	verdict->unparsed = outcome == FAULT && !level;
	verdict->deeper = outcome == UNREAD;
	// Not even a link header: the first shard.
	verdict->shard = sum ? shard(sum) : 0;
}

static __always_inline void judge_xdp(struct xdp_md *ctx, int may_pass, struct verdict *verdict)
{
	struct packet packet = { .xdp = ctx };

	judge(&packet, ctx->data_end - ctx->data, may_pass, verdict);
}

SEC("xdp.frags")
int medtap_xdp(struct xdp_md *ctx)
{
	struct verdict verdict = {};
	__u32 key;
	long action;

	count(PACKETS);
	if (shunt && xdp_shunt(ctx)) {
		count(SHUNTED);
		return XDP_DROP;
	}
	judge_xdp(ctx, pass_own, &verdict);
	if (verdict.own) {
		count(PASSED);
		return XDP_PASS;
	}
	if (verdict.unparsed)
		count(UNPARSED);
	if (verdict.deeper)
		count(DEEPER);
	key = ctx->rx_queue_index * SOCKETS_PER_QUEUE + verdict.shard % workers;
	action = bpf_redirect_map(&xsks, key, XDP_DROP);
	count(action == XDP_REDIRECT ? REDIRECTED : NO_SOCKET);
	return action;
}

// PACKET_FANOUT_EBPF: which socket of the group. The kernel passes frames on by itself here, so
// the counters of what was redirected stay as they are.
SEC("socket")
int medtap_fanout(struct __sk_buff *skb)
{
	struct packet packet = { .skb = skb };
	struct verdict verdict = {};

	judge(&packet, skb->len + ETHERNET_LEN, 0, &verdict);
	if (verdict.unparsed)
		count(UNPARSED);
	if (verdict.deeper)
		count(DEEPER);
	return verdict.shard % workers;
}

// What medtap_xdp decides, as a number for BPF_PROG_TEST_RUN: the shard, 0x100 if deeper, 0x200
// if unparsed. It is never attached.
SEC("xdp.frags")
int medtap_steer_test(struct xdp_md *ctx)
{
	struct verdict verdict = {};

	judge_xdp(ctx, 0, &verdict);
	return verdict.shard | (verdict.deeper ? 0x100 : 0) | (verdict.unparsed ? 0x200 : 0);
}

char medtap_license[] SEC("license") = "Dual MIT/GPL";
