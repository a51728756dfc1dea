//! Work as lists: one row a thing to do, or one a thing to do and device, with what became of it;
//! and the steps that people take with it. It decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use medtap_risk::date::day;
use medtap_risk::work::Item;
use medtap_risk::work::state::{Acceptance, State};

use super::kept::{self, Kept};
use crate::arguments::{WorkMeant, WorkStep};
use crate::failure::{Code, Exit, Failure};
use crate::memory::place;
use crate::render::{Cell, Grid, hundredths, several};

/// Devices that one row names.
const NAMED_MAX: usize = 3;

/// One row a thing to do.
pub fn list_of(items: &[&Item], kept: Option<&Kept>, today: Date) -> Grid {
    let row = |item: &&Item| -> Vec<Cell> {
        let roles: Vec<&str> = item.roles.iter().map(|role| role.name()).collect();
        let fix = item.fix.key();
        let rows = item
            .tasks
            .iter()
            .filter_map(|task| kept?.get(&task.device, &fix));
        let mut states: BTreeMap<State, usize> = BTreeMap::new();
        let mut owners: BTreeSet<&str> = item.owners.iter().map(String::as_str).collect();
        for row in rows {
            *states.entry(kept::state(row, today)).or_default() += 1;
            owners.extend(Some(row.owner.as_str()).filter(|owner| !owner.is_empty()));
        }
        let states = states
            .iter()
            .map(|(state, count)| format!("{count} {}", state.name()));
        let states: Vec<String> = states.collect();
        let owners: Vec<&str> = owners.into_iter().collect();
        let cves: BTreeSet<&String> = item.tasks.iter().flat_map(|task| &task.cves).collect();
        let names = item.tasks.iter().map(|task| task.name.as_str());
        let first: Vec<&str> = names.take(NAMED_MAX).collect();
        vec![
            ((item.closes * 10.0).round() / 10.0).into(),
            item.due.into(),
            is_overdue(item, kept, today).into(),
            item.words.as_str().into(),
            item.tasks.len().into(),
            cves.len().into(),
            roles.join(", ").into(),
            owners.join(", ").into(),
            states.join(", ").into(),
            first.join(", ").into(),
            fix.into(),
        ]
    };
    Grid {
        name: "work",
        columns: vec![
            "closes",
            "due",
            "overdue",
            "what_to_do",
            "devices",
            "cves",
            "roles",
            "owners",
            "states",
            "first_devices",
            "fix",
        ],
        rows: items.iter().map(row).collect(),
    }
}

/// Something of it is due, not done, and accepted by nobody.
pub fn is_overdue(item: &Item, kept: Option<&Kept>, today: Date) -> bool {
    let fix = item.fix.key();
    item.tasks.iter().any(|task| {
        let row = kept.and_then(|kept| kept.get(&task.device, &fix));
        let accepted = row.is_some_and(|row| kept::state(row, today) == State::Accepted);
        !accepted && task.due.is_some_and(|due| due < today)
    })
}

/// One row a thing to do and device.
pub fn tasks(items: &[&Item], kept: Option<&Kept>, today: Date) -> Grid {
    let of = |item: &&Item| {
        let (words, fix) = (item.words.clone(), item.fix.key());
        let rows = item.tasks.iter().map(move |task| -> Vec<Cell> {
            let row = kept.and_then(|kept| kept.get(&task.device, &fix));
            let text = |text: Option<&String>| Cell::from(text.map(String::as_str));
            vec![
                fix.as_str().into(),
                words.as_str().into(),
                task.device.as_str().into(),
                task.name.as_str().into(),
                task.unit.as_deref().into(),
                hundredths(task.before).into(),
                hundredths(task.after).into(),
                task.due.into(),
                row.map(|row| kept::state(row, today).name()).into(),
                text(row.map(|row| &row.owner).filter(|owner| !owner.is_empty())),
                text(row.and_then(|row| row.expires.as_ref())),
                task.window.map(|window| window.to_string()).into(),
                task.cves.join(";").into(),
            ]
        });
        rows.collect::<Vec<_>>()
    };
    Grid {
        name: "tasks",
        columns: vec![
            "fix",
            "what_to_do",
            "device_id",
            "device",
            "unit",
            "before",
            "after",
            "due",
            "state",
            "owner",
            "accepted_until",
            "quietest_window",
            "cves",
        ],
        rows: items.iter().flat_map(of).collect(),
    }
}

/// What is kept in one state, closed or not; `names` are those of this run's devices.
pub fn in_state(kept: &Kept, state: State, names: &BTreeMap<&str, String>, today: Date) -> Grid {
    let rows = kept
        .rows()
        .filter(|(_, row)| kept::state(row, today) == state);
    let row = |(device, row): (&str, &medtap_inventory::people::WorkRow)| -> Vec<Cell> {
        let on = |time: Option<medtap_inventory::model::Time>| Cell::from(time.map(|t| day(t.0)));
        vec![
            row.fix.as_str().into(),
            row.words.as_str().into(),
            device.into(),
            names.get(device).map(String::as_str).into(),
            row.roles.as_str().into(),
            row.owner.as_str().into(),
            row.due.as_deref().into(),
            on(row.opened),
            on(row.closed),
            row.closed_by.as_str().into(),
            u64::from(row.reopened).into(),
            row.approver.as_str().into(),
            row.reason.as_str().into(),
            row.expires.as_deref().into(),
        ]
    };
    Grid {
        name: "work",
        columns: vec![
            "fix",
            "what_to_do",
            "device_id",
            "device",
            "roles",
            "owner",
            "due",
            "opened",
            "closed",
            "closed_by",
            "reopened",
            "approver",
            "reason",
            "accepted_until",
        ],
        rows: rows.map(row).collect(),
    }
}

/// `medtap work assign`, `accept`, `withdraw`, `close`.
pub fn step(step: &WorkStep, exit: &mut Exit) -> Result<(), Failure> {
    let (meant, done) = match step {
        WorkStep::Assign(command) => (&command.meant, "assigned"),
        WorkStep::Accept(command) => (&command.meant, "accepted"),
        WorkStep::Withdraw(meant) => (meant, "no longer accepted"),
        WorkStep::Close(meant) => (meant, "closed"),
    };
    let WorkMeant {
        fix,
        devices,
        place: at,
        by,
    } = meant;
    let by = place::person(by)?;
    let today = day(by.at_ns);
    if let WorkStep::Accept(command) = step {
        let accepted = Acceptance::new(&by.name, &by.why, command.until, today);
        accepted.map_err(|error| Failure::new(error.to_string()))?;
    }
    let mut store = place::open_to_write(at)?;
    let count = match step {
        WorkStep::Assign(command) => store.assign_work(fix, devices, &command.owner, &by)?,
        WorkStep::Accept(command) => store.accept_work(fix, devices, command.until, &by)?,
        WorkStep::Withdraw(_) => store.withdraw_work(fix, devices, &by)?,
        WorkStep::Close(_) => store.close_work(fix, devices, &by)?,
    };
    let text = format!("{fix}: {done} on {}", several(count as u64, "device"));
    exit.say(Code::Done, &text);
    Ok(())
}
