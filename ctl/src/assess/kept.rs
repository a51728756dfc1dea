//! Work and scores, kept from run to run in the history: what is new, what traffic shows to be
//! done, what opened again, and how each device was scored on which day. It decides nothing:
//! [`medtap_risk::work::state`] says what became of work, people say the rest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use medtap_inventory::history::Store;
use medtap_inventory::model::Time;
use medtap_inventory::people::{DeviceScore, Judgement, WorkRow};
use medtap_risk::date::{begin, day};
use medtap_risk::score::{Flag, Level};
use medtap_risk::work::Item;
use medtap_risk::work::state::{Acceptance, Record, State, TaskKey, advance};

use super::{Assessed, Judged};
use crate::failure::{Code, Exit, Failure};
use crate::render::several;

/// CVEs whose EPSS is kept of one day.
const EPSS_CVES_MAX: usize = 100_000;

/// Work as the history keeps it, by the device's id in this run and what there is to do.
#[derive(Default)]
pub struct Kept(BTreeMap<TaskKey, WorkRow>);

impl Kept {
    /// All that is kept, with the device's id in this run.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &WorkRow)> {
        self.0
            .iter()
            .map(|((device, _), row)| (device.as_str(), row))
    }

    /// What is kept of a task.
    pub fn get(&self, device: &str, fix: &str) -> Option<&WorkRow> {
        self.0.get(&(device.to_owned(), fix.to_owned()))
    }
}

/// What is to be said of kept work today.
pub fn state(row: &WorkRow, today: Date) -> State {
    record(row, today).state(today)
}

fn record(row: &WorkRow, today: Date) -> Record {
    let on = |time: Option<Time>| time.map(|time| day(time.0));
    let expires = row.expires.as_deref().and_then(|text| text.parse().ok());
    Record {
        opened: on(row.opened).unwrap_or(today),
        closed: on(row.closed),
        reopened: row.reopened,
        acceptance: expires.map(|expires| Acceptance::kept(&row.approver, &row.reason, expires)),
    }
}

/// Brings the history up to what this run shows, where it is not already beyond: scores of the day,
/// and work. What cannot be written is said, and the run goes on without.
pub fn update(assessed: &Assessed, store: &mut Store, exit: &mut Exit) -> Kept {
    let done = write(assessed, store, exit);
    let kept = done.and_then(|()| read(assessed, store));
    kept.unwrap_or_else(|failure| {
        exit.say(Code::Done, &format!("nothing is kept: {failure}"));
        Kept::default()
    })
}

fn write(assessed: &Assessed, store: &mut Store, exit: &mut Exit) -> Result<(), Failure> {
    let as_of = Time(assessed.as_of);
    let last = store.judgements(Date::MIN)?.pop();
    if let Some(at) = last.and_then(|last| last.at).filter(|at| *at > as_of) {
        let text = format!("the history was judged at {at}, after this: its work stays as it is");
        exit.say(Code::Done, &text);
        return Ok(());
    }
    let scores: Vec<DeviceScore> = assessed.devices.iter().filter_map(score).collect();
    let missing = assessed.devices.len() - scores.len();
    if missing > 0 {
        let text = format!(
            "not in the history: {}; work and scores of them are not kept",
            several(missing as u64, "device")
        );
        exit.say(Code::Done, &text);
    }
    let judgement = judgement(assessed);
    store.keep_scores(as_of, &judgement, &scores)?;
    if let Some(model) = &judgement.epss_model {
        store.keep_epss(assessed.basis.scored_at(), model, &probabilities(assessed))?;
    }
    let before = store.work()?;
    store.keep_work(&rows(assessed, &before), as_of)?;
    Ok(())
}

/// How a device was judged; what was out of sight is left open.
pub(super) fn score(judged: &Judged) -> Option<DeviceScore> {
    let (flags, impact) = (&judged.assessment.flags, &judged.assessment.impact);
    let in_sight = |flag: Flag, grade: f64| (!flags.contains(&flag)).then_some(grade);
    Some(DeviceScore {
        device: judged.remembered.clone()?,
        score: judged.rounded_score(),
        effectiveness: in_sight(Flag::UseOutOfSight, impact.effectiveness),
        data: in_sight(Flag::DataOutOfSight, impact.data),
    })
}

/// What EPSS says of the CVEs that may be there.
fn probabilities(assessed: &Assessed) -> BTreeMap<&str, f64> {
    let exploits = assessed.devices.iter().flat_map(|judged| &judged.exploits);
    let known = exploits.filter_map(|one| Some((one.cve.as_str(), one.epss?.get())));
    known.take(EPSS_CVES_MAX).collect()
}

/// How all devices were judged.
fn judgement(assessed: &Assessed) -> Judgement {
    let mut bands = [0u32; 6];
    let mut kev = BTreeSet::new();
    let mut points = 0.0;
    for judged in &assessed.devices {
        let band = judged.assessment.band.map(|band| {
            let place = Level::ALL.iter().rev().position(|level| *level == band);
            place.unwrap_or(0)
        });
        if let Some(count) = bands.get_mut(band.unwrap_or(5)) {
            *count += 1;
        }
        let listed = judged.exploits.iter();
        let listed = listed.filter(|exploit| exploit.in_kev && exploit.is_scored());
        kev.extend(listed.map(|exploit| exploit.cve.clone()));
        points += judged.rounded_score().unwrap_or(0.0);
    }
    let model = &assessed.basis.feeds.epss.model;
    Judgement {
        epss_model: (!model.is_empty()).then(|| model.to_string()),
        policy: assessed.basis.policy.fingerprint(),
        kev: kev.into_iter().collect(),
        bands,
        points,
        ..Judgement::default()
    }
}

/// The rows that this run leaves: those before, brought up to it, and new ones.
fn rows(assessed: &Assessed, before: &[WorkRow]) -> Vec<WorkRow> {
    let today = day(assessed.as_of);
    let items = assessed.work();
    let ids: BTreeMap<&str, &str> = (assessed.devices.iter())
        .filter_map(|judged| Some((judged.subject.id.as_str(), judged.remembered.as_deref()?)))
        .collect();
    let mut told: BTreeMap<TaskKey, (&Item, Option<Date>)> = BTreeMap::new();
    for item in &items {
        for task in &item.tasks {
            if let Some(id) = ids.get(task.device.as_str()) {
                told.insert(((*id).to_owned(), item.fix.key()), (item, task.due));
            }
        }
    }
    let seen: BTreeSet<&str> = (assessed.devices.iter())
        .filter(|judged| judged.subject.sight.assessable && !judged.subject.reach.coverage_low)
        .filter_map(|judged| judged.remembered.as_deref())
        .collect();
    let mut kept: BTreeMap<TaskKey, WorkRow> = (before.iter())
        .map(|row| ((row.device.clone(), row.fix.clone()), row.clone()))
        .collect();
    let mut records: BTreeMap<TaskKey, Record> = (kept.iter())
        .map(|(key, row)| (key.clone(), record(row, today)))
        .collect();
    let there: Vec<TaskKey> = told.keys().cloned().collect();
    advance(&mut records, &there, |id| seen.contains(id), today, today);
    let mut rows = Vec::new();
    for (key, record) in records {
        let mut row = kept.remove(&key).unwrap_or_else(|| WorkRow {
            device: key.0.clone(),
            fix: key.1.clone(),
            opened: Some(Time(assessed.as_of)),
            ..WorkRow::default()
        });
        let old = row.clone();
        row.reopened = record.reopened;
        match (record.closed, row.closed) {
            (Some(_), None) => row.closed = Some(Time(assessed.as_of)),
            (None, _) => row.closed = None,
            (Some(_), Some(_)) => {}
        }
        if let Some((item, due)) = told.get(&key) {
            row.words.clone_from(&item.words);
            let roles: Vec<&str> = item.roles.iter().map(|role| role.name()).collect();
            row.roles = roles.join(", ");
            row.due = due.map(|due| due.to_string());
        }
        if row != old || row.opened == Some(Time(assessed.as_of)) {
            rows.push(row);
        }
    }
    rows
}

/// What is kept of the devices of this run.
fn read(assessed: &Assessed, store: &Store) -> Result<Kept, Failure> {
    let ids: BTreeMap<&str, &str> = (assessed.devices.iter())
        .filter_map(|judged| Some((judged.remembered.as_deref()?, judged.subject.id.as_str())))
        .collect();
    let rows = store.work()?.into_iter().filter_map(|row| {
        let id = ids.get(row.device.as_str())?;
        Some((((*id).to_owned(), row.fix.clone()), row))
    });
    Ok(Kept(rows.collect()))
}

/// When a judged day begins.
pub fn begin_of(judgement: &Judgement) -> Time {
    let day: Option<Date> = judgement.day.parse().ok();
    Time(day.map_or(0, begin))
}
