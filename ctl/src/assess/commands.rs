//! `medtap risk`, `medtap work` and `medtap simulate`: what the risk model says, as lists. They
//! show and decide nothing.

use std::collections::{BTreeMap, BTreeSet};

use medtap_inventory::model::Device;
use medtap_risk::date::day;
use medtap_risk::score::{Level, groups};
use medtap_risk::sensitivity::sensitivity;
use medtap_risk::simulate::{Change, Segment, simulate};
use medtap_risk::work::hygiene::{Hygiene, Question, departments};
use medtap_risk::work::{self, Item};
use medtap_risk::{clock, subject::Service};
use medtap_table::TableReader;
use medtap_table::vocabulary::FindingId;

use super::kept::{self, Kept};
use super::{Assessed, always, compliance, described, purchase, tasks, trend};
use crate::arguments::{self, Asked, RiskCommand};
use crate::devices;
use crate::failure::{Exit, Failure};
use crate::find::find;
use crate::render::{self, Cell, Grid, GridOutput, Look, label};
use crate::report::words::unit;

/// Conversations that a simulation would end and that are listed by name.
const BROKEN_MAX: usize = 50;

/// A table, judged.
struct Opened {
    table: TableReader,
    inventory: medtap_inventory::model::Inventory,
    assessed: Assessed,
}

fn open(asked: &Asked, exit: &mut Exit) -> Result<Opened, Failure> {
    let rules = devices::load_rules(asked.table.rules.as_deref())?;
    let (table, mut inventory, _) = devices::open(&asked.table, exit)?;
    let assessed = always(&mut inventory, &rules, &asked.assessing, exit)?;
    Ok(Opened {
        table,
        inventory,
        assessed,
    })
}

/// `medtap risk`.
pub fn risk(command: &RiskCommand, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        RiskCommand::List(command) => list(command, exit),
        RiskCommand::Groups(command) => by_group(command, exit),
        RiskCommand::Sensitivity(command) => weights(command, exit),
        RiskCommand::Hygiene(command) => hygiene(command, exit),
        RiskCommand::Trend(command) => trend::run(command),
        RiskCommand::Model(command) => purchase::run(command, exit),
    }
}

/// Brings the history that was named up to what this run shows.
fn keep(opened: &Opened, asked: &Asked, exit: &mut Exit) -> Result<Option<Kept>, Failure> {
    let Some(path) = &asked.assessing.history else {
        return Ok(None);
    };
    let mut store = medtap_inventory::history::Store::open(path)?;
    Ok(Some(kept::update(&opened.assessed, &mut store, exit)))
}

/// The devices by score.
fn list(command: &arguments::RiskList, exit: &mut Exit) -> Result<(), Failure> {
    let opened = open(&command.asked, exit)?;
    if command.asked.assessing.judging.feeds.is_some() {
        keep(&opened, &command.asked, exit)?;
    }
    let wanted = |device: &&Device| command.filter.as_ref().is_none_or(|f| f.matches(device));
    let devices: Vec<&Device> = opened.inventory.devices.iter().filter(wanted).collect();
    devices::fail_on(&opened.inventory, command.fail_on.as_ref(), exit);
    let row = |(place, device): (usize, &Device)| -> Vec<Cell> {
        let risk = &device.risk;
        let driver = risk.drivers.first();
        vec![
            (place + 1).into(),
            risk.score.into(),
            risk.low.into(),
            risk.high.into(),
            risk.band.as_deref().unwrap_or("not assessed").into(),
            device.id.as_str().into(),
            label(device).into(),
            device.category.into(),
            unit(device).into(),
            driver.map(|driver| driver.name.as_str()).into(),
        ]
    };
    let ordered = crate::report::ordered(&devices);
    let grid = Grid {
        name: "risk",
        columns: vec![
            "rank",
            "score",
            "low",
            "high",
            "band",
            "device_id",
            "device",
            "category",
            "unit",
            "driver",
        ],
        rows: ordered.into_iter().enumerate().map(row).collect(),
    };
    let note = format!(
        "an index for ranking from 0 to 100, no probability of being breached; judged by {}",
        described(&opened.assessed.basis.feeds)
    );
    let limits = opened.table.limits_hit().len();
    let more = (limits > 0).then_some("limits were hit: something may be missing");
    print(&grid, command.asked.output, &[Some(note.as_str()), more])
}

/// Scores by unit or site.
fn by_group(command: &arguments::RiskGroups, exit: &mut Exit) -> Result<(), Failure> {
    let opened = open(&command.asked, exit)?;
    let cases = opened.assessed.cases();
    let devices = opened.assessed.devices.iter();
    let assessments: Vec<_> = devices.map(|judged| judged.assessment.clone()).collect();
    let found = groups(&cases, &assessments, |subject| match command.by {
        arguments::GroupBy::Unit => subject.unit.as_deref(),
        arguments::GroupBy::Site => subject.site.as_deref(),
    });
    let names = names(&opened.inventory);
    let rows = found.iter().map(|group| {
        let worst = group.worst.as_ref();
        let worst_name = worst.and_then(|(_, id)| names.get(id.as_str()));
        let mut row: Vec<Cell> = vec![
            group.name.as_deref().unwrap_or("not known").into(),
            group.devices.into(),
            worst.map(|(score, _)| *score).into(),
            worst_name.map(String::as_str).into(),
            group.high.into(),
            group.sum.into(),
        ];
        row.extend(group.bands.iter().rev().map(|count| Cell::from(*count)));
        row.push(group.not_assessed.into());
        row
    });
    let mut columns = vec![
        "group",
        "devices",
        "worst_score",
        "worst_device",
        "high",
        "points",
    ];
    columns.extend(Level::ALL.iter().rev().map(|level| match level {
        Level::VeryHigh => "very_high",
        Level::High => "high_band",
        Level::Moderate => "moderate",
        Level::Low => "low",
        Level::VeryLow => "very_low",
    }));
    columns.push("not_assessed");
    let grid = Grid {
        name: "groups",
        columns,
        rows: rows.collect(),
    };
    print(&grid, command.asked.output, &[])
}

/// What the order of the devices hangs on.
fn weights(asked: &Asked, exit: &mut Exit) -> Result<(), Failure> {
    let opened = open(asked, exit)?;
    let cases = opened.assessed.cases();
    let effects = sensitivity(&cases, &opened.assessed.basis.policy, opened.assessed.as_of);
    let effects = effects.map_err(|error| Failure::new(error.to_string()))?;
    let row = |effect: &medtap_risk::sensitivity::Effect| -> Vec<Cell> {
        vec![
            effect.weight.as_str().into(),
            effect.factor.into(),
            ((effect.tau * 1000.0).round() / 1000.0).into(),
            effect.left.into(),
        ]
    };
    let grid = Grid {
        name: "sensitivity",
        columns: vec!["weight", "times", "kendall_tau", "left_the_top"],
        rows: effects.iter().map(row).collect(),
    };
    let note = "each weight of the policy halved and increased by half; 1 is the same order of \
                the first 50, -1 the reverse";
    print(&grid, asked.output, &[Some(note)])
}

/// How well the departments keep their books.
fn hygiene(asked: &Asked, exit: &mut Exit) -> Result<(), Failure> {
    let opened = open(asked, exit)?;
    let today = day(opened.assessed.as_of);
    let overdue: BTreeSet<String> = (opened.assessed.work().into_iter())
        .filter(|item| item.is_overdue(today))
        .flat_map(|item| item.tasks.into_iter().map(|task| task.device))
        .collect();
    let subjects = opened.assessed.devices.iter().map(|judged| &judged.subject);
    let found = departments(subjects, |subject| overdue.contains(&subject.id), today);
    let row = |department: &Hygiene| -> Vec<Cell> {
        let mut row: Vec<Cell> = vec![
            department.unit.as_deref().unwrap_or("not known").into(),
            department.devices.into(),
            department.score().into(),
        ];
        row.extend(Question::ALL.iter().map(|question| {
            let answer = department.answers.get(question);
            Cell::from(answer.map(|(yes, asked)| format!("{yes} of {asked}")))
        }));
        row
    };
    let mut columns = vec!["department", "devices", "score"];
    columns.extend(Question::ALL.iter().map(|question| question.name()));
    let grid = Grid {
        name: "hygiene",
        columns,
        rows: found.iter().map(row).collect(),
    };
    let note = "the share of questions about the devices that are answered well, 0 to 100";
    print(&grid, asked.output, &[Some(note)])
}

/// `medtap compliance`.
pub fn compliance(command: &arguments::Compliance, exit: &mut Exit) -> Result<(), Failure> {
    let packs = compliance::packs(&command.pack)?;
    let opened = open(&command.asked, exit)?;
    let source = &opened.inventory.source;
    let time = |time: Option<medtap_inventory::model::Time>| time.map_or(0, |time| time.0);
    let window = (time(source.first_seen), time(source.last_seen));
    let reports = opened.assessed.compliance(&packs, window);
    let note = "evidence from traffic alone; whether it suffices, people decide";
    print(
        &compliance::grid(&reports),
        command.asked.output,
        &[Some(note)],
    )
}

/// `medtap work`.
pub fn work(command: &arguments::Work, exit: &mut Exit) -> Result<(), Failure> {
    if let Some(step) = &command.step {
        return tasks::step(step, exit);
    }
    let opened = open(&command.asked, exit)?;
    let kept = keep(&opened, &command.asked, exit)?;
    let today = day(opened.assessed.as_of);
    if let Some(state) = command.state {
        let rows = kept.unwrap_or_default();
        let names = names(&opened.inventory);
        let grid = tasks::in_state(&rows, state, &names, today);
        return print(&grid, command.asked.output, &[]);
    }
    let items = opened.assessed.work();
    let shown: Vec<&Item> = match command.role {
        Some(role) => work::of_role(&items, role).collect(),
        None => items.iter().collect(),
    };
    let kept = kept.as_ref();
    let grid = match command.devices {
        true => tasks::tasks(&shown, kept, today),
        false => tasks::list_of(&shown, kept, today),
    };
    print(&grid, command.asked.output, &[Some(clock::BINDS)])
}

/// `medtap simulate`.
pub fn what_if(command: &arguments::Simulate, exit: &mut Exit) -> Result<(), Failure> {
    let opened = open(&command.asked, exit)?;
    let change = change(command, &opened)?;
    let cases = opened.assessed.cases();
    let outcome = simulate(
        &cases,
        &change,
        &opened.assessed.basis.policy,
        opened.assessed.as_of,
    );
    let outcome = outcome.map_err(|error| Failure::new(error.to_string()))?;
    let names = names(&opened.inventory);
    let called = |id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let mut rows: Vec<_> = outcome
        .rows
        .iter()
        .filter(|row| row.before != row.after)
        .collect();
    rows.sort_by(|a, b| {
        let gain = |row: &medtap_risk::simulate::Row| row.before - row.after;
        gain(b).total_cmp(&gain(a)).then_with(|| a.id.cmp(&b.id))
    });
    let row = |row: &&medtap_risk::simulate::Row| -> Vec<Cell> {
        vec![
            row.id.as_str().into(),
            called(&row.id).into(),
            row.before.into(),
            row.after.into(),
            row.rank_before.into(),
            row.rank_after.into(),
        ]
    };
    let grid = Grid {
        name: "simulation",
        columns: vec![
            "device_id",
            "device",
            "before",
            "after",
            "rank_before",
            "rank_after",
        ],
        rows: rows.iter().map(row).collect(),
    };
    let sum = format!(
        "closes {:.1} points over {}",
        outcome.closes(),
        render::several(rows.len() as u64, "device")
    );
    let broken = outcome.broken.iter().take(BROKEN_MAX).map(|broken| {
        format!(
            "would end: {} with {} ({})",
            called(&broken.device),
            called(&broken.peer),
            spoken(&broken.service)
        )
    });
    let mut notes: Vec<String> = vec![sum];
    notes.extend(broken);
    let more = outcome.broken.len().saturating_sub(BROKEN_MAX);
    if more > 0 {
        notes.push(format!("and {more} more conversations"));
    }
    let notes: Vec<Option<&str>> = notes.iter().map(|note| Some(note.as_str())).collect();
    print(&grid, command.asked.output, &notes)
}

/// What was asked to be changed.
fn change(command: &arguments::Simulate, opened: &Opened) -> Result<Change, Failure> {
    let patch: BTreeSet<String> = command.patch.iter().map(|cve| cve.to_uppercase()).collect();
    let known: BTreeSet<&str> = opened
        .assessed
        .devices
        .iter()
        .flat_map(|judged| judged.exploits.iter().map(|exploit| exploit.cve.as_str()))
        .collect();
    if let Some(cve) = patch.iter().find(|cve| !known.contains(cve.as_str())) {
        return Err(Failure::new(format!(
            "{cve} was matched to no device: nothing would change; medtap risk list shows what is"
        )));
    }
    let mut harden = BTreeSet::new();
    for name in &command.harden {
        let id = FindingId::from_name(name).ok_or_else(|| {
            let names: Vec<&str> = FindingId::ALL.iter().map(|id| id.name()).collect();
            let names = names.join(", ");
            Failure::new(format!("{name} is no finding; allowed are {names}"))
        })?;
        harden.insert(id);
    }
    let mut devices = BTreeSet::new();
    for wanted in &command.segment {
        match opened.assessed.segments.get(wanted) {
            Some(members) => devices.extend(members.iter().cloned()),
            None => drop(devices.insert(find(&opened.inventory, wanted)?.id.clone())),
        }
    }
    let segment = (!devices.is_empty()).then(|| Segment {
        devices,
        peers: command.peer.clone(),
    });
    let change = Change {
        patch,
        harden,
        segment,
    };
    if change == Change::default() {
        return Err(Failure::new(
            "nothing to simulate; expected --patch CVE, --harden FINDING or --segment NAME",
        ));
    }
    Ok(change)
}

fn spoken(service: &Service) -> String {
    let protocol = service
        .protocol
        .map_or("not recognised", |protocol| protocol.name());
    match service.port {
        Some(port) => format!("{protocol}, port {port}"),
        None => protocol.to_owned(),
    }
}

pub(super) fn names(inventory: &medtap_inventory::model::Inventory) -> BTreeMap<&str, String> {
    let devices = inventory.devices.iter();
    devices
        .map(|device| (device.id.as_str(), label(device)))
        .collect()
}

/// Shows a list, and under it what people should know of it.
pub(super) fn print(
    grid: &Grid,
    output: GridOutput,
    notes: &[Option<&str>],
) -> Result<(), Failure> {
    let look = Look::of_stdout();
    render::print(|out| {
        grid.write(output, look, out)?;
        if output == GridOutput::Table {
            for note in notes.iter().flatten() {
                writeln!(out, "{}", render::clean(note))?;
            }
        }
        Ok(())
    })
}
