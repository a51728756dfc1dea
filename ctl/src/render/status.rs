//! How the engine does, for people: one block for each part, the verdict last. It measures
//! nothing and judges nothing.

use std::io::{self, Write};

use super::text::{bytes, clean, count, fit, span, time, width};
use super::{Look, StatusOutput, json};
use crate::failure::Failure;
use crate::status::{InterfaceStatus, Status, Worker};

/// Shows the status on standard output.
pub fn show(status: &Status, output: StatusOutput) -> Result<(), Failure> {
    super::print(|out| match output {
        StatusOutput::Table => write(status, Look::of_stdout(), out),
        StatusOutput::Json => json::pretty(status, out),
    })
}

fn write(status: &Status, look: Look, out: &mut dyn Write) -> io::Result<()> {
    engine(status, look, out)?;
    for interface in &status.interfaces {
        writeln!(out)?;
        show_interface(interface, look, out)?;
    }
    if !status.workers.is_empty() {
        writeln!(out)?;
        grid(&WORKERS, status.workers.iter().map(worker), look, out)?;
    }
    writeln!(out)?;
    let regions = status.regions.iter().map(|region| {
        let share = (region.used * 100).checked_div(region.capacity);
        let number = |n| {
            if region.name == "heap" {
                bytes(n)
            } else {
                count(n)
            }
        };
        vec![
            region.name.to_owned(),
            number(region.used),
            number(region.capacity),
            share.map_or_else(String::new, |share| format!("{share} %")),
            count(region.refused),
        ]
    });
    grid(
        &["TABLE", "USED", "ROOM", "FULL", "REFUSED"],
        regions,
        look,
        out,
    )?;
    writeln!(out)?;
    if status.losses.is_empty() {
        writeln!(out, "nothing was lost")?;
    }
    for loss in &status.losses {
        let place = loss.interface.as_deref().map(clean);
        let place = place.map_or_else(String::new, |name| format!("{name} "));
        let line = format!("lost: {place}{} {}", loss.counter, count(loss.count));
        writeln!(out, "{}", look.alert(&line))?;
    }
    if status.contradictions.is_empty() {
        return writeln!(out, "everything adds up");
    }
    for line in &status.contradictions {
        writeln!(
            out,
            "{}",
            look.alert(&format!("does not add up: {}", clean(line)))
        )?;
    }
    Ok(())
}

fn engine(status: &Status, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let engine = &status.engine;
    let state = engine.state.name();
    let process = engine
        .pid
        .map_or_else(String::new, |pid| format!(", process {pid}"));
    writeln!(out, "{} {state}{process}", look.bold("engine"))?;
    let row =
        |out: &mut dyn Write, name: &str, text: &str| writeln!(out, "  {} {text}", fit(name, 10));
    if let Some(started) = engine.started {
        let until = engine.stopped.or(engine.heartbeat).unwrap_or(started);
        let text = format!("{} UTC, {}", time(started), span(started, until));
        row(out, "up since", &text)?;
    }
    if let Some(heartbeat) = engine.heartbeat {
        row(out, "heartbeat", &format!("{} UTC", time(heartbeat)))?;
    }
    if let Some(stopped) = engine.stopped {
        row(out, "stopped", &format!("{} UTC", time(stopped)))?;
    }
    let agree = match (engine.rules_agree, status.workers.is_empty()) {
        (_, true) => "",
        (true, _) => ", all workers match with them",
        (false, _) => ", not yet with all workers",
    };
    row(out, "rules", &format!("{}{agree}", engine.rules_generation))?;
    let layout = format!("{}, layout {}", clean(&engine.table), engine.layout_version);
    row(out, "table", &layout)
}

fn show_interface(interface: &InterfaceStatus, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let name = clean(&interface.name);
    let flags = interface.flags.join(" ");
    writeln!(out, "{} {name}  {flags}", look.bold("interface"))?;
    writeln!(
        out,
        "  attach {}, delivery {}, {} × {} sockets, MTU {}, {} frames of {} bytes",
        interface.attach,
        interface.delivery,
        interface.queues,
        interface.sockets,
        interface.mtu,
        count(interface.frames.into()),
        interface.frame_bytes,
    )?;
    if !interface.note.is_empty() {
        writeln!(out, "  why: {}", clean(&interface.note))?;
    }
    let counters = interface.counters.iter().filter(|(_, count)| **count > 0);
    let counters: Vec<String> = counters
        .map(|(name, number)| format!("{name} {}", count(*number)))
        .collect();
    let mut line = String::from(" ");
    for text in counters {
        if width(&line) + width(&text) + 2 > look.width && line.len() > 1 {
            writeln!(out, "{line}")?;
            line = String::from(" ");
        }
        line.push_str(&format!(" {text} "));
    }
    if line.len() > 1 {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

const WORKERS: [&str; 11] = [
    "WORKER",
    "CPU",
    "PACKETS/S",
    "BITS/S",
    "FLOWS",
    "RING",
    "OWED",
    "P50 µs",
    "P99 µs",
    "P99.9 µs",
    "MAX µs",
];

fn worker(worker: &Worker) -> Vec<String> {
    let burst = worker.burst_us;
    let micros = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.1}"));
    vec![
        worker.number.to_string(),
        worker
            .cpu
            .map_or_else(|| "-".to_owned(), |cpu| cpu.to_string()),
        count(worker.rate.packets_per_second),
        bits(worker.rate.bits_per_second),
        count(worker.flows),
        format!("{}/{}", worker.ring_fill, worker.ring_capacity),
        count(worker.owed),
        micros(burst.map(|burst| burst.p50)),
        micros(burst.map(|burst| burst.p99)),
        micros(burst.map(|burst| burst.p999)),
        micros(burst.map(|burst| burst.max)),
    ]
}

/// A number of bits in decimal units: `1.2 Mbit`.
pub fn bits(number: u64) -> String {
    bytes(number).replace('B', "bit")
}

/// Rows under titles, each column as wide as it needs: the first to the left, numbers to the
/// right.
fn grid<const N: usize>(
    titles: &[&str; N],
    rows: impl Iterator<Item = Vec<String>>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows: Vec<Vec<String>> = rows.collect();
    let mut widths = titles.map(width);
    for row in &rows {
        for (own, cell) in widths.iter_mut().zip(row) {
            *own = (*own).max(width(cell));
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (place, (cell, &columns)) in cells.zip(&widths).enumerate() {
            if place == 0 {
                line.push_str(&fit(cell, columns));
                continue;
            }
            line.extend(std::iter::repeat_n(' ', 2 + columns - width(cell)));
            line.push_str(cell);
        }
        line.trim_end().to_owned()
    };
    writeln!(out, "{}", look.bold(&line(&mut titles.iter().copied())))?;
    for row in &rows {
        writeln!(out, "{}", line(&mut row.iter().map(String::as_str)))?;
    }
    Ok(())
}
