//! Why rules cannot be loaded: one sentence that names the file, the rule and the remedy.
//! It never prints a stack of causes; nothing is loaded where it appears.

use crate::limits::RULES_MAX;
use std::path::PathBuf;

/// Why rules cannot be loaded. Nothing was loaded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The folder cannot be listed.
    #[error(
        "rules folder {}: {cause}; expected a readable folder of .{extension} files",
        .folder.display()
    )]
    Folder {
        /// The folder as given.
        folder: PathBuf,
        /// How the names of the wanted files end.
        extension: &'static str,
        /// The operating system's reason.
        cause: String,
    },
    /// The folder holds too many files.
    #[error(
        "rules folder {}: more than {files_max} .{extension} files; \
         at most {files_max} are allowed",
        .folder.display()
    )]
    TooManyFiles {
        /// The folder as given.
        folder: PathBuf,
        /// How the names of these files end.
        extension: &'static str,
        /// So many are allowed.
        files_max: usize,
    },
    /// A file cannot be read.
    #[error("rule file {file}: {cause}; expected a readable UTF-8 text file")]
    File {
        /// The file.
        file: String,
        /// The operating system's reason.
        cause: String,
    },
    /// A file is larger than any rule file should be.
    #[error("rule file {file}: {bytes} bytes; at most {bytes_max} are allowed")]
    FileTooLarge {
        /// The file.
        file: String,
        /// Its size in bytes.
        bytes: u64,
        /// What is allowed, in bytes.
        bytes_max: u64,
    },
    /// A file is not TOML, or not of the schema.
    #[error("rule file {file}, line {line}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A file reads a field that does not exist.
    #[error(
        "rule file {file}: field \"{field}\" is not known; allowed are the names of observed \
         fields, for instance \"http.server\""
    )]
    UnknownField {
        /// The file.
        file: String,
        /// The name in the file.
        field: String,
    },
    /// A rule breaks the schema's promises.
    #[error("rule file {file}, rule {id}: {reason}")]
    Rule {
        /// The file.
        file: String,
        /// The rule's number.
        id: u32,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// All files together hold too many rules.
    #[error(
        "rule file {file}: more than {RULES_MAX} rules in all; at most {RULES_MAX} are allowed"
    )]
    TooManyRules {
        /// The file with which the limit was passed.
        file: String,
    },
}
