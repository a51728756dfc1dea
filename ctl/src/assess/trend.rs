//! `medtap risk trend`: how risk changed over the days that the history keeps, and what all of it
//! rests on. Days of different models or policies are told apart, not compared.

use std::collections::BTreeSet;

use jiff::civil::Date;
use medtap_inventory::history::Store;
use medtap_inventory::people::Judgement;
use medtap_risk::trend::{Event, Snapshot, trend};

use super::commands::print;
use super::kept::begin_of;
use crate::arguments::RiskTrend;
use crate::failure::Failure;
use crate::memory::place;
use crate::render::{Cell, Grid, hundredths};

/// CVEs that one day names of those that joined or left.
const NAMED_MAX: usize = 5;

/// Shows the days, or the devices that moved.
pub fn run(command: &RiskTrend) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    let days = store.judgements(command.since.unwrap_or(Date::MIN))?;
    let Some((first, last)) = days.first().zip(days.last()) else {
        return Err(Failure::new(
            "the history keeps no scores of these days; medtap risk list --history and --feeds, or \
             medtap serve --feeds keep them",
        ));
    };
    let grid = match command.devices {
        true => moved(&store, first, last)?,
        false => list(&days),
    };
    let (from, to) = (&first.day, &last.day);
    let note = format!(
        "from {from} to {to}; days before a change of the EPSS model or the policy do not compare"
    );
    print(&grid, command.output, &[Some(note.as_str())])
}

/// One row a day.
fn list(days: &[Judgement]) -> Grid {
    let mut before = None;
    let mut rows = Vec::new();
    for day in days {
        let events = before.map_or_else(String::new, |before| events(before, day));
        let [very_high, high, moderate, low, very_low, not_assessed] = day.bands;
        let devices: u32 = day.bands.iter().sum();
        let mut row: Vec<Cell> = vec![day.day.as_str().into(), u64::from(devices).into()];
        for count in [very_high, high, moderate, low, very_low, not_assessed] {
            row.push(u64::from(count).into());
        }
        row.push(((day.points * 10.0).round() / 10.0).into());
        row.push((day.kev.len() as u64).into());
        row.push(events.into());
        rows.push(row);
        before = Some(day);
    }
    Grid {
        name: "trend",
        columns: vec![
            "day",
            "devices",
            "very_high",
            "high",
            "moderate",
            "low",
            "very_low",
            "not_assessed",
            "points",
            "kev_cves",
            "events",
        ],
        rows,
    }
}

/// What is kept of a day, as the risk model compares it.
fn snapshot(day: &Judgement) -> Snapshot {
    Snapshot {
        scores: Default::default(),
        epss_model: day.epss_model.clone(),
        policy: day.policy.clone(),
        kev: day.kev.iter().cloned().collect(),
    }
}

/// What changed that all scores rest on.
fn events(before: &Judgement, day: &Judgement) -> String {
    let told = trend(&snapshot(before), &snapshot(day)).events;
    let mut words = Vec::new();
    let (mut joined, mut left) = (BTreeSet::new(), BTreeSet::new());
    for event in told {
        match event {
            Event::EpssModel { from, to } => {
                let name = |model: Option<String>| model.unwrap_or_else(|| "none".to_owned());
                words.push(format!("EPSS model {} -> {}", name(from), name(to)));
            }
            Event::Policy => words.push("another policy".to_owned()),
            Event::JoinedKev(cve) => drop(joined.insert(cve)),
            Event::LeftKev(cve) => drop(left.insert(cve)),
        }
    }
    for (what, cves) in [("in KEV now", joined), ("no longer in KEV", left)] {
        if cves.is_empty() {
            continue;
        }
        let named: Vec<&str> = cves.iter().take(NAMED_MAX).map(String::as_str).collect();
        let more = cves.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        words.push(format!("{what}: {}{more}", named.join(", ")));
    }
    words.join("; ")
}

/// The devices whose score moved, the largest move first.
fn moved(store: &Store, first: &Judgement, last: &Judgement) -> Result<Grid, Failure> {
    let of = |day: &Judgement| -> Result<Snapshot, Failure> {
        let scores = store.scores_on(begin_of(day))?;
        Ok(Snapshot {
            scores,
            ..snapshot(day)
        })
    };
    let found = trend(&of(first)?, &of(last)?);
    let kept = |id: &str| -> Result<String, Failure> {
        let device = store.device_row(id)?;
        let named = ["hostname", "station_name", "model"];
        let name = named.iter().find_map(|name| device.attributes.get(*name));
        Ok(name.cloned().unwrap_or_default())
    };
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let lone = |ids: &[String], what: &'static str| -> Result<Vec<Vec<Cell>>, Failure> {
        let none = || Cell::from(None::<f64>);
        let row = |id: &String| -> Result<Vec<Cell>, Failure> {
            let cells = vec![id.as_str().into(), kept(id)?.into(), what.into()];
            Ok(cells.into_iter().chain([none(), none(), none()]).collect())
        };
        ids.iter().map(row).collect()
    };
    for one in &found.moved {
        rows.push(vec![
            one.id.as_str().into(),
            kept(&one.id)?.into(),
            if found.comparable {
                "moved"
            } else {
                "not comparable"
            }
            .into(),
            hundredths(one.before).into(),
            hundredths(one.now).into(),
            hundredths(one.now - one.before).into(),
        ]);
    }
    rows.extend(lone(&found.appeared, "appeared")?);
    rows.extend(lone(&found.vanished, "vanished")?);
    Ok(Grid {
        name: "moved",
        columns: vec!["device_id", "device", "change", "before", "now", "by"],
        rows,
    })
}
