use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use medtap_inventory::history::Store;

use crate::memory::Memory;
use crate::sample::{HOUR_NS, Sample, proven};

/// Names the history that the child writes.
const PATH: &str = "MEDTAP_TEST_HISTORY";

fn one(number: u32) -> Sample {
    let [_, a, b, c] = number.to_be_bytes();
    let mut sample = Sample::default();
    sample.add(proven([0, 0x12, 0x21, a, b, c], &format!("10.{a}.{b}.{c}")));
    sample.shifted(u64::from(number) * HOUR_NS / 100)
}

/// The child: commits for ever, and says each number after it was committed.
#[test]
#[ignore = "the child of the tests beside it"]
fn writer() {
    let Ok(path) = std::env::var(PATH) else {
        return;
    };
    let mut memory = Memory::new();
    memory.store = Store::open(path.as_ref()).unwrap();
    let first = u32::try_from(memory.devices().len()).unwrap();
    for number in first.. {
        let uid = format!("capture {number}");
        memory.capture_as(&one(number), 0, &uid).unwrap();
        println!("committed {number}");
        if number % 50 == 49 {
            memory.store.shrink().unwrap();
        }
    }
}

/// Kills a writer at a random moment, so many times over one history.
fn kill_again_and_again(times: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    drop(Store::open(&path).unwrap());
    let mut random = u64::from(std::process::id()) | 1;
    let mut committed = None;
    // Long enough for a writer to come to something, however busy the machine is.
    let mut within_us = 120_000;
    for round in 0..times {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::writer", "--ignored", "--nocapture"])
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            let numbers = lines.filter_map(|line| {
                line.rsplit_once("committed ")
                    .and_then(|(_, n)| n.parse::<u32>().ok())
            });
            numbers.last()
        });
        std::thread::sleep(Duration::from_micros(random % within_us));
        child.kill().unwrap();
        child.wait().unwrap();
        committed = reader.join().unwrap().or(committed);
        if committed.is_none() {
            within_us = (within_us * 2).min(10_000_000);
        }
        let store = Store::open(&path).unwrap();
        if let Some(last) = committed {
            let kept = store.devices().unwrap().len();
            assert!(
                kept > last as usize,
                "round {round}: {kept} kept, {last} was committed"
            );
            assert!(store.has_source(&format!("capture {last}")).unwrap());
        }
        if round % 10 == 0 || round + 1 == times {
            store.check().unwrap();
        }
    }
    let committed = committed.expect("a writer that committed something");
    println!("{times} kills, {committed} commits, none lost");
}

#[test]
fn kill_at_any_moment_loses_nothing() {
    kill_again_and_again(15);
}

#[test]
#[ignore = "a thousand kills take minutes: just kills"]
fn a_thousand_kills_lose_nothing() {
    kill_again_and_again(1000);
}
