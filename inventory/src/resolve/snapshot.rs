//! One table, read once, in an order that no slot decides: what the rest of `resolve` works on.
//! Of facts it keeps where they lie, not what they say; it interprets nothing, and a record that
//! refers to a subject which is not there is left out.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering as Memory};

use medtap_table::layout::Region;
use medtap_table::vocabulary::Field;
use medtap_table::{
    Activity, Edge, Fact, FactHead, FactId, StoredFact, Subject, SubjectId, SubjectKind,
    TableReader, Traffic, Volume,
};
use rayon::prelude::*;

use super::bindings::is_hearsay;

/// Slots that are read in one piece of work.
const SLOTS_AT_ONCE: u32 = 16_384;

/// Edges that room is made for before they are read.
const EDGES_ROOM: usize = 1 << 20;

/// True for fields of which all that any device said is looked at together.
const fn is_together(field: Field) -> bool {
    matches!(
        field,
        Field::DhcpOffer | Field::ArpRival | Field::TcpUnanswered
    )
}

/// Something was said about a subject.
const HAS_FACTS: u8 = 1;
/// Something was said that shows that it is there.
const IS_SHOWN: u8 = 2;

/// A subject with its traffic.
pub struct Seen {
    /// The subject; its reporter is a place in [`Snapshot::subjects`].
    pub subject: Subject,
    /// What it sent and received.
    pub traffic: Traffic,
    /// Something was said about it.
    pub has_facts: bool,
    /// Something was said about it that shows that it is there.
    pub is_shown: bool,
}

impl Seen {
    /// It sent a packet, or was named, at a known time.
    pub fn was_active(&self) -> bool {
        self.subject.first_seen_ns != 0
    }
}

/// What a table holds. Every [`SubjectId`] in it is a place in `subjects`.
pub struct Snapshot<'a> {
    table: &'a TableReader,
    /// By kind, scope, VLAN, MAC, address, identifier.
    pub subjects: Vec<Seen>,
    /// The place of the subject in each slot.
    places: Vec<Option<SubjectId>>,
    /// Slots of facts that are looked at together, in their order.
    together: Vec<(Field, u32)>,
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

impl<'a> Snapshot<'a> {
    /// Reads a table.
    pub fn read(table: &'a TableReader) -> Self {
        let mut this = Self {
            table,
            subjects: Vec::new(),
            places: Vec::new(),
            together: Vec::new(),
            edges: Vec::new(),
            activities: Vec::new(),
        };
        this.read_subjects();
        this.read_heads();
        this.edges = this.read_edges();
        this.activities = this.read_activities();
        this
    }

    fn read_subjects(&mut self) {
        let slots: Vec<(SubjectId, Subject, Traffic)> = self.table.subjects().collect();
        let find = |id: SubjectId| {
            let place = slots.binary_search_by_key(&id, |slot| slot.0).ok()?;
            slots.get(place)
        };
        let mut ordered: Vec<(Order, &(SubjectId, Subject, Traffic))> = slots
            .par_iter()
            .map(|slot| {
                let reporter = slot.1.reporter.and_then(find);
                (order(&slot.1, reporter.map(|found| &found.1)), slot)
            })
            .collect();
        ordered.par_sort_by(|(a, (_, a_seen, a_traffic)), (b, (_, b_seen, b_traffic))| {
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
        self.places = places;
        let seen = |(_, (_, subject, traffic)): &(Order, &(SubjectId, Subject, Traffic))| Seen {
            subject: Subject {
                reporter: subject.reporter.and_then(|reporter| self.place(reporter)),
                ..*subject
            },
            traffic: *traffic,
            has_facts: false,
            is_shown: false,
        };
        self.subjects = ordered.iter().map(seen).collect();
    }

    /// The place of the subject in a slot.
    fn place(&self, id: SubjectId) -> Option<SubjectId> {
        self.places.get(id.index()).copied().flatten()
    }

    /// Notes of which subjects anything was said, and where what is looked at together lies.
    fn read_heads(&mut self) {
        let marks: Vec<AtomicU8> = self.subjects.iter().map(|_| AtomicU8::new(0)).collect();
        let of_slots = |slots: Range<u32>| {
            let mut together = Vec::new();
            for (slot, head) in self.table.fact_heads(slots) {
                let Some(id) = self.place(head.subject) else {
                    continue;
                };
                let shows = if is_hearsay(head.field) { 0 } else { IS_SHOWN };
                if let Some(mark) = marks.get(id.index()) {
                    mark.fetch_or(HAS_FACTS | shows, Memory::Relaxed);
                }
                if is_together(head.field) {
                    together.push((head.field, slot.0));
                }
            }
            together
        };
        let together: Vec<Vec<(Field, u32)>> =
            self.fact_slots().into_par_iter().map(of_slots).collect();
        self.together = together.into_iter().flatten().collect();
        for (seen, mark) in self.subjects.iter_mut().zip(marks) {
            let mark = mark.into_inner();
            seen.has_facts = mark & HAS_FACTS != 0;
            seen.is_shown = mark & IS_SHOWN != 0;
        }
    }

    /// The slots of facts, in pieces.
    fn fact_slots(&self) -> Vec<Range<u32>> {
        let used = u32::try_from(self.table.used(Region::Facts)).unwrap_or(u32::MAX);
        let begins = (0..used).step_by(SLOTS_AT_ONCE as usize);
        begins
            .map(|begin| begin..used.min(begin.saturating_add(SLOTS_AT_ONCE)))
            .collect()
    }

    /// Where each fact lies, and what `choose` makes of it, in the order of slots. In pieces as
    /// they were read: to lay them end to end, all of them would be held twice.
    pub fn choose_facts<T: Send>(
        &self,
        choose: impl Fn(SubjectId, &FactHead) -> Option<T> + Sync,
    ) -> Vec<Vec<(T, u32)>> {
        let of_slots = |slots: Range<u32>| {
            let chosen = slots.filter_map(|slot| {
                let head = self.table.fact_head(FactId(slot))?;
                Some((choose(self.place(head.subject)?, &head)?, slot))
            });
            let mut chosen: Vec<(T, u32)> = chosen.collect();
            chosen.shrink_to_fit();
            chosen
        };
        self.fact_slots().into_par_iter().map(of_slots).collect()
    }

    /// Everything that was said in a field that is looked at together.
    pub fn facts_of(&self, field: Field) -> Vec<Fact<'static>> {
        debug_assert!(is_together(field));
        let of_field = self.together.iter().filter(|(of, _)| *of == field);
        let slots: Vec<u32> = of_field.map(|(_, slot)| *slot).collect();
        let stored = self.stored(&slots);
        let facts = self.told(&stored).into_iter();
        facts.map(Fact::into_owned).collect()
    }

    /// What these slots say, in their order: what facts borrow their texts from.
    pub fn stored(&self, slots: &[u32]) -> Vec<StoredFact> {
        self.table.stored_facts(slots)
    }

    /// The facts that were read, by subject, then by content.
    pub fn told<'s>(&self, stored: &'s [StoredFact]) -> Vec<Fact<'s>> {
        let mut facts = Vec::new();
        self.add_told(stored, &mut facts);
        facts
    }

    /// The same, behind others, which stay as they are.
    pub fn add_told<'s>(&self, stored: &'s [StoredFact], facts: &mut Vec<Fact<'s>>) {
        let told = |stored: &'s StoredFact| {
            let mut fact = self.table.told(stored)?;
            fact.subject = self.place(fact.subject)?;
            Some(fact)
        };
        let begin = facts.len();
        facts.reserve(stored.len());
        facts.extend(stored.iter().filter_map(told));
        facts
            .get_mut(begin..)
            .unwrap_or_default()
            .sort_unstable_by(by_content);
    }

    /// What the facts of these slots are about, with their slots.
    pub fn heads(&self, slots: &[u32]) -> impl Iterator<Item = (u32, FactHead)> {
        let head = |slot: &u32| Some((*slot, self.table.fact_head(FactId(*slot))?));
        slots.iter().filter_map(head)
    }

    fn read_edges(&self) -> Vec<(Edge, Volume)> {
        let edges = self.table.edges().filter_map(|(_, edge, volume)| {
            let resp = match edge.resp {
                Some(resp) => Some(self.place(resp)?),
                None => None,
            };
            let orig = self.place(edge.orig)?;
            Some((Edge { orig, resp, ..edge }, volume))
        });
        // A table can announce more than it holds.
        let used = usize::try_from(self.table.used(Region::Edges)).unwrap_or_default();
        let mut known = Vec::with_capacity(used.min(EDGES_ROOM));
        known.extend(edges);
        known
    }

    fn read_activities(&self) -> Vec<Activity> {
        let activities = self.table.activity().filter_map(|(_, activity)| {
            let subject = self.place(activity.subject)?;
            Some(Activity {
                subject,
                ..activity
            })
        });
        activities.collect()
    }
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
