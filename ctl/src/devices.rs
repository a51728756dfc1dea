//! `medtap devices` and `medtap device`: from a table to the screen; and what every listing of
//! devices has in common.

use medtap_inventory::model::{Device, Inventory};
use medtap_rules::Rules;
use medtap_table::TableReader;

use crate::arguments;
use crate::failure::{Code, Exit, Failure};
use crate::find::find;
use crate::render::{self, Listing, Look, Output};

/// Shows the devices of a table.
pub fn run(command: &arguments::Devices, exit: &mut Exit) -> Result<(), Failure> {
    let (table, inventory, _) = open(&command.table, exit)?;
    show(&table, &inventory, &command.selection, exit)
}

/// Shows one device of a table.
pub fn run_one(command: &arguments::Device, exit: &mut Exit) -> Result<(), Failure> {
    let (_, inventory, rules) = open(&command.table, exit)?;
    let device = find(&inventory, &command.id)?;
    render::one(device, &inventory, &rules, command.output, Look::of_stdout())
}

/// Opens a table and says what is wrong with it, short of being unreadable.
fn open(
    options: &arguments::Table,
    exit: &mut Exit,
) -> Result<(TableReader, Inventory, Rules), Failure> {
    let rules = load_rules(options.rules.as_deref())?;
    let table = TableReader::open(&options.table)?;
    let inventory = resolve(&table, &rules);
    let name = options.table.display();
    if inventory.partial {
        let text = format!("{name}: was made of input of which a part could not be read");
        exit.say(Code::Partial, &text);
    }
    let lost = table.skipped() + table.torn();
    if lost > 0 {
        let records = render::several(lost, "record");
        let text = format!("{name}: {records} can't be read and were left out");
        exit.say(Code::Partial, &text);
    }
    Ok((table, inventory, rules))
}

/// The rules that ship, and a site's own over them.
pub fn load_rules(folder: Option<&std::path::Path>) -> Result<Rules, Failure> {
    Rules::load(folder).map_err(|error| Failure::rules(&error))
}

/// What the table means.
pub fn resolve(table: &TableReader, rules: &Rules) -> Inventory {
    let _ = rules;
    medtap_inventory::resolve(table, &medtap_inventory::Options::default())
}

/// Shows the devices that were asked for, and notes whether one matches `--fail-on`.
pub fn show(
    table: &TableReader,
    inventory: &Inventory,
    selection: &arguments::Selection,
    exit: &mut Exit,
) -> Result<(), Failure> {
    if let Some(condition) = &selection.fail_on {
        let devices = inventory.devices.iter();
        let matching: Vec<&Device> = devices.filter(|device| condition.matches(device)).collect();
        if let Some(first) = matching.first() {
            let number = render::several(matching.len() as u64, "device");
            let text = format!("{number} matched --fail-on, the first is {}", first.id);
            exit.say(Code::Matched, &text);
        }
    }
    let limits_hit = inventory.source.limits_hit;
    if limits_hit > 0 && matches!(selection.output, Output::Jsonl | Output::Csv) {
        // The other outputs say it themselves.
        let records = render::several(limits_hit, "record");
        exit.say(Code::Done, &format!("limits refused {records}; something may be missing"));
    }
    let shown = |device: &&Device| {
        let filter = selection.filter.as_ref();
        filter.is_none_or(|filter| filter.matches(device))
    };
    let listing = Listing {
        inventory,
        devices: inventory.devices.iter().filter(shown).collect(),
        limits: table.limits_hit(),
    };
    render::list(&listing, selection.output, Look::of_stdout())
}
