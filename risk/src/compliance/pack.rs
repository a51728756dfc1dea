//! A control pack: the rows of one version of a framework, and what evidence serves each. It holds
//! references and words of our own, never a framework's text.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::evidence::Evidence;

/// Size of a pack, in bytes.
pub const PACK_BYTES_MAX: usize = 1 << 20;

/// Rows of a pack.
pub const PACK_ROWS_MAX: usize = 1_000;

/// The packs that come with the product.
const EMBEDDED: &[(&str, &str)] = &[
    (
        "cis_controls.toml",
        include_str!("../../data/packs/cis_controls.toml"),
    ),
    (
        "fda_524b.toml",
        include_str!("../../data/packs/fda_524b.toml"),
    ),
    (
        "hhs_cpg.toml",
        include_str!("../../data/packs/hhs_cpg.toml"),
    ),
    (
        "hicp_practice_9.toml",
        include_str!("../../data/packs/hicp_practice_9.toml"),
    ),
    (
        "hipaa_security.toml",
        include_str!("../../data/packs/hipaa_security.toml"),
    ),
    (
        "iec_62443.toml",
        include_str!("../../data/packs/iec_62443.toml"),
    ),
    (
        "iec_80001.toml",
        include_str!("../../data/packs/iec_80001.toml"),
    ),
    (
        "nist_csf.toml",
        include_str!("../../data/packs/nist_csf.toml"),
    ),
];

/// Whether a version of a framework holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Published to be commented on.
    Proposed,
    /// In force.
    Final,
    /// Replaced.
    Retired,
}

impl Status {
    /// The name that people and JSON see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Final => "final",
            Self::Retired => "retired",
        }
    }
}

/// How far evidence serves a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serves {
    /// Part of what the row asks.
    Partly,
    /// All that the row asks of devices on the network.
    Full,
}

/// One kind of evidence of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// Which question.
    pub by: Evidence,
    /// How far.
    pub serves: Serves,
}

/// One row of a framework.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its number in the framework.
    pub id: String,
    /// What it asks, in our words.
    pub title: String,
    /// What serves it; empty where traffic can show nothing.
    #[serde(default)]
    pub evidence: Vec<Served>,
    /// What a reader must know.
    #[serde(default)]
    pub note: Option<String>,
    /// Its number and subject were held against no listing that is public.
    #[serde(default)]
    pub unchecked: bool,
}

/// One version of a framework.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The framework.
    pub framework: String,
    /// Its version.
    pub version: String,
    /// Whether that version holds.
    pub status: Status,
    /// Where it is published.
    pub source: String,
    /// The public listings that numbers and subjects of its rows were held against.
    #[serde(default)]
    pub checked: Option<String>,
    /// Its rows, in its order.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

/// Why a pack is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// It is too large.
    #[error("pack {file}: {bytes} bytes; at most {PACK_BYTES_MAX} are allowed")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: usize,
    },
    /// A line cannot be accepted.
    #[error("pack {file}, line {line}: {reason}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The rows contradict each other.
    #[error("pack {file}: {reason}")]
    Rows {
        /// The file.
        file: String,
        /// What is wrong, and what is allowed.
        reason: String,
    },
}

impl Pack {
    /// A pack of a text. `file` is what messages call it.
    pub fn parse(text: &str, file: &str) -> Result<Self, PackError> {
        if text.len() > PACK_BYTES_MAX {
            return Err(PackError::TooLarge {
                file: file.to_owned(),
                bytes: text.len(),
            });
        }
        let pack: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let before = text.get(..offset).unwrap_or(text);
            PackError::Line {
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
                reason: error.message().to_owned(),
            }
        })?;
        let refused = |reason: String| PackError::Rows {
            file: file.to_owned(),
            reason,
        };
        if pack.rows.is_empty() || pack.rows.len() > PACK_ROWS_MAX {
            let count = pack.rows.len();
            let reason = format!("{count} rows; 1 to {PACK_ROWS_MAX} are allowed");
            return Err(refused(reason));
        }
        let mut ids = BTreeSet::new();
        for row in &pack.rows {
            if !ids.insert(&row.id) {
                return Err(refused(format!("the row {} stands twice", row.id)));
            }
        }
        Ok(pack)
    }

    /// The packs that come with the product. A test proves that none is refused.
    pub fn embedded() -> Vec<Self> {
        let parsed = EMBEDDED.iter().map(|(file, text)| Self::parse(text, file));
        parsed.filter_map(Result::ok).collect()
    }

    /// How many packs come with the product.
    pub const EMBEDDED_COUNT: usize = EMBEDDED.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_is_accepted() {
        for (file, text) in EMBEDDED {
            if let Err(error) = Pack::parse(text, file) {
                panic!("{error}");
            }
        }
        assert_eq!(Pack::embedded().len(), Pack::EMBEDDED_COUNT);
    }

    fn refusal(text: &str) -> String {
        match Pack::parse(text, "own.toml") {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_unknown_is_refused_with_its_line() {
        const HEAD: &str =
            "framework = \"F\"\nversion = \"1\"\nstatus = \"final\"\nsource = \"s\"\n";
        let row = |rest: &str| format!("{HEAD}[[row]]\nid = \"1\"\ntitle = \"t\"\n{rest}");
        assert!(Pack::parse(&row(""), "own.toml").is_ok());
        let unknown = refusal(&row(
            "evidence = [{ by = \"prayer\", serves = \"full\" }]\n",
        ));
        assert!(unknown.starts_with("pack own.toml, line 8: "), "{unknown}");
        assert!(refusal(&row("colour = \"red\"\n")).contains("line 8"));
        assert!(refusal(HEAD).contains("row"));
        let twice = row("[[row]]\nid = \"1\"\ntitle = \"t\"\n");
        assert_eq!(refusal(&twice), "pack own.toml: the row 1 stands twice");
        assert!(refusal(&" ".repeat(PACK_BYTES_MAX + 1)).contains("at most"));
    }

    /// Any text: no panic.
    #[test]
    fn fuzz_parse() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = Pack::parse(&String::from_utf8_lossy(bytes), "own.toml");
        });
    }
}
