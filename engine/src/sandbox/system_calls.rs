//! The system calls that a running engine may make. All others are refused with `EPERM`, which a
//! library can live with, and an attacker not.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::SandboxError;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

/// Allowed whatever their arguments.
const ALLOWED: &[c_long] = &[
    // Receive: sockets are open, and none can be made.
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_getsockopt,
    libc::SYS_ppoll,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_ctl,
    // Rules are read again at SIGHUP, counters for ever; Landlock says which files.
    libc::SYS_openat,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_fadvise64,
    // Messages and wake-ups go to what is open: standard error, pipes, event counters.
    libc::SYS_write,
    libc::SYS_writev,
    // Memory; what makes it executable is below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_msync,
    // Threads; the other filter answers clone3.
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_membarrier,
    libc::SYS_getrandom,
    libc::SYS_getcpu,
    libc::SYS_prlimit64,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time, where the vDSO cannot tell it.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrusage,
    libc::SYS_restart_syscall,
    // Signals, and the end of the keeper.
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_wait4,
    libc::SYS_waitid,
];

/// The older calls that x86_64 has beside, and libraries use there.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_poll,
    libc::SYS_epoll_wait,
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_readlink,
    libc::SYS_time,
    libc::SYS_gettimeofday,
];
#[cfg(target_arch = "aarch64")]
const ALLOWED_HERE: &[c_long] = &[libc::SYS_gettimeofday];

/// `BPF_MAP_LOOKUP_ELEM`, `_UPDATE_ELEM` and `_DELETE_ELEM` of `<linux/bpf.h>`: the counters of the
/// XDP program are read; what it is told is the flows that it only counts, where it may.
const BPF_MAP_LOOKUP_ELEM: u64 = 1;
const BPF_MAP_CHANGES: [u64; 2] = [2, 3];

/// Programs for the kernel, ready to be installed.
pub(super) struct Filters {
    programs: [BpfProgram; 2],
    /// How many system calls the filters leave.
    pub system_calls: usize,
}

/// Compiles the filters.
pub(super) fn filters(shunt: bool) -> Result<Filters, SandboxError> {
    let allowed = allowed(shunt).map_err(failed)?;
    let system_calls = allowed.len();
    let permitted = compile(
        allowed,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        SeccompAction::Allow,
    )?;
    // A filter cannot look into the flags of clone3, and a C library that is refused it gives up.
    // One that is told that there is no such call uses clone, whose flags are checked.
    let no_clone3 = compile(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
    )?;
    Ok(Filters {
        // In the order of installation: the second could not be followed by another.
        programs: [no_clone3, permitted],
        system_calls: system_calls - 1,
    })
}

/// Installs them for all threads; new ones inherit them.
pub(super) fn install(filters: &Filters) -> Result<(), SandboxError> {
    for program in &filters.programs {
        seccompiler::apply_filter_all_threads(program).map_err(failed)?;
    }
    Ok(())
}

fn allowed(shunt: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::Error> {
    let calls = ALLOWED.iter().chain(ALLOWED_HERE);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        calls.map(|call| (*call, Vec::new())).collect();
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    let executable = libc::PROT_EXEC.unsigned_abs().into();
    let conditional = [
        // Threads, no processes.
        (libc::SYS_clone, 0, SeccompCmpOp::MaskedEq(thread), thread),
        // Memory that is never executable.
        (libc::SYS_mmap, 2, SeccompCmpOp::MaskedEq(executable), 0),
        (libc::SYS_mprotect, 2, SeccompCmpOp::MaskedEq(executable), 0),
        // The names of threads.
        (
            libc::SYS_prctl,
            0,
            SeccompCmpOp::Eq,
            libc::PR_SET_NAME.unsigned_abs().into(),
        ),
    ];
    for (call, argument, operator, value) in conditional {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?;
        rules.insert(call, vec![SeccompRule::new(vec![condition])?]);
    }
    let changes = BPF_MAP_CHANGES.iter().filter(|_| shunt);
    for command in [BPF_MAP_LOOKUP_ELEM].iter().chain(changes) {
        let is = SeccompCmpOp::Eq;
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, is, *command)?;
        let rule = SeccompRule::new(vec![condition])?;
        rules.entry(libc::SYS_bpf).or_default().push(rule);
    }
    // To whom the socket was connected before: systemd, or the kernel itself to wake a ring.
    let unaddressed = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
    rules.insert(libc::SYS_sendto, vec![SeccompRule::new(vec![unaddressed])?]);
    Ok(rules)
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, SandboxError> {
    let filter = SeccompFilter::new(rules, otherwise, matched, ARCHITECTURE).map_err(failed)?;
    filter.try_into().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> SandboxError {
    SandboxError::Seccomp {
        cause: error.to_string(),
    }
}
