//! Memory is fixed by the configuration: a flood of flows, with addresses that nobody has, takes no
//! more than the engine says at its start, and a longer flood no more than a shorter one.

use std::fs::File;
use std::io::BufWriter;

use medtap_benches::maker::{self, Kind, Plan};
use medtap_benches::{measure, replay};
use medtap_table::vocabulary::Counter;

const WORKERS: usize = 2;
/// Flows that each worker keeps.
const FLOWS_MAX: u32 = 8192;
/// What the allocator keeps beside.
const SLACK_BYTES: u64 = 8 << 20;

/// The whole of it is a recipe: `just memory`, 10 million flows and 1 million addresses.
#[test]
fn a_flood_takes_no_more_than_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flood.pcap");
    let rules = replay::rules();
    let before = measure::anonymous_bytes().unwrap();
    let most = replay::memory(WORKERS, Some(FLOWS_MAX), &rules).bytes();
    let mut peaks = Vec::new();
    // The first run leaves the allocator what the others find; each fills whatever has a bound.
    for flows in [140_000u32, 140_000, 280_000] {
        let plan = Plan {
            flows,
            devices: flows,
            ..Plan::new(Kind::Flood, flows.into())
        };
        maker::write(&plan, BufWriter::new(File::create(&path).unwrap())).unwrap();
        let files = [path.clone()];
        let run = || replay::run(&files, WORKERS, Some(FLOWS_MAX), 1, &rules);
        let (counters, peak) = measure::peak(run).unwrap();
        let counters = counters.unwrap();
        assert_eq!(counters.get(Counter::Packets), u64::from(flows));
        assert_eq!(counters.get(Counter::FlowsRefused), 0);
        let kept = FLOWS_MAX * WORKERS as u32;
        assert_eq!(counters.get(Counter::FlowsEvicted), u64::from(flows - kept));
        peaks.push(peak);
    }
    let taken = peaks[2].saturating_sub(before);
    assert!(taken <= most, "{taken} bytes taken, {most} said");
    assert!(peaks[2] <= peaks[1] + SLACK_BYTES, "{peaks:?}");
}
