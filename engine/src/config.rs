//! Every limit of the engine, by name and unit. Each has a counter for what it refused.

/// Frames handled together: parsed, hashed, prefetched and looked up stage by stage.
pub const BURST_FRAMES: usize = 64;

/// Shards that flow state is divided into, whatever the number of workers: results depend on
/// the shard that a packet belongs to and never on the worker that owns the shard.
pub const SHARDS: usize = 64;

/// Tunnels taken off one inside the other; what lies deeper is not looked at (`limit_tunnel_depth`).
pub const TUNNEL_DEPTH_MAX: u8 = 4;

/// IPv6 extension headers stepped over in one packet, RFC 8200; more is malformed.
pub const IPV6_EXTENSIONS_MAX: usize = 8;

/// VLAN tags and MPLS labels stepped over in one frame.
pub const TAGS_MAX: usize = 8;

/// Bytes of a value that are kept; longer values are cut and never join devices.
pub const VALUE_BYTES_MAX: usize = 256;

/// Bytes that a classifier sees of each direction before a flow stays unknown.
pub const PROBE_BYTES_MAX: usize = 2048;

/// Payload-carrying packets of a flow that are shown to the classifiers before it stays unknown.
pub const PROBE_PACKETS_MAX: u8 = 6;

/// Bytes that one direction of a stream may hold back: unconsumed, or ahead of a hole
/// (`limit_reassembly`).
pub const STREAM_BYTES_MAX: usize = 256 * 1024;

/// A hole in a stream is skipped when it is older than this, in the flow's own time.
pub const GAP_WAIT_NS: u64 = 1_000_000_000;

/// Copies of one packet (a mirror port sees it enter and leave) lie within this time.
pub const DUPLICATE_WINDOW_NS: u64 = 20_000_000;

/// Segments that one direction of a stream may hold ahead of a hole (`limit_reassembly`).
pub const STREAM_SEGMENTS_MAX: usize = 128;

/// Bytes of a reassembled datagram: what the length field of IPv4 and IPv6 can say.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Incomplete datagrams that one shard holds (`limit_fragments`).
pub const FRAGMENTED_DATAGRAMS_MAX: usize = 64;

/// A datagram whose pieces did not all come within this time is dropped (RFC 8200: 60 s; what a
/// mirror port lost comes sooner or never).
pub const FRAGMENT_WAIT_NS: u64 = 30_000_000_000;
