//! Sums owed and handed over.

use super::*;
use crate::device::BindingKey;

#[derive(Default)]
struct Tray {
    facts: Vec<FactSighting<'static>>,
    counts: Vec<CountSighting>,
    room: usize,
}

impl Outbox for Tray {
    fn has_room(&self, facts: usize) -> bool {
        self.room >= facts
    }
    fn fact(&mut self, fact: &FactSighting<'_>) {
        self.room -= 1;
        self.facts.push(FactSighting {
            key: Box::leak(Box::new(*fact.key)),
            raw: kept(fact.raw),
            value: kept(fact.value),
            ..*fact
        });
    }
    fn count(&mut self, count: &CountSighting) -> bool {
        let taken = self.room > 0;
        if taken {
            self.room -= 1;
            self.counts.push(*count);
        }
        taken
    }
}

/// The same text for as long as the tests run.
fn kept(text: ValueRef<'_>) -> ValueRef<'static> {
    ValueRef::of(text.as_bytes().to_vec().leak(), text.is_cut())
}

fn subject(n: u8) -> SubjectKey {
    SubjectKey::Binding(BindingKey {
        mac: [2, 0, 0, 0, 0, n],
        ..BindingKey::default()
    })
}

fn said(binding: &BindingKey) -> Said<'_> {
    Said {
        binding,
        reported: None,
    }
}

/// The same bytes are the same fact, other bytes another, whoever said what before.
#[test]
fn what_is_said_again_is_counted() {
    let mut ledger = Ledger::new(PersonFilter::FIXED);
    let matcher = medtap_rules::Rules::embedded().matcher();
    let mut counters = Counters::default();
    let mut outbox = Tray {
        room: usize::MAX,
        ..Tray::default()
    };
    let ends = [1, 2].map(|n| match subject(n) {
        SubjectKey::Binding(binding) | SubjectKey::Reported(binding, _) => binding,
    });
    for round in 1..=3 {
        for binding in &ends {
            for reported in [None, Some(&b"x|1"[..]), Some(b"x|2")] {
                for raw in [&b"MODEL X"[..], b"MODEL  X", b"MODEL Y"] {
                    let said = Said { binding, reported };
                    let fact = (Field::DicomModel, raw);
                    ledger.fact(said, fact, (round, true), &matcher, &mut counters);
                    ledger.event(said, Event::Hl7Result, round, &mut counters);
                }
            }
        }
    }
    ledger.settle(&mut outbox);
    // Two spaces are one: two values for each of six subjects.
    assert_eq!(outbox.facts.len(), 12);
    let counts: u64 = outbox.facts.iter().map(|fact| fact.count).sum();
    assert_eq!(counts, 54);
    assert!(outbox.facts.iter().all(|fact| fact.times.last_ns == 3));
    assert_eq!(outbox.counts.len(), 6);
    ledger.forget();
    let said = said(&ends[0]);
    let fact = (Field::DicomModel, &b"MODEL X"[..]);
    ledger.fact(said, fact, (4, true), &matcher, &mut counters);
    ledger.settle(&mut outbox);
    assert_eq!(outbox.facts.len(), 13);
}

/// Where a device is used, and when to the second, would tell who lay there.
#[test]
fn places_at_patients_are_known_to_the_hour() {
    let mut ledger = Ledger::new(PersonFilter::FIXED);
    let matcher = medtap_rules::Rules::embedded().matcher();
    let mut counters = Counters::default();
    let mut outbox = Tray {
        room: usize::MAX,
        ..Tray::default()
    };
    let at = (5 * HOUR_NS + 1_234, true);
    let binding = BindingKey {
        mac: [2, 0, 0, 0, 0, 1],
        ..BindingKey::default()
    };
    for fact in [
        (Field::Hl7DeviceBed, &b"B03"[..]),
        (Field::Hl7DeviceModel, b"MODEL X"),
    ] {
        ledger.fact(said(&binding), fact, at, &matcher, &mut counters);
    }
    ledger.settle(&mut outbox);
    assert_eq!(outbox.facts[0].times, Times::at(5 * HOUR_NS));
    assert_eq!(outbox.facts[1].times, Times::at(5 * HOUR_NS + 1_234));
}

/// A ring that is full now and then: every count arrives, once.
#[test]
fn what_is_refused_stays_owed() {
    let mut ledger = Ledger::new(PersonFilter::FIXED);
    let mut counters = Counters::default();
    let mut outbox = Tray::default();
    let mut sent = 0;
    for round in 0..50u8 {
        for n in 0..10 {
            let traffic = Traffic {
                packets_sent: u64::from(n),
                ..Traffic::default()
            };
            sent += u64::from(n);
            let note = SubjectNote {
                traffic,
                ..SubjectNote::default()
            };
            ledger.subject(&subject(n), &note, &mut counters);
        }
        outbox.room = usize::from(round % 7);
        ledger.settle(&mut outbox);
    }
    outbox.room = usize::MAX;
    assert!(ledger.settle(&mut outbox));
    let arrived: u64 = outbox
        .counts
        .iter()
        .map(|count| match count {
            CountSighting::Subject(subject) => subject.traffic.packets_sent,
            _ => 0,
        })
        .sum();
    assert_eq!(arrived, sent);
}

#[test]
fn confirmation_raises_what_was_said_before() {
    let mut ledger = Ledger::new(PersonFilter::FIXED);
    let matcher = medtap_rules::Rules::embedded().matcher();
    let mut counters = Counters::default();
    let mut outbox = Tray {
        room: usize::MAX,
        ..Tray::default()
    };
    let fact = (Field::DicomModel, &b"MODEL X"[..]);
    let binding = BindingKey {
        mac: [2, 0, 0, 0, 0, 1],
        ..BindingKey::default()
    };
    let id = ledger
        .fact(said(&binding), fact, (5, false), &matcher, &mut counters)
        .unwrap();
    ledger.settle(&mut outbox);
    ledger.confirm(id);
    ledger.settle(&mut outbox);
    let full = Field::DicomModel.confidence();
    assert_eq!(
        (outbox.facts[0].confidence, outbox.facts[0].count),
        (full / 2, 1)
    );
    assert_eq!(
        (outbox.facts[1].confidence, outbox.facts[1].count),
        (full, 0)
    );
}

/// A passage that is counted again leaves what one leaves that is told again.
#[test]
fn a_passage_again_is_as_if_it_were_told() {
    const DIGEST: u64 = 7;
    let matcher = medtap_rules::Rules::embedded().matcher();
    let [sender, receiver] = [1, 2].map(|n| match subject(n) {
        SubjectKey::Binding(binding) | SubjectKey::Reported(binding, _) => binding,
    });
    let tell = |ledger: &mut Ledger, at: (u64, bool), counters: &mut Counters| {
        let reported = Some(&b"x|1"[..]);
        let binding = &sender;
        let device = Said { binding, reported };
        for fact in [
            (Field::Hl7DeviceBed, &b"B03"[..]),
            (Field::Hl7DeviceModel, b"MODEL X"),
        ] {
            ledger.fact(device, fact, at, &matcher, counters);
        }
        let fact = (Field::Hl7ReceivingApplication, &b"EHR"[..]);
        ledger.fact(said(&receiver), fact, at, &matcher, counters);
        ledger.event(device, Event::Hl7Result, at.0, counters);
    };
    let mut left = Vec::new();
    for by_passage in [false, true] {
        let mut ledger = Ledger::new(PersonFilter::FIXED);
        let mut counters = Counters::default();
        let mut outbox = Tray {
            room: usize::MAX,
            ..Tray::default()
        };
        let mut again = 0;
        for minute in 0..200 {
            let at = (minute * HOUR_NS / 60, minute > 2);
            let ends = (sender, receiver);
            let mut known = 0;
            if by_passage && ledger.again(DIGEST, ends, at, &mut |_| known += 1) {
                // Those that nobody confirmed wait for it.
                assert_eq!(known, if at.1 { 0 } else { 3 });
                again += 1;
                continue;
            }
            tell(&mut ledger, at, &mut counters);
            if by_passage {
                ledger.end_passage();
            }
        }
        // It is told once in each of four hours.
        assert_eq!(again, if by_passage { 196 } else { 0 });
        ledger.settle(&mut outbox);
        left.push((outbox.facts, outbox.counts));
        // To another end, or after all was forgotten, it is told.
        let at = (199 * HOUR_NS / 60, true);
        assert!(!ledger.again(DIGEST, (receiver, sender), at, &mut |_| ()));
        ledger.end_passage();
        ledger.forget();
        assert!(!ledger.again(DIGEST, (sender, receiver), at, &mut |_| ()));
    }
    assert_eq!(left[0], left[1]);
}

/// Of a name that is for rules alone, what the rule is called is kept, and of others nothing.
#[test]
fn names_are_heard_and_not_kept() {
    let mut ledger = Ledger::new(PersonFilter::FIXED);
    let matcher = medtap_rules::Rules::embedded().matcher();
    let mut counters = Counters::default();
    let mut outbox = Tray {
        room: usize::MAX,
        ..Tray::default()
    };
    let binding = BindingKey {
        mac: [2, 0, 0, 0, 0, 1],
        ..BindingKey::default()
    };
    for field in [Field::DnsQueryName, Field::TlsClientName] {
        for name in [
            "annas-holiday.example.org",
            "router7.teamviewer.com",
            "www.teamviewer.com",
        ] {
            let fact = (field, name.as_bytes());
            ledger.fact(said(&binding), fact, (1, true), &matcher, &mut counters);
        }
    }
    ledger.settle(&mut outbox);
    let told: Vec<(&str, &str, u8)> = outbox
        .facts
        .iter()
        .map(|fact| (fact.raw.as_str(), fact.value.as_str(), fact.confidence))
        .collect();
    let tool = |confidence| ("TeamViewer", "remote_access_tool", confidence);
    assert_eq!(told, [tool(60), tool(85)]);
}

/// A value that means several things finds room for all of them or waits: what is said of it
/// meanwhile counts for each of them.
#[test]
fn what_a_value_means_goes_at_once() {
    let matcher = medtap_rules::Rules::embedded().matcher();
    let fact = (Field::HttpServer, &b"Microsoft-IIS/10.0"[..]);
    let SubjectKey::Binding(binding) = subject(1) else {
        unreachable!()
    };
    let handed = |rooms: [usize; 3]| {
        let mut ledger = Ledger::new(PersonFilter::FIXED);
        let (mut counters, mut outbox) = (Counters::default(), Tray::default());
        for (at, room) in [(5, false), (6, false), (7, true)].into_iter().zip(rooms) {
            ledger.fact(said(&binding), fact, at, &matcher, &mut counters);
            outbox.room = room;
            assert_eq!(ledger.settle(&mut outbox), room > 1);
        }
        outbox.facts
    };
    let all = handed([0, 0, usize::MAX]);
    assert!(
        all.len() > 1 && all.iter().all(|fact| fact.count == 3),
        "{all:?}"
    );
    assert_eq!(handed([1, 1, usize::MAX]), all);
}
