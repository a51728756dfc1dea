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

/// Frames handed out together by the offline source.
pub const BATCH_FRAMES_MAX: usize = 1024;

/// Bytes of streamed frames in one batch; mapped frames are borrowed and don't count.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Captured bytes of one record; a longer record is a fault that ends its input. The largest
/// snapshot length that capture programs use.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// Bytes of one pcapng block that is read (packets, interfaces, sections), options included; a
/// longer one is a fault. Blocks that are only stepped over may have any length.
pub const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// Interfaces that one pcapng input may declare, over all its sections; more is a fault.
pub const INTERFACES_MAX: usize = 65_536;

/// Inputs of one run; more are refused when they are opened.
pub const INPUTS_MAX: usize = 65_534;

/// Bytes asked for at once from a stream or a decompressor.
pub const STREAM_READ_BYTES: usize = 64 * 1024;

/// Window that a zstd frame may ask for, as a power of two in bytes; a larger one is a fault.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;
