//! Every limit of the engine, by name and unit. Each has a counter for what it refused.

/// Frames handled together: parsed, hashed, prefetched and looked up stage by stage.
pub const BURST_FRAMES: usize = 64;

/// Packets between asking for a summary that another worker wrote and taking it.
pub const SUMMARIES_AHEAD: usize = 12;

/// Packets between asking for a flow's entry and using it.
pub const FLOWS_AHEAD: usize = 12;

/// Packets between asking for a flow's conversation and using it: its entry was asked for before.
pub const SESSIONS_AHEAD: usize = 5;

/// Shards that flow state is divided into, whatever the number of workers: results depend on
/// the shard that a packet belongs to and never on the worker that owns the shard.
pub const SHARDS: usize = 64;

/// Tunnels taken off one inside the other; what lies deeper is not looked at (`limit_tunnel_depth`).
pub const TUNNEL_DEPTH_MAX: u8 = 4;

/// IPv6 extension headers stepped over in one packet, RFC 8200; more is malformed.
pub const IPV6_EXTENSIONS_MAX: usize = 8;

/// Extension headers of GTP-U stepped over in one packet, TS 29.281; more is no tunnel.
pub const GTP_EXTENSIONS_MAX: usize = 8;

/// Tags and padding of TZSP stepped over in one packet; more is no tunnel.
pub const TZSP_TAGS_MAX: usize = 32;

/// VLAN tags and MPLS labels stepped over in one frame.
pub const TAGS_MAX: usize = 8;

/// Facts, and as many events, that a worker finds again without a look at their text.
pub const MEMO_SLOTS: usize = 32_768;

/// Values of fields that a worker finds again, whoever says them, without asking the rules.
pub const MEANINGS_SLOTS: usize = 4096;

/// Fingerprints that a worker finds again, whoever has them, without making them.
pub const FINGERPRINT_SLOTS: usize = 256;

/// Bytes of what a fingerprint is made of, up to which it is found again.
pub const FINGERPRINT_BASIS_MAX: usize = 1024;

/// Passages (a message's header, its devices, a TLS hello) that a worker counts again without being told.
pub const PASSAGE_SLOTS: usize = 8192;

/// Facts and events of one such passage; one that says more is told each time.
pub const PASSAGE_TOLD_MAX: usize = 256;

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

/// Flows with copies that one worker remembers more packets of; 1.5 KiB each. Others go on with
/// the three packets that every flow remembers.
pub const COPY_MEMORIES_MAX: usize = 16_384;

/// Bytes that all streams of one worker may hold back together; with more, a direction that wants
/// to hold something back is not read any further (`limit_reassembly`).
pub const STREAMS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Segments that one direction of a stream may hold ahead of a hole (`limit_reassembly`).
pub const STREAM_SEGMENTS_MAX: usize = 128;

/// Bytes of a reassembled datagram: what the length field of IPv4 and IPv6 can say.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Bytes of incomplete datagrams that one shard holds (`limit_fragments`).
pub const FRAGMENTED_BYTES_MAX: usize = 512 * 1024;

/// Incomplete datagrams that one shard holds (`limit_fragments`).
pub const FRAGMENTED_DATAGRAMS_MAX: usize = 64;

/// A datagram whose pieces did not all come within this time is dropped (RFC 8200: 60 s; what a
/// mirror port lost comes sooner or never).
pub const FRAGMENT_WAIT_NS: u64 = 30_000_000_000;

/// Subjects, facts, edges and activities that a worker keeps in mind at once. When one is full
/// the worker settles and forgets; only a live ring that stays full refuses (`limit_ledger`).
pub const LEDGER_SUBJECTS_MAX: usize = 65_536;
/// See [`LEDGER_SUBJECTS_MAX`].
pub const LEDGER_FACTS_MAX: usize = 32_768;
/// See [`LEDGER_SUBJECTS_MAX`].
pub const LEDGER_EDGES_MAX: usize = 65_536;
/// See [`LEDGER_SUBJECTS_MAX`].
pub const LEDGER_ACTIVITIES_MAX: usize = 16_384;

/// Sources of connections that came to nothing; see [`LEDGER_SUBJECTS_MAX`].
pub const LEDGER_UNANSWERED_MAX: usize = 16_384;

/// Meanings of one value: the attribute it is by itself and what rules say.
pub const FACTS_PER_VALUE_MAX: usize = 16;

/// Facts of one conversation that wait for the other side's answer (`limit_pending_facts`).
/// More are kept as unconfirmed.
pub const PENDING_FACTS_MAX: usize = 512;

/// Conversations that one worker reads at once (`limit_sessions`).
pub const SESSIONS_MAX: usize = 65_536;

/// Bytes that the reader of one conversation may keep of it: a message that came in pieces, what
/// was said before. One that keeps more is not read on (`limit_sessions`).
pub const SESSION_BYTES_MAX: usize = 1024 * 1024;

/// Of these, bytes that are counted for every conversation that is read, for what is too small to
/// be told.
pub const SESSION_REST_BYTES: usize = 1024;

/// Bytes that the readers of all conversations of one worker may keep; one that would keep more
/// then is not read on (`limit_sessions`).
pub const SESSIONS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Flows that one worker keeps, unless it is told another number. Memory for all of them is reserved
/// at the start; when it is full, flows give way.
pub const FLOWS_MAX: u32 = 1 << 20;

/// Flows looked at when the table is full and a new one wants its place: the one of them that is
/// worth least gives way (`limit_flows_evicted`).
pub const EVICT_LOOKS: u32 = 8;

/// TCP connections of one shard that are being opened, and whose first segments are remembered
/// until a third one proves them: 80 bytes each. A new one takes the place of an older one.
pub const HANDSHAKES_PER_SHARD: usize = 64;

/// Pairs of addresses of one shard whose last TCP connection is remembered as it opened, so that the
/// next one shows how they count: 72 bytes each. A new one takes the place of an older one.
pub const OPENINGS_PER_SHARD: usize = 16;

/// Marks of TCP stacks that a worker keeps together with their text: 288 bytes each. New ones take
/// the place of others.
pub const KNOWN_MARKS: usize = 64;

/// Machines that claim one address and are compared with each other (`limit_claimants`).
pub const CLAIMANTS_MAX: usize = 4;

/// Sources of an hour whose connections came to nothing, and of which the number of targets is
/// estimated: 104 bytes each (`limit_unanswered`). Where there are more, those of few are forgotten.
pub const UNANSWERED_MAX: usize = 16_384;

/// Flow records that one run keeps for `--flows` (`limit_flow_records`).
pub const FLOW_RECORDS_MAX: usize = 4_000_000;

/// Silence after which a TCP conversation is over.
pub const TCP_IDLE_NS: u64 = 3_600_000_000_000;

/// Silence after which any other conversation is over.
pub const UDP_IDLE_NS: u64 = 120_000_000_000;

/// Flows looked at for silence with every burst.
pub const SWEEP_FLOWS: u32 = 16;

/// Time that a live worker's round over all its flows takes at least: so often they pay what they
/// owe, and silent ones end.
pub const TEND_ROUND_NS: u64 = 1_000_000_000;

/// Flows of that round looked at together, between two bursts.
pub const TEND_FLOWS_MAX: u32 = 512;

/// Age from which on a conversation that goes on pays for its edge; a shorter one pays at its end.
pub const EDGE_WAIT_NS: u64 = 5_000_000_000;

/// Time between two publications of a live run: the table, counters and gauges.
pub const PUBLISH_NS: u64 = 1_000_000_000;

/// Conversations of those that a worker opened in a second that are compared with other workers'.
pub const SPLIT_SAMPLE_FLOWS: usize = 64;

/// Conversations after which the comparison begins anew.
pub const SPLIT_WINDOW_FLOWS: usize = 1024;

/// Conversations that two workers opened before that is more than chance.
pub const SPLIT_FLOWS_MIN: usize = 8;

/// One of so many is split before it is said that they are.
pub const SPLIT_SHARE: usize = 16;

/// Rounds with frames between two looks at how full a worker's rings are: a full ring of 1,024 places
/// is seen while three quarters of it still wait.
pub const PRESSURE_ROUNDS: u32 = 4;

/// How full the fullest ring of a worker is when it leaves more out: half for the first step.
pub const PRESSURE_UNREAD_PERCENT: u32 = 50;

/// See `PRESSURE_UNREAD_PERCENT`: for the second step.
pub const PRESSURE_HOLES_PERCENT: u32 = 75;

/// How empty all of them have to be before it takes a step back.
pub const PRESSURE_EASE_PERCENT: u32 = 12;

/// For how long they have to be so, for each step.
pub const PRESSURE_EASE_NS: u64 = 200_000_000;

/// Directions of flows that the steering program of an interface only counts at once; those that
/// find no place are not shunted.
pub const SHUNTS_MAX: u32 = 4096;

/// Packets of one direction in a round over all flows from which on it is left to the program.
pub const SHUNT_PACKETS_MIN: u32 = 1000;

/// Time without a packet after which it comes to the engine again.
pub const SHUNT_IDLE_NS: u64 = 10_000_000_000;

/// Rounds without a frame after which a live worker sleeps until there is one.
pub const SPIN_ROUNDS: u32 = 128;

/// The longest such sleep.
pub const IDLE_WAIT_NS: i64 = 1_000_000;

/// Quiet time after which a worker that is to stop believes that no frame is left.
pub const DRAIN_QUIET_NS: u64 = 20_000_000;

/// The longest time that it goes on taking frames.
pub const DRAIN_WAIT_NS: u64 = 1_000_000_000;

/// Time that a worker may not go round before the engine counts as stuck.
pub const BEAT_WAIT_NS: u64 = 5_000_000_000;

/// The shortest burst latency that is told apart.
pub const LATENCY_LEAST_NS: u64 = 256;

/// The longest; what takes longer counts as this.
pub const LATENCY_MOST_NS: u64 = 10_000_000_000;

/// The longest pause of the control thread between two looks at the workers' rings.
pub const CONTROL_WAIT_NS: u64 = 500_000;

/// Bytes of one block of a packet ring: room for the largest frame that the system puts together.
pub const PACKET_BLOCK_BYTES: u32 = 1 << 20;

/// Blocks of a packet ring, for each worker.
pub const PACKET_BLOCKS: u32 = 32;

/// Pieces of one frame that is longer than a chunk; a longer one is dropped (`ring_dropped`). The
/// kernel makes 17 of the longest.
pub const XDP_FRAME_PIECES_MAX: usize = 32;

/// Time that an interface may be busy with the sockets of an engine that has just ended.
pub const XDP_BIND_WAIT_NS: u64 = 2_000_000_000;

/// Subjects that may be asked for (`subjects`), at most.
pub const SUBJECTS_MAX: u32 = 4_194_304;

/// Facts that may be asked for (`facts`), at most: a table of 4 GiB.
pub const FACTS_MAX: u32 = 16_777_216;

/// Of so many places for subjects, one may be taken by subjects without any sign that they are
/// really there (`limit_probation`).
pub const SUBJECTS_PER_PROBATION: u32 = 4;

/// Sightings of facts that may wait between a worker and the aggregator.
pub const FACT_RING_SIGHTINGS: usize = 256;

/// Bytes of their texts that may wait with them: most have a few dozen.
pub const FACT_RING_TEXT_BYTES: usize = 32_768;

/// Sightings of counts that may wait between a worker and the aggregator.
pub const COUNT_RING_SIGHTINGS: usize = 4096;

/// The longest sleep of an offline run's aggregator; a ring with half of its sightings wakes it, and one that a worker waits for.
pub const AGGREGATE_WAIT_NS: u64 = 10_000_000;

/// Batches of frames that whoever reads is ahead of each worker.
pub const BATCHES_AHEAD: usize = 8;

/// Batches below which a worker reads on before it works: then it has some before it while another
/// reads.
pub const BATCHES_READY: usize = 4;

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

/// Bytes of the head of an HTTP message (start line and fields); a longer one ends the flow, in
/// HTTP/2 the direction.
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

/// Bytes made of one compressed HTTP body; what follows is not read.
pub const HTTP_INFLATED_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Bytes that may be made of each byte of a compressed HTTP body; one that makes more is left.
pub const HTTP_INFLATE_RATIO_MAX: u64 = 64;

/// Bytes that a compressed HTTP body may make beyond that.
pub const HTTP_INFLATED_FREE_BYTES: u64 = 64 * 1024;

/// Segments searched for the next HTTP/1 head after a gap, before the direction is done.
pub const HTTP_RESYNC_SEGMENTS_MAX: u8 = 64;

/// Bytes of the fields of one HTTP/2 head as they are sent; a longer one ends the direction.
pub const HTTP2_BLOCK_BYTES_MAX: usize = 16 * 1024;

/// Bytes that the fields remembered of one direction of an HTTP/2 connection count, RFC 7541; one
/// that asks for more is not read on.
pub const HTTP2_TABLE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of the settings by which a server of HTTP/2 is known: twenty of them.
pub const HTTP2_SETTINGS_BYTES_MAX: usize = 120;

/// Streams of one HTTP/2 connection that are read at once; the oldest gives way.
pub const HTTP2_STREAMS_MAX: usize = 32;

/// Bytes of an SSH identification line, with its line end: RFC 4253, 4.2.
pub const SSH_BANNER_BYTES_MAX: usize = 255;

/// Bytes of other lines that an SSH server may send before its identification.
pub const SSH_PREAMBLE_BYTES_MAX: usize = 8 * 1024;

/// Bytes of one SSH packet: RFC 4253, 6.1, the size that everyone must support.
pub const SSH_PACKET_BYTES_MAX: usize = 35_000;

/// SSH packets stepped over before the first key exchange offer.
pub const SSH_PACKETS_BEFORE_OFFER_MAX: u8 = 4;

/// Bytes of an SSH offer that is kept to be compared with the other end's; a longer one is not.
pub const SSH_OFFER_BYTES_MAX: usize = 4 * 1024;

/// Names of one list of an SSH offer that are compared.
pub const SSH_NAMES_MAX: usize = 64;

/// Bytes of one part (maker, model, serial) of a reported device's identifier; a device with a
/// longer one is not told apart safely and is not reported.
pub const REPORTED_PART_BYTES_MAX: usize = 64;

/// Objects and arrays open one in another in a JSON document; a deeper one is abandoned.
pub const JSON_DEPTH_MAX: usize = 64;

/// Bytes of a member's name in a JSON document; a longer one is none that counts.
pub const JSON_NAME_BYTES_MAX: usize = 64;

/// Length of the header lines of one part of a multipart body; a longer one ends the body.
pub const MULTIPART_HEAD_BYTES_MAX: usize = 4 * 1024;

/// Length of a multipart boundary: RFC 2046, 5.1.1.
pub const MULTIPART_BOUNDARY_BYTES_MAX: usize = 70;

/// Values kept of one FHIR resource.
pub const FHIR_VALUES_MAX: usize = 24;

/// Length of one syslog message over TCP; a longer one ends the direction.
pub const SYSLOG_MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Different hosts and programs that one syslog conversation names; with more it is a relay.
pub const SYSLOG_NAMES_MAX: usize = 16;

/// Participants kept of one audit message.
pub const ATNA_NODES_MAX: usize = 8;

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

/// Bytes of the rows kept of one HL7 message until its end; what a longer one says of devices is
/// made of it piece by piece.
pub const HL7_ROWS_BYTES_MAX: usize = 32 * 1024;

/// Forms of rows that one direction of an HL7 conversation remembers: as many with a value as
/// without. A row of a remembered form is not cut up again.
pub const HL7_FORMS_MAX: usize = 128;

/// Bytes that one direction of an HL7 conversation takes for whole messages that it remembers, by
/// what stays in them and what they said.
pub const HL7_REPEATS_BYTES_MAX: usize = 128 * 1024;

/// Devices kept of one HL7 message until its end.
pub const HL7_DEVICES_MAX: usize = 32;

/// Values kept of one device of an HL7 message.
pub const HL7_DEVICE_VALUES_MAX: usize = 16;

/// Alarms and infusion events kept of one HL7 message until its end.
pub const HL7_DEVICE_EVENTS_MAX: usize = 64;

/// What one direction of an HL7 conversation said lately that another message may say again: none
/// gives way before so many others were said, and twice as many are kept.
pub const HL7_WITNESSES_MAX: usize = 256;

/// HL7 messages of one direction that wait for their acknowledgement; the oldest gives way.
pub const HL7_OUTSTANDING_MAX: usize = 16;

/// Length of an ASTM header record; a longer one is none.
pub const ASTM_HEADER_BYTES_MAX: usize = 1024;

/// POCT1 messages of one direction that wait for their acknowledgement; the oldest gives way.
pub const POCT1_OUTSTANDING_MAX: usize = 16;
/// WS-Discovery messages of one sender that are remembered: each is sent several times.
pub const WSD_MESSAGES_MAX: usize = 8;

/// Types of one WS-Discovery message that are kept.
pub const WSD_TYPES_MAX: usize = 8;

/// Scopes of one WS-Discovery message that are read.
pub const WSD_SCOPES_MAX: usize = 64;

/// Medical device systems of one SDC description that are kept.
pub const SDC_MDS_MAX: usize = 16;

/// Values kept of one SDC system.
pub const SDC_VALUES_MAX: usize = 16;

/// Entries of one list of IEEE 11073 attributes that are read.
pub const MDER_ATTRIBUTES_MAX: usize = 64;

/// Bytes of the label of a Philips monitor: 17 characters in UTF-16.
pub const INTELLIVUE_LABEL_BYTES_MAX: usize = 34;

/// Length of an IEEE 11073-20601 message that is read; a longer one is stepped over.
pub const IEEE11073_MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Length of a MEDIBUS frame: ESC, code, 251 bytes, sum (protocol definition 6.00).
pub const MEDIBUS_FRAME_BYTES_MAX: usize = 256;

/// Length of a frame of an Alaris syringe pump; a longer one is stepped over.
pub const ALARIS_FRAME_BYTES_MAX: usize = 1024;

/// Length of a DRI record; a probe waits for no longer one.
pub const DRI_RECORD_BYTES_MAX: usize = 1536;

/// Fields of one ADDP message that are read.
pub const ADDP_FIELDS_MAX: usize = 32;

/// Length of a line of a Masimo oximeter; a longer one is stepped over.
pub const MASIMO_LINE_BYTES_MAX: usize = 1024;

/// Elements of an XML document open one in another; a deeper document is given up.
pub const XML_DEPTH_MAX: usize = 32;

/// Bytes of one XML tag, attributes included; a document with a longer one is given up.
pub const XML_TAG_BYTES_MAX: usize = 16 * 1024;

/// Bytes of the name of an XML element or attribute; a document with a longer one is given up.
pub const XML_NAME_BYTES_MAX: usize = 128;

/// Declarations of XML namespaces that hold at one place; a document with more is given up.
pub const XML_NAMESPACES_MAX: usize = 64;

/// Bytes of the text of one XML element that is read; a longer one is left out whole.
pub const XML_TEXT_BYTES_MAX: usize = 4 * 1024;

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

/// Bytes of a mapped capture that are brought near ahead of the record that is read.
pub const READ_AHEAD_BYTES: usize = 4096;

/// Bytes that the processor fetches at once.
pub const CACHE_LINE_BYTES: usize = 64;

/// Objects that are looked at in one SNMP message.
pub const SNMP_BINDINGS_MAX: usize = 128;

/// Bytes of one SMB message that are read: negotiation and log-on are shorter.
pub const SMB_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Messages of one SMB connection that are read: what tells of identity comes at the start.
pub const SMB_MESSAGES_MAX: u16 = 16;

/// Bytes of one line of a protocol that speaks in lines; a longer one ends its reading.
pub const LINE_BYTES_MAX: usize = 2048;

/// Bytes of text of one Telnet connection that are looked at for a log-in.
pub const TELNET_BYTES_MAX: usize = 16 * 1024;
/// Lines of a Telnet server's banner that are told.
pub const TELNET_BANNER_LINES_MAX: u8 = 4;
/// Bytes of one line of a Telnet server's banner; a longer one is left out.
pub const TELNET_BANNER_LINE_BYTES_MAX: usize = 120;
/// Bytes of a Telnet server's banner that are held until its client spoke.
pub const TELNET_BANNER_BYTES_MAX: usize = 512;

/// DHCP requests of one conversation whose circuit is kept, for their answers to be compared with.
pub const DHCP_REQUESTS_MAX: usize = 8;
/// Tags of one BACnet answer that are looked at.
pub const BACNET_PROPERTIES_MAX: usize = 512;
/// Bytes of one OPC UA message that is put together; a longer one is stepped over.
pub const OPCUA_MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Nodes of one OPC UA read whose values are looked at.
pub const OPCUA_READS_MAX: usize = 32;
/// Bytes of a Fox greeting that are waited for; of a longer one the beginning is read.
pub const FOX_HELLO_BYTES_MAX: usize = 4 * 1024;

/// Lines of one SIP message's head that are looked at.
pub const SIP_LINES_MAX: usize = 64;

/// Bytes of one LDAP message that are waited for; of a longer one what is there is read.
pub const LDAP_MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Attributes of one LDAP entry that are looked at.
pub const LDAP_ATTRIBUTES_MAX: usize = 128;

/// Bytes of the handshake of one end of a QUIC connection that are put together.
pub const QUIC_CRYPTO_BYTES_MAX: usize = 16 * 1024;

/// Pieces of that handshake that lie apart from each other; with more the end is not read.
pub const QUIC_PIECES_MAX: usize = 64;

/// Datagrams of a QUIC connection in which the hellos are looked for.
pub const QUIC_DATAGRAMS_MAX: u16 = 32;

/// Messages of a PostgreSQL server that are read before its first readiness.
pub const PGSQL_MESSAGES_MAX: u16 = 64;

/// Bytes of one parameter of a PostgreSQL server; a longer one ends the reading.
pub const PGSQL_MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Elements of the commands and answers of one RESP connection that are read.
pub const RESP_ELEMENTS_MAX: u16 = 256;

/// Bytes of an answer of RESP that are looked at; a longer one is stepped over.
pub const RESP_INFO_BYTES_MAX: usize = 16 * 1024;

/// Bytes of one frame of AMQP's log-on; a longer one ends the reading.
pub const AMQP_FRAME_BYTES_MAX: usize = 64 * 1024;

/// Properties of an AMQP broker or client that are looked at.
pub const AMQP_PROPERTIES_MAX: usize = 64;

/// Packets of one TDS connection that are read: what tells of identity comes at the start.
pub const TDS_PACKETS_MAX: u16 = 16;

/// Tokens of one TDS answer that are looked at.
pub const TDS_TOKENS_MAX: usize = 64;

/// Length of one Kerberos message over TCP; a longer one is none.
pub const KERBEROS_MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Messages of one RTSP connection that are read.
pub const RTSP_MESSAGES_MAX: u16 = 64;

/// Calls of one RPC conversation that wait for their answers; the oldest gives way.
pub const RPC_CALLS_MAX: usize = 4;

/// Messages of one RPC conversation that are read.
pub const RPC_MESSAGES_MAX: u16 = 64;

/// Options of one DHCPv6 message that are read; a message with more is none.
pub const DHCPV6_OPTIONS_MAX: usize = 128;

/// Relays that passed a DHCPv6 message on, one after the other (RFC 8415 section 7.6); a message
/// with more is none.
pub const DHCPV6_RELAYS_MAX: usize = 8;

/// Payloads of one IKE message that are looked at.
pub const ISAKMP_PAYLOADS_MAX: usize = 32;

/// Datagrams of what may be WireGuard in which a proof is looked for.
pub const WG_DATAGRAMS_MAX: u16 = 16;

/// Packets of what may be OpenVPN in which a proof is looked for.
pub const OPENVPN_PACKETS_MAX: u16 = 16;

/// Options of one CoAP message that are stepped over; a message with more is none.
pub const COAP_OPTIONS_MAX: usize = 64;

/// Datagrams of what may be RTP in which a row is looked for.
pub const RTP_DATAGRAMS_MAX: u16 = 24;

/// Messages of one Skinny connection that are read: a telephone registers at the start.
pub const SKINNY_MESSAGES_MAX: u16 = 64;

/// Bytes of one IPP answer that are kept until its end; a longer one is not read.
pub const IPP_BODY_BYTES_MAX: usize = 256 * 1024;

/// Messages of a STUN conversation among which an answer is looked for.
pub const STUN_DATAGRAMS_MAX: u16 = 64;

/// Datagrams of a DTLS conversation in which the hellos are looked for.
pub const DTLS_DATAGRAMS_MAX: u16 = 16;

/// Bytes of one tag of XMPP; a longer one ends its reading.
pub const XMPP_TAG_BYTES_MAX: usize = 4 * 1024;
