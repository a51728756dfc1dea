//! `medtap devices` and `medtap device`: from a table to the screen; and what every listing of
//! devices has in common.

use medtap_inventory::model::{Device, Inventory, Time};
use medtap_inventory::trace::Rulings;
use medtap_inventory::{Extent, Join, Options, Resolution};
use medtap_rules::Rules;
use medtap_table::TableReader;
use medtap_table::vocabulary::Counter;

use crate::arguments;
use crate::assess;
use crate::expression::Expression;
use crate::failure::{Code, Exit, Failure};
use crate::find::find;
use crate::live::{self, State};
use crate::render::{self, Listing, Look, Output, Page};
use crate::roster::Roster;

/// Shows the devices of a table.
pub fn run(command: &arguments::Devices, exit: &mut Exit) -> Result<(), Failure> {
    let selection = &command.selection;
    let asked = selection.filter.is_some() || selection.fail_on.is_some();
    let judged = command.assessing.is_given();
    let typed = command.table.as_of.is_some() || command.table.rules.is_some();
    if selection.output == Output::Table && !(asked || judged || typed || command.now) {
        let path = live::path(command.table.table.as_deref());
        let table = open_at(&command.table)?;
        if let Some(roster) = Roster::of(&path, &table) {
            live::say(&table, exit);
            return render::print(|out| roster.write(Look::of_stdout(), out));
        }
    }
    let rules = load_rules(command.table.rules.as_deref())?;
    let extent = extent(selection, judged);
    let (table, mut inventory, _) = open_as(&command.table, extent, exit)?;
    assess::where_asked(&mut inventory, &rules, &command.assessing, exit)?;
    show(&table, &inventory, &command.selection, exit)
}

/// How much of the devices is made. What people are shown is little; what is compared or judged may
/// be anything.
pub fn extent(selection: &arguments::Selection, judged: bool) -> Extent {
    let asked = selection.filter.is_some() || selection.fail_on.is_some();
    match selection.output {
        _ if asked || judged => Extent::Whole,
        Output::Table | Output::Wide => Extent::Listed,
        Output::Json | Output::Jsonl | Output::Csv => Extent::Shown,
    }
}

/// Shows one device of a table.
pub fn run_one(command: &arguments::Device, exit: &mut Exit) -> Result<(), Failure> {
    let rules = load_rules(command.table.rules.as_deref())?;
    let (_, mut inventory, joins) = open(&command.table, exit)?;
    assess::where_asked(&mut inventory, &rules, &command.assessing, exit)?;
    let page = Page {
        device: find(&inventory, &command.id)?,
        inventory: &inventory,
        joins: &joins,
        rules: &rules,
    };
    render::one(&page, command.output, Look::of_stdout())
}

/// Opens a table and says what is wrong with it, short of being unreadable.
pub fn open(
    options: &arguments::Table,
    exit: &mut Exit,
) -> Result<(TableReader, Inventory, Vec<Join>), Failure> {
    open_as(options, Extent::Whole, exit)
}

fn open_at(options: &arguments::Table) -> Result<TableReader, Failure> {
    // A path that was typed may be meant as a saved table's: only without one, nobody runs.
    match &options.table {
        Some(path) => Ok(TableReader::open(path)?),
        None => live::open(&live::path(None)),
    }
}

fn open_as(
    options: &arguments::Table,
    extent: Extent,
    exit: &mut Exit,
) -> Result<(TableReader, Inventory, Vec<Join>), Failure> {
    let path = live::path(options.table.as_deref());
    let table = open_at(options)?;
    let is_live = State::of(&table, live::now_ns()) != State::Saved;
    let as_of = options.as_of.map(Time);
    let as_of = as_of.or(is_live.then(|| Time(live::changed_ns(&table))));
    let (inventory, joins) = {
        let found = Resolution::new(&table, &Options { as_of }, &Rulings::default());
        (found.inventory(extent), found.joins())
    };
    live::say(&table, exit);
    let name = path.display();
    if inventory.partial {
        let text = match is_live {
            true => format!("{name}: an interface that is to be listened to is not there"),
            false => format!("{name}: was made of input of which a part could not be read"),
        };
        exit.say(Code::Partial, &text);
    }
    let lost = table.skipped() + table.torn();
    if lost > 0 {
        let records = render::several(lost, "record");
        let text = format!("{name}: not read: {records} that make no sense to this version");
        exit.say(Code::Partial, &text);
    }
    say_unread(&table, &[], exit);
    Ok((table, inventory, joins))
}

/// Says that there were packets of link types that nobody here can read, and which these are as
/// far as that is known.
pub fn say_unread(table: &TableReader, links: &[u16], exit: &mut Exit) {
    let number = table.counter(Counter::UnknownLink);
    if number == 0 {
        return;
    }
    let links: Vec<String> = links.iter().map(u16::to_string).collect();
    let which = match links.as_slice() {
        [] => String::new(),
        links => format!(" ({})", links.join(", ")),
    };
    let text = format!(
        "not read: {} of an unknown link type{which}; known are Ethernet, Linux cooked, raw IP \
         and null or loop",
        render::several(number, "packet")
    );
    exit.say(Code::Partial, &text);
}

/// The rules that ship, and a site's own over them.
pub fn load_rules(folder: Option<&std::path::Path>) -> Result<Rules, Failure> {
    Rules::load(folder).map_err(|error| Failure::rules(&error))
}

/// Notes whether a device matches `--fail-on`.
pub fn fail_on(inventory: &Inventory, condition: Option<&Expression>, exit: &mut Exit) {
    let Some(condition) = condition else {
        return;
    };
    let devices = inventory.devices.iter();
    let matching: Vec<&Device> = devices.filter(|device| condition.matches(device)).collect();
    if let Some(first) = matching.first() {
        let number = render::several(matching.len() as u64, "device");
        let text = format!("{number} matched --fail-on, the first is {}", first.id);
        exit.say(Code::Matched, &text);
    }
}

/// Shows the devices that were asked for, and notes whether one matches `--fail-on`.
pub fn show(
    table: &TableReader,
    inventory: &Inventory,
    selection: &arguments::Selection,
    exit: &mut Exit,
) -> Result<(), Failure> {
    fail_on(inventory, selection.fail_on.as_ref(), exit);
    let limits_hit = inventory.source.limits_hit;
    if limits_hit > 0 && matches!(selection.output, Output::Jsonl | Output::Csv) {
        // The other outputs say it themselves.
        let records = render::several(limits_hit, "record");
        exit.say(
            Code::Done,
            &format!("limits refused {records}; something may be missing"),
        );
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
