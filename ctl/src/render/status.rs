//! How the engine does, for people: one block for each part, the verdict last. It measures
//! nothing and judges nothing.

use std::io::{self, Write};

use medtap_table::vocabulary::Delivery;

use super::text::{bytes, clean, count, fit, span, time, width};
use super::{Look, StatusOutput, json};
use crate::failure::Failure;
use crate::status::{InterfaceStatus, Memory, RegionStatus, Status, Worker};

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
        let newest = &status.engine.rules_generation;
        let rows = status.workers.iter().map(|each| worker(each, newest));
        grid(&WORKERS, rows, look, out)?;
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
    let full = |region: &&RegionStatus| region.used >= region.capacity;
    for region in status.regions.iter().filter(full) {
        let Some(setting) = region.setting() else {
            continue;
        };
        let line = format!(
            "full: {}; what is new finds no room until medtapd starts with more `{setting}`",
            region.name
        );
        writeln!(out, "{}", look.alert(&line))?;
    }
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
    let size = bytes(engine.table_bytes);
    let layout = format!(
        "{}, layout {}, {size}",
        clean(&engine.table),
        engine.layout_version
    );
    row(out, "table", &layout)?;
    if let Some(memory) = &status.memory {
        let at_most = bytes(memory.said_bytes);
        let taken = bytes(memory.taken_bytes);
        row(
            out,
            "memory",
            &format!("at most {at_most}; taken {taken} beside the table"),
        )?;
        show_memory(memory, look, out)?;
    }
    Ok(())
}

/// What was said at the start, by what for, in lines no wider than the screen.
fn show_memory(memory: &Memory, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let parts = memory
        .said
        .iter()
        .map(|part| format!("{} {}", part.purpose, bytes(part.bytes)));
    let indent = " ".repeat(13);
    let mut line = String::new();
    for part in parts {
        if !line.is_empty() && indent.len() + width(&line) + width(&part) + 2 > look.width {
            writeln!(out, "{indent}{line},")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&part);
    }
    writeln!(out, "{indent}{line}")
}

fn show_interface(interface: &InterfaceStatus, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let name = clean(&interface.name);
    let flags = interface.flags.join(" ");
    writeln!(out, "{} {name}  {flags}", look.bold("interface"))?;
    // Those of a packet ring belong to no queue.
    let sockets = match interface.delivery == Delivery::Ring.name() {
        true => interface.sockets.to_string(),
        false => format!("{} × {}", interface.queues, interface.sockets),
    };
    writeln!(
        out,
        "  attach {}, delivery {}, {sockets} sockets, MTU {}, {} frames of {} bytes",
        interface.attach,
        interface.delivery,
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

const WORKERS: [&str; 12] = [
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
    "RULES",
];

/// The cells of a worker. Rules that are not the newest are marked.
fn worker(worker: &Worker, newest: &str) -> Vec<String> {
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
        match worker.rules_generation == newest {
            true => worker.rules_generation.clone(),
            false => format!("{} old", worker.rules_generation),
        },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::State;
    use crate::reading::Rate;
    use crate::status::{Engine, Latency, Loss, Part, RegionStatus};
    use medtap_inventory::model::Time;
    use medtap_table::Region;
    use std::collections::BTreeMap;

    const BEGIN: Time = Time(1_787_047_200_000_000_000);
    const NOW: Time = Time(1_787_050_861_000_000_000);

    fn sample() -> Status {
        Status {
            engine: Engine {
                state: State::Running,
                table: "live.table".to_owned(),
                pid: Some(712),
                started: Some(BEGIN),
                heartbeat: Some(NOW),
                stopped: None,
                layout_version: 3,
                table_bytes: 130_000_000,
                rules_generation: "00000000000000aa".to_owned(),
                rules_agree: false,
            },
            interfaces: vec![InterfaceStatus {
                name: "mirror0".to_owned(),
                index: 3,
                attach: "native",
                delivery: "zero-copy",
                queues: 4,
                sockets: 1,
                mtu: 9000,
                frame_bytes: 4096,
                frames: 16_384,
                flags: vec!["up", "promiscuous"],
                note: "\u{1b}[2Jhuge pages: none".to_owned(),
                counters: BTreeMap::from([("delivered", 1_234), ("ring_full", 0)]),
            }],
            workers: vec![worker()],
            regions: vec![
                RegionStatus {
                    region: Region::Subjects,
                    name: "subjects",
                    used: 65_536,
                    capacity: 65_536,
                    refused: 3,
                },
                RegionStatus {
                    region: Region::Heap,
                    name: "heap",
                    used: 1_000_000,
                    capacity: 16_000_000,
                    refused: 0,
                },
            ],
            memory: Some(Memory {
                said_bytes: 1_006_777_216,
                said: [
                    ("flows", 800_000_000),
                    ("copies and fragments", 60_000_000),
                    ("table", 130_000_000),
                    ("frames", 16_777_216),
                ]
                .map(|(purpose, bytes)| Part { purpose, bytes })
                .into(),
                taken_bytes: 512_000_000,
            }),
            losses: vec![Loss {
                interface: Some("mirror0".to_owned()),
                counter: "ring_full",
                count: 9,
            }],
            contradictions: Vec::new(),
        }
    }

    fn worker() -> Worker {
        Worker {
            number: 0,
            cpu: Some(2),
            beat: Some(NOW),
            rate: Rate {
                packets_per_second: 1_500_000,
                bits_per_second: 9_800_000_000,
            },
            flows: 70_000,
            ring_fill: 12,
            ring_capacity: 8_192,
            owed: 0,
            burst_us: Some(Latency {
                p50: 4.1,
                p99: 11.0,
                p999: 40.2,
                max: 812.9,
            }),
            rules_generation: "0000000000000009".to_owned(),
            counters: BTreeMap::new(),
        }
    }

    fn written(status: &Status) -> String {
        let look = Look {
            width: 80,
            colour: false,
        };
        let mut out = Vec::new();
        write(status, look, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    const EXPECTED: &str = "\
engine running, process 712
  up since   2026-08-18 10:00:00 UTC, 1 h 1 min
  heartbeat  2026-08-18 11:01:01 UTC
  rules      00000000000000aa, not yet with all workers
  table      live.table, layout 3, 130.0 MB
  memory     at most 1.0 GB; taken 512.0 MB beside the table
             flows 800.0 MB, copies and fragments 60.0 MB, table 130.0 MB,
             frames 16.8 MB

interface mirror0  up promiscuous
  attach native, delivery zero-copy, 4 × 1 sockets, MTU 9000, 16,384 frames of 4096 bytes
  why: \\u{1b}[2Jhuge pages: none
  delivered 1,234

WORKER CPU PACKETS/S BITS/S FLOWS RING OWED P50 µs P99 µs P99.9 µs MAX µs RULES
0 2 1,500,000 9.8 Gbit 70,000 12/8192 0 4.1 11.0 40.2 812.9 0000000000000009 old

TABLE       USED     ROOM   FULL  REFUSED
subjects  65,536   65,536  100 %        3
heap      1.0 MB  16.0 MB    6 %        0

full: subjects; what is new finds no room until medtapd starts with more `subjects`
lost: mirror0 ring_full 9
everything adds up
";

    #[test]
    fn the_page_is_the_one_that_was_approved() {
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = written(&sample());
        for (line, expected) in page.lines().zip(EXPECTED.lines()) {
            assert_eq!(squeeze(line), squeeze(expected));
        }
        assert_eq!(page.lines().count(), EXPECTED.lines().count());
    }

    #[test]
    fn the_sockets_of_a_packet_ring_belong_to_no_queue() {
        let mut status = sample();
        status.interfaces[0].delivery = Delivery::Ring.name();
        status.interfaces[0].sockets = 4;
        let page = written(&status);
        assert!(
            page.contains("delivery packet-ring, 4 sockets, MTU"),
            "{page}"
        );
    }

    #[test]
    fn what_does_not_add_up_comes_last() {
        let status = Status {
            losses: Vec::new(),
            contradictions: vec!["a: 1 is not 2".to_owned()],
            ..sample()
        };
        let page = written(&status);
        let end = "nothing was lost\ndoes not add up: a: 1 is not 2\n";
        assert!(page.ends_with(end), "{page}");
    }
}
