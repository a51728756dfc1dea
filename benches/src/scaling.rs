//! How the speed grows with workers: 1 to N of them in turn, so that whatever else the machine does
//! meets all. It judges by the clock on the wall, and by nothing else.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

use crate::host::Host;
use crate::measure::Run;

/// The results of 1 to N workers.
#[derive(Serialize)]
pub struct Scaling {
    what: &'static str,
    host: Host,
    /// The captures, with blanks between.
    file: String,
    rows: Vec<Row>,
}

/// The result of so many workers.
#[derive(Serialize)]
struct Row {
    workers: u32,
    /// The run in the middle, by the clock.
    median: Run,
    /// By the clock, to one worker.
    speedup: f64,
    /// The same for each worker, in percent.
    efficiency_percent: f64,
    runs: Vec<Run>,
}

/// Measures 1 to `most` workers in turn, so often.
///
/// # Errors
///
/// What the measurement says.
pub fn measure(
    file: String,
    most: u32,
    runs: u32,
    mut once: impl FnMut(u32) -> Result<Run>,
) -> Result<Scaling> {
    let mut all: Vec<(u32, Vec<Run>)> = (1..=most).map(|workers| (workers, Vec::new())).collect();
    for _ in 0..runs {
        for (workers, measured) in &mut all {
            measured.push(once(*workers)?);
        }
    }
    Ok(Scaling {
        what: "scaling",
        host: Host::here(),
        file,
        rows: rows(all),
    })
}

fn rows(all: Vec<(u32, Vec<Run>)>) -> Vec<Row> {
    let mut one = None;
    let row = |(workers, runs): (u32, Vec<Run>)| {
        let median = median(&runs)?;
        let alone = *one.get_or_insert(median.mpps_wall);
        let speedup = if alone > 0.0 {
            median.mpps_wall / alone
        } else {
            0.0
        };
        Some(Row {
            workers,
            median,
            speedup,
            efficiency_percent: 100.0 * speedup / f64::from(workers),
            runs,
        })
    };
    all.into_iter().filter_map(row).collect()
}

/// The run in the middle by the clock; of an even number the slower one.
fn median(runs: &[Run]) -> Option<Run> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| a.cost.wall_seconds.total_cmp(&b.cost.wall_seconds));
    sorted.get(sorted.len() / 2).copied()
}

/// The table of a result.
///
/// # Errors
///
/// Those of the output.
pub fn print(scaling: &Scaling, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", scaling.host)?;
    writeln!(out, "scaling {}", scaling.file)?;
    writeln!(
        out,
        "workers   wall s   user s    sys s  Mpps wall  x one  efficiency  Mpps/core"
    )?;
    for row in &scaling.rows {
        let Run {
            cost,
            mpps_wall,
            mpps_user,
            ..
        } = row.median;
        writeln!(
            out,
            "{:7}{:9.3}{:9.3}{:9.3}{mpps_wall:11.2}{:7.2}{:10.0} %{mpps_user:11.2}",
            row.workers,
            cost.wall_seconds,
            cost.user_seconds,
            cost.system_seconds,
            row.speedup,
            row.efficiency_percent,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Cost;

    #[test]
    fn speed_is_told_beside_one_worker() {
        let mut turns = Vec::new();
        let once = |workers: u32| {
            turns.push(workers);
            let cost = Cost {
                wall_seconds: 6.0 / f64::from(workers.min(2)),
                ..Cost::default()
            };
            Ok(Run::new(6_000_000, 0, cost))
        };
        let scaling = measure("x".to_owned(), 3, 2, once).unwrap();
        assert_eq!(turns, [1, 2, 3, 1, 2, 3], "in turn");
        let told = scaling
            .rows
            .iter()
            .map(|row| (row.speedup, row.efficiency_percent.round()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [(1.0, 100.0), (2.0, 100.0), (2.0, 67.0)]
        );
    }
}
