//! `medtap utilisation`, `medtap coverage`, `medtap policy`: how devices are used, what conclusions
//! rest on, and what devices need. Each conclusion comes with what it rests on.

use std::io::{self, Write};

use medtap_inventory::model::Time;
use medtap_inventory::people::{CoverageReport, Declared, Fleet, Friction, Syntax, Utilisation};

use super::arguments::{self, PolicyFormat};
use super::place;
use super::show::{self, Column, column};
use crate::failure::{Code, Exit, Failure};
use crate::live;
use crate::render;

/// Marks of a histogram, from nothing to the most.
const MARKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const FLEETS: &[Column<Fleet>] = &[
    column("category", |f| f.category.clone()),
    column("unit", |f| f.unit.clone()),
    column("devices", |f| f.devices.to_string()),
    column("used", |f| f.used.to_string()),
    column("in_use", |f| f.in_use.to_string()),
    column("idle", |f| f.idle.join(" ")),
];

const FRICTIONS: &[Column<Friction>] = &[
    column("model", |f| f.model.clone()),
    column("unit", |f| f.unit.clone()),
    column("devices", |f| f.devices.to_string()),
    column("events", |f| f.events.to_string()),
    column("percent", |f| format!("{:.1}", f.percent)),
    column("obstacles", |f| {
        let obstacles = f
            .obstacles
            .iter()
            .map(|(name, count)| format!("{name} {count}"));
        obstacles.collect::<Vec<_>>().join("; ")
    }),
];

fn now(dated: &arguments::Dated) -> Time {
    Time(dated.as_of.unwrap_or_else(live::now_ns))
}

/// Shows how devices are used.
pub fn utilisation(command: &arguments::Utilisation, exit: &mut Exit) -> Result<(), Failure> {
    let dated = match command {
        arguments::Utilisation::Device(command) => &command.dated,
        arguments::Utilisation::Fleet(command) => &command.dated,
        arguments::Utilisation::Friction(dated) => dated,
    };
    let store = place::open(&dated.place)?;
    let rests = match command {
        arguments::Utilisation::Device(command) => store.basis(&command.device)?.sentence(),
        _ => store.coverage(&Declared::default())?.sentence(),
    };
    exit.say(Code::Done, &rests);
    let format = dated.shown.output;
    match command {
        arguments::Utilisation::Device(command) => {
            let used = store.utilisation(&command.device, now(dated))?;
            show::one(&used, format, |out| describe(&used, out))
        }
        arguments::Utilisation::Fleet(command) => {
            show::rows(&store.fleets(now(dated), command.days)?, FLEETS, format)
        }
        arguments::Utilisation::Friction(_) => {
            show::rows(&store.frictions(now(dated))?, FRICTIONS, format)
        }
    }
}

fn describe(used: &Utilisation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "device {}: {}", used.device, used.category)?;
    let (online, active) = (used.hours_online, used.hours_active);
    writeln!(
        out,
        "in {} days: seen in {online} hours, active in {active}",
        used.days_known
    )?;
    writeln!(
        out,
        "{:.1} events a day, {} procedures",
        used.events_per_day, used.procedures
    )?;
    let quietest = used.quietest.as_deref();
    writeln!(
        out,
        "quietest hours (UTC): {}",
        quietest.unwrap_or("not known yet")
    )?;
    writeln!(
        out,
        "in use now: {}\n",
        if used.in_use { "yes" } else { "no" }
    )?;
    let most = used.histogram.iter().copied().max().unwrap_or(0).max(1);
    writeln!(out, "     0     6     12    18")?;
    for (day, hours) in DAYS.iter().zip(used.histogram.chunks(24)) {
        let mark = |count: &u64| {
            let place = usize::try_from((count * 8).div_ceil(most)).unwrap_or(0);
            MARKS.get(place).copied().unwrap_or('█')
        };
        writeln!(out, "{day}  {}", hours.iter().map(mark).collect::<String>())?;
    }
    writeln!(out)?;
    for (event, count) in &used.events {
        writeln!(out, "{event}: {count}")?;
    }
    Ok(())
}

/// Shows how much was looked at.
pub fn coverage(command: &arguments::Coverage) -> Result<(), Failure> {
    let declared = match &command.declared {
        Some(path) => Declared::parse(&place::read(path)?)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?,
        None => Declared::default(),
    };
    let report = place::open(&command.place)?.coverage(&declared)?;
    show::one(&report, command.shown.output, |out| write(&report, out))
}

fn write(report: &CoverageReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n", report.sentence())?;
    let seen = &report.seen;
    writeln!(
        out,
        "flows in one direction alone  {}",
        render::count(seen.one_way_flows)
    )?;
    writeln!(
        out,
        "flows that are encrypted      {}",
        render::count(seen.encrypted_flows)
    )?;
    writeln!(
        out,
        "flows that nobody knows       {}",
        render::count(seen.unknown_flows)
    )?;
    let read = &report.read;
    for (what, bytes) in [
        ("bytes that could be read    ", read.readable),
        ("bytes that are encrypted    ", read.encrypted),
        ("bytes in closed tunnels     ", read.tunnelled),
        ("bytes that nobody knows     ", read.unknown),
    ] {
        let share = read.percent(bytes);
        writeln!(out, "{what}  {}, {share} %", render::bytes(bytes))?;
    }
    writeln!(
        out,
        "records that limits refused   {}\n",
        render::count(seen.limits_hit)
    )?;
    for subnet in &report.subnets {
        let devices = render::several(subnet.devices as u64, "device");
        writeln!(out, "subnet {}: {devices}", subnet.subnet)?;
    }
    for vlan in &report.vlans {
        let devices = render::several(vlan.devices as u64, "device");
        let one_way = if vlan.is_one_way() {
            ", one direction alone"
        } else {
            ""
        };
        let declared = if vlan.declared { "" } else { ", not declared" };
        writeln!(out, "VLAN {}: {devices}{one_way}{declared}", vlan.vlan)?;
    }
    for (name, from, to) in &seen.gaps {
        let period = render::period(*from, *to);
        writeln!(out, "nobody looked: {} {period}", render::clean(name))?;
    }
    writeln!(out, "\nknown of devices:")?;
    for (name, share) in &report.attributes {
        writeln!(out, "  {name:18} {:3.0} %", share * 100.0)?;
    }
    Ok(())
}

/// Prints what a device or a model needs.
pub fn policy(command: &arguments::Policy, exit: &mut Exit) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    let requirement = store.requirement(&command.of)?;
    let rests = requirement.basis.sentence();
    exit.say(Code::Done, &format!("{rests}; review it before use"));
    let syntax = match command.format {
        PolicyFormat::Json => {
            return show::one(&requirement, show::Format::Json, |_| Ok(()));
        }
        PolicyFormat::Text => Syntax::Text,
        PolicyFormat::Nftables => Syntax::Nftables,
        PolicyFormat::Cisco => Syntax::Cisco,
    };
    show::text(|out| out.write_all(requirement.write(syntax).as_bytes()))
}
