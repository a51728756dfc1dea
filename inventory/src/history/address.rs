//! The addresses of a device over time, and what they tell: new ones, and moves to another part of
//! the network. It knows no other property of a device.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension, params};

use super::change::{ChangeKind, News, note};
use super::error::Step;
use super::interval::{Interval, Update};
use super::write::{Group, intervals};
use crate::resolve::mac_text;
use crate::trace::Binding;

/// A place in the network: site, scope, VLAN.
fn network(site: &str, scope: u16, vlan: u16) -> String {
    format!("{site}/{scope}/{vlan}")
}

/// Writes them.
pub(crate) fn addresses(db: &Connection, group: &Group<'_>, settled_ns: u64) -> Step<()> {
    let mut bindings: Vec<&Binding> = group
        .details()
        .flat_map(|detail| &detail.bindings)
        .filter(|binding| binding.first_seen_ns != 0)
        .collect();
    bindings.sort_by_key(|binding| binding.first_seen_ns);
    let routes = group.details().any(|detail| detail.routes);
    for binding in bindings {
        address(db, group, binding, settled_ns, routes)?;
    }
    Ok(())
}

fn address(
    db: &Connection,
    group: &Group<'_>,
    binding: &Binding,
    settled_ns: u64,
    routes: bool,
) -> Step<()> {
    let site = group.look.site.as_str();
    let mac = binding.mac.map_or_else(String::new, |mac| mac_text(&mac));
    let ip = binding
        .address
        .map_or_else(String::new, |ip| ip.to_string());
    let key = params![group.number, site, binding.scope, binding.vlan, mac, ip];
    let mut get = db.prepare_cached(
        "SELECT from_ns, last_ns FROM addresses WHERE device = ?1 AND site = ?2 AND scope = ?3
             AND vlan = ?4 AND mac = ?5 AND ip = ?6",
    )?;
    let known = intervals(&mut get, key)?;
    let seen = Interval::new(binding.first_seen_ns, binding.last_seen_ns);
    let Update::Replace(gone, now) = group.update(&known, seen) else {
        return Ok(());
    };
    if known.is_empty() && now.from_ns > settled_ns {
        told_address(db, group, binding, &ip, now.from_ns)?;
    }
    if known.is_empty() && !mac.is_empty() && !routes {
        told_move(db, group, binding, &mac, now)?;
    }
    let mut delete = db.prepare_cached(
        "DELETE FROM addresses WHERE device = ?1 AND site = ?2 AND scope = ?3 AND vlan = ?4
             AND mac = ?5 AND ip = ?6 AND from_ns = ?7",
    )?;
    for from_ns in gone {
        delete.execute(params![
            group.number,
            site,
            binding.scope,
            binding.vlan,
            mac,
            ip,
            from_ns
        ])?;
    }
    db.prepare_cached(
        "INSERT INTO addresses(device, site, scope, vlan, mac, ip, from_ns, last_ns, proven)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT DO UPDATE SET last_ns = max(last_ns, ?8), proven = max(proven, ?9)",
    )?
    .execute(params![
        group.number,
        site,
        binding.scope,
        binding.vlan,
        mac,
        ip,
        now.from_ns,
        now.last_ns,
        binding.proven
    ])?;
    Ok(())
}

/// A new address, where it is one of a machine: those that IPv6 makes up every day are not told.
fn told_address(
    db: &Connection,
    group: &Group<'_>,
    binding: &Binding,
    ip: &str,
    at_ns: u64,
) -> Step<()> {
    let Some(address) = binding.address else {
        return Ok(());
    };
    let like = match address {
        IpAddr::V4(_) => "%.%",
        IpAddr::V6(_) => "%:%",
    };
    // The latest of the same network that it had before.
    let known: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM addresses WHERE device = ?1 AND ip = ?2)")?
        .query_row(params![group.number, ip], |row| row.get(0))?;
    if known {
        return Ok(());
    }
    let old: String = db
        .prepare_cached(
            "SELECT coalesce((SELECT ip FROM addresses WHERE device = ?1 AND ip LIKE ?2
                 AND from_ns < ?3 ORDER BY last_ns DESC, ip LIMIT 1), '')",
        )?
        .query_row(params![group.number, like, at_ns], |row| row.get(0))?;
    if address.is_ipv6() && !old.is_empty() {
        return Ok(());
    }
    let news = News {
        kind: ChangeKind::NewAddress,
        subject: "address",
        old: &old,
        new: ip,
    };
    note(db, group.number, at_ns, group.source.at_ns, &news)?;
    Ok(())
}

/// The same network card elsewhere, after it was gone from where it was.
fn told_move(
    db: &Connection,
    group: &Group<'_>,
    binding: &Binding,
    mac: &str,
    now: Interval,
) -> Step<()> {
    let old: Option<(String, u16, u16, u64)> = {
        db.prepare_cached(
            "SELECT site, scope, vlan, max(last_ns) FROM addresses
             WHERE device = ?1 AND mac = ?2 AND from_ns < ?3 GROUP BY site, scope, vlan
             ORDER BY max(last_ns) DESC LIMIT 1",
        )?
        .query_row(params![group.number, mac, now.from_ns], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?
    };
    let Some((site, scope, vlan, last_ns)) = old else {
        return Ok(());
    };
    let (old, new) = (
        network(&site, scope, vlan),
        network(&group.look.site, binding.scope, binding.vlan),
    );
    if old != new && last_ns <= now.from_ns {
        let news = News {
            kind: ChangeKind::Moved,
            subject: "network",
            old: &old,
            new: &new,
        };
        note(db, group.number, now.from_ns, group.source.at_ns, &news)?;
    }
    Ok(())
}
