use medtap_engine::config::FLOWS_MAX;
use medtap_engine::runtime::Analysis;
use medtap_table::vocabulary::Counter;
use medtap_tests::{captures, matcher, replay_with};

/// A table for four flows meets a hospital: what finds no place is counted, every packet is.
#[test]
fn few_flows_are_counted_as_refused() {
    let hospital = medtap_tests::root().join("pcaps/hospital.pcapng");
    for workers in [1, 3] {
        let mut analysis = Analysis::new(matcher());
        analysis.workers = workers;
        analysis.flows_max = 4;
        let run = replay_with(&hospital, &analysis).expect("a committed capture opens");
        assert!(run.counters.get(Counter::FlowsRefused) > 0);
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
