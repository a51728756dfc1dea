//! `medtap context`: spreadsheets of the site's systems in, differences out; and `--context` of
//! `medtap analyze`. Every row that is left out is told with its line and reason.

use std::collections::HashMap;
use std::path::Path;

use medtap_inventory::context::{
    Asset, ColumnMap, Difference, Kind, NAMES, Rejected, Sheet, attach, read,
};
use medtap_inventory::history::Person;
use medtap_inventory::model::{Inventory, Time};

use super::arguments::{self, Context};
use super::place;
use super::show::{self, Column, column};
use crate::failure::{Code, Exit, Failure};
use crate::live;
use crate::render;

/// Rejected rows that are told one by one.
const TOLD_MAX: usize = 100;
const DAY_NS: u64 = 24 * 3_600_000_000_000;

/// Runs one of the commands.
pub fn run(command: &Context, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        Context::Import(command) => import(command, exit),
        Context::Reconcile(command) => reconcile(command),
        Context::Map => show::text(|out| {
            writeln!(out, "source = \"cmms\"\ndays = [\"%d.%m.%Y\"]\n\n[columns]")?;
            for named in NAMES {
                let kind = match named.kind {
                    Kind::Text => "text".to_owned(),
                    Kind::Day => "day".to_owned(),
                    Kind::Flag => "yes or no".to_owned(),
                    Kind::Count => "number".to_owned(),
                    Kind::OneOf(words) => words.join(", "),
                    Kind::Mac => "MAC address".to_owned(),
                    Kind::Address => "IP address".to_owned(),
                };
                let (name, meaning) = (named.name, named.meaning);
                writeln!(out, "{name} = \"{name}\"  # {meaning} ({kind})")?;
            }
            Ok(())
        }),
    }
}

/// Reads a spreadsheet, and tells what was left out.
fn sheet(path: &Path, map: &ColumnMap, exit: &mut Exit) -> Result<Sheet, Failure> {
    let name = path.display();
    let bytes =
        std::fs::read(path).map_err(|error| Failure::io(format!("{name}: {error}"), &error))?;
    let sheet = read(&bytes, map).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    rejected(path, &sheet.rejected, sheet.rejected_count, exit);
    Ok(sheet)
}

/// Tells rows that were left out.
pub fn rejected(path: &Path, rejected: &[Rejected], count: usize, exit: &mut Exit) {
    let name = path.display();
    for row in rejected.iter().take(TOLD_MAX) {
        exit.say(
            Code::Partial,
            &format!("{name}:{}: {}", row.line, row.reason),
        );
    }
    if count > TOLD_MAX {
        let more = count - TOLD_MAX;
        exit.say(
            Code::Partial,
            &format!("{name}: {more} more rows were left out"),
        );
    }
}

fn import(command: &arguments::Import, exit: &mut Exit) -> Result<(), Failure> {
    let map = match &command.map {
        Some(path) => ColumnMap::parse(&place::read(path)?)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?,
        None => ColumnMap::plain(),
    };
    let sheet = sheet(&command.file, &map, exit)?;
    if command.map.is_some() && !sheet.missing.is_empty() {
        let missing = sheet.missing.join(", ");
        let name = command.file.display();
        exit.say(
            Code::Partial,
            &format!("{name}: no columns named {missing}"),
        );
    }
    let who = command.who.clone().or_else(|| std::env::var("USER").ok());
    let by = Person {
        name: who.unwrap_or_else(|| "unknown".to_owned()),
        why: format!("import of {}", command.file.display()),
        at_ns: live::now_ns(),
    };
    let mut store = place::open_to_write(&command.place)?;
    let done = store.import_assets(&map.source, &sheet.assets, &by, command.dry_run)?;
    let would = if command.dry_run {
        "would take over"
    } else {
        "took over"
    };
    let text = format!(
        "{would} {} ({}): {} new, {} changed, {} as before, {} gone; {} are a device that was \
         seen; {} left out",
        render::several(sheet.assets.len() as u64, "asset"),
        sheet.encoding,
        done.new,
        done.changed,
        done.same,
        done.gone,
        done.matched,
        render::several(sheet.rejected_count as u64, "row")
    );
    exit.say(Code::Done, &text);
    Ok(())
}

const DIFFERENCES: &[Column<Difference>] = &[
    column("difference", |d| d.difference.name().to_owned()),
    column("asset_tag", |d| d.asset_tag.clone().unwrap_or_default()),
    column("device", |d| d.device.clone().unwrap_or_default()),
    column("listed", |d| d.listed.clone()),
    column("seen", |d| d.seen.clone()),
];

fn reconcile(command: &arguments::Reconcile) -> Result<(), Failure> {
    let mut store = place::open_to_write(&command.dated.place)?;
    // Since the import, others were seen.
    store.match_assets()?;
    let now = Time(command.dated.as_of.unwrap_or_else(live::now_ns));
    let differences = store.reconcile(now, command.days.saturating_mul(DAY_NS))?;
    show::rows(&differences, DIFFERENCES, command.dated.shown.output)
}

/// Reads a spreadsheet whose columns bear our own names.
pub fn plain_sheet(path: &Path, exit: &mut Exit) -> Result<Sheet, Failure> {
    sheet(path, &ColumnMap::plain(), exit)
}

/// Adds what a spreadsheet says to what a run found. Gives the asset of each device.
pub fn add(
    path: &Path,
    sheet: &Sheet,
    inventory: &mut Inventory,
    exit: &mut Exit,
) -> HashMap<String, Asset> {
    let matched = attach(inventory, &sheet.assets);
    let text = format!(
        "{}: {} of {} are a device that was seen",
        path.display(),
        matched.len(),
        render::several(sheet.assets.len() as u64, "asset")
    );
    exit.say(Code::Done, &text);
    matched
}
