//! Tests that need privileges: network namespaces, BPF. Without them each is shown as ignored.

mod harness;
mod load;
mod packet;
mod receive;
mod sandbox;
mod scenarios;
mod steering;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    // Some tests start this program as something to be killed, or to be shut in.
    if let Some(code) = packet::helper()
        .or_else(sandbox::helper)
        .or_else(scenarios::drivers::helper)
    {
        return code;
    }
    let mut arguments = Arguments::from_args();
    // They measure, and flood: one at a time.
    arguments.test_threads = Some(1);
    let mut trials = packet::trials();
    trials.extend(receive::trials());
    trials.extend(sandbox::trials());
    trials.extend(steering::trials());
    trials.extend(scenarios::trials());
    trials.extend(load::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}
