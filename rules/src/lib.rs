//! Knowledge: this text means that product. Rules are data with their own examples; nothing
//! here knows a parser, decides which of two claims wins, or looks at a packet.
//!
//! A rule file reads one field ([`medtap_table::vocabulary::Field`], `field = "http.server"`).
//! `also` names fields whose values are of the same kind, such as other places of a host name.
//! A rule names the values it knows by one of `exact`, `prefix` or `pattern`, says what such a
//! value gives (literal text, or a capture as `"${name}"`), how sure that is, and where the
//! knowledge comes from. Its examples prove it: `matches` with the expected result, `rejects`.
//! `table = "mdc"` hands a code list (`data/*.tsv`, [`Table`]) to a field in one rule.
//!
//! Of the rules of a field, the most specific tier speaks: exact (and code lists of whole values,
//! such as products by their objects), then the longest prefix, then every other code list and
//! pattern. A tier that only holds hypotheses (`unconfirmed`) never silences
//! the next.
//!
//! ```toml
//! field = "http.server"
//!
//! [[rule]]
//! id = 1000001                    # a site's own rules begin at 1000000
//! name = "ward label printer"
//! pattern = 'WardPrint/(?<version>\d+\.\d+)'   # the whole value; or exact, or prefix
//! manufacturer = "Acme"
//! firmware_version = "${version}"
//! category = "printer"
//! cpe = { vendor = "acme", product = "wardprint", version = "${version}" }  # optional
//! confidence = 90                 # 0-100; at most 30 with `unconfirmed = true`
//! source = "label on the device"
//! matches = [{ value = "WardPrint/2.7", firmware_version = "2.7", version = "2.7" }]
//! rejects = ["WardPrint"]
//! ```
#![deny(unsafe_code)]

mod check;
mod compile;
mod embedded;
mod error;
mod examples;
mod explain;
mod expression;
mod imported;
mod label;
mod limits;
mod matcher;
mod outline;
mod p0f;
mod patterns;
mod product;
mod recog;
mod rules;
mod schema;
mod tables;
mod template;
mod vendor;

pub use check::{Check, Conflict, Count, Coverage};
pub use error::RuleError;
pub use explain::Explained;
pub use imported::{Imported, Skipped};
pub use label::Label;
pub use limits::{LOCAL_ID_MIN, UNCONFIRMED_CONFIDENCE_MAX};
pub use matcher::{Match, Matcher};
pub use p0f::import as p0f;
pub use product::Product;
pub use recog::import as recog;
pub use rules::Rules;
pub use tables::{Row, Table};
pub use vendor::vendor_of_mac;
