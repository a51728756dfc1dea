//! `medtapd`: the live engine. Everything is in the library, so that tests can call it.
#![deny(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use medtap_engine::nic::keeper;
use medtap_engine::runtime::live;
use medtap_engine::settings::{Arguments, Settings};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.restore_when_closed {
        return keeper::keep(std::io::stdin());
    }
    let result = Settings::read(&arguments).map_err(anyhow::Error::from);
    let result = result.and_then(|settings| {
        if settings.check {
            print!("{}{}", settings.summary(), live::room_in_words(&settings));
            return Ok(());
        }
        live::run(&settings)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("medtapd: {error:#}");
            ExitCode::from(2)
        }
    }
}
