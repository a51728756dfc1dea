//! The limits of rules and rule files, each with its unit. Nothing else knows a number.

/// Rules with a number from here on are a site's own; those below ship with the program.
pub const LOCAL_ID_MIN: u32 = 1_000_000;
/// A hypothesis (`unconfirmed = true`) is never surer than this, in percent.
pub const UNCONFIRMED_CONFIDENCE_MAX: u8 = 30;
/// Greatest confidence, in percent.
pub const CONFIDENCE_MAX: u8 = 100;
/// Largest rule file, in bytes.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// Most rule files in a folder.
pub const FILES_MAX: usize = 1_000;
/// Most rules in all files together.
pub const RULES_MAX: usize = 50_000;
/// Most examples of one rule.
pub const EXAMPLES_MAX: usize = 64;
/// Longest text in a rule (name, source, key, attribute, example), in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 512;
/// Largest compiled form of one pattern, in bytes: refuses nested repetition.
pub const PATTERN_COMPILED_BYTES_MAX: usize = 256 << 10;
/// A pattern of so many states surely stays below that; one of more is compiled when it is read.
pub const PATTERN_STATES_SURE: usize = 1_000;
/// Most texts of which every match of a pattern holds one, for the search over all patterns.
pub const NEEDLES_MAX: usize = 16;
/// Largest lazily built automaton of one pattern and thread, in bytes: beyond it, it starts afresh.
pub const AUTOMATON_BYTES_MAX: usize = 2 << 20;
/// Deepest nesting of a pattern.
pub const PATTERN_NESTING_MAX: u32 = 32;
/// The numbers that rules made of recog's fingerprints get, from here on.
pub const RECOG_ID_MIN: u32 = 2_000_000;
/// Most fingerprints of recog that become rules.
pub const RECOG_RULES_MAX: usize = 20_000;
/// Most files of recog in a folder.
pub const RECOG_FILES_MAX: usize = 200;
/// Largest file of recog, in bytes.
pub const RECOG_FILE_BYTES_MAX: u64 = 8 << 20;
/// Most nodes of one file of recog.
pub const RECOG_NODES_MAX: u32 = 500_000;
/// The numbers that rules made of p0f's signatures get, from here on.
pub const P0F_ID_MIN: u32 = 2_100_000;
/// Most signatures of p0f that become rules.
pub const P0F_RULES_MAX: usize = 20_000;
/// Largest file of p0f, in bytes.
pub const P0F_FILE_BYTES_MAX: u64 = 1 << 20;
/// Longest value that is looked at, in bytes. Parsers cut far below it.
pub const VALUE_BYTES_MAX: usize = 4_096;
