//! What a running engine may still do: receive, count, publish, and nothing else. It gives rights
//! up and never takes any.

mod system_calls;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use caps::{CapSet, Capability};
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::utsname::uname;

/// What setting up needs, each tried alone: packet and XDP sockets; interfaces and XDP maps; BPF
/// programs and maps; pointer arithmetic in them; memory that is not swapped.
const NEEDED: [(Capability, &str); 5] = [
    (Capability::CAP_NET_RAW, "CAP_NET_RAW"),
    (Capability::CAP_NET_ADMIN, "CAP_NET_ADMIN"),
    (Capability::CAP_BPF, "CAP_BPF"),
    (Capability::CAP_PERFMON, "CAP_PERFMON"),
    (Capability::CAP_IPC_LOCK, "CAP_IPC_LOCK"),
];

/// The newest Landlock whose rights are known here; an older kernel enforces those that it has.
const LANDLOCK: ABI = ABI::V10;

/// The oldest kernel that has what the engine uses.
const KERNEL_MIN: (u32, u32) = (6, 1);

/// The capabilities that setting up needs and this thread lacks.
pub fn missing() -> Vec<&'static str> {
    let lacks = |cap| !caps::has_cap(None, CapSet::Effective, cap).unwrap_or(false);
    let lacked = NEEDED.iter().filter(|(cap, _)| lacks(*cap));
    lacked.map(|(_, name)| *name).collect()
}

/// The kernel is older than anything that was tried.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel is {found}, and medtapd needs 6.1 or newer; boot a newer kernel")]
pub struct KernelTooOld {
    /// What the kernel calls itself.
    pub found: String,
}

/// Checks that the kernel is new enough.
pub fn kernel() -> Result<(), KernelTooOld> {
    let release = uname().map(|names| names.release().to_string_lossy().into_owned());
    new_enough(&release.unwrap_or_else(|_| "unknown".to_owned()))
}

fn new_enough(release: &str) -> Result<(), KernelTooOld> {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().ok());
    let version = numbers.next().flatten().zip(numbers.next().flatten());
    if version.is_some_and(|version| version >= KERNEL_MIN) {
        return Ok(());
    }
    Err(KernelTooOld {
        found: release.to_owned(),
    })
}

/// What may still be opened afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed<'a> {
    /// Files, and folders with all that is in them. A file that is replaced by another of its
    /// name is another file; a folder's new files count.
    pub read: &'a [&'a Path],
    /// Maps of the steering program may be changed: its descriptors were opened before.
    pub shunt: bool,
}

/// Why the sandbox could not be entered. The engine must not run then.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SandboxError {
    #[error(
        "cannot enter the sandbox: {threads} threads run already, and it must be entered by the \
         first alone"
    )]
    Threads { threads: usize },
    #[error("cannot allow reading {} in the sandbox: {cause}; check that it is still there",
         path.display())]
    Path { path: PathBuf, cause: String },
    #[error(
        "cannot drop the {set} capabilities: {cause}; run medtapd as root or by the systemd unit"
    )]
    Capabilities { set: &'static str, cause: String },
    #[error(
        "cannot forbid core dumps and new privileges: {cause}; look for a container's own filter"
    )]
    Process { cause: &'static str },
    #[error("cannot enter Landlock: {cause}; look for a container's own filter")]
    Landlock { cause: String },
    #[error("cannot filter system calls: {cause}; the kernel needs CONFIG_SECCOMP_FILTER")]
    Seccomp { cause: String },
}

/// What took effect; its `Display` is for the message of the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The version of Landlock that is enforced; `None`: this kernel has it not, or not enabled.
    pub landlock: Option<u32>,
    /// True: the bounding set is empty too. False: the process may not change it. Its effective,
    /// permitted, inheritable and ambient capabilities are gone in either case, and since it can
    /// start no program, what is left in the bounding set grants nothing.
    pub bounding_dropped: bool,
    /// How many system calls are left.
    pub system_calls: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("capabilities dropped")?;
        if !self.bounding_dropped {
            formatter.write_str(" (bounding set kept: no CAP_SETPCAP)")?;
        }
        write!(
            formatter,
            ", seccomp leaves {} system calls, ",
            self.system_calls
        )?;
        match self.landlock {
            Some(version) => write!(formatter, "Landlock {version}"),
            None => formatter.write_str("no Landlock in this kernel"),
        }
    }
}

/// Gives up all that a running engine does not need, for this thread and all that it will start.
/// There is no way back. Sockets, maps and programs that are open stay usable.
///
/// Call it on the first thread, before any other is started: capabilities and Landlock are a
/// thread's own, and inherited by those that it starts.
pub fn enter(allowed: &Allowed<'_>) -> Result<Report, SandboxError> {
    let threads = fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    if threads > 1 {
        return Err(SandboxError::Threads { threads });
    }
    // Compiled first: what can go wrong should do so before anything is given up.
    let filters = system_calls::filters(allowed.shunt)?;
    let bounding_dropped = drop_capabilities()?;
    forbid_dumps_and_privileges()?;
    let landlock = restrict_files(allowed)?;
    system_calls::install(&filters)?;
    Ok(Report {
        landlock,
        bounding_dropped,
        system_calls: filters.system_calls,
    })
}

/// True when the bounding set is empty too.
fn drop_capabilities() -> Result<bool, SandboxError> {
    // The bounding set first, since changing it needs one of the capabilities that go next.
    let may_bound = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP);
    if may_bound.unwrap_or(false) {
        clear(CapSet::Bounding, "bounding")?;
    }
    clear(CapSet::Ambient, "ambient")?;
    clear(CapSet::Inheritable, "inheritable")?;
    clear(CapSet::Effective, "effective")?;
    clear(CapSet::Permitted, "permitted")?;
    let left = caps::read(None, CapSet::Bounding);
    Ok(left.is_ok_and(|left| left.is_empty()))
}

fn clear(set: CapSet, name: &'static str) -> Result<(), SandboxError> {
    caps::clear(None, set).map_err(|error| SandboxError::Capabilities {
        set: name,
        cause: error.to_string(),
    })
}

/// A core would hold packets, and packets hold patients.
fn forbid_dumps_and_privileges() -> Result<(), SandboxError> {
    let done = setrlimit(Resource::RLIMIT_CORE, 0, 0)
        .and_then(|()| prctl::set_dumpable(false))
        .and_then(|()| prctl::set_no_new_privs());
    done.map_err(|error| SandboxError::Process {
        cause: error.desc(),
    })
}

/// The version of Landlock that is enforced, if any.
fn restrict_files(allowed: &Allowed<'_>) -> Result<Option<u32>, SandboxError> {
    let failed = |error: landlock::RulesetError| SandboxError::Landlock {
        cause: error.to_string(),
    };
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(LANDLOCK)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(LANDLOCK)))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    for path in allowed.read {
        let not_allowed = |cause: String| SandboxError::Path {
            path: path.to_path_buf(),
            cause,
        };
        let metadata = fs::metadata(path).map_err(|error| not_allowed(error.to_string()))?;
        let access = if metadata.is_dir() {
            AccessFs::ReadFile | AccessFs::ReadDir
        } else {
            AccessFs::ReadFile.into()
        };
        let parent = PathFd::new(path).map_err(|error| not_allowed(error.to_string()))?;
        ruleset = (ruleset.add_rule(PathBeneath::new(parent, access)))
            .map_err(|error| not_allowed(error.to_string()))?;
    }
    let status = ruleset.restrict_self().map_err(failed)?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => None,
        (_, LandlockStatus::Available { effective_abi, .. }) => Some(effective_abi as u32),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kernels_are_told_by_their_release() {
        for release in ["6.1.0-25-amd64", "6.18.44-fc", "7.0", "10.2-rc1", "6.1"] {
            assert_eq!(new_enough(release), Ok(()), "{release}");
        }
        for release in [
            "6.0.19",
            "5.15.0-91-generic",
            "4.18.0-553.el8",
            "",
            "unknown",
        ] {
            assert!(new_enough(release).is_err(), "{release}");
        }
        let error = new_enough("5.15.0").unwrap_err().to_string();
        assert_eq!(
            error,
            "the kernel is 5.15.0, and medtapd needs 6.1 or newer; boot a newer kernel"
        );
    }

    #[test]
    fn the_report_says_what_took_effect() {
        let mut report = Report {
            landlock: Some(7),
            bounding_dropped: true,
            system_calls: 60,
        };
        let full = "capabilities dropped, seccomp leaves 60 system calls, Landlock 7";
        assert_eq!(report.to_string(), full);
        report.landlock = None;
        report.bounding_dropped = false;
        assert_eq!(
            report.to_string(),
            "capabilities dropped (bounding set kept: no CAP_SETPCAP), seccomp leaves 60 system \
             calls, no Landlock in this kernel"
        );
    }

    #[test]
    fn a_process_with_threads_is_refused_untouched() {
        // The test harness runs each test on a thread of its own.
        let error = enter(&Allowed::default()).unwrap_err();
        assert!(
            matches!(error, SandboxError::Threads { threads: 2.. }),
            "{error}"
        );
    }
}
