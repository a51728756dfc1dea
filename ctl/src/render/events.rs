//! What happened, a line each, for people and for programs. It decides nothing about it.

use std::io::{self, Write};

use super::text::{ID_CHARS_SHORT, clean, fit, time};
use super::{LineOutput, Look, json};
use crate::events::{Happening, Kind};
use crate::failure::Failure;

/// Shows what happened; false when nobody reads any more.
pub fn show(happenings: &[Happening], output: LineOutput) -> Result<bool, Failure> {
    let look = Look::of_stdout();
    super::print_while_read(|out| {
        happenings.iter().try_for_each(|happening| match output {
            LineOutput::Jsonl => json::line(happening, out),
            LineOutput::Table => line(happening, look, out),
        })
    })
}

fn line(happening: &Happening, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let words = fit(happening.event.words(), 18);
    let words = match happening.event {
        Kind::Silent | Kind::EngineStopped | Kind::EngineRestarted => look.alert(&words),
        Kind::DeviceAppeared => look.bold(&words),
        _ => words,
    };
    let mut text = format!("{}  {words}", time(happening.time));
    if let Some(device) = &happening.device {
        let id: String = device.id.chars().take(ID_CHARS_SHORT).collect();
        text.push_str(&format!("  {id}  {}", clean(&device.label)));
    }
    let part = |value: &Option<String>| value.as_deref().map(|value| clean(value).into_owned());
    let detail = match (
        part(&happening.subject),
        part(&happening.old),
        part(&happening.new),
    ) {
        (Some(subject), Some(old), Some(new)) => format!("{subject}: {old} → {new}"),
        (Some(subject), None, Some(new)) => match happening.event {
            Kind::ServiceAppeared => format!("{subject} on {new}"),
            _ => format!("{subject}: {new}"),
        },
        (Some(subject), ..) => subject,
        (None, _, Some(new)) => new,
        (None, _, None) => String::new(),
    };
    if !detail.is_empty() {
        text.push_str("  ");
        text.push_str(&detail);
    }
    writeln!(out, "{}", text.trim_end())
}
