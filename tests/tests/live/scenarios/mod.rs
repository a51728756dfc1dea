//! What is proved of the running engine, each in namespaces of its own.

mod accounting;
mod commands;
pub mod drivers;
mod frames;
mod hospital;
mod life;
mod rights;
mod service;
mod wrong;

use libtest_mimic::Trial;

use crate::harness::missing;

type Test = fn();

/// All scenarios. What can't run here is shown as ignored, with the reason.
pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, programs, test) in [
        hospital::TESTS,
        accounting::TESTS,
        frames::TESTS,
        life::TESTS,
        rights::TESTS,
        service::TESTS,
        commands::TESTS,
        drivers::TESTS,
        wrong::TESTS,
    ]
    .concat()
    {
        let reason = missing(programs);
        let trial = Trial::test(name, move || {
            test();
            Ok(())
        });
        let trial = match &reason {
            Some(reason) => trial.with_kind(reason.clone()),
            None => trial,
        };
        trials.push(trial.with_ignored_flag(reason.is_some()));
    }
    trials
}

/// A scenario: its name, the programs it needs beside iproute2 and ethtool, itself.
type Scenario = (&'static str, &'static [&'static str], Test);
