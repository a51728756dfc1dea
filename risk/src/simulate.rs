//! What if: the scores that a change would leave, and what it would break, before anybody changes
//! anything. It changes nothing, and promises no more than the score does.

use std::collections::BTreeSet;

use medtap_table::vocabulary::FindingId;
use rayon::prelude::*;

use crate::policy::Policy;
use crate::score::{Case, Exploit, ScoreError, assess};
use crate::subject::{Control, ControlKind, Nanoseconds, Service, Subject};

/// A change that nobody made yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// These CVEs are fixed wherever they are.
    pub patch: BTreeSet<String>,
    /// These weaknesses are removed wherever they are.
    pub harden: BTreeSet<FindingId>,
    /// Devices are put into a segment of their own.
    pub segment: Option<Segment>,
}

/// Devices, and who may still speak with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The devices, by id.
    pub devices: BTreeSet<String>,
    /// The peers that stay: ids, addresses or names of segments.
    pub peers: Vec<String>,
}

/// What a change does to one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The device.
    pub id: String,
    /// Its score before.
    pub before: f64,
    /// Its score after.
    pub after: f64,
    /// Its place before, from 1; devices of equal score share the better place.
    pub rank_before: usize,
    /// Its place after.
    pub rank_after: usize,
}

/// A conversation that a segment would end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The device.
    pub device: String,
    /// With whom it speaks.
    pub peer: String,
    /// On which service.
    pub service: Service,
    /// When they last spoke.
    pub last_seen: Nanoseconds,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Every device whose score is known, in the order given.
    pub rows: Vec<Row>,
    /// Conversations that would end.
    pub broken: Vec<Broken>,
}

impl Outcome {
    /// Points that the change closes, over all devices.
    pub fn closes(&self) -> f64 {
        self.rows.iter().map(|row| row.before - row.after).sum()
    }
}

/// What a change would do.
pub fn simulate(
    cases: &[Case<'_>],
    change: &Change,
    policy: &Policy,
    as_of: Nanoseconds,
) -> Result<Outcome, ScoreError> {
    if cases.is_empty() {
        return Err(ScoreError::Empty);
    }
    let scores = |case: &Case<'_>| {
        let before = assess(*case, policy, as_of).score?;
        let (subject, exploits) = changed(case, change, as_of);
        let case = Case {
            subject: &subject,
            exploits: &exploits,
        };
        let after = assess(case, policy, as_of).score?;
        Some((subject.id, before, after))
    };
    let scores: Vec<_> = cases.par_iter().filter_map(scores).collect();
    let before = ranks(scores.iter().map(|(_, before, _)| *before));
    let after = ranks(scores.iter().map(|(.., after)| *after));
    let ranked = scores.into_iter().zip(before).zip(after);
    let rows = ranked.map(|(((id, before, after), rank_before), rank_after)| Row {
        id,
        before,
        after,
        rank_before,
        rank_after,
    });
    Ok(Outcome {
        rows: rows.collect(),
        broken: broken(cases, change),
    })
}

/// A device as the change would leave it.
fn changed(case: &Case<'_>, change: &Change, as_of: Nanoseconds) -> (Subject, Vec<Exploit>) {
    let mut subject = case.subject.clone();
    let stays = |exploit: &&Exploit| !change.patch.contains(&exploit.cve);
    let exploits = case.exploits.iter().filter(stays).cloned().collect();
    (subject.findings).retain(|finding| !change.harden.contains(&finding.id));
    if let Some(segment) = &change.segment
        && segment.devices.contains(&subject.id)
    {
        subject.controls.push(Control {
            id: "simulated".to_owned(),
            kind: ControlKind::Segmentation {
                peers: segment.peers.clone(),
            },
            owner: "simulated".to_owned(),
            // What was seen before it exists does not violate it.
            since: as_of.saturating_add(1),
            expires: Nanoseconds::MAX,
        });
        subject.peers.clear();
    }
    (subject, exploits)
}

fn broken(cases: &[Case<'_>], change: &Change) -> Vec<Broken> {
    let Some(segment) = &change.segment else {
        return Vec::new();
    };
    let allowed: BTreeSet<&str> = segment.peers.iter().map(String::as_str).collect();
    let inside = (cases.iter()).filter(|case| segment.devices.contains(&case.subject.id));
    let mut broken = Vec::new();
    for case in inside {
        for peer in &case.subject.peers {
            // Devices of the segment go on speaking with each other.
            if !peer.is_one_of(&allowed) && !segment.devices.contains(&peer.id) {
                broken.push(Broken {
                    device: case.subject.id.clone(),
                    peer: peer.id.clone(),
                    service: peer.service.clone(),
                    last_seen: peer.last_seen,
                });
            }
        }
    }
    broken
}

/// The place of each score, from 1; equal scores share the better place.
fn ranks(scores: impl Iterator<Item = f64> + Clone) -> Vec<usize> {
    let mut sorted: Vec<f64> = scores.clone().collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let place = |score: f64| 1 + sorted.partition_point(|other| *other > score);
    scores.map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Tier;
    use crate::subject::{Peer, Sight};
    use medtap_table::vocabulary::Category;

    const NOW: Nanoseconds = 1_788_782_400_000_000_000;

    fn observed(id: &str, category: Category) -> Subject {
        let mut subject = Subject::new(id, category);
        subject.sight = Sight {
            identified: true,
            assessable: true,
            ..Sight::default()
        };
        subject.reach.shares_vlan_with_it = true;
        subject
    }

    fn exploit(cve: &str) -> Exploit {
        Exploit {
            cve: cve.into(),
            component: 0,
            tier: Tier::Affected,
            epss: None,
            lev: None,
            in_kev: true,
            vector: None,
            service: None,
        }
    }

    fn peer(id: &str) -> Peer {
        Peer {
            id: id.into(),
            names: Vec::new(),
            service: Service::default(),
            serves: false,
            first_seen: NOW,
            last_seen: NOW,
        }
    }

    fn outcome(change: &Change) -> Outcome {
        let mut pump = observed("pump", Category::InfusionPump);
        pump.peers = vec![peer("gateway"), peer("laptop"), peer("printer")];
        let printer = observed("printer", Category::Printer);
        let cases = [
            Case {
                subject: &pump,
                exploits: &[exploit("CVE-1")],
            },
            Case {
                subject: &printer,
                exploits: &[exploit("CVE-2")],
            },
        ];
        simulate(&cases, change, &Policy::default(), NOW).expect("devices")
    }

    #[test]
    fn a_patch_takes_its_cve_away_everywhere() {
        let outcome = outcome(&Change {
            patch: BTreeSet::from(["CVE-1".to_owned()]),
            ..Change::default()
        });
        let [pump, printer] = &outcome.rows[..] else {
            panic!("two devices");
        };
        assert_eq!((pump.rank_before, pump.rank_after), (1, 2));
        assert_eq!((printer.rank_before, printer.rank_after), (2, 1));
        assert_eq!(pump.after, 0.0);
        assert_eq!(printer.before, printer.after);
        assert_eq!(outcome.closes(), pump.before);
        assert_eq!(outcome.broken, []);
    }

    #[test]
    fn a_segment_lowers_reach_and_breaks_what_it_does_not_allow() {
        let outcome = outcome(&Change {
            segment: Some(Segment {
                devices: BTreeSet::from(["pump".to_owned()]),
                peers: vec!["gateway".into()],
            }),
            ..Change::default()
        });
        // Reach 0.4 becomes 0.2.
        assert!((outcome.rows[0].after - outcome.rows[0].before / 2.0).abs() < 1e-9);
        let peers: Vec<_> = outcome.broken.iter().map(|one| one.peer.as_str()).collect();
        assert_eq!(peers, ["laptop", "printer"]);
    }

    #[test]
    fn equal_scores_share_a_place() {
        assert_eq!(ranks([5.0, 9.0, 5.0, 1.0].into_iter()), [2, 1, 2, 4]);
    }

    #[test]
    fn nothing_is_simulated_on_nothing() {
        let nothing = simulate(&[], &Change::default(), &Policy::default(), NOW);
        assert_eq!(nothing, Err(ScoreError::Empty));
    }
}
