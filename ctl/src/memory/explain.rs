//! `medtap explain --identity`: which keys are a device's, and why what belongs to it does. It
//! tells what memory wrote down when it decided, and decides nothing again.

use std::io::{self, Write};

use medtap_inventory::history::Identity;

use super::arguments::Explain;
use super::{place, show};
use crate::failure::Failure;
use crate::render;

/// Explains a device's identity.
pub fn run(command: &Explain) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    let identity = store.identity(&command.id)?;
    show::one(&identity, command.shown.output, |out| write(&identity, out))
}

fn write(identity: &Identity, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "device {}", identity.id)?;
    for alias in &identity.aliases {
        writeln!(out, "  was also called {alias}")?;
    }
    writeln!(out, "\nKeys, the strongest kind first:")?;
    for key in &identity.keys {
        let hand = if key.by_hand { ", by hand" } else { "" };
        let period = render::period(key.first, key.last);
        let text = render::clean(&key.key).into_owned();
        writeln!(out, "  {:10} {text}  ({period}{hand})", key.kind)?;
    }
    if identity.joins.is_empty() {
        return writeln!(out, "\nNothing was joined: one record.");
    }
    writeln!(out, "\nJoined:")?;
    for join in &identity.joins {
        let key = render::clean(&join.key).into_owned();
        let other = render::clean(&join.other).into_owned();
        let person = match join.person.is_empty() {
            true => String::new(),
            false => format!(", said {}", render::clean(&join.person)),
        };
        let time = render::time(join.time);
        writeln!(out, "  {time}  {other}: {} ({key}){person}", join.reason)?;
    }
    Ok(())
}
