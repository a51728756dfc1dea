//! Every limit that a feed can run into, with its unit. No number stands anywhere else, and none
//! depends on what a feed says of itself.

/// Bytes of one file after decompression: room for every year of NVD in one file.
pub const FILE_BYTES_MAX: u64 = 8 << 30;
/// Bytes of a file that is read as one document (CSAF, VEX, SBOM, CVE record, MDS2).
pub const DOCUMENT_BYTES_MAX: u64 = 256 << 20;
/// How many times larger a compressed file may become. JSON of NVD stays below 60; deflate can
/// reach 1,032, which is what a bomb is made of.
pub const INFLATION_MAX: u64 = 250;
/// Bytes that may be inflated before `INFLATION_MAX` is looked at.
pub const INFLATION_FREE_BYTES: u64 = 16 << 20;
/// Bytes of one record of a long list: one CVE, one catalogue entry, one indicator.
pub const RECORD_BYTES_MAX: usize = 16 << 20;
/// Bytes of one member of a file's head: version, date, counts.
pub const HEAD_VALUE_BYTES_MAX: usize = 64 << 10;
/// Members of a file's head.
pub const HEAD_VALUES_MAX: usize = 256;
/// Bytes of one line of a file of lines.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Levels of nesting. `serde_json` refuses the same depth by itself.
pub const DEPTH_MAX: usize = 120;
/// Bytes at the start of a file by which it is recognised.
pub const SNIFF_BYTES: usize = 64 << 10;
/// Rejected and skipped records of one file that are kept with line and reason; all are counted.
pub const REJECTS_KEPT_MAX: usize = 1_000;
/// Rejected records of a file, in percent, above which the whole file is refused.
pub const REJECTED_PERCENT_MAX: u64 = 1;
/// Rejected records that never refuse a file.
pub const REJECTED_FREE: u64 = 10;
/// Files below a folder.
pub const FILES_MAX: usize = 1_000_000;
/// Folders inside folders.
pub const FOLDERS_DEPTH_MAX: usize = 32;
/// Bytes of a name, version or range that are kept; a longer one rejects its record.
pub const TEXT_BYTES_MAX: usize = 4 << 10;
/// Characters of a remediation or reason that are kept; longer ones are cut.
pub const DETAILS_CHARS_MAX: usize = 400;
/// Alternatives of one version range.
pub const RANGES_MAX: usize = 256;
/// Products that one CSAF document names.
pub const PRODUCTS_MAX: usize = 200_000;
/// Statements (this CVE, this product) that all feeds together make.
pub const CLAIMS_MAX: usize = 50_000_000;
/// Platforms named by one condition of NVD ("running on").
pub const PLATFORMS_MAX: usize = 10_000;
/// Components of one SBOM.
pub const SBOM_COMPONENTS_MAX: usize = 200_000;
/// Generations of the store that are kept, the current one included.
pub const GENERATIONS_MAX: usize = 5;
/// Bytes of a bundle after inflation.
pub const BUNDLE_BYTES_MAX: u64 = 64 << 30;
/// Bytes of the manifest of a generation or bundle.
pub const MANIFEST_BYTES_MAX: u64 = 256 << 20;
