//! What changed between two runs: which devices, and which of the things that all scores rest on.
//! Scores of different models or policies are not compared: the change is told as an event.

use std::collections::{BTreeMap, BTreeSet};

/// Points that a score must move to be told.
pub const MOVED_MIN: f64 = 0.05;

/// What a run left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The score of every device that has one.
    pub scores: BTreeMap<String, f64>,
    /// The version of the EPSS model.
    pub epss_model: Option<String>,
    /// What tells policies apart, such as a hash of the file.
    pub policy: String,
    /// The CVEs of KEV that were matched.
    pub kev: BTreeSet<String>,
}

/// Something that all scores rest on, and that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The EPSS model is another: its probabilities are on another scale.
    EpssModel {
        /// Its version before.
        from: Option<String>,
        /// Its version now.
        to: Option<String>,
    },
    /// The policy is another.
    Policy,
    /// KEV lists a CVE of these devices that it did not list, or that they did not have.
    JoinedKev(String),
    /// KEV no longer lists a CVE of these devices, or they no longer have it.
    LeftKev(String),
}

/// A device whose score moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The device.
    pub id: String,
    /// Its score before.
    pub before: f64,
    /// Its score now.
    pub now: f64,
}

/// What changed between two runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// Both runs rest on the same model and policy. If not, a moved score may mean nothing.
    pub comparable: bool,
    /// What all scores rest on.
    pub events: Vec<Event>,
    /// Devices whose score moved, the largest move first.
    pub moved: Vec<Moved>,
    /// Devices with a score that had none, in order.
    pub appeared: Vec<String>,
    /// Devices that had a score and have none, in order.
    pub vanished: Vec<String>,
    /// All scores together, before and now.
    pub sums: (f64, f64),
}

/// What changed between two runs.
pub fn trend(before: &Snapshot, now: &Snapshot) -> Trend {
    let mut events = Vec::new();
    if before.epss_model != now.epss_model {
        events.push(Event::EpssModel {
            from: before.epss_model.clone(),
            to: now.epss_model.clone(),
        });
    }
    if before.policy != now.policy {
        events.push(Event::Policy);
    }
    let comparable = events.is_empty();
    let joined = now.kev.difference(&before.kev);
    events.extend(joined.cloned().map(Event::JoinedKev));
    let left = before.kev.difference(&now.kev);
    events.extend(left.cloned().map(Event::LeftKev));
    let both = now.scores.iter().filter_map(|(id, now)| {
        let before = *before.scores.get(id)?;
        let far = (now - before).abs() >= MOVED_MIN;
        far.then(|| Moved {
            id: id.clone(),
            before,
            now: *now,
        })
    });
    let mut moved: Vec<Moved> = both.collect();
    let distance = |moved: &Moved| (moved.now - moved.before).abs();
    moved.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
    let only = |here: &Snapshot, there: &Snapshot| {
        let keys = here.scores.keys();
        let missing = keys.filter(|id| !there.scores.contains_key(*id));
        missing.cloned().collect()
    };
    Trend {
        comparable,
        events,
        moved,
        appeared: only(now, before),
        vanished: only(before, now),
        sums: (before.scores.values().sum(), now.scores.values().sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(scores: &[(&str, f64)], kev: &[&str]) -> Snapshot {
        Snapshot {
            scores: scores.iter().map(|(id, n)| ((*id).into(), *n)).collect(),
            epss_model: Some("v4".into()),
            policy: "a".into(),
            kev: kev.iter().map(|cve| (*cve).into()).collect(),
        }
    }

    #[test]
    fn moves_come_by_size_and_kev_by_event() {
        let before = snapshot(&[("a", 10.0), ("b", 20.0), ("c", 30.0)], &["CVE-1"]);
        let now = snapshot(&[("a", 40.0), ("b", 20.01), ("d", 5.0)], &["CVE-2"]);
        let trend = trend(&before, &now);
        assert!(trend.comparable);
        assert_eq!(trend.moved.len(), 1);
        assert_eq!(trend.moved[0].id, "a");
        assert_eq!(trend.appeared, ["d"]);
        assert_eq!(trend.vanished, ["c"]);
        assert_eq!(
            trend.events,
            [
                Event::JoinedKev("CVE-2".into()),
                Event::LeftKev("CVE-1".into())
            ]
        );
        assert_eq!(trend.sums.0, 60.0);
    }

    #[test]
    fn another_model_is_an_event_and_no_trend() {
        let before = snapshot(&[("a", 10.0)], &[]);
        let mut now = before.clone();
        now.epss_model = Some("v5".into());
        now.policy = "b".into();
        let trend = trend(&before, &now);
        assert!(!trend.comparable);
        assert_eq!(trend.events.len(), 2);
    }
}
