//! What went wrong and how a command ends: one sentence on standard error for each fault, one
//! exit code in all. It never stops a command by itself.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use medtap_engine::capture::pcap::OpenError;
use medtap_engine::runtime::RunError;
use medtap_rules::RuleError;
use medtap_table::{CreateError, OpenError as TableOpenError};

/// How a command can end, from the mildest to the one that hides all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Done: 0.
    #[default]
    Done,
    /// A device matched `--fail-on`: 1.
    Matched,
    /// Done with a part of the input only, or with data that are stale: 4.
    Partial,
    /// The engine is not running: 3.
    NotRunning,
    /// Wrong usage, or it could not be done: 2.
    CouldNot,
    /// The system does not permit it: 5.
    NotPermitted,
}

impl Code {
    /// The number that the shell sees.
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Matched => 1,
            Self::CouldNot => 2,
            Self::NotRunning => 3,
            Self::Partial => 4,
            Self::NotPermitted => 5,
        }
    }
}

/// How a command ended: of all that was noted, what weighs most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    code: Code,
}

impl Exit {
    /// The code.
    pub const fn code(self) -> Code {
        self.code
    }

    /// Adds what may hide what was noted before, and never the other way round.
    pub fn note(&mut self, code: Code) {
        self.code = self.code.max(code);
    }

    /// Says what went wrong, and notes it.
    pub fn report(&mut self, failure: &Failure) {
        self.say(failure.code, &failure.message);
    }

    /// Says a sentence on standard error, and notes its code.
    pub fn say(&mut self, code: Code, sentence: &str) {
        use std::io::Write;
        let sentence = crate::render::clean(sentence);
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(io::stderr(), "medtap: {sentence}");
        self.note(code);
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code.number().into()
    }
}

/// Why something could not be done: one sentence, which names the thing and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    code: Code,
    message: String,
}

impl Failure {
    /// It could not be done, for this reason.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            code: Code::CouldNot,
            message: message.into(),
        }
    }

    /// There is no engine to ask.
    pub fn not_running(message: impl Into<String>) -> Self {
        Self {
            code: Code::NotRunning,
            message: message.into(),
        }
    }

    /// The system refused an operation.
    pub fn io(message: impl Into<String>, error: &io::Error) -> Self {
        Self {
            code: code(error),
            message: message.into(),
        }
    }

    /// The rules cannot be loaded. Their errors hold the cause as text, so the system is asked
    /// again whether it permits to read what they name.
    pub fn rules(error: &RuleError) -> Self {
        let answer = match error {
            RuleError::Folder { folder, .. } => std::fs::read_dir(folder).map(drop),
            RuleError::File { file, .. } => std::fs::File::open(Path::new(file)).map(drop),
            _ => Ok(()),
        };
        Self {
            code: answer.err().map_or(Code::CouldNot, |error| code(&error)),
            message: error.to_string(),
        }
    }
}

fn code(error: &io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Code::NotPermitted,
        _ => Code::CouldNot,
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::Unreadable { source, .. } => Self::io(error.to_string(), source),
            _ => Self::new(error.to_string()),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<TableOpenError> for Failure {
    fn from(error: TableOpenError) -> Self {
        match &error {
            TableOpenError::Io { error: cause, .. } => Self::io(error.to_string(), cause),
            _ => Self::new(error.to_string()),
        }
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Self {
        match &error {
            CreateError::Io { error: cause, .. } => Self::io(error.to_string(), cause),
            _ => Self::new(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_weighs_most_hides_the_rest() {
        let codes = [
            Code::NotPermitted,
            Code::CouldNot,
            Code::NotRunning,
            Code::Partial,
            Code::Matched,
            Code::Done,
        ];
        assert_eq!(codes.map(Code::number), [5, 2, 3, 4, 1, 0]);
        for (place, &heavy) in codes.iter().enumerate() {
            for &light in &codes[place..] {
                for pair in [[heavy, light], [light, heavy]] {
                    let mut exit = Exit::default();
                    pair.into_iter().for_each(|code| exit.note(code));
                    assert_eq!(exit.code(), heavy);
                }
            }
        }
    }

    #[test]
    fn only_permission_is_code_five() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let missing = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(Failure::io("a", &denied).code, Code::NotPermitted);
        assert_eq!(Failure::io("a", &missing).code, Code::CouldNot);
    }
}
