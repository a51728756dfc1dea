//! A Telnet server's first words: the whole lines that it writes before its client writes any. It
//! keeps no prompt, no line that speaks of a log-in, and nothing that follows one.

use medtap_table::vocabulary::Field;

use crate::config::{
    TELNET_BANNER_BYTES_MAX, TELNET_BANNER_LINE_BYTES_MAX, TELNET_BANNER_LINES_MAX,
};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::reported;
use crate::proto::stack_text::StackText;

/// Bytes of the shortest line that says anything.
const LINE_BYTES_MIN: usize = 4;

/// Words beside which a user's name may stand, or after which a server waits: a line with one ends
/// the banner untold.
const LOG_IN: [&[u8]; 7] = [
    b"login",
    b"logon:",
    b"user:",
    b"name:",
    b"account:",
    b"password:",
    b"setup mode",
];

const ESCAPE: u8 = 0x1b;

/// Where in a terminal's control sequence (ECMA-48) the text is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Control {
    #[default]
    None,
    Escape,
    Sequence,
}

/// The lines so far. They are held until the client spoke: where it cannot be heard, nothing
/// says that it has not answered.
#[derive(Default)]
pub struct Banner {
    over: bool,
    control: Control,
    line: StackText<TELNET_BANNER_LINE_BYTES_MAX>,
    /// The line is longer than is told.
    long: bool,
    /// Whole lines that are not told yet, each with a line feed.
    held: StackText<TELNET_BANNER_BYTES_MAX>,
    lines: u8,
}

impl Banner {
    /// What follows is an answer to somebody, or its place is not known.
    pub const fn close(&mut self) {
        self.over = true;
    }

    /// Reads a byte of the server's text.
    pub fn push(&mut self, byte: u8) {
        if self.over {
            return;
        }
        match (self.control, byte) {
            (Control::None, ESCAPE) => self.control = Control::Escape,
            (Control::None, b'\r' | b'\n') => self.end_line(),
            (Control::None, b'\t') => self.long |= !self.line.push(b" "),
            (Control::None, 0..b' ' | 0x7f) => {}
            (Control::None, _) => self.long |= !self.line.push(&[byte]),
            (Control::Escape, b'[') => self.control = Control::Sequence,
            // Strings to the terminal, such as its window's title.
            (Control::Escape, b']' | b'P' | b'X' | b'^' | b'_') => self.close(),
            (Control::Escape, b' '..=b'/') | (Control::Sequence, b' '..=b'?') => {}
            // A colour stays in its line; all else moves the cursor to another place.
            (Control::Sequence, b'm') => self.control = Control::None,
            (Control::Escape | Control::Sequence, _) => {
                self.control = Control::None;
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.long) {
            return;
        }
        let has = |word: &&[u8]| {
            let mut windows = line.as_bytes().windows(word.len());
            windows.any(|window| window.eq_ignore_ascii_case(word))
        };
        self.over |= LOG_IN.iter().any(has);
        if !self.over
            && let Some(told) = tellable(line.as_bytes())
            && self.held.push(told)
            && self.held.push(b"\n")
        {
            self.lines += 1;
            self.over = self.lines >= TELNET_BANNER_LINES_MAX;
        }
    }

    /// Tells the whole lines that are held.
    pub fn tell(&mut self, subject: Subject<'_>, emit: Emit<'_>) {
        if self.held.is_empty() {
            return;
        }
        let held = std::mem::take(&mut self.held);
        for value in held.as_bytes().split(|byte| *byte == b'\n') {
            if !value.is_empty() {
                emit(Observation::Fact {
                    subject,
                    field: Field::TelnetBanner,
                    value,
                });
            }
        }
    }
}

/// A line as it is told: printable text that is no prompt and names no person, without the
/// terminal that was given to this one connection.
fn tellable(line: &[u8]) -> Option<&[u8]> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let line = match line.rsplit_once(" (") {
        Some((head, last)) if last.starts_with("pts/") || last.starts_with("tty") => {
            head.trim_end()
        }
        _ => line,
    };
    let says = line.len() >= LINE_BYTES_MIN
        && line.chars().any(char::is_alphanumeric)
        && !line.chars().any(char::is_control)
        && !line.ends_with([':', '>', '#', '$'])
        && !reported::names_person(line.as_bytes());
    says.then_some(line.as_bytes())
}
