//! One table, read once, in an order that no slot decides: what the rest of `resolve` works on.
//! It interprets nothing; a record that refers to a subject which is not there is left out.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::Range;

use medtap_table::{
    Activity, Edge, Fact, Subject, SubjectId, SubjectKind, TableReader, Traffic, Volume,
};

/// A subject with its traffic.
pub struct Seen {
    /// The subject; its reporter is a place in [`Snapshot::subjects`].
    pub subject: Subject,
    /// What it sent and received.
    pub traffic: Traffic,
}

impl Seen {
    /// It sent a packet, or was named, at a known time.
    pub fn was_active(&self) -> bool {
        self.subject.first_seen_ns != 0
    }
}

/// What a table holds. Every [`SubjectId`] in it is a place in `subjects`.
pub struct Snapshot {
    /// By kind, scope, VLAN, MAC, address, identifier.
    pub subjects: Vec<Seen>,
    /// By subject, then by content.
    pub facts: Vec<Fact<'static>>,
    /// The facts of each subject.
    ranges: Vec<Range<usize>>,
    /// In no order.
    pub edges: Vec<(Edge, Volume)>,
    /// In no order.
    pub activities: Vec<Activity>,
}

/// What orders subjects: whether it is reported, the binding (for a reported device, its
/// reporter's) and the identifier.
type Order = (bool, u16, u16, [u8; 6], Option<IpAddr>);

fn order(subject: &Subject, reporter: Option<&Subject>) -> Order {
    let binding = reporter.unwrap_or(subject);
    (
        subject.kind == SubjectKind::Reported,
        binding.scope,
        binding.vlan,
        binding.mac,
        binding.address,
    )
}

impl Snapshot {
    /// Reads a table.
    pub fn read(table: &TableReader) -> Self {
        let slots: Vec<(SubjectId, Subject, Traffic)> = table.subjects().collect();
        let find = |id: SubjectId| {
            let place = slots.binary_search_by_key(&id, |slot| slot.0).ok()?;
            slots.get(place)
        };
        let mut ordered: Vec<(Order, &(SubjectId, Subject, Traffic))> = slots
            .iter()
            .map(|slot| {
                let reporter = slot.1.reporter.and_then(find);
                (order(&slot.1, reporter.map(|found| &found.1)), slot)
            })
            .collect();
        ordered.sort_by(|(a, (_, a_seen, a_traffic)), (b, (_, b_seen, b_traffic))| {
            let rest = |seen: &Subject, traffic: &Traffic| {
                let times = (seen.first_seen_ns, seen.last_seen_ns, seen.first_packet);
                let sums = (traffic.bytes_sent, traffic.bytes_received);
                (seen.identifier, times, seen.flags.0, sums)
            };
            a.cmp(b)
                .then_with(|| rest(a_seen, a_traffic).cmp(&rest(b_seen, b_traffic)))
        });
        let last = slots.last().map_or(0, |slot| slot.0.index() + 1);
        let mut places: Vec<Option<SubjectId>> = vec![None; last];
        for (place, (_, (slot, ..))) in (0..).zip(&ordered) {
            if let Some(entry) = places.get_mut(slot.index()) {
                *entry = Some(SubjectId(place));
            }
        }
        let place = |id: SubjectId| places.get(id.index()).copied().flatten();
        let subjects: Vec<Seen> = ordered
            .iter()
            .map(|(_, (_, subject, traffic))| Seen {
                subject: Subject {
                    reporter: subject.reporter.and_then(place),
                    ..*subject
                },
                traffic: *traffic,
            })
            .collect();
        let (facts, ranges) = read_facts(table, &place, subjects.len());
        Self {
            subjects,
            facts,
            ranges,
            edges: read_edges(table, &place),
            activities: table
                .activity()
                .filter_map(|(_, activity)| {
                    let subject = place(activity.subject)?;
                    Some(Activity {
                        subject,
                        ..activity
                    })
                })
                .collect(),
        }
    }

    /// The facts of a subject.
    pub fn facts_of(&self, subject: SubjectId) -> &[Fact<'static>] {
        let range = self.ranges.get(subject.index()).cloned();
        range
            .and_then(|range| self.facts.get(range))
            .unwrap_or_default()
    }
}

fn read_facts(
    table: &TableReader,
    place: &dyn Fn(SubjectId) -> Option<SubjectId>,
    subjects: usize,
) -> (Vec<Fact<'static>>, Vec<Range<usize>>) {
    let mut facts: Vec<Fact<'static>> = table
        .facts()
        .filter_map(|(_, fact)| {
            let subject = place(fact.subject)?;
            Some(Fact { subject, ..fact })
        })
        .collect();
    facts.sort_unstable_by(by_content);
    let mut ranges = vec![0..0; subjects];
    let mut start = 0;
    for same in facts.chunk_by(|a, b| a.subject == b.subject) {
        let end = start + same.len();
        let subject = same.first().map(|fact| fact.subject.index());
        if let Some(range) = subject.and_then(|subject| ranges.get_mut(subject)) {
            *range = start..end;
        }
        start = end;
    }
    (facts, ranges)
}

fn by_content(a: &Fact<'_>, b: &Fact<'_>) -> Ordering {
    let head = |f: &Fact<'_>| (f.subject, f.attribute, f.field, f.rule);
    let tail = |f: &Fact<'_>| {
        let cuts = (f.raw_cut, f.value_cut);
        (f.confidence, f.first_seen_ns, f.last_seen_ns, f.count, cuts)
    };
    head(a)
        .cmp(&head(b))
        .then_with(|| a.value.cmp(&b.value))
        .then_with(|| a.raw.cmp(&b.raw))
        .then_with(|| tail(a).cmp(&tail(b)))
}

fn read_edges(
    table: &TableReader,
    place: &dyn Fn(SubjectId) -> Option<SubjectId>,
) -> Vec<(Edge, Volume)> {
    table
        .edges()
        .filter_map(|(_, edge, volume)| {
            let resp = match edge.resp {
                Some(resp) => Some(place(resp)?),
                None => None,
            };
            let orig = place(edge.orig)?;
            Some((Edge { orig, resp, ..edge }, volume))
        })
        .collect()
}
