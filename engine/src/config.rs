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

/// Records of one DNS message that are read; a message with more is malformed.
pub const DNS_RECORDS_MAX: usize = 1024;

/// Labels and pointers of all names of one DNS message together; a message with more is
/// malformed. It bounds the work that a short message can cause by pointing at long names.
pub const DNS_STEPS_MAX: usize = 8192;

/// Questions of one conversation that wait for their answer; the oldest makes room.
pub const DNS_QUESTIONS_MAX: usize = 8;

/// DNS messages of a conversation that are read before it is left, answered or not.
pub const DNS_MESSAGES_MAX: u16 = 64;

/// DNS messages that are read after the first answer: two servers ask each other.
pub const DNS_MESSAGES_AFTER_ANSWER: u16 = 8;

/// The longest mDNS message, in bytes, RFC 6762 section 17; a longer one is another protocol.
pub const MDNS_BYTES_MAX: usize = 9000;

/// Service records of one mDNS message that are compared with its texts.
pub const MDNS_SERVICES_MAX: usize = 32;

/// Header lines of one SSDP message that are read.
pub const SSDP_LINES_MAX: usize = 64;
