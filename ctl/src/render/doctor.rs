//! What the doctor found, for people: a line for each thing, and below it what to change and how.
//! It judges nothing.

use std::io::{self, Write};

use super::text::clean;
use super::{Look, StatusOutput, json};
use crate::doctor::{Finding, Verdict};
use crate::failure::Failure;

/// Shows the findings on standard output.
pub fn show(findings: &[Finding], output: StatusOutput) -> Result<(), Failure> {
    super::print(|out| match output {
        StatusOutput::Table => write(findings, Look::of_stdout(), out),
        StatusOutput::Json => json::pretty(&findings, out),
    })
}

fn write(findings: &[Finding], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut interface = None;
    for (place, finding) in findings.iter().enumerate() {
        let of = finding.interface.as_deref();
        if place == 0 || of != interface {
            let title = of.map_or_else(|| "machine".to_owned(), |it| format!("interface {it}"));
            let gap = if place == 0 { "" } else { "\n" };
            writeln!(out, "{gap}{}", clean(&title))?;
            interface = of;
        }
        let mark = match finding.verdict {
            Verdict::Good => "ok ",
            Verdict::Unknown => "?  ",
            Verdict::Improvable => "!  ",
            Verdict::Bad => "!! ",
        };
        let line = format!("  {mark}{}: {}", finding.subject, clean(&finding.found));
        if finding.verdict >= Verdict::Improvable {
            writeln!(out, "{}", look.alert(&line))?;
        } else {
            writeln!(out, "{line}")?;
        }
        if !finding.advice.is_empty() {
            writeln!(out, "       {}", clean(&finding.advice))?;
        }
        if let Some(command) = &finding.command {
            writeln!(out, "       {}", look.bold(&clean(command)))?;
        }
    }
    let changes = findings
        .iter()
        .filter(|it| it.verdict >= Verdict::Improvable)
        .count();
    match changes {
        0 => writeln!(out, "\nnothing to change"),
        1 => writeln!(out, "\n1 thing to change"),
        more => writeln!(out, "\n{more} things to change"),
    }
}
