//! How much was looked at, and what no conclusion can rest on: subnets that were declared and
//! never seen, VLANs seen in one direction, traffic that could not be read, assets that only a
//! system knows, attributes that are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use medtap_table::vocabulary::{Attribute, Protocol};
use serde::{Deserialize, Serialize};

use super::place::within;
use super::several;
use crate::history::{Coverage, HistoryError, Store};

/// What a site says that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Its subnets, such as `10.1.2.0/24`.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Its VLANs.
    #[serde(default)]
    pub vlans: Vec<u16>,
}

/// A declared subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubnetSeen {
    /// The subnet.
    pub subnet: String,
    /// Devices seen in it.
    pub devices: usize,
}

/// A VLAN that was seen or declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VlanSeen {
    /// Its number.
    pub vlan: u16,
    /// It was declared.
    pub declared: bool,
    /// Devices seen in it.
    pub devices: usize,
    /// Of those, devices to which nobody was seen to answer.
    pub unanswered: usize,
}

/// Bytes of what devices said to each other, by what could be read of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Read {
    /// In clear, of a protocol that is known.
    pub readable: u64,
    /// Encrypted: who speaks with whom is known, and what the beginning tells.
    pub encrypted: u64,
    /// In tunnels that stay closed: not even who speaks with whom in them is known.
    pub tunnelled: u64,
    /// Of protocols that nobody here knows.
    pub unknown: u64,
}

impl Read {
    /// Adds bytes of a kind, as [`read_kind`] numbers them.
    pub(super) fn add(&mut self, kind: u8, bytes: u64) {
        let part = match kind {
            0 => &mut self.readable,
            1 => &mut self.encrypted,
            2 => &mut self.tunnelled,
            _ => &mut self.unknown,
        };
        *part = part.saturating_add(bytes);
    }

    /// A part in percent of all.
    pub fn percent(&self, part: u64) -> u64 {
        let all = [self.readable, self.encrypted, self.tunnelled, self.unknown];
        let all = all.into_iter().fold(0, u64::saturating_add);
        let part = u128::from(part) * 100;
        let share = part.checked_div(all.into()).unwrap_or(0);
        u64::try_from(share).unwrap_or(100)
    }
}

/// Protocols of tunnels into which nobody looks.
const TUNNELS: [Protocol; 3] = [Protocol::Wg, Protocol::Openvpn, Protocol::Isakmp];
/// The same by IP protocol: IPv4, IPv6, GRE, ESP and AH, EtherIP, L2TP, where what is in them could
/// not be read.
const TUNNEL_TRANSPORTS: &str = "4, 41, 47, 50, 51, 97, 115";

/// What could be read of a conversation, for [`Read::add`].
pub(super) fn read_kind() -> String {
    let tunnels = TUNNELS.map(|protocol| format!("'{}'", protocol.name()));
    format!(
        "CASE WHEN protocol IN ({}) OR transport IN ({TUNNEL_TRANSPORTS}) THEN 2
             WHEN encrypted THEN 1 WHEN protocol = '' THEN 3 ELSE 0 END",
        tunnels.join(", ")
    )
}

/// How much was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoverageReport {
    /// Devices that are remembered.
    pub devices: usize,
    /// Declared subnets.
    pub subnets: Vec<SubnetSeen>,
    /// VLANs.
    pub vlans: Vec<VlanSeen>,
    /// What could not be read, and when nobody looked.
    pub seen: Coverage,
    /// How much of the conversations could be read.
    pub read: Read,
    /// Devices of whose conversations none could be read: all are encrypted, or of protocols that
    /// nobody here knows.
    pub unread: usize,
    /// Assets of the site's systems that were never seen.
    pub assets_never_seen: usize,
    /// Assets of the site's systems.
    pub assets: usize,
    /// Share of the devices for which an attribute is known.
    pub attributes: BTreeMap<&'static str, f64>,
}

impl CoverageReport {
    /// One sentence about what conclusions rest on.
    pub fn sentence(&self) -> String {
        let unseen = self
            .subnets
            .iter()
            .filter(|subnet| subnet.devices == 0)
            .count();
        let one_way = self.vlans.iter().filter(|vlan| vlan.is_one_way()).count();
        format!(
            "rests on {}; {unseen} of {} never seen, {}, {} of which nothing could be read, {} % \
             of the bytes encrypted and {} % in closed tunnels, {} of {} never seen, {} without a \
             sensor",
            several(self.devices as u64, "device"),
            several(self.subnets.len() as u64, "declared subnet"),
            several(one_way as u64, "one-way VLAN"),
            several(self.unread as u64, "device"),
            self.read.percent(self.read.encrypted),
            self.read.percent(self.read.tunnelled),
            self.assets_never_seen,
            several(self.assets as u64, "asset"),
            several(self.seen.gaps.len() as u64, "time")
        )
    }
}

impl VlanSeen {
    /// Nobody in it was seen to be answered: only one direction reaches the sensor.
    pub const fn is_one_way(&self) -> bool {
        self.devices > 1 && self.unanswered == self.devices
    }
}

impl Declared {
    /// Reads what a site declares.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let declared: Self = toml::from_str(text)
            .map_err(|error| error.to_string().trim_end().replace('\n', " "))?;
        let wrong = |net: &&String| within([0, 0, 0, 0].into(), net).is_none();
        match declared.subnets.iter().find(wrong) {
            Some(net) => Err(format!("{net}: expected a subnet such as 10.1.2.0/24")),
            None => Ok(declared),
        }
    }
}

impl Store {
    /// How much was looked at.
    ///
    /// # Errors
    /// What the database said.
    pub fn coverage(&self, declared: &Declared) -> Result<CoverageReport, HistoryError> {
        let devices = self.numbered_devices()?;
        let addresses: BTreeSet<(i64, String)> = self.read(|db| {
            db.prepare("SELECT DISTINCT device, ip FROM addresses WHERE ip <> ''")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        let parsed: Vec<(i64, IpAddr)> = addresses
            .iter()
            .filter_map(|(device, ip)| Some((*device, ip.parse().ok()?)))
            .collect();
        let subnets = declared.subnets.iter().map(|subnet| {
            let inside = parsed
                .iter()
                .filter(|(_, ip)| within(*ip, subnet) == Some(true));
            let found: BTreeSet<i64> = inside.map(|(device, _)| *device).collect();
            SubnetSeen {
                subnet: subnet.clone(),
                devices: found.len(),
            }
        });
        let assets = self.assets()?;
        let known = |name: &str| {
            let known = devices.values().filter(|d| d.attributes.contains_key(name));
            match devices.len() {
                0 => 0.0,
                all => known.count() as f64 / all as f64,
            }
        };
        let names = Attribute::SHOWN.iter().map(|attribute| attribute.name());
        Ok(CoverageReport {
            devices: devices.len(),
            subnets: subnets.collect(),
            vlans: self.vlans(declared)?,
            seen: self.seen()?,
            read: self.bytes_read()?,
            unread: self.unread()?,
            assets_never_seen: assets.iter().filter(|known| known.2.is_none()).count(),
            assets: assets.len(),
            attributes: names.map(|name| (name, known(name))).collect(),
        })
    }

    fn bytes_read(&self) -> Result<Read, HistoryError> {
        let text = format!(
            "SELECT {} AS kind, sum(bytes) FROM links GROUP BY kind",
            read_kind()
        );
        self.read(|db| {
            let mut read = Read::default();
            let mut get = db.prepare(&text)?;
            let mut rows = get.query([])?;
            while let Some(row) = rows.next()? {
                read.add(row.get(0)?, row.get(1)?);
            }
            Ok(read)
        })
    }

    fn unread(&self) -> Result<usize, HistoryError> {
        self.read(|db| {
            db.query_row(
                "SELECT count(*) FROM (
                     SELECT one, max(readable) AS readable FROM (
                         SELECT device AS one, protocol <> '' AND NOT encrypted AS readable
                             FROM links WHERE answered
                         UNION ALL
                         SELECT peer, protocol <> '' AND NOT encrypted FROM links WHERE answered
                     ) WHERE one <> 0 GROUP BY one) WHERE NOT readable",
                [],
                |row| row.get(0),
            )
        })
    }

    fn vlans(&self, declared: &Declared) -> Result<Vec<VlanSeen>, HistoryError> {
        let mut vlans: BTreeMap<u16, VlanSeen> = BTreeMap::new();
        let empty = |vlan: u16, declared: bool| VlanSeen {
            vlan,
            declared,
            devices: 0,
            unanswered: 0,
        };
        for vlan in &declared.vlans {
            vlans.insert(*vlan, empty(*vlan, true));
        }
        let rows: Vec<(u16, usize, usize)> = self.read(|db| {
            db.prepare(
                "SELECT vlan, count(DISTINCT addresses.device), count(DISTINCT CASE WHEN
                     NOT EXISTS (SELECT 1 FROM links WHERE links.device = addresses.device
                                 AND answered)
                     AND NOT EXISTS (SELECT 1 FROM links WHERE links.peer = addresses.device
                                     AND answered)
                     THEN addresses.device END)
                 FROM addresses WHERE vlan <> 0 GROUP BY vlan",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
        })?;
        for (vlan, devices, unanswered) in rows {
            let seen = vlans.entry(vlan).or_insert_with(|| empty(vlan, false));
            (seen.devices, seen.unanswered) = (devices, unanswered);
        }
        Ok(vlans.into_values().collect())
    }
}
