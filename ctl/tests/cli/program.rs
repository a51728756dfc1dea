//! Runs the program and looks at what it leaves.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// How a run ended.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }

    /// The one sentence on standard error, of a run with this code.
    #[track_caller]
    pub fn sentence(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{}", self.stderr);
        let mut lines = self.stderr.lines();
        let sentence = lines.next().and_then(|line| line.strip_prefix("medtap: "));
        assert_eq!(lines.next(), None, "more than one line: {}", self.stderr);
        sentence.unwrap_or_else(|| panic!("no sentence: {}", self.stderr))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
        }
    }
}

/// The program with these arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_medtap"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn medtap(arguments: &[&str]) -> Run {
    command(arguments)
        .output()
        .expect("the program starts")
        .into()
}

/// Runs the program with bytes on its standard input.
pub fn medtap_with_input(arguments: &[&str], input: &[u8]) -> Run {
    let mut command = command(arguments);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("the program ends").into()
    })
}

/// A committed capture.
pub fn capture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pcaps");
    text(&root.join(name))
}

/// The capture of a whole hospital.
pub fn hospital() -> String {
    capture("hospital.pcapng")
}

/// A folder for one test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The path of a file in it, which need not exist.
    pub fn path(&self, name: &str) -> String {
        text(&self.0.path().join(name))
    }

    /// A file in it.
    pub fn file(&self, name: &str, contents: &[u8]) -> String {
        std::fs::write(self.0.path().join(name), contents).expect("a file is written");
        self.path(name)
    }

    /// The names of all files in it.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("the folder");
        let mut names: Vec<String> = entries
            .map(|entry| text(&PathBuf::from(entry.expect("an entry").file_name())))
            .collect();
        names.sort();
        names
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
