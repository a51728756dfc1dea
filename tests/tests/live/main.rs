//! Tests that need privileges: network namespaces, BPF. Without them each is shown as ignored.

mod packet;
mod sandbox;
mod steering;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // Some tests start this program as something to be killed, or to be shut in.
    if let Some(code) = packet::helper().or_else(sandbox::helper) {
        return code;
    }
    let mut trials = packet::trials();
    trials.extend(sandbox::trials());
    trials.extend(steering::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
