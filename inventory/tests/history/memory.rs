//! A history in a folder of its own, and tables to be looked at.

use std::path::PathBuf;

use medtap_inventory::history::{
    Change, ChangeKind, DeviceRow, HistoryError, Look, Noted, Observer, SourceKind, Store,
};
use medtap_inventory::model::Time;
use medtap_inventory::{Options, Resolution};
use rusqlite::types::Value;

use crate::sample::{HOUR_NS, MONDAY_NS, Sample};

pub const DAY_NS: u64 = 24 * HOUR_NS;

pub struct Memory {
    pub store: Store,
    pub folder: tempfile::TempDir,
    pub observer: Observer,
    pub site: &'static str,
    captures: u32,
}

impl Memory {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(&folder.path().join("history.db")).unwrap(),
            folder,
            observer: Observer::default(),
            site: "main",
            captures: 0,
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("history.db")
    }

    /// A capture of this day.
    pub fn capture(&mut self, sample: &Sample, day: u64) -> Noted {
        self.captures += 1;
        let uid = format!("capture {} {}", self.site, self.captures);
        self.capture_as(sample, day, &uid).unwrap()
    }

    pub fn capture_as(
        &mut self,
        sample: &Sample,
        day: u64,
        uid: &str,
    ) -> Result<Noted, HistoryError> {
        let sample = sample.on(day);
        let table = sample.reader();
        let mut look = Look::at(&table, SourceKind::Capture, uid, self.site);
        look.uid = Some(uid.to_owned());
        let rulings = self.store.rulings()?;
        let shown = Resolution::new(&table, &Options::default(), &rulings);
        Observer::default().observe(&mut self.store, &shown, &look)
    }

    /// A look at a running engine.
    pub fn live(&mut self, sample: &Sample, run: u64, at_ns: u64) -> Noted {
        self.live_step(sample, run, at_ns, true).unwrap()
    }

    pub fn live_step(
        &mut self,
        sample: &Sample,
        run: u64,
        at_ns: u64,
        flush: bool,
    ) -> Result<Noted, HistoryError> {
        let table = sample.reader();
        let mut look = Look::at(&table, SourceKind::Live, "medtap.table", self.site);
        (look.run, look.at_ns, look.flush) = (run, at_ns, flush);
        let rulings = self.store.rulings()?;
        let shown = Resolution::new(&table, &Options::default(), &rulings);
        self.observer.observe(&mut self.store, &shown, &look)
    }

    pub fn devices(&self) -> Vec<DeviceRow> {
        self.store.devices().unwrap()
    }

    pub fn changes(&self) -> Vec<Change> {
        let all = (Time(0), Time(i64::MAX as u64));
        self.store.changes(all.0, all.1, None, None).unwrap()
    }

    pub fn told(&self, kind: ChangeKind) -> Vec<(String, String, String)> {
        let changes = self.changes().into_iter();
        changes
            .filter(|change| change.change == kind)
            .map(|change| (change.subject, change.old, change.new))
            .collect()
    }

    /// Every row of every table, but for the number of the look.
    pub fn dump(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.path()).unwrap();
        let tables: Vec<String> = db
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut rows = Vec::new();
        for table in tables {
            let mut get = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let count = get.column_count();
            let mut of_table: Vec<String> = get
                .query_map([], |row| {
                    let values: Vec<Value> =
                        (0..count).map(|at| row.get(at)).collect::<Result<_, _>>()?;
                    Ok(format!("{table} {values:?}"))
                })
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            of_table.sort();
            rows.extend(of_table);
        }
        rows
    }
}

impl Sample {
    /// The same, so many days later.
    pub fn on(&self, day: u64) -> Self {
        self.shifted(day * DAY_NS)
    }

    /// The same, so much later.
    pub fn shifted(&self, by_ns: u64) -> Self {
        let mut sample = self.clone();
        let later = |ns: &mut u64| *ns += if *ns == 0 { 0 } else { by_ns };
        for subject in &mut sample.subjects {
            later(&mut subject.first_seen_ns);
            later(&mut subject.last_seen_ns);
        }
        for fact in &mut sample.facts {
            later(&mut fact.first_seen_ns);
            later(&mut fact.last_seen_ns);
        }
        for (edge, _) in &mut sample.edges {
            later(&mut edge.first_seen_ns);
            later(&mut edge.last_seen_ns);
        }
        sample
    }

    /// Everything was seen until this time.
    pub fn until(&self, last_ns: u64) -> Self {
        let mut sample = self.clone();
        for subject in &mut sample.subjects {
            subject.last_seen_ns = last_ns;
        }
        for fact in &mut sample.facts {
            fact.last_seen_ns = last_ns;
        }
        sample
    }
}

/// Noon of the first day, at which every sample begins.
pub const NOON_NS: u64 = MONDAY_NS + 12 * HOUR_NS;
