//! What the process must have before anything is tried. It changes nothing.

use caps::{CapSet, Capability};

use super::error::OpenError;

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
