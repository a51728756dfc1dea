//! `medtap`: the command line. Everything is in the library, so that tests can call it.
use std::process::ExitCode;

fn main() -> ExitCode {
    medtap_ctl::run(std::env::args_os()).into()
}
