//! `medtap save`: a copy of the running engine's table in a file, which reads like it. The engine
//! does not notice.

use medtap_engine::capture::pcap::Input;

use crate::arguments;
use crate::failure::{Exit, Failure};
use crate::files::Destination;
use crate::live;

/// Saves the table.
pub fn run(command: &arguments::Save, exit: &mut Exit) -> Result<(), Failure> {
    let path = live::path(command.table.as_deref());
    let table = live::open(&path)?;
    let inputs = [Input::Path(path)];
    let destination = Destination::check_regular("save", &command.file, &inputs)?;
    table.save(destination.path())?;
    live::say(&table, exit);
    if table.torn() > 0 {
        let records = crate::render::several(table.torn(), "record");
        let text = format!("not saved: {records} that the engine did not finish");
        exit.say(crate::failure::Code::Partial, &text);
    }
    Ok(())
}
