//! A program that was started, with what it said. It is killed by its number when it is dropped,
//! and never by a name.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than anything here should take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is an answer, and fails when there is none in time.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(begin.elapsed() < DEADLINE, "waited in vain for {what}");
        sleep(LOOK_EVERY);
    }
}

/// A program that runs.
pub struct Process {
    child: Child,
    said: PathBuf,
    name: String,
}

impl Process {
    /// Starts it; what it says goes into a file of this name, with `.out` and `.err`.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let name = format!("{command:?}");
        let said = log.with_extension("err");
        let file = |path: &PathBuf| File::create(path).expect("a file for what it says");
        command.stdin(Stdio::null());
        command.stdout(file(&log.with_extension("out")));
        command.stderr(file(&said));
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { child, said, name }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said on standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// What it wrote on standard output.
    pub fn wrote(&self) -> String {
        fs::read_to_string(self.said.with_extension("out")).unwrap_or_default()
    }

    /// Waits until it says this on standard error.
    pub fn says(&mut self, text: &str) {
        let begin = Instant::now();
        while !self.said().contains(text) {
            let ended = self.child.try_wait().expect("its state");
            let late = begin.elapsed() >= DEADLINE;
            assert!(
                ended.is_none() && !late,
                "{} does not say {text:?} ({ended:?}), but: {}",
                self.name,
                self.said()
            );
            sleep(LOOK_EVERY);
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).expect("a process to signal");
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let name = self.name.clone();
        eventually(&format!("the end of {name}"), || {
            self.child.try_wait().expect("its state")
        })
    }

    /// Asks it to end, and waits.
    pub fn stop(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.end()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
