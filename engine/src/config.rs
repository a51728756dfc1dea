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

/// Bytes of one part (maker, model, serial) of a reported device's identifier; a device with a
/// longer one is not told apart safely and is not reported.
pub const REPORTED_PART_BYTES_MAX: usize = 64;

/// Length of a DICOM association request or answer; 128 contexts with 40 syntaxes fit (PS3.8).
pub const DICOM_ASSOCIATION_BYTES_MAX: usize = 64 * 1024;

/// Length of a DICOM command set (PS3.7: group 0000 alone, no sequences).
pub const DICOM_COMMAND_BYTES_MAX: usize = 4 * 1024;

/// Presentation contexts of one DICOM association: the odd numbers of a byte (PS3.8).
pub const DICOM_CONTEXTS_MAX: usize = 128;

/// DICOM requests of one direction that wait for their answers; the oldest gives way.
pub const DICOM_REQUESTS_MAX: usize = 16;

/// Sequences and items open one in another in a DICOM data set; a deeper one is abandoned.
pub const DICOM_DEPTH_MAX: usize = 32;

/// Values kept of one DICOM data set.
pub const DICOM_VALUES_MAX: usize = 24;

/// Bytes inflated of one deflated DICOM data set; equipment comes before them or is not read.
pub const DICOM_INFLATED_BYTES_MAX: u64 = 1024 * 1024;

/// Times that a DICOM conversation may lose its place by itself before it is given up.
pub const DICOM_RESYNCS_MAX: u8 = 8;

/// Length of an HL7 segment that is read; a longer one (a document in OBX-5) is stepped over.
pub const HL7_SEGMENT_BYTES_MAX: usize = 16 * 1024;

/// Devices kept of one HL7 message until its end.
pub const HL7_DEVICES_MAX: usize = 32;

/// Values kept of one device of an HL7 message.
pub const HL7_DEVICE_VALUES_MAX: usize = 16;

/// HL7 messages of one direction that wait for their acknowledgement; the oldest gives way.
pub const HL7_OUTSTANDING_MAX: usize = 16;
