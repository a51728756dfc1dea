//! The program `medtap` as it is typed. It is built before the first use, so that no test asks an
//! old one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::root;

/// What a command left.
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.text(), self.stderr))
    }
}

/// Where the program is, for those who start it themselves.
pub fn medtap_path() -> &'static Path {
    program()
}

fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // …/target/<profile>/deps/house-0123
        let test = std::env::current_exe().expect("the path of this test");
        let folder = test.ancestors().nth(2).expect("a target folder");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root());
        cargo.args(["build", "--quiet", "--locked", "--package", "medtap-ctl"]);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        if let Some(target) = folder.parent() {
            cargo.arg("--target-dir").arg(target);
        }
        let built = cargo.status().expect("cargo");
        assert!(built.success(), "the program does not build");
        folder.join("medtap")
    })
}

/// Runs the program in the workspace's folder; relative paths are as in the README.
pub fn medtap<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ran {
    medtap_reading(arguments, b"")
}

/// The same with this standard input.
///
/// # Panics
///
/// When the program can't be started.
pub fn medtap_reading<S: AsRef<std::ffi::OsStr>>(arguments: &[S], input: &[u8]) -> Ran {
    let mut child = Command::new(program())
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = child.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        // A program that does not read its input closes the pipe: that is its right.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("its end")
    });
    Ran {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
