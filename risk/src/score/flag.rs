//! What a reader of a score must know beside it. A flag changes no number.

use std::fmt;

/// Something that makes a score less sure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Too little was seen to say from where the device can be reached.
    ReachUnknown,
    /// Address translation or a proxy stands in the path.
    BehindNatOrProxy,
    /// CVEs without an attack vector: they count as network.
    VectorUnknown(usize),
    /// CVEs without an EPSS probability that KEV does not list: they count as 0.
    ExploitationUnknown(usize),
    /// CVEs of which only the family matches: listed, not scored.
    FamilyOnly(usize),
    /// How much the device is used is out of sight.
    UseOutOfSight,
    /// What data it handles is out of sight.
    DataOutOfSight,
    /// That nobody approved it does not count: there is no baseline.
    NoBaseline,
    /// A compensating control that does not count, or only with care.
    Control {
        /// Its name.
        id: String,
        /// What is to be said of it.
        standing: String,
    },
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReachUnknown => {
                f.write_str("too little was seen to say from where it can be reached")
            }
            Self::BehindNatOrProxy => {
                f.write_str("address translation or a proxy stands in the path")
            }
            Self::VectorUnknown(count) => {
                write!(f, "{count} CVEs without an attack vector count as network")
            }
            Self::ExploitationUnknown(count) => write!(
                f,
                "{count} CVEs without an EPSS probability count as not exploited"
            ),
            Self::FamilyOnly(count) => write!(
                f,
                "{count} CVEs match the product family alone: listed, not scored"
            ),
            Self::UseOutOfSight => f.write_str("how much it is used is out of sight"),
            Self::DataOutOfSight => f.write_str("what patient data it handles is out of sight"),
            Self::NoBaseline => {
                f.write_str("that nobody approved it counts only after a baseline exists")
            }
            Self::Control { id, standing } => write!(f, "control {id} {standing}"),
        }
    }
}
