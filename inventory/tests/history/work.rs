//! Work and scores that are kept from run to run.

use jiff::civil::date;
use medtap_inventory::history::{Person, Policy};
use medtap_inventory::model::Time;
use medtap_inventory::people::{DeviceScore, Judgement, WorkRow};

use crate::memory::{DAY_NS, Memory, NOON_NS};
use crate::sample::{BRAUN, CISCO, Sample, proven};

fn by(day: u64) -> Person {
    Person {
        name: "biomed".to_owned(),
        why: "decided".to_owned(),
        at_ns: at(day).0,
    }
}

fn at(day: u64) -> Time {
    Time(NOON_NS + day * DAY_NS)
}

/// Two devices, and their ids.
fn two() -> (Memory, [String; 2]) {
    let mut memory = Memory::new();
    let mut sample = Sample::default();
    sample.add(proven(BRAUN, "10.0.0.5"));
    sample.add(proven(CISCO, "10.0.0.9"));
    memory.capture(&sample, 0);
    let ids = ["10.0.0.5", "10.0.0.9"].map(|address| memory.store.find(address).unwrap());
    (memory, ids)
}

fn row(fix: &str, device: &str) -> WorkRow {
    WorkRow {
        fix: fix.to_owned(),
        device: device.to_owned(),
        words: "do it".to_owned(),
        roles: "security".to_owned(),
        due: Some("2026-02-01".to_owned()),
        opened: Some(at(1)),
        ..WorkRow::default()
    }
}

fn acts(memory: &Memory) -> Vec<String> {
    let audit = memory.store.audit().unwrap().into_iter();
    let acts = audit.map(|entry| format!("{} {}: {}", entry.act, entry.subject, entry.new));
    assert!(memory.store.verify_audit().is_ok());
    acts.collect()
}

#[test]
fn work_is_kept_and_each_step_is_in_the_audit() {
    let (mut memory, [one, other]) = two();
    let rows = [
        row("harden:smbv1", &one),
        row("harden:smbv1", &other),
        row("contain:scanning", &one),
        row("harden:smbv1", "ffffffffffffffff"),
    ];
    assert_eq!(memory.store.keep_work(&rows, at(1)).unwrap(), 1);
    let kept = memory.store.work().unwrap();
    assert_eq!(kept.len(), 3);
    let store = &mut memory.store;
    assert_eq!(
        store
            .assign_work("harden:smbv1", &[], " IT ", &by(2))
            .unwrap(),
        2
    );
    let named = ["10.0.0.5".to_owned()];
    let until = date(2026, 12, 31);
    store
        .accept_work("harden:smbv1", &named, until, &by(3))
        .unwrap();
    store.close_work("contain:scanning", &[], &by(3)).unwrap();
    let kept = store.work().unwrap();
    assert_eq!(
        (kept[0].fix.as_str(), kept[0].closed),
        ("contain:scanning", Some(at(3)))
    );
    assert!(!kept[0].closed_itself());
    let accepted = kept
        .iter()
        .find(|row| row.device == one && row.closed.is_none());
    let accepted = accepted.unwrap();
    assert_eq!(
        (accepted.owner.as_str(), accepted.approver.as_str()),
        ("IT", "biomed")
    );
    assert_eq!(accepted.expires.as_deref(), Some("2026-12-31"));
    store.withdraw_work("harden:smbv1", &named, &by(4)).unwrap();
    // Traffic shows that it is done, and then that it is not.
    let mut rows: Vec<WorkRow> = store.work().unwrap();
    rows.retain(|row| row.device == other);
    rows[0].closed = Some(at(5));
    store.keep_work(&rows, at(5)).unwrap();
    assert!(store.work().unwrap().iter().any(WorkRow::closed_itself));
    rows[0].closed = None;
    rows[0].reopened = 1;
    store.keep_work(&rows, at(6)).unwrap();
    let on = |id: &str| format!("harden:smbv1 on {id}");
    assert_eq!(
        acts(&memory),
        [
            "work 3 new: open".to_owned(),
            format!("assign {}: IT", on(one.clone().min(other.clone()).as_str())),
            format!("assign {}: IT", on(one.clone().max(other.clone()).as_str())),
            format!("accept {}: 2026-12-31", on(&one)),
            format!("close contain:scanning on {one}: closed"),
            format!("withdraw {}: ", on(&one)),
            format!("work {}: closed", on(&other)),
            format!("work {}: reopened", on(&other)),
        ]
    );
    assert_eq!(
        memory
            .store
            .remember(at(7))
            .unwrap()
            .get(&one)
            .unwrap()
            .closed
            .len(),
        1
    );
    // What was two devices is one, with the work of both.
    memory.store.join_by_hand(&one, &other, &by(8)).unwrap();
    assert_eq!(memory.store.work().unwrap().len(), 2);
}

#[test]
fn a_step_that_makes_no_sense_changes_nothing() {
    let (mut memory, [one, other]) = two();
    let none: [String; 0] = [];
    let error = memory
        .store
        .assign_work("x", &none, "IT", &by(1))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("x is no work that is kept; there is none")
    );
    let rows = [row("harden:smbv1", &one), row("contain:scanning", &one)];
    memory.store.keep_work(&rows, at(1)).unwrap();
    let before = memory.dump();
    let named = [other];
    let until = date(2027, 1, 1);
    let store = &mut memory.store;
    let wrong = [
        (
            store.assign_work("harden:x", &none, "IT", &by(1)),
            "there is contain:scanning, harden",
        ),
        (
            store.assign_work("harden:smbv1", &none, " ", &by(1)),
            "the owner is empty",
        ),
        (
            store.assign_work("harden:smbv1", &named, "IT", &by(1)),
            "is no work on",
        ),
        (
            store.withdraw_work("harden:smbv1", &none, &by(1)),
            "was accepted by nobody",
        ),
        (
            store.close_work("harden:smbv1", &none, &by(1)),
            "closes itself when traffic shows",
        ),
    ];
    for (result, text) in wrong {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    assert_eq!(memory.dump(), before);
    let store = &mut memory.store;
    store.close_work("contain:scanning", &none, &by(2)).unwrap();
    let error = store
        .close_work("contain:scanning", &none, &by(3))
        .unwrap_err();
    assert!(error.to_string().contains("is closed on every device"));
    let one = [one];
    let error = store
        .accept_work("contain:scanning", &one, until, &by(3))
        .unwrap_err();
    assert!(error.to_string().contains("is closed since"), "{error}");
}

#[test]
fn scores_are_kept_by_the_day_they_changed() {
    let (mut memory, [one, other]) = two();
    let judgement = |points| Judgement {
        policy: "p".to_owned(),
        kev: vec!["CVE-2026-0001".to_owned()],
        bands: [0, 1, 0, 0, 0, 1],
        points,
        ..Judgement::default()
    };
    let mut keep = |day, score: Option<f64>| {
        let of = |device: &str, score| DeviceScore {
            device: device.to_owned(),
            score,
            ..DeviceScore::default()
        };
        let scores = [of(&one, score), of(&other, None), of("zz", None)];
        let points = score.unwrap_or_default();
        let unknown = memory
            .store
            .keep_scores(at(day), &judgement(points), &scores);
        assert_eq!(unknown.unwrap(), 1);
    };
    keep(1, Some(20.0));
    keep(2, Some(20.0));
    keep(3, Some(35.5));
    keep(3, Some(30.0));
    keep(5, None);
    let store = &memory.store;
    let on = |day| store.scores_on(at(day)).unwrap().get(&one).copied();
    assert_eq!(
        [0, 1, 2, 3, 4, 5].map(on),
        [None, Some(20.0), Some(20.0), Some(30.0), Some(30.0), None]
    );
    let rows = memory.dump();
    let rows = rows.iter().filter(|row| row.starts_with("scores "));
    assert_eq!(rows.count(), 3, "only changes are kept");
    let days = store.judgements(date(1970, 1, 1)).unwrap();
    let points: Vec<f64> = days.iter().map(|day| day.points).collect();
    assert_eq!(points, [20.0, 20.0, 30.0, 0.0]);
    assert_eq!(days[0].bands, [0, 1, 0, 0, 0, 1]);
    assert_eq!(days[0].kev, ["CVE-2026-0001"]);
    let since = days[2].day.parse().unwrap();
    assert_eq!(store.judgements(since).unwrap().len(), 2);
}

#[test]
fn what_hung_on_a_device_stays_known_when_it_goes_out_of_sight() {
    let (mut memory, [one, other]) = two();
    let mut keep = |day, effectiveness, data| {
        let score = DeviceScore {
            device: one.clone(),
            score: Some(1.0),
            effectiveness,
            data,
        };
        let judgement = Judgement::default();
        let unknown = memory.store.keep_scores(at(day), &judgement, &[score]);
        assert_eq!(unknown.unwrap(), 0);
    };
    keep(1, Some(6.5), None);
    keep(2, None, None);
    keep(3, None, Some(8.0));
    let known = memory.store.remember(at(4)).unwrap();
    let grades = |id: &str| {
        let known = known.get(id).unwrap();
        (known.effectiveness, known.data)
    };
    assert_eq!(grades(&one), (Some(6.5), Some(8.0)));
    assert_eq!(grades(&other), (None, None));
}

#[test]
fn epss_is_kept_by_day() {
    let (mut memory, _) = two();
    let store = &mut memory.store;
    let mut keep = |day, model: &str, said: &[(&str, f64)]| {
        let said = said.iter().copied().collect();
        store.keep_epss(at(day), model, &said).unwrap();
    };
    keep(1, "v4", &[("CVE-2026-0001", 0.1), ("CVE-2026-0002", 0.2)]);
    keep(2, "v5", &[("CVE-2026-0001", 0.5)]);
    keep(2, "v5", &[("CVE-2026-0001", 0.4)]);
    let before = |day| memory.store.epss_before(at(day)).unwrap();
    let of = |day| before(day).remove("CVE-2026-0001").unwrap_or_default();
    assert_eq!(of(1), []);
    assert_eq!(of(2), [("v4".to_owned(), 0.1)]);
    assert_eq!(of(3), [("v4".to_owned(), 0.1), ("v5".to_owned(), 0.4)]);
    assert_eq!(before(3).len(), 2);
    let policy = Policy {
        changes_days: 1,
        ..Policy::default()
    };
    memory.store.retain(&policy, at(3).0).unwrap();
    let left = memory.store.epss_before(at(3)).unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
}
