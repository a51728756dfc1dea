//! Tests that need privileges: network namespaces, BPF. Without them each is shown as ignored.

mod sandbox;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // Some tests start this program as something to be shut in.
    if let Some(code) = sandbox::helper() {
        return code;
    }
    libtest_mimic::run(&Arguments::from_args(), sandbox::trials()).exit_code()
}
