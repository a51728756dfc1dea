//! A bar on standard error for runs that last, where somebody is there to see it. It changes no
//! result and leaves nothing behind.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use medtap_engine::capture::pcap::Pcap;

/// Runs that are shorter show no bar.
const QUIET: Duration = Duration::from_millis(500);

/// How far a run is.
pub struct Progress {
    seen: bool,
    begin: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// At its beginning.
    pub fn new() -> Self {
        Self {
            seen: io::stderr().is_terminal(),
            begin: Instant::now(),
            bar: None,
        }
    }

    /// Takes over how far the input is read.
    pub fn update(&mut self, pcap: &Pcap) {
        if !self.seen || (self.bar.is_none() && self.begin.elapsed() < QUIET) {
            return;
        }
        let total = pcap.bytes_total();
        let bar = self.bar.get_or_insert_with(|| bar(total));
        bar.set_position(pcap.bytes_read());
        bar.set_message(format!("{} packets", crate::render::count(pcap.frames())));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {percent:>3} %  {bytes} of {total_bytes}, {msg}, {eta} left",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {bytes}, {msg}, {elapsed}",
        ),
    };
    // The templates are constants of this file; a broken one would show the default bar.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_sound() {
        for total in [Some(10), None] {
            let bar = bar(total);
            bar.set_position(5);
            bar.finish_and_clear();
        }
    }
}
