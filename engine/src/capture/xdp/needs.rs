//! What the process and the kernel must have before anything is tried. It changes nothing.

use caps::{CapSet, Capability};

use super::error::OpenError;

/// The first kernel that has `xdp.frags` programs; links, shared memory and wake-ups are older.
pub(super) const KERNEL_MIN: (u32, u32) = (5, 18);

/// Workers that have a place in the program's map, on each queue; one more would be taken for the
/// next queue's first.
pub(super) const WORKERS_MAX: usize = 64;

/// Says which rights are missing, before anything is tried. CAP_IPC_LOCK is not among them: the
/// limit of locked memory may suffice.
pub(super) fn rights(interface: &str) -> Result<(), OpenError> {
    let has = |right| caps::has_cap(None, CapSet::Effective, right).unwrap_or(false);
    // It still allows what the last two were made for.
    let admin = has(Capability::CAP_SYS_ADMIN);
    let rights = [
        (Capability::CAP_NET_RAW, false),
        (Capability::CAP_NET_ADMIN, false),
        (Capability::CAP_BPF, admin),
        (Capability::CAP_PERFMON, admin),
    ];
    let missing = rights
        .iter()
        .filter(|(right, given)| !given && !has(*right));
    let missing: Vec<String> = missing.map(|(right, _)| right.to_string()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(OpenError::Privilege {
        interface: interface.to_owned(),
        missing: missing.join(" and "),
    })
}

/// Refuses a kernel that can't do what is needed.
pub(super) fn kernel() -> Result<(), OpenError> {
    // One that says nothing that can be read is left to show what it can do.
    let Ok(name) = nix::sys::utsname::uname() else {
        return Ok(());
    };
    let release = name.release().to_string_lossy();
    if version(&release).is_some_and(|found| found < KERNEL_MIN) {
        let found = release.into_owned();
        return Err(OpenError::Kernel { found });
    }
    Ok(())
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_compared_by_number() {
        let versions = [
            ("5.18.0", Some((5, 18))),
            ("6.1.0-13-amd64", Some((6, 1))),
            ("5.9-rc1", Some((5, 9))),
            ("10.2", Some((10, 2))),
            ("6", None),
            ("x.y", None),
            ("", None),
        ];
        for (release, expected) in versions {
            assert_eq!(version(release), expected, "{release}");
        }
        assert!((5, 9) < KERNEL_MIN && (5, 18) >= KERNEL_MIN && (10, 2) >= KERNEL_MIN);
    }
}
