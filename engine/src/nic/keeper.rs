//! The keeper: a small process beside the engine that puts interfaces back as they were, since
//! the engine gives up the right to do so. It obeys nobody but the end of its input, and it sets
//! nothing that the engine has not changed.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use caps::{CapSet, Capability, CapsHashSet};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Change, restore};

/// The hidden argument that makes `medtapd` a keeper: the program then calls [`keep`] with its
/// standard input and ends with what that returns.
pub const ARGUMENT: &str = "--restore-when-closed";

/// Longest list of changes that is read.
const LIST_BYTES_MAX: u64 = 1 << 20;

/// A keeper that runs. It puts everything back when this is dropped, and when this process ends
/// in whatever way, since either closes its input.
#[derive(Debug)]
pub struct Keeper {
    child: Child,
}

impl Keeper {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has everything put back now, and waits for that. True when it is.
    ///
    /// # Errors
    ///
    /// What the system says when it can't wait.
    pub fn restore(mut self) -> io::Result<bool> {
        // Waiting closes its input first.
        Ok(self.child.wait()?.success())
    }
}

/// Starts this program as the keeper of these changes; none where nothing was changed. Call it
/// in the network namespace of the interfaces, before capabilities are dropped.
///
/// # Errors
///
/// What the system says when no process can be made.
pub fn start(changes: &[Change]) -> io::Result<Option<Keeper>> {
    let mut program = Command::new("/proc/self/exe");
    start_as(program.arg0("medtapd").arg(ARGUMENT), changes)
}

/// As [`start`], with a program that calls [`keep`].
///
/// # Errors
///
/// What the system says when no process can be made.
pub fn start_as(program: &mut Command, changes: &[Change]) -> io::Result<Option<Keeper>> {
    if changes.is_empty() {
        return Ok(None);
    }
    // Its own group, so that what a terminal sends to the engine's is not meant for it.
    program
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0);
    let mut child = program.spawn()?;
    if let Some(input) = &mut child.stdin {
        input.write_all(written(changes).as_bytes())?;
    }
    Ok(Some(Keeper { child }))
}

/// What a keeper does: reads changes until its input ends, puts them back, and ends. Messages go
/// to the standard error.
pub fn keep(mut input: impl Read) -> ExitCode {
    let mut say = |text: &str| {
        // Nobody may be left to read it.
        let _ = writeln!(io::stderr(), "medtapd: {text}");
    };
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        // The flag is never looked at: it takes the place of the deadly default.
        if let Err(error) = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))) {
            say(&format!("the keeper can't ignore signal {signal}: {error}"));
        }
    }
    if let Err(error) = keep_one_capability() {
        say(&format!("the keeper can't drop its capabilities: {error}"));
        return ExitCode::FAILURE;
    }
    let mut list = Vec::new();
    let read = input.by_ref().take(LIST_BYTES_MAX).read_to_end(&mut list);
    if let Err(error) = read {
        say(&format!("the keeper can't read what to put back: {error}"));
        return ExitCode::FAILURE;
    }
    let Some(changes) = parse(&list) else {
        say("what the keeper was told to put back is not a list of changes; nothing is put back");
        return ExitCode::FAILURE;
    };
    if restore(&changes, &mut say) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// CAP_NET_ADMIN, where the process has it, and nothing else.
fn keep_one_capability() -> Result<(), caps::errors::CapsError> {
    let held = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_ADMIN)?;
    let one: CapsHashSet = held
        .then_some(Capability::CAP_NET_ADMIN)
        .into_iter()
        .collect();
    // Ambient first: it may hold only what is both permitted and inheritable.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::set(None, CapSet::Effective, &one)?;
    caps::set(None, CapSet::Permitted, &one)?;
    caps::clear(None, CapSet::Inheritable)
}

/// A line for each change: setting, interface, old and new value, with tabs between.
fn written(changes: &[Change]) -> String {
    let line = |Change {
                    setting,
                    interface,
                    old,
                    new,
                }: &Change| { format!("{setting}\t{interface}\t{old}\t{new}\n") };
    changes.iter().map(line).collect()
}

/// Reads a list of changes: all lines are right, or it is none. A last line without an end is
/// what an engine that died while it wrote leaves, and is left out.
fn parse(list: &[u8]) -> Option<Vec<Change>> {
    let whole = list
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let text = std::str::from_utf8(list.get(..whole)?).ok()?;
    text.split_terminator('\n').map(change).collect()
}

fn change(line: &str) -> Option<Change> {
    let mut parts = line.split('\t');
    let mut next = || parts.next();
    let (setting, interface, old, new) = (next()?, next()?, next()?, next()?);
    let setting = setting.parse::<super::Setting>().ok()?;
    let legal = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
    let named = (1..libc::IFNAMSIZ).contains(&interface.len()) && interface.bytes().all(legal);
    let valued = setting.accepts(old) && setting.accepts(new);
    (parts.next().is_none() && named && valued).then(|| Change {
        setting,
        interface: interface.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Setting;
    use super::*;

    fn changes() -> Vec<Change> {
        let change = |setting, old: &str, new: &str| Change {
            setting,
            interface: "eth1".to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
        };
        vec![
            change(Setting::Feature("rx-gro".to_owned()), "on", "off"),
            change(Setting::Mtu, "1500", "9000"),
            change(Setting::IrqCpus(30), "0-3", "1"),
        ]
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let list = written(&changes());
        assert_eq!(list.lines().next(), Some("feature:rx-gro\teth1\ton\toff"));
        assert_eq!(parse(list.as_bytes()), Some(changes()));
        assert_eq!(parse(b""), Some(Vec::new()));
    }

    #[test]
    fn a_line_that_is_not_finished_is_left_out() {
        let list = written(&changes());
        let cut = &list.as_bytes()[..list.len() - 2];
        assert_eq!(parse(cut), Some(changes()[..2].to_vec()));
    }

    #[test]
    fn a_wrong_line_refuses_the_list() {
        let right = "mtu\teth1\t1500\t9000\n";
        for wrong in [
            "\n",
            "mtu\teth1\t1500\n",
            "mtu\teth1\t1500\t9000\t\n",
            "mtu\t../x\t1500\t9000\n",
            "mtu\t\t1500\t9000\n",
            "mtu\teth1\t1500\tmany\n",
            "feature:rx-gro\teth1\t1\t0\n",
            "mtu \teth1\t1500\t9000\n",
            "irq_cpus:../../x\teth1\t0\t1\n",
        ] {
            assert_eq!(
                parse(format!("{right}{wrong}{right}").as_bytes()),
                None,
                "{wrong:?}"
            );
        }
        assert_eq!(parse(b"mtu\t\xff\t1500\t9000\n"), None);
    }

    #[test]
    fn where_nothing_was_changed_nothing_is_started() {
        assert!(start(&[]).unwrap().is_none());
    }

    /// Any list: no panic, and what is read is written the same.
    #[test]
    fn fuzz_parse() {
        bolero::check!().for_each(|bytes: &[u8]| {
            if let Some(changes) = parse(bytes) {
                assert!(bytes.starts_with(written(&changes).as_bytes()));
            }
        });
    }
}
