//! What a device or a model needs from the network, learnt from what it was seen to do: peers,
//! protocols, ports, hours and bandwidth; as text, nftables, an access list and JSON. It is a
//! draft: what was not seen is not in it, and a person has to read it before it holds anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use rusqlite::Connection;
use serde::Serialize;

use super::basis::{Basis, basis_of};
use super::several;
use crate::history::{DeviceRow, HistoryError, Peer, Store, peers_of, row_of};
use crate::model::Time;

const DAY_NS: u64 = 24 * 3_600_000_000_000;
/// A learnt list from fewer days is told to be young.
const DAYS_LEARNT_MIN: u64 = 14;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// For people.
    Text,
    /// Rules of nftables.
    Nftables,
    /// An extended access list of Cisco IOS.
    Cisco,
}

/// Who opens the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The device does.
    To,
    /// The peer does.
    From,
}

/// One thing that is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Need {
    /// Who opens the conversation.
    pub direction: Direction,
    /// IP protocol number.
    pub transport: u8,
    /// The responder's port.
    pub port: u16,
    /// What is spoken; null where it is not known.
    pub protocol: Option<String>,
    /// The payload is encrypted.
    pub encrypted: bool,
    /// What the peers are.
    pub peer_kinds: BTreeSet<String>,
    /// The peers' addresses.
    pub peers: BTreeSet<IpAddr>,
    /// Bytes on an average day, all devices together.
    pub bytes_per_day: u64,
}

/// What a device or a model needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The device or model.
    pub of: String,
    /// It is learnt, and nobody read it yet.
    pub review: bool,
    /// Devices it was learnt from.
    pub devices: Vec<String>,
    /// Their addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Days it was learnt from.
    pub days: u64,
    /// Hours of the day, UTC, in which any of it was seen; empty where no hours are known.
    pub hours: BTreeSet<u8>,
    /// What it needs.
    pub needs: Vec<Need>,
    /// What was tried and never answered: needed by nobody, or not seen whole.
    pub unanswered: usize,
    /// What it rests on.
    pub basis: Basis,
}

fn parsed(addresses: &[String]) -> impl Iterator<Item = IpAddr> {
    addresses.iter().filter_map(|text| text.parse().ok())
}

impl Store {
    /// What a device, or every device of a model, needs.
    ///
    /// # Errors
    /// When neither is known.
    pub fn requirement(&self, wanted: &str) -> Result<Requirement, HistoryError> {
        let chosen = self.chosen(wanted)?;
        let numbers: Vec<i64> = chosen.keys().copied().collect();
        let mut requirement = Requirement {
            of: wanted.to_owned(),
            review: true,
            devices: chosen.values().map(|device| device.id.clone()).collect(),
            addresses: chosen.values().flat_map(|d| parsed(&d.addresses)).collect(),
            days: 1,
            hours: BTreeSet::new(),
            needs: Vec::new(),
            unanswered: 0,
            basis: self.read(|db| basis_of(db, &numbers))?,
        };
        let first = chosen
            .values()
            .map(|device| device.first_seen)
            .min()
            .unwrap_or(Time(0));
        let last = chosen
            .values()
            .map(|device| device.last_seen)
            .max()
            .unwrap_or(Time(0));
        requirement.days = last.0.saturating_sub(first.0).div_ceil(DAY_NS).max(1);
        let mut needs: BTreeMap<Kind, Need> = BTreeMap::new();
        for number in chosen.keys() {
            let peers = self.read(|db| peers_of(db, *number))?;
            for spoken in self.read(|db| spoken(db, *number))? {
                need(spoken, &peers, &mut requirement, &mut needs);
            }
            self.hours_of_day(*number, &mut requirement.hours)?;
        }
        for need in needs.values_mut() {
            need.bytes_per_day /= requirement.days;
        }
        requirement.needs = needs.into_values().collect();
        Ok(requirement)
    }

    /// The devices of a model; where there is none, the one device that is meant.
    fn chosen(&self, wanted: &str) -> Result<BTreeMap<i64, DeviceRow>, HistoryError> {
        let numbers: Vec<i64> = self.read(|db| {
            db.prepare_cached(
                "SELECT DISTINCT device FROM attributes
                 WHERE attribute = 'model' AND value = ?1 COLLATE NOCASE",
            )?
            .query_map([wanted], |row| row.get(0))?
            .collect()
        })?;
        let mut chosen = BTreeMap::new();
        for number in numbers {
            let device = self.read(|db| row_of(db, number))?;
            // What it was called before counts no more.
            let model = device.attributes.get("model");
            if model.is_some_and(|model| model.eq_ignore_ascii_case(wanted)) {
                chosen.insert(number, device);
            }
        }
        if chosen.is_empty() {
            let number = self.number(wanted)?;
            chosen.insert(number, self.read(|db| row_of(db, number))?);
        }
        Ok(chosen)
    }

    fn hours_of_day(&self, number: i64, hours: &mut BTreeSet<u8>) -> Result<(), HistoryError> {
        let weeks = self.read(|db| crate::history::online_of(db, number))?;
        for bins in weeks.values() {
            let seen = bins.iter().enumerate().filter(|(_, bin)| **bin > 0);
            hours.extend(seen.filter_map(|(hour, _)| u8::try_from(hour % 24).ok()));
        }
        Ok(())
    }
}

/// What is needed once: who opens, the IP protocol, the port, what is spoken.
type Kind = (Direction, u8, u16, Option<String>);

/// Conversations of one kind with one other device.
struct Spoken {
    peer: i64,
    kind: Kind,
    encrypted: bool,
    answered: bool,
    bytes: u64,
}

/// What a device says to each other device, and hears from it.
fn spoken(db: &Connection, number: i64) -> rusqlite::Result<Vec<Spoken>> {
    let mut all = Vec::new();
    let ways = [
        ("device", "peer", Direction::To),
        ("peer", "device", Direction::From),
    ];
    for (own, other, direction) in ways {
        // In the order of the index: nothing has to be sorted for it.
        let text = format!(
            "SELECT {other}, protocol, transport, port, max(encrypted), max(answered), sum(bytes)
             FROM links WHERE {own} = ?1 GROUP BY {other}, protocol, transport, port"
        );
        let mut get = db.prepare_cached(&text)?;
        let mut rows = get.query([number])?;
        while let Some(row) = rows.next()? {
            let protocol: String = row.get(1)?;
            let protocol = (!protocol.is_empty()).then_some(protocol);
            all.push(Spoken {
                peer: row.get(0)?,
                kind: (direction, row.get(2)?, row.get(3)?, protocol),
                encrypted: row.get(4)?,
                answered: row.get(5)?,
                bytes: row.get(6)?,
            });
        }
    }
    Ok(all)
}

fn need(
    spoken: Spoken,
    peers: &BTreeMap<i64, Peer>,
    requirement: &mut Requirement,
    needs: &mut BTreeMap<Kind, Need>,
) {
    let (direction, transport, port, _) = spoken.kind;
    // One's own group, a broadcast, the link: no rule of a router is needed for it.
    let Some(peer) = peers.get(&spoken.peer).filter(|_| transport != 0) else {
        return;
    };
    if !spoken.answered {
        requirement.unanswered += 1;
        return;
    }
    let protocol = spoken.kind.3.clone();
    let need = needs.entry(spoken.kind).or_insert_with(|| Need {
        direction,
        transport,
        port,
        protocol,
        encrypted: false,
        peer_kinds: BTreeSet::new(),
        peers: BTreeSet::new(),
        bytes_per_day: 0,
    });
    need.encrypted |= spoken.encrypted;
    if !need.peer_kinds.contains(&peer.category) {
        need.peer_kinds.insert(peer.category.clone());
    }
    need.peers.extend(parsed(&peer.addresses));
    need.bytes_per_day = need.bytes_per_day.saturating_add(spoken.bytes);
}

/// The name of a transport.
fn transport(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        132 => "sctp".to_owned(),
        number => number.to_string(),
    }
}

const fn has_ports(transport: u8) -> bool {
    matches!(transport, 6 | 17 | 132)
}

/// A name that no syntax trips over.
fn token(text: &str) -> String {
    let sign = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    text.chars().map(sign).take(40).collect()
}

impl Requirement {
    /// As text of one kind.
    pub fn write(&self, syntax: Syntax) -> String {
        let mut text = String::new();
        let comment = match syntax {
            Syntax::Cisco => "!",
            _ => "#",
        };
        let name = token(&self.of);
        // A String takes every write.
        let _ = writeln!(
            text,
            "{comment} REVIEW BEFORE USE: learnt from {} of {name} over {}{}",
            self.devices.len(),
            several(self.days, "day"),
            if self.days < DAYS_LEARNT_MIN {
                ", which is short"
            } else {
                ""
            }
        );
        if self.unanswered > 0 {
            let _ = writeln!(
                text,
                "{comment} {} kinds of conversations were never answered and are left out",
                self.unanswered
            );
        }
        match syntax {
            Syntax::Text => self.text(&mut text),
            Syntax::Nftables => self.nftables(&name, &mut text),
            Syntax::Cisco => self.cisco(&name, &mut text),
        }
        text
    }

    fn text(&self, text: &mut String) {
        if !self.hours.is_empty() && self.hours.len() < 24 {
            let hours: Vec<String> = self.hours.iter().map(u8::to_string).collect();
            let _ = writeln!(
                text,
                "seen in these hours of the day (UTC): {}",
                hours.join(" ")
            );
        }
        for need in &self.needs {
            let way = match need.direction {
                Direction::To => "to",
                Direction::From => "from",
            };
            let kinds: Vec<&str> = need.peer_kinds.iter().map(String::as_str).collect();
            let peers: Vec<String> = need.peers.iter().map(ToString::to_string).collect();
            let _ = writeln!(
                text,
                "{way} {} ({}): {}/{} {}{}, {} bytes a day",
                kinds.join(", "),
                peers.join(" "),
                transport(need.transport),
                need.port,
                need.protocol.as_deref().unwrap_or("unknown"),
                if need.encrypted { ", encrypted" } else { "" },
                need.bytes_per_day
            );
        }
    }

    /// Own and peer addresses of one family.
    fn families(&self, need: &Need) -> [(bool, Vec<IpAddr>, Vec<IpAddr>); 2] {
        [true, false].map(|v4| {
            let of = |set: &BTreeSet<IpAddr>| -> Vec<IpAddr> {
                let routed = |ip: &&IpAddr| match ip {
                    IpAddr::V4(_) => v4,
                    IpAddr::V6(ip) => !v4 && !ip.is_unicast_link_local(),
                };
                set.iter().filter(routed).copied().collect()
            };
            (v4, of(&self.addresses), of(&need.peers))
        })
    }

    fn nftables(&self, name: &str, text: &mut String) {
        let _ = writeln!(text, "table inet medtap_{name} {{\n  chain forward {{");
        let _ = writeln!(
            text,
            "    type filter hook forward priority filter; policy accept;"
        );
        let _ = writeln!(text, "    ct state established,related accept");
        let set = |ips: &[IpAddr]| -> String {
            let ips: Vec<String> = ips.iter().map(ToString::to_string).collect();
            format!("{{ {} }}", ips.join(", "))
        };
        for need in &self.needs {
            for (v4, own, peers) in self.families(need) {
                if own.is_empty() || peers.is_empty() {
                    continue;
                }
                let (from, to) = match need.direction {
                    Direction::To => (&own, &peers),
                    Direction::From => (&peers, &own),
                };
                let family = if v4 { "ip" } else { "ip6" };
                let what = match has_ports(need.transport) {
                    true => format!("{} dport {}", transport(need.transport), need.port),
                    false => format!("meta l4proto {}", transport(need.transport)),
                };
                let _ = writeln!(
                    text,
                    "    {family} saddr {} {family} daddr {} {what} accept",
                    set(from),
                    set(to)
                );
            }
        }
        for v4 in [true, false] {
            let own: Vec<IpAddr> = self
                .addresses
                .iter()
                .filter(|ip| ip.is_ipv4() == v4)
                .copied()
                .collect();
            if !own.is_empty() {
                let family = if v4 { "ip" } else { "ip6" };
                let own = set(&own);
                let _ = writeln!(
                    text,
                    "    {family} saddr {own} drop\n    {family} daddr {own} drop"
                );
            }
        }
        let _ = writeln!(text, "  }}\n}}");
    }

    fn cisco(&self, name: &str, text: &mut String) {
        let _ = writeln!(
            text,
            "ip access-list extended MEDTAP_{}",
            name.to_uppercase()
        );
        for need in &self.needs {
            for (v4, own, peers) in self.families(need) {
                if !v4 {
                    continue;
                }
                for own in &own {
                    for peer in &peers {
                        let _ = writeln!(text, "{}", self.line(need, own, peer));
                    }
                }
            }
        }
        for own in self.addresses.iter().filter(|ip| ip.is_ipv4()) {
            let _ = writeln!(text, " deny ip host {own} any log");
            let _ = writeln!(text, " deny ip any host {own} log");
        }
        if self.addresses.iter().any(IpAddr::is_ipv6) {
            let _ = writeln!(text, "! IPv6 addresses are not in this list");
        }
    }

    /// Lines of an access list are for packets: those of the one who opened, and the answers.
    fn line(&self, need: &Need, own: &IpAddr, peer: &IpAddr) -> String {
        let proto = transport(need.transport);
        let (from, to) = match need.direction {
            Direction::To => (own, peer),
            Direction::From => (peer, own),
        };
        let port = need.port;
        let (there, back) = (
            format!("host {from} host {to}"),
            format!("host {to} host {from}"),
        );
        if !has_ports(need.transport) {
            return format!(" permit {proto} {there}\n permit {proto} {back}");
        }
        let end = if need.transport == 6 {
            " established"
        } else {
            ""
        };
        format!(
            " permit {proto} {there} eq {port}\n \
             permit {proto} host {to} eq {port} host {from}{end}"
        )
    }
}
