//! One capture through the whole engine, offline, with the rules that are built in. It changes
//! nothing of what comes out.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use medtap_engine::capture::{Input, Pcap};
use medtap_engine::counters::Counters;
use medtap_engine::runtime::{Analysis, analyze};
use medtap_rules::{Matcher, Rules};
use medtap_table::vocabulary::Counter;
use medtap_table::{TableReader, TableWriter};

/// What one replay left.
pub struct Run {
    /// The table; readers of it live no longer than this.
    pub table: TableWriter,
    /// What was counted.
    pub counters: Counters,
    /// Why some of the input was not read, one sentence each.
    pub faults: Vec<String>,
}

impl Run {
    /// Reads the table.
    pub fn reader(&self) -> TableReader {
        self.table.reader()
    }

    /// Packets that workers took.
    pub fn packets(&self) -> u64 {
        self.counters.get(Counter::Packets)
    }

    /// True when a limit refused something: then the number of workers may show.
    pub fn hit_a_limit(&self) -> bool {
        let mut counters = self.counters.iter();
        counters.any(|(counter, count)| counter.is_limit() && count > 0)
            || !self.reader().limits_hit().is_empty()
    }
}

/// The built-in rules, compiled once for all tests of a process.
pub fn matcher() -> Arc<Matcher> {
    static MATCHER: OnceLock<Arc<Matcher>> = OnceLock::new();
    Arc::clone(MATCHER.get_or_init(|| Arc::new(Rules::embedded().matcher())))
}

/// Replays a capture with this many workers.
///
/// # Errors
///
/// Why it can't be opened.
///
/// # Panics
///
/// When the engine does, or loses a packet between its parts.
pub fn replay(capture: &Path, workers: usize) -> Result<Run, String> {
    let mut analysis = Analysis::new(matcher());
    analysis.workers = workers;
    replay_with(capture, &analysis)
}

/// Replays a capture as the analysis says.
///
/// # Errors
///
/// Why it can't be opened.
///
/// # Panics
///
/// When the engine does, or loses a packet between its parts.
pub fn replay_with(capture: &Path, analysis: &Analysis) -> Result<Run, String> {
    let pcap = Pcap::open(&[Input::Path(capture.into())]).map_err(|error| error.to_string())?;
    let mut read = 0;
    let report = analyze(pcap, analysis, &mut |pcap| read = pcap.frames())
        .unwrap_or_else(|error| panic!("{}: {error}", capture.display()));
    let run = Run {
        table: report.table,
        counters: report.counters,
        faults: report.faults.iter().map(ToString::to_string).collect(),
    };
    // A worker that dies takes its packets along: whatever else it leaves, the sum shows it.
    let name = capture.display();
    assert_eq!(run.packets(), read, "{name}: packets taken and read");
    Ok(run)
}
