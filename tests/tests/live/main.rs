//! Tests that need privileges: network namespaces, BPF. Without them each is shown as ignored.

use libtest_mimic::Arguments;

mod steering;

fn main() {
    let trials = steering::trials();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
