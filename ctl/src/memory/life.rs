//! `medtap lifecycle`, `medtap findings`, `medtap location`: where in its life a device is, what
//! somebody should look at, and where it stands. It shows who said so.

use std::io::{self, Write};

use medtap_inventory::history::Person;
use medtap_inventory::model::Time;
use medtap_inventory::people::{
    LifeRow, Maintenance, MemoryFinding, PlaceColumns, PlaceFile, Placed, read_mac_table,
    read_places,
};

use super::arguments::{Dated, Life, Location, LocationImport, UsageOf};
use super::show::{self, Column, column};
use super::{context, place};
use crate::failure::{Code, Exit, Failure};
use crate::live;
use crate::render;

const LIVES: &[Column<LifeRow>] = &[
    column("device", |l| l.device.clone().unwrap_or_default()),
    column("asset_tag", |l| l.asset_tag.clone().unwrap_or_default()),
    column("lifecycle", |l| l.lifecycle.name().to_owned()),
    column("said_by", |l| l.said_by.to_owned()),
    column("ghost", |l| if l.ghost { "ghost" } else { "" }.to_owned()),
    column("first_seen", |l| {
        l.first_seen.map(render::time).unwrap_or_default()
    }),
    column("last_seen", |l| {
        l.last_seen.map(render::time).unwrap_or_default()
    }),
];

fn now(dated: &Dated) -> Time {
    Time(dated.as_of.unwrap_or_else(live::now_ns))
}

/// Shows or sets where in its life a device is.
pub fn lifecycle(command: &Life, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        Life::List(dated) => {
            let lives = place::open(&dated.place)?.lives(now(dated))?;
            show::rows(&lives, LIVES, dated.shown.output)
        }
        Life::Set(command) => {
            let by = place::person(&command.by)?;
            let mut store = place::open_to_write(&command.place)?;
            store.set_lifecycle(&command.device, command.state, &by)?;
            let text = format!("{} is {} now", command.device, command.state.name());
            exit.say(Code::Done, &text);
            Ok(())
        }
    }
}

const FINDINGS: &[Column<MemoryFinding>] = &[
    column("finding", |f| f.finding.to_owned()),
    column("device", |f| f.device.clone().unwrap_or_default()),
    column("asset_tag", |f| f.asset_tag.clone().unwrap_or_default()),
    column("evidence", |f| f.evidence.clone()),
];

/// Shows what somebody should look at, and what it rests on.
pub fn findings(command: &Dated, exit: &mut Exit) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    let findings = store.findings(now(command))?;
    let coverage = store.coverage(&medtap_inventory::people::Declared::default())?;
    exit.say(Code::Done, &coverage.sentence());
    show::rows(&findings, FINDINGS, command.shown.output)
}

/// Shows how a device is looked after.
pub fn maintenance(command: &UsageOf) -> Result<(), Failure> {
    let dated = &command.dated;
    let store = place::open(&dated.place)?;
    let looked = store.maintenance(&command.device, now(dated))?;
    show::one(&looked, dated.shown.output, |out| describe(&looked, out))
}

fn describe(looked: &Maintenance, out: &mut dyn Write) -> io::Result<()> {
    let day = |day: &Option<String>| day.clone().unwrap_or_else(|| "not known".to_owned());
    let overdue = if looked.overdue { ", overdue" } else { "" };
    writeln!(out, "device {}", looked.device)?;
    writeln!(out, "last maintenance: {}", day(&looked.last_maintenance))?;
    writeln!(
        out,
        "next maintenance: {}{overdue}",
        day(&looked.next_maintenance)
    )?;
    match (looked.clock_offset_seconds, looked.clock_source) {
        (Some(0), Some(source)) => writeln!(out, "clock: right ({source})")?,
        (Some(offset), Some(source)) => writeln!(out, "clock: {offset:+} s ({source})")?,
        _ => writeln!(out, "clock: not shown")?,
    }
    writeln!(out, "\nin the last 90 days")?;
    for change in looked.restarts.iter().chain(&looked.versions) {
        let kind = change.change.name();
        let (old, new) = (render::clean(&change.old), render::clean(&change.new));
        let time = render::time(change.time);
        writeln!(out, "{time}  {kind} {}: {old} -> {new}", change.subject)?;
    }
    for occasion in &looked.seen {
        let hour = render::time(occasion.last_hour);
        writeln!(
            out,
            "{}: {}, last in the hour of {hour}",
            occasion.event, occasion.count
        )?;
    }
    for visitor in &looked.visitors {
        let who = visitor.device.as_deref().unwrap_or("outside");
        let (first, last) = (
            render::time(visitor.first_seen),
            render::time(visitor.last_seen),
        );
        writeln!(out, "{} from {who}: {first} to {last}", visitor.protocol)?;
    }
    Ok(())
}

const PLACES: &[Column<Placed>] = &[
    column("device", |p| p.device.clone()),
    column("place", |p| p.place.clone().unwrap_or_default()),
    column("said_by", |p| {
        p.origin
            .map(|origin| origin.name().to_owned())
            .unwrap_or_default()
    }),
    column("conflicts", |p| {
        let conflict = |(origin, place): &(medtap_inventory::people::Origin, String)| {
            format!("{}: {place}", origin.name())
        };
        p.conflicts
            .iter()
            .map(conflict)
            .collect::<Vec<_>>()
            .join("; ")
    }),
    column("host", |p| p.host.clone().unwrap_or_default()),
];

/// Shows or says where devices are.
pub fn location(command: &Location, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        Location::List(command) => {
            let map = match &command.map {
                Some(path) => PlaceFile::parse(&place::read(path)?)
                    .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?,
                None => PlaceFile::default(),
            };
            let placed = place::open(&command.place)?.places(&map)?;
            show::rows(&placed, PLACES, command.shown.output)
        }
        Location::Set(command) => {
            let by = place::person(&command.by)?;
            let mut store = place::open_to_write(&command.place)?;
            Ok(store.place_by_hand(&command.device, &command.location, &by)?)
        }
        Location::Import(command) => import(command, exit),
    }
}

fn import(command: &LocationImport, exit: &mut Exit) -> Result<(), Failure> {
    let name = command.file.display();
    let bytes = std::fs::read(&command.file)
        .map_err(|error| Failure::io(format!("{name}: {error}"), &error))?;
    let columns = PlaceColumns {
        mac: command.mac_column.clone(),
        place: command.place_column.clone(),
    };
    let (rows, rejected) = match &command.switch {
        Some(switch) => (read_mac_table(&bytes, switch), Vec::new()),
        None => read_places(&bytes, &columns)
            .map_err(|error| Failure::new(format!("{name}: {error}")))?,
    };
    context::rejected(&command.file, &rejected, rejected.len(), exit);
    let who = command.who.clone().or_else(|| std::env::var("USER").ok());
    let by = Person {
        name: who.unwrap_or_else(|| "unknown".to_owned()),
        why: format!("import of {name}"),
        at_ns: live::now_ns(),
    };
    let mut store = place::open_to_write(&command.place)?;
    let known = store.import_places(command.origin, &rows, &by)?;
    let rows = render::several(rows.len() as u64, "place");
    exit.say(
        Code::Done,
        &format!("took over {rows}, {known} of devices that were seen"),
    );
    Ok(())
}
