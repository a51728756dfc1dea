//! What it takes to have every pattern of the rules ready before the first frame, as a live engine
//! has them: a process of its own, since the system counts memory by process.

use std::path::PathBuf;

use medtap_benches::measure::{self, Who};
use medtap_rules::Rules;

/// Bytes that the patterns of the rules that ship may take.
const PATTERNS_BYTES_MAX: u64 = 128 << 20;

/// With a folder of rules in MEDTAP_RULES those too, and then without a bound.
#[test]
fn all_patterns_take_no_more_than_is_said() {
    let folder = std::env::var_os("MEDTAP_RULES").map(PathBuf::from);
    let rules = Rules::load(folder.as_deref()).unwrap();
    let matcher = rules.matcher();
    let before = measure::anonymous_bytes().unwrap();
    let ((), cost) = measure::cost(Who::Thread, || matcher.prepare()).unwrap();
    let taken = measure::anonymous_bytes().unwrap().saturating_sub(before);
    let (kibibytes, milliseconds) = (taken >> 10, cost.user_seconds * 1000.0);
    println!(
        "{} rules: {kibibytes} KiB, {milliseconds:.0} ms",
        rules.len()
    );
    assert!(taken > 0, "the system counts no memory");
    assert!(
        folder.is_some() || taken <= PATTERNS_BYTES_MAX,
        "{kibibytes} KiB"
    );
}
