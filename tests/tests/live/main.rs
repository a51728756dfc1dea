//! Tests that need privileges: network namespaces, BPF. Without them each is shown as ignored.

use libtest_mimic::Arguments;

fn main() {
    libtest_mimic::run(&Arguments::from_args(), Vec::new()).exit();
}
