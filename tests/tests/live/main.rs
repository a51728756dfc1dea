//! Tests that need privileges: network namespaces, BPF. Without them each is shown as ignored.

mod packet;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // Some tests start this program as something to be killed.
    if let Some(code) = packet::helper() {
        return code;
    }
    libtest_mimic::run(&Arguments::from_args(), packet::trials()).exit_code()
}
