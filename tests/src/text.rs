//! A table as text: everything that the engine wrote down, as it stands there. It resolves
//! nothing; two facts that disagree are two lines.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use medtap_table::vocabulary::Counter;
use medtap_table::{
    Edge, EdgeFlags, Fact, Source, Subject, SubjectFlags, SubjectId, SubjectKind, TableReader,
    Traffic,
};

/// Names of the bits of a subject.
const SUBJECT_FLAGS: &[(SubjectFlags, &str)] = &[
    (SubjectFlags::ARP, "arp"),
    (SubjectFlags::ND, "nd"),
    (SubjectFlags::DHCP, "dhcp"),
    (SubjectFlags::ROUTER, "router"),
    (SubjectFlags::TWO_WAY, "two-way"),
    (SubjectFlags::CONFIRMED, "confirmed"),
    (SubjectFlags::MULTICAST_TTL, "multicast-ttl"),
];

/// Names of the bits of an edge.
const EDGE_FLAGS: &[(EdgeFlags, &str)] = &[
    (EdgeFlags::ENCRYPTED, "encrypted"),
    (EdgeFlags::ANSWERED, "answered"),
    (EdgeFlags::CONFIRMED, "confirmed"),
    (EdgeFlags::PEERS, "peers"),
];

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The whole table. Times of records are seconds after the first packet, bytes are lengths on
/// the wire, sent and received are packets/bytes.
pub fn table_text(table: &TableReader) -> String {
    let mut out = String::new();
    let source = table.source().unwrap_or_default();
    source_text(&mut out, &source);
    counters_text(&mut out, table);
    let mut facts = BTreeMap::<SubjectId, Vec<Fact<'_>>>::new();
    for (_, fact) in table.facts() {
        facts.entry(fact.subject).or_default().push(fact);
    }
    let start = source.first_seen_ns;
    for (id, subject, traffic) in table.subjects() {
        subject_text(&mut out, start, id, &subject, traffic);
        for fact in facts.remove(&id).unwrap_or_default() {
            fact_text(&mut out, start, &fact);
        }
    }
    out.push_str("\nedges\n");
    for (_, edge, volume) in table.edges() {
        edge_text(&mut out, start, &edge, volume.packets, volume.bytes);
    }
    out.push_str("\nactivity\n");
    for (_, activity) in table.activity() {
        let _ = write!(
            out,
            "  {} {} {} from {} to {} in",
            number(activity.subject),
            activity.event.name(),
            activity.total,
            after(start, activity.first_seen_ns),
            after(start, activity.last_seen_ns),
        );
        for (hour, count) in activity.bins.iter().enumerate().filter(|(_, n)| **n > 0) {
            let _ = write!(out, " {} {:02}h: {count}", DAYS[hour / 24], hour % 24);
        }
        out.push('\n');
    }
    for count in [table.torn(), table.skipped()] {
        assert_eq!(
            count, 0,
            "a table at rest has no torn and no senseless record"
        );
    }
    out
}

fn source_text(out: &mut String, source: &Source) {
    let time = |ns: u64| {
        Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |t| t.to_string())
    };
    let _ = writeln!(
        out,
        "source {} file, {} packets, {} bytes, {} malformed, {} truncated, {} duplicates{}",
        source.files,
        source.packets,
        source.bytes,
        source.malformed,
        source.truncated,
        source.duplicates,
        if source.partial { ", partial" } else { "" },
    );
    let _ = writeln!(
        out,
        "  from {} to {}, as of {}",
        time(source.first_seen_ns),
        time(source.last_seen_ns),
        time(source.as_of_ns),
    );
}

fn counters_text(out: &mut String, table: &TableReader) {
    out.push_str("counters");
    for &counter in Counter::ALL {
        let count = table.counter(counter);
        if count > 0 {
            let _ = write!(out, "\n  {} {count}", counter.name());
        }
    }
    let mut errors = BTreeMap::new();
    for worker in table.workers() {
        for (protocol, count) in worker.parse_errors {
            let name = protocol.map_or("other", |protocol| protocol.name());
            *errors.entry(name).or_insert(0) += count;
        }
    }
    for (name, count) in errors {
        let _ = write!(out, "\n  parse_errors {name} {count}");
    }
    out.push('\n');
}

fn subject_text(out: &mut String, start: u64, id: SubjectId, subject: &Subject, traffic: Traffic) {
    let _ = write!(out, "\n{}", number(id));
    match subject.kind {
        SubjectKind::Binding => {
            let _ = write!(out, " {}", mac(&subject.mac));
            if let Some(address) = subject.address {
                let _ = write!(out, " {}", address);
            }
        }
        SubjectKind::Reported => {
            let _ = write!(out, " reported {:?}", subject.identifier.as_str());
            if let Some(reporter) = subject.reporter {
                let _ = write!(out, " by {}", number(reporter));
            }
        }
    }
    if subject.scope != 0 {
        let _ = write!(out, " scope {}", subject.scope);
    }
    if subject.vlan != 0 {
        let _ = write!(out, " vlan {}", subject.vlan);
    }
    for (flag, name) in SUBJECT_FLAGS {
        if subject.flags.contains(*flag) {
            let _ = write!(out, " {name}");
        }
    }
    if subject.ttl_max != 0 {
        let _ = write!(out, " ttl {}", subject.ttl_min);
        if subject.ttl_max != subject.ttl_min {
            let _ = write!(out, "-{}", subject.ttl_max);
        }
    }
    let _ = writeln!(
        out,
        "\n  seen {} to {} first packet {} sent {}/{} received {}/{}",
        after(start, subject.first_seen_ns),
        after(start, subject.last_seen_ns),
        subject.first_packet,
        traffic.packets_sent,
        traffic.bytes_sent,
        traffic.packets_received,
        traffic.bytes_received,
    );
}

fn fact_text(out: &mut String, start: u64, fact: &Fact<'_>) {
    let _ = write!(
        out,
        "  {} = {:?}{} ({}) {} {:?}{}",
        fact.attribute.name(),
        fact.value,
        if fact.value_cut { "…" } else { "" },
        fact.confidence,
        fact.field.name(),
        fact.raw,
        if fact.raw_cut { "…" } else { "" },
    );
    if fact.rule != 0 {
        let _ = write!(out, " rule {}", fact.rule);
    }
    let _ = write!(out, " x{}", fact.count);
    let _ = write!(out, " at {}", after(start, fact.first_seen_ns));
    if fact.last_seen_ns != fact.first_seen_ns {
        let _ = write!(out, " to {}", after(start, fact.last_seen_ns));
    }
    out.push('\n');
}

fn edge_text(out: &mut String, start: u64, edge: &Edge, packets: u64, bytes: u64) {
    let resp = edge.resp.map_or_else(|| "many".to_owned(), number);
    let protocol = edge.protocol.map_or("?", |protocol| protocol.name());
    let transport = match edge.transport {
        0 => "link".to_owned(),
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        other => format!("ip-{other}"),
    };
    let _ = write!(
        out,
        "  {} -> {resp} {protocol} {transport}",
        number(edge.orig)
    );
    if edge.port != 0 {
        let _ = write!(out, "/{}", edge.port);
    }
    let _ = write!(out, " ({})", edge.confidence);
    for (flag, name) in EDGE_FLAGS {
        if edge.flags.contains(*flag) {
            let _ = write!(out, " {name}");
        }
    }
    let _ = writeln!(
        out,
        " {packets}/{bytes} from {} to {}",
        after(start, edge.first_seen_ns),
        after(start, edge.last_seen_ns),
    );
}

fn number(id: SubjectId) -> String {
    format!("[{}]", id.0)
}

fn mac(mac: &[u8; 6]) -> String {
    let [a, b, c, d, e, f] = mac;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// Seconds after the first packet; `never` for a time that was not set.
fn after(start: u64, time: u64) -> String {
    const NS_PER_S: u64 = 1_000_000_000;
    match time.checked_sub(start) {
        None if time == 0 => "never".to_owned(),
        None => format!("{time} ns"),
        Some(ns) => format!("{}.{:09}", ns / NS_PER_S, ns % NS_PER_S),
    }
}
