//! What the engine may still do once it listens: nothing but receive.

use std::fs;

use medtap_table::vocabulary::InterfaceCounter as I;

use super::{Scenario, accounting::frame};
use crate::harness::{Engine, Lab};

pub const TESTS: &[Scenario] = &[
    ("rights::none_copy", &[], || none("copy")),
    ("rights::none_packet", &[], || none("packet")),
];

fn none(mode: &str) {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", mode, "--workers", "2"]);
    let frames: Vec<_> = (0..64).map(frame).collect();
    lab.send(&frames);
    engine.reaches(I::Delivered, 64);
    let tasks = format!("/proc/{}/task", engine.process.pid());
    let mut threads = 0;
    for task in fs::read_dir(tasks).expect("its threads") {
        let status = fs::read_to_string(task.expect("a thread").path().join("status"));
        let status = status.expect("the state of a thread");
        for line in [
            "CapInh:\t0000000000000000",
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        ] {
            assert!(status.contains(line), "no {line:?} in {status}");
        }
        threads += 1;
    }
    assert!(threads >= 3, "{threads} threads");
    lab.send(&frames);
    engine.reaches(I::Delivered, 128);
    engine.stop();
}
