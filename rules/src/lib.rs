//! Knowledge: this text means that product. Rules are data with their own examples; nothing
//! here knows a parser, decides which of two claims wins, or looks at a packet.
//!
//! A rule file reads one field ([`medtap_table::vocabulary::Field`], `field = "http.server"`).
//! A rule names the values it knows by one of `exact`, `prefix` or `pattern`, says what such a
//! value gives (literal text, or a capture as `"${name}"`), how sure that is, and where the
//! knowledge comes from. Its examples prove it: `matches` with the expected result, `rejects`.
//!
//! Of the rules of a field, the most specific tier speaks: exact, then the longest prefix, then
//! every pattern. A tier that only holds hypotheses (`unconfirmed`) never silences the next.
#![deny(unsafe_code)]

mod compile;
mod embedded;
mod error;
mod examples;
mod limits;
mod matcher;
mod product;
mod rules;
mod schema;
mod template;
mod vendor;

pub use error::RuleError;
pub use limits::{LOCAL_ID_MIN, UNCONFIRMED_CONFIDENCE_MAX};
pub use matcher::{Match, Matcher};
pub use product::Product;
pub use rules::Rules;
pub use vendor::vendor_of_mac;
