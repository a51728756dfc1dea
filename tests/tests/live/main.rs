//! Tests that need privileges: network namespaces, BPF. Without them each is shown as ignored.

mod load;
mod steering;

use libtest_mimic::Arguments;

fn main() {
    let mut trials = steering::trials();
    trials.extend(load::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
