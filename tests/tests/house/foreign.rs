use std::time::Instant;

use medtap_engine::runtime::Analysis;
use medtap_tests::{Run, data_folder, files_below, matcher, replay_with, table_text};
use rayon::prelude::*;

/// One capture takes no longer than this, or something hangs.
const SECONDS_MAX: u64 = 120;

/// Captures that we did not make: none makes the engine panic or hang, none shows the number of
/// workers while no limit was hit.
#[test]
fn foreign_captures_are_survived() {
    let Some(data) = data_folder() else { return };
    let all = files_below(&data.join("captures"));
    let start = Instant::now();
    let replayed = all
        .par_iter()
        .filter(|path| {
            let start = Instant::now();
            let run = |workers| {
                let mut analysis = Analysis::new(matcher());
                analysis.workers = workers;
                analysis.flows_max = 1 << 16;
                replay_with(path, &analysis)
            };
            let Ok(one) = run(1) else { return false };
            let three = run(3).expect("what opened once opens again");
            if !one.hit_a_limit() && !three.hit_a_limit() {
                let text = |run: &Run| table_text(&run.reader());
                let (one, three) = (text(&one), text(&three));
                assert!(one == three, "{}", path.display());
            }
            let seconds = start.elapsed().as_secs();
            assert!(seconds < SECONDS_MAX, "{}: {seconds} s", path.display());
            true
        })
        .count();
    let seconds = start.elapsed().as_secs();
    eprintln!(
        "{replayed} of {} foreign captures in {seconds} s",
        all.len()
    );
    assert!(
        replayed * 100 >= all.len() * 99,
        "all but a few are captures"
    );
}
