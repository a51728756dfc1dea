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

/// Bytes of one TLS handshake message that are put together; a longer one ends the direction.
pub const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a certificate that are read; a longer one is stepped over.
pub const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;

/// DNS names of one certificate that are kept.
pub const CERTIFICATE_NAMES_MAX: usize = 16;

/// Application protocols (ALPN) of one TLS hello that are kept.
pub const ALPN_NAMES_MAX: usize = 8;

/// TLS record headers in a row that prove a stream picked up in the middle.
pub const TLS_RECORDS_PROOF: usize = 3;

/// Bytes of an HTTP/1 head (start line and fields); a longer one ends the flow.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes of an HTTP/1 body in which a page's title is looked for.
pub const HTTP_TITLE_BYTES_MAX: usize = 2 * 1024;

/// Bytes of the line before a chunk of an HTTP/1 body; a longer one ends the flow.
pub const HTTP_CHUNK_LINE_BYTES_MAX: usize = 1024;

/// HTTP/1 requests that wait for their answers in one flow; with more the client is done.
pub const HTTP_PENDING_MAX: usize = 32;

/// HTTP/1 heads in a row that say nothing new; after them the flow is done.
pub const HTTP_QUIET_HEADS_MAX: u8 = 16;

/// Different values that one HTTP/1 flow gives; further ones are not kept.
pub const HTTP_VALUES_MAX: usize = 32;

/// Segments searched for the next HTTP/1 head after a gap, before the direction is done.
pub const HTTP_RESYNC_SEGMENTS_MAX: u8 = 64;

/// Bytes of an SSH identification line, with its line end: RFC 4253, 4.2.
pub const SSH_BANNER_BYTES_MAX: usize = 255;

/// Bytes of other lines that an SSH server may send before its identification.
pub const SSH_PREAMBLE_BYTES_MAX: usize = 8 * 1024;

/// Bytes of one SSH packet: RFC 4253, 6.1, the size that everyone must support.
pub const SSH_PACKET_BYTES_MAX: usize = 35_000;

/// SSH packets stepped over before the first key exchange offer.
pub const SSH_PACKETS_BEFORE_OFFER_MAX: u8 = 4;
