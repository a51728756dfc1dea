//! Where a device is: what people, systems and the network say, in an order of trust, with what
//! contradicts. A place is `site > campus > building > floor > unit > room`, as far as it is known.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::host::{Ports, host_of};
use crate::context::Rejected;
use crate::history::{ChangeKind, DeviceRow, HistoryError, News, Person, Store, note};
use crate::history::{append_audit, find_number, held};
use crate::resolve::mac_of_text;
use crate::succession::ATTACHMENTS;

/// Who says where a device is, the most trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person.
    Person,
    /// A system that follows tags in rooms.
    Rtls,
    /// A controller of wireless access points.
    Wireless,
    /// The port of a switch.
    Switch,
    /// The port or access point by which it is attached, on the map.
    Port,
    /// A system of the site: its CMMS or CMDB.
    Context,
    /// The point of care in messages about the device.
    PointOfCare,
    /// The department in what the device sends.
    Department,
    /// The map of subnets and VLANs.
    Network,
    /// The port or access point by which it is attached, where no map says where that is: a name,
    /// which contradicts no place.
    Attachment,
}

impl Origin {
    /// Every origin, the most trusted first.
    pub const ALL: [Self; 10] = [
        Self::Person,
        Self::Rtls,
        Self::Wireless,
        Self::Switch,
        Self::Port,
        Self::Context,
        Self::PointOfCare,
        Self::Department,
        Self::Network,
        Self::Attachment,
    ];

    /// The name that people, programs and memory use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Rtls => "rtls",
            Self::Wireless => "wireless",
            Self::Switch => "switch",
            Self::Port => "port",
            Self::Context => "context",
            Self::PointOfCare => "point_of_care",
            Self::Department => "department",
            Self::Network => "network",
            Self::Attachment => "attachment",
        }
    }

    /// The origin of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.name() == name)
    }
}

/// A subnet, VLAN or port, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The subnet, such as `10.1.2.0/24`.
    #[serde(default)]
    pub subnet: Option<String>,
    /// The VLAN.
    #[serde(default)]
    pub vlan: Option<u16>,
    /// The port of a switch, or the access point: `sw-icu3 Gi1/0/7`; a name alone means all of
    /// its ports.
    #[serde(default)]
    pub port: Option<String>,
    /// The site; every one where none is named.
    #[serde(default)]
    pub site: Option<String>,
    /// Where it is.
    pub place: String,
}

/// The map of subnets, VLANs and ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceFile {
    /// Its lines; the first that fits counts, subnets before VLANs.
    #[serde(default)]
    pub places: Vec<Place>,
}

/// One line of an export: a MAC address and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRow {
    /// The MAC address.
    pub mac: String,
    /// Where it is.
    pub place: String,
}

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// The device.
    pub device: String,
    /// Where; null where nobody knows.
    pub place: Option<String>,
    /// Who says so.
    pub origin: Option<Origin>,
    /// What others say.
    pub conflicts: Vec<(Origin, String)>,
    /// The machine that it runs on, for a virtual one; null where no port of a switch shows it.
    pub host: Option<String>,
}

/// True where an address is in a subnet such as `10.1.2.0/24`.
pub(super) fn within(address: IpAddr, subnet: &str) -> Option<bool> {
    let (net, bits) = subnet.split_once('/')?;
    let bits: u32 = bits.parse().ok()?;
    let same = |a: u128, b: u128, width: u32| {
        (bits <= width).then(|| bits == 0 || (a ^ b) >> (width - bits) == 0)
    };
    match (address, net.parse().ok()?) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => Some(false),
    }
}

impl PlaceFile {
    /// Reads a map.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text)
            .map_err(|error| error.to_string().trim_end().replace('\n', " "))?;
        for place in &file.places {
            match (&place.subnet, place.vlan) {
                (None, None) if place.port.is_none() => {
                    return Err(format!("{}: expected a subnet, vlan or port", place.place));
                }
                (Some(subnet), _) if within([0, 0, 0, 0].into(), subnet).is_none() => {
                    return Err(format!("{subnet}: expected a subnet such as 10.1.2.0/24"));
                }
                _ => {}
            }
        }
        Ok(file)
    }

    /// Where a port or an access point is: the longest name that fits.
    fn of_port(&self, attachment: &str) -> Option<&str> {
        let fits = |place: &&Place| {
            let rest = place.port.as_deref().and_then(|port| {
                let head = attachment.get(..port.len())?;
                let rest = attachment.get(port.len()..)?;
                head.eq_ignore_ascii_case(port).then_some(rest)
            });
            // An access point's name is followed by a colon and the network's.
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
        };
        let best = self.places.iter().filter(fits);
        let best = best.max_by_key(|place| place.port.as_deref().map_or(0, str::len));
        best.map(|place| place.place.as_str())
    }

    fn find(&self, addresses: &[(String, u16, String)]) -> Option<&str> {
        let site = |place: &Place, own: &str| place.site.as_deref().is_none_or(|site| site == own);
        let by_subnet = self.places.iter().find(|place| {
            addresses.iter().any(|(own, _, ip)| {
                let inside = place.subnet.as_deref().zip(ip.parse().ok());
                site(place, own) && inside.and_then(|(net, ip)| within(ip, net)) == Some(true)
            })
        });
        let by_vlan = || {
            self.places.iter().find(|place| {
                let fits =
                    |own: &&(String, u16, String)| site(place, &own.0) && place.vlan == Some(own.1);
                place.vlan.is_some()
                    && place.subnet.is_none()
                    && addresses.iter().any(|own| fits(&own))
            })
        };
        by_subnet.or_else(by_vlan).map(|place| place.place.as_str())
    }
}

/// Which columns of an export are what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceColumns {
    /// The column with the MAC address.
    pub mac: String,
    /// The columns that make the place, the widest first.
    pub place: Vec<String>,
}

impl Default for PlaceColumns {
    fn default() -> Self {
        Self {
            mac: "mac".to_owned(),
            place: vec!["place".to_owned()],
        }
    }
}

/// Reads an export in CSV.
///
/// # Errors
/// Without the columns that it is to have.
pub fn read_places(
    bytes: &[u8],
    columns: &PlaceColumns,
) -> Result<(Vec<PlaceRow>, Vec<Rejected>), String> {
    let (text, _) = crate::context::decode(bytes);
    let semicolons = text.lines().next().is_some_and(|line| line.contains(';'));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|error| error.to_string())?.clone();
    let at = |name: &String| {
        let mut heads = heads.iter();
        let found = heads.position(|head| head.eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("expected a column named {name}"))
    };
    let mac_at = at(&columns.mac)?;
    let place_at: Vec<usize> = columns.place.iter().map(at).collect::<Result<_, _>>()?;
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    for (number, record) in reader.records().enumerate() {
        let line = number as u64 + 2;
        let Ok(record) = record else {
            let reason = "the row is broken".to_owned();
            rejected.push(Rejected { line, reason });
            continue;
        };
        let cell = |at: &usize| record.get(*at).unwrap_or_default();
        let parts = place_at.iter().map(cell).filter(|part| !part.is_empty());
        let place = parts.collect::<Vec<_>>().join(" > ");
        match place_row(cell(&mac_at), place) {
            Some(row) => rows.push(row),
            None => {
                let reason = "expected a MAC address and a place".to_owned();
                rejected.push(Rejected { line, reason });
            }
        }
    }
    Ok((rows, rejected))
}

/// Reads the table of MAC addresses that a switch prints: lines with a MAC address, whose last
/// word is the port. What has no MAC address is a head or a rule. The place is `switch port`.
pub fn read_mac_table(bytes: &[u8], switch: &str) -> Vec<PlaceRow> {
    let (text, _) = crate::context::decode(bytes);
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let mac = words.find(|word| mac_of_text(word).is_some())?;
        let port = words.next_back().filter(|port| !is_own_port(port))?;
        place_row(mac, format!("{switch} {port}"))
    };
    text.lines().filter_map(row).collect()
}

/// Ports behind which are the switch itself, or nobody.
fn is_own_port(port: &str) -> bool {
    ["cpu", "self", "router", "drop"].contains(&port.to_ascii_lowercase().as_str())
}

fn place_row(mac: &str, place: String) -> Option<PlaceRow> {
    let sound = place.len() <= crate::context::VALUE_BYTES_MAX
        && !place.is_empty()
        && !place.chars().any(char::is_control);
    let mac = mac_of_text(mac).filter(|_| sound)?;
    Some(PlaceRow { mac, place })
}

impl Store {
    /// Takes over where devices are, as another system says. Gives how many devices it knows.
    ///
    /// # Errors
    /// What the database said.
    pub fn import_places(
        &mut self,
        origin: Origin,
        rows: &[PlaceRow],
        by: &Person,
    ) -> Result<usize, HistoryError> {
        self.write_unless(false, |db| {
            let mut known = 0;
            let mut ports = Ports::default();
            for row in rows {
                let device: Option<i64> = db
                    .prepare_cached(
                        "SELECT device FROM addresses WHERE mac = ?1
                         ORDER BY last_ns DESC LIMIT 1",
                    )?
                    .query_row([&row.mac], |row| row.get(0))
                    .optional()?;
                ports.add(row, device);
                if let Some(device) = device {
                    known += 1;
                    put(db, device, origin.name(), &row.place, by.at_ns)?;
                }
            }
            if origin == Origin::Switch {
                ports.note_hosts(db, by.at_ns)?;
            }
            let counts = format!("{known} of {} known", rows.len());
            append_audit(db, by, "places", origin.name(), "", &counts)?;
            Ok(known)
        })
    }

    /// Says where a device is.
    ///
    /// # Errors
    /// When it is not known.
    pub fn place_by_hand(
        &mut self,
        device: &str,
        place: &str,
        by: &Person,
    ) -> Result<(), HistoryError> {
        self.write_unless(false, |db| {
            let number = find_number(db, device)?;
            let old = put(db, number, Origin::Person.name(), place, by.at_ns)?;
            let id = crate::history::device_id(db, number)?;
            append_audit(db, by, "place", &id, &old, place)
        })
    }

    /// Where every device is.
    ///
    /// # Errors
    /// What the database said.
    pub fn places(&self, map: &PlaceFile) -> Result<Vec<Placed>, HistoryError> {
        let assets = self.asset_by_device()?;
        let devices = self.numbered_devices()?;
        let mut placed = Vec::new();
        for (number, device) in devices {
            let mut said: BTreeMap<Origin, String> = self.read(|db| {
                let mut said = BTreeMap::new();
                let mut get = db.prepare_cached(
                    "SELECT origin, place FROM places WHERE device = ?1 ORDER BY last_ns",
                )?;
                let rows = get.query_map([number], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
                })?;
                for row in rows {
                    let (origin, place) = row?;
                    if let Some(origin) = Origin::from_name(&origin) {
                        said.insert(origin, place);
                    }
                }
                Ok(said)
            })?;
            let asset = assets.get(&number);
            if let Some(place) = asset.and_then(|asset| asset.get("location")) {
                said.insert(Origin::Context, place.to_owned());
            }
            observed(&device, &mut said);
            self.attached(number, map, &mut said)?;
            if let Some(place) = map.find(&self.networks(number)?) {
                said.insert(Origin::Network, place.to_owned());
            }
            let host = match device.virtual_machine {
                true => self.read(|db| host_of(db, number))?,
                false => None,
            };
            placed.push(Placed {
                host,
                ..judge(device.id, said)
            });
        }
        placed.sort_by(|a, b| a.device.cmp(&b.device));
        Ok(placed)
    }

    /// By what a device is attached, as it was last seen to be; and where that is. What a switch
    /// or a controller calls its ports is looked up as well.
    fn attached(
        &self,
        number: i64,
        map: &PlaceFile,
        said: &mut BTreeMap<Origin, String>,
    ) -> Result<(), HistoryError> {
        for origin in [Origin::Switch, Origin::Wireless] {
            if let Some(name) = said.get_mut(&origin)
                && let Some(place) = map.of_port(name)
            {
                place.clone_into(name);
            }
        }
        let held = self.read(|db| held(db, number, &ATTACHMENTS))?;
        if let Some(last) = held.into_iter().max_by_key(|held| held.last_ns) {
            match map.of_port(&last.raw) {
                Some(place) => said.insert(Origin::Port, place.to_owned()),
                None => said.insert(Origin::Attachment, last.raw),
            };
        }
        Ok(())
    }

    /// Site, VLAN and address of a device, as it used them last.
    fn networks(&self, number: i64) -> Result<Vec<(String, u16, String)>, HistoryError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT site, vlan, ip FROM addresses WHERE device = ?1
                 ORDER BY last_ns DESC LIMIT 4",
            )?
            .query_map([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
        })
    }
}

fn observed(device: &DeviceRow, said: &mut BTreeMap<Origin, String>) {
    let value = |name: &str| device.attributes.get(name).cloned();
    if let Some(place) = value("location") {
        said.insert(Origin::PointOfCare, place);
    }
    let parts = [value("institution"), value("department")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        said.insert(Origin::Department, parts.join(" > "));
    }
}

fn judge(device: String, said: BTreeMap<Origin, String>) -> Placed {
    let mut said = said.into_iter();
    let best = said.next();
    let differs = |(origin, place): &(Origin, String)| {
        *origin != Origin::Attachment
            && best.as_ref().is_some_and(|best| {
                let (a, b) = (best.1.to_lowercase(), place.to_lowercase());
                !a.contains(&b) && !b.contains(&a)
            })
    };
    let conflicts = said.filter(differs).collect();
    Placed {
        device,
        place: best.as_ref().map(|best| best.1.clone()),
        origin: best.map(|best| best.0),
        conflicts,
        host: None,
    }
}

/// Notes a place; a device that was in another one, as the same origin said, has moved.
pub(super) fn put(
    db: &rusqlite::Connection,
    device: i64,
    origin: &str,
    place: &str,
    at_ns: u64,
) -> rusqlite::Result<String> {
    let old: Option<String> = db
        .prepare_cached(
            "SELECT place FROM places WHERE device = ?1 AND origin = ?2
             ORDER BY last_ns DESC LIMIT 1",
        )?
        .query_row(params![device, origin], |row| row.get(0))
        .optional()?;
    db.prepare_cached(
        "INSERT INTO places(device, origin, place, from_ns, last_ns) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT DO UPDATE SET last_ns = max(last_ns, ?4)",
    )?
    .execute(params![device, origin, place, at_ns])?;
    let old = old.unwrap_or_default();
    if !old.is_empty() && old != place {
        let news = News {
            kind: ChangeKind::Moved,
            subject: origin,
            old: &old,
            new: place,
        };
        note(db, device, at_ns, at_ns, &news)?;
    }
    Ok(old)
}
