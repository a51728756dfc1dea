use medtap_engine::config::FLOWS_MAX;
use medtap_engine::runtime::Analysis;
use medtap_table::Region;
use medtap_table::vocabulary::Counter;
use medtap_tests::{captures, matcher, replay_with};

use crate::frames::{Capture, MONDAY_NS, Nic};

/// A table for four flows meets a hospital: what gives way is counted, every packet is.
#[test]
fn few_flows_give_way_and_are_counted() {
    let hospital = medtap_tests::root().join("pcaps/hospital.pcapng");
    for workers in [1, 3] {
        let mut analysis = Analysis::new(matcher());
        analysis.workers = workers;
        analysis.flows_max = 4;
        let run = replay_with(&hospital, &analysis).expect("a committed capture opens");
        assert!(run.counters.get(Counter::FlowsEvicted) > 0);
        assert_eq!(run.counters.get(Counter::FlowsRefused), 0);
        assert!(run.hit_a_limit());
        let source = run.reader().source().expect("a source");
        assert_eq!(source.packets, run.packets());
        // The hosts themselves are not lost with their flows.
        assert!(run.reader().subjects().count() > 20);
    }
}

/// No committed capture comes near a limit: what is in it is all kept.
#[test]
fn committed_captures_hit_no_limit() {
    for capture in captures() {
        for flows_max in [4096, FLOWS_MAX] {
            let mut analysis = Analysis::new(matcher());
            analysis.flows_max = flows_max;
            let run = replay_with(&capture, &analysis).expect("a committed capture opens");
            let limits = run.reader().limits_hit();
            assert!(!run.hit_a_limit(), "{}: {limits:?}", capture.display());
        }
    }
}

/// More devices than a table holds unless it is told otherwise: those that find no room are
/// counted, and with room for them none is missing.
#[test]
fn room_for_subjects_can_be_asked_for() {
    const HOSTS: u32 = 66_000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("crowd.pcap");
    let mut capture = Capture::new(MONDAY_NS);
    let server = (Nic([0x00, 0x50, 0x56, 0x20, 0x01, 0x10]), [10, 255, 0, 2]);
    for host in 1..=HOSTS {
        let [_, a, b, c] = host.to_be_bytes();
        capture.arp(
            Nic([0x00, 0x12, 0x21, a, b, c]),
            [10, a, b, c],
            server.0,
            server.1,
        );
    }
    capture.write(&path);
    let mut analysis = Analysis::new(matcher());
    let run = replay_with(&path, &analysis).expect("a capture of ours");
    let full = run.reader().used(Region::Subjects);
    assert_eq!(full, u64::from(analysis.subjects));
    assert!(run.counters.get(Counter::SubjectsRefused) > 0);
    assert!(run.hit_a_limit());
    // Each is a subject by its address, and one by its card alone, which proves less.
    analysis.subjects = 2 * HOSTS;
    let run = replay_with(&path, &analysis).expect("a capture of ours");
    assert_eq!(run.counters.get(Counter::SubjectsRefused), 0);
    assert!(run.reader().used(Region::Subjects) > u64::from(HOSTS));
}
