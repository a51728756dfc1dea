//! The control plane: what an operator types, and what a reader gets to see. It opens files,
//! lets the engine and the inventory do their work, and renders; it decides no fact.
//!
//! ```text
//! arguments     what was typed                       failure   what went wrong, exit codes
//! analyze       captures ─► engine ─► table ─► devices
//! devices       table ─► devices, or one of them     find      which device a person means
//! roster        the list of them, kept by serve for whoever asks
//! status stats  how the engine does (reading)        save      a copy of its table
//! doctor        what the machine and its interfaces are to a sensor, and what to change
//! events        what happened, and what happens      live      the running engine's table
//! pause         waiting that Ctrl-C ends
//! memory        what was seen over time: serve, history, and what people say and decide
//! bench         traffic to measure with, and how fast it is read
//! assess        risk, by feeds and policy             subject   a device, as the model sees it
//! feeds         what is known of vulnerabilities, kept in generations
//! report        a page about everything, for people   export    for other programs
//! rules         a folder of rules, looked at          unknowns  what nothing names, in clusters
//! expression    --where, --fail-on                   flows     --flows, community_id
//! render        table, wide, json, jsonl, csv        files     output files, all or nothing
//! ```
#![deny(unsafe_code)]

mod analyze;
mod arguments;
mod assess;
mod bench;
mod community_id;
mod devices;
mod doctor;
mod events;
mod export;
mod expression;
mod failure;
mod feeds;
mod files;
mod find;
mod flows;
mod live;
mod memory;
mod pause;
mod progress;
mod reading;
mod render;
mod report;
mod roster;
mod rules;
mod save;
mod stats;
mod status;
mod subject;
mod unknowns;

use std::ffi::OsString;

use clap::Parser;

use arguments::{Arguments, Command};
pub use community_id::community_id;
pub use expression::{Expression, ExpressionError};
pub use failure::{Code, Exit, Failure};

/// Runs one command line, the program's name first, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let mut exit = Exit::default();
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => {
            let result = match command {
                Command::Analyze(command) => analyze::run(&command, &mut exit),
                Command::Devices(command) => devices::run(&command, &mut exit),
                Command::Device(command) => devices::run_one(&command, &mut exit),
                Command::Status(command) => status::run(&command, &mut exit),
                Command::Doctor(command) => doctor::run(&command, &mut exit),
                Command::Stats(command) => stats::run(&command, &mut exit),
                Command::Rules(command) => rules::run(&command, &mut exit),
                Command::Unknowns(command) => unknowns::run(&command, &mut exit),
                Command::Report(command) => report::run(&command, &mut exit),
                Command::Feeds(command) => feeds::run(&command, &mut exit),
                Command::Risk(command) => assess::commands::risk(&command, &mut exit),
                Command::Work(command) => assess::commands::work(&command, &mut exit),
                Command::Compliance(command) => assess::commands::compliance(&command, &mut exit),
                Command::Simulate(command) => assess::commands::what_if(&command, &mut exit),
                Command::Export(command) => export::run(&command, &mut exit),
                Command::Save(command) => save::run(&command, &mut exit),
                Command::Events(command) => events::run(&command, &mut exit),
                Command::Bench(command) => bench::run(&command, &mut exit),
                Command::Memory(command) => memory::run(command, &mut exit),
            };
            if let Err(failure) = result {
                exit.report(&failure);
            }
        }
        Err(error) => {
            // Help and version come this way too; a reader that went away is no failure.
            let _ = error.print();
            if error.use_stderr() {
                exit.note(Code::CouldNot);
            }
        }
    }
    exit
}
