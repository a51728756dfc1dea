//! Rates and counters, for people and for programs: one line at a time, each given away at once.
//! It measures nothing.

use std::io::{self, Write};

use super::status::bits;
use super::text::{clean, count, time};
use super::{LineOutput, Look, json};
use crate::failure::Failure;
use crate::stats::{Counted, Line};

/// Lines between two headers.
const HEADER_EVERY: u64 = 20;

/// Shows an interval; false when nobody reads any more.
pub fn rates(line: &Line, number: u64, output: LineOutput) -> Result<bool, Failure> {
    super::print_while_read(|out| match output {
        LineOutput::Jsonl => json::line(line, out),
        LineOutput::Table => row(line, number, Look::of_stdout(), out),
    })
}

fn row(line: &Line, number: u64, look: Look, out: &mut dyn Write) -> io::Result<()> {
    if number.is_multiple_of(HEADER_EVERY) {
        let causes = line.drops_per_second.each();
        let causes = causes.map(|(name, _)| format!("{:>9}", format!("{name}/s")));
        let title = format!(
            "{:19}  {:>12} {:>12} {} {:>9} {:>8}",
            "TIME (UTC)",
            "packets/s",
            "bits/s",
            causes.join(" "),
            "flows",
            "devices"
        );
        writeln!(out, "{}", look.bold(&title))?;
    }
    let drops = line.drops_per_second.each();
    let drops = drops.map(|(_, number)| {
        let text = format!("{:>9}", count(number));
        if number > 0 { look.alert(&text) } else { text }
    });
    writeln!(
        out,
        "{:19}  {:>12} {:>12} {} {:>9} {:>8}",
        time(line.time),
        count(line.rate.packets_per_second),
        bits(line.rate.bits_per_second),
        drops.join(" "),
        count(line.flows),
        count(line.devices)
    )
}

/// Shows every counter.
pub fn counters(counters: &[Counted], output: LineOutput) -> Result<(), Failure> {
    super::print(|out| match output {
        LineOutput::Jsonl => counters.iter().try_for_each(|each| json::line(each, out)),
        LineOutput::Table => {
            let mut place: Option<&str> = None;
            writeln!(out, "{}", Look::of_stdout().bold("all workers"))?;
            for each in counters {
                let own = each.interface.as_deref();
                if own != place {
                    let name = format!("\ninterface {}", clean(own.unwrap_or_default()));
                    writeln!(out, "{name}")?;
                    place = own;
                }
                writeln!(out, "  {:22} {:>20}", each.counter, count(each.count))?;
            }
            Ok(())
        }
    })
}
