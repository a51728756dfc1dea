//! What memory finds: maintenance that is overdue, changes without a work order, ghosts, clones,
//! devices that nobody approved. It weighs nothing; each says what it rests on.

use std::collections::BTreeMap;

use jiff::civil::Date;
use medtap_table::vocabulary::Field;
use serde::Serialize;

use super::authorisation::Authorisation;
use super::maintenance::{VERSIONS, is_over, is_service};
use crate::clock;
use crate::context::Asset;
use crate::history::{ChangeKind, DeviceRow, HistoryError, Store};
use crate::model::Time;
use crate::resolve::{comparable_company, comparable_serial};

/// Days between a change and a work order that may belong to it.
const WORK_ORDER_NS: u64 = 3 * 24 * 3_600_000_000_000;
const DAY_NS: u64 = 24 * 3_600_000_000_000;
/// How far back changes are looked at.
const CHANGES_NS: u64 = 90 * DAY_NS;

/// Other devices that are named in one finding.
const OTHERS_MAX: usize = 3;

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MemoryFinding {
    /// Its name.
    pub finding: &'static str,
    /// The device; null for an asset that was never seen.
    pub device: Option<String>,
    /// The asset, where there is one.
    pub asset_tag: Option<String>,
    /// Why.
    pub evidence: String,
}

/// When a day begins, UTC.
pub fn day_ns(text: &str) -> Option<u64> {
    let day: Date = text.parse().ok()?;
    let time = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    u64::try_from(time.as_nanosecond()).ok()
}

impl Store {
    /// What memory finds at a time.
    ///
    /// # Errors
    /// What the database said.
    pub fn findings(&self, now: Time) -> Result<Vec<MemoryFinding>, HistoryError> {
        let mut findings = Vec::new();
        let assets = self.assets()?;
        let devices = self.numbered_devices()?;
        let mut of_device: BTreeMap<&str, &Asset> = BTreeMap::new();
        for (_, _, device, asset) in &assets {
            let device = device.and_then(|number| devices.get(&number));
            let id = device.map(|device| device.id.as_str());
            if let Some(id) = id {
                of_device.insert(id, asset);
            }
            overdue(asset, id, now, &mut findings);
        }
        self.unordered(now, &of_device, &mut findings)?;
        for life in self.lives(now)?.into_iter().filter(|life| life.ghost) {
            let last = life.last_seen.unwrap_or(now);
            findings.push(MemoryFinding {
                finding: "ghost",
                device: life.device,
                asset_tag: life.asset_tag,
                evidence: format!("disposed of, and seen at {last}"),
            });
        }
        for permitted in self.permitted()? {
            let finding = match permitted.authorisation {
                Authorisation::New | Authorisation::Pending => "unapproved",
                Authorisation::Rejected => "rejected_present",
                Authorisation::Retired => "retired_present",
                Authorisation::Approved => continue,
            };
            // One that was rejected and went is gone.
            let absent = now.0.saturating_sub(permitted.device.last_seen.0) > DAY_NS;
            if finding != "unapproved" && absent {
                continue;
            }
            findings.push(MemoryFinding {
                finding,
                asset_tag: None,
                evidence: format!("last seen {}", permitted.device.last_seen),
                device: Some(permitted.device.id),
            });
        }
        self.clones(&mut findings)?;
        duplicates(&devices, &mut findings);
        self.wrong_clocks(&devices, &mut findings)?;
        self.wrong_zones(&devices, &mut findings)?;
        let shared = devices.values().filter(|device| device.shared);
        findings.extend(shared.map(|device| MemoryFinding {
            finding: "address_shared",
            device: Some(device.id.clone()),
            asset_tag: None,
            evidence:
                "several machines send from one address; they are not in the inventory".to_owned(),
        }));
        findings.sort();
        Ok(findings)
    }

    /// Versions that changed though no work order is near.
    fn unordered(
        &self,
        now: Time,
        assets: &BTreeMap<&str, &Asset>,
        findings: &mut Vec<MemoryFinding>,
    ) -> Result<(), HistoryError> {
        let from = Time(now.0.saturating_sub(CHANGES_NS));
        let changes = self.changes(from, now, None, Some(ChangeKind::Changed))?;
        for change in changes {
            let Some(device) = change
                .device
                .filter(|_| VERSIONS.contains(&&*change.subject))
            else {
                continue;
            };
            let asset = assets.get(device.as_str());
            let work = asset.and_then(|asset| day_ns(asset.get("last_maintenance")?));
            let near = work.is_some_and(|work| {
                change.time.0 + WORK_ORDER_NS >= work && change.time.0 <= work + WORK_ORDER_NS
            });
            if near {
                continue;
            }
            let order = match work {
                Some(_) => "the last work order is of another time",
                None => "no work order is known",
            };
            let visits = self.visits(&device, change.time)?;
            findings.push(MemoryFinding {
                finding: "changed_without_work_order",
                asset_tag: asset.map(|asset| asset.tag.clone()),
                evidence: format!(
                    "{}: {} -> {} at {}; {order}{visits}",
                    change.subject, change.old, change.new, change.time
                ),
                device: Some(device),
            });
        }
        Ok(())
    }

    /// Who worked on a device from afar around a time.
    fn visits(&self, device: &str, at: Time) -> Result<String, HistoryError> {
        let number = self.number(device)?;
        let links = self.read(|db| crate::history::links_of(db, number))?;
        let near = links.iter().filter(|link| {
            let service = link.protocol.as_deref().is_some_and(is_service);
            let around = link.from.0 <= at.0 + WORK_ORDER_NS && at.0 <= link.last.0 + WORK_ORDER_NS;
            service && !link.opens && around
        });
        let visits: Vec<String> = near
            .map(|link| {
                let protocol = link.protocol.as_deref().unwrap_or_default();
                format!(
                    "{protocol} from {}",
                    link.peer.as_deref().unwrap_or("outside")
                )
            })
            .collect();
        Ok(match visits.is_empty() {
            true => String::new(),
            false => format!("; {}", visits.join(", ")),
        })
    }

    /// Devices whose clocks are wrong, as they showed when they last did.
    fn wrong_clocks(
        &self,
        devices: &BTreeMap<i64, DeviceRow>,
        findings: &mut Vec<MemoryFinding>,
    ) -> Result<(), HistoryError> {
        let fields = clock::FIELDS
            .map(|field| field.number().to_string())
            .join(",");
        let told: Vec<(i64, u16, String, u64)> = self.read(|db| {
            db.prepare(&format!(
                "SELECT device, field, raw, facts.last_ns FROM devices
                 CROSS JOIN facts ON device = number AND attribute = 0 AND field IN ({fields})
                 ORDER BY number"
            ))?
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect()
        })?;
        for of_one in told.chunk_by(|a, b| a.0 == b.0) {
            let told = of_one.iter().filter_map(|(_, field, raw, last_ns)| {
                Some((Field::from_number(*field)?, raw.as_str(), *last_ns))
            });
            let Some((field, offset)) = clock::offset_s(told) else {
                continue;
            };
            let device = of_one.first().and_then(|row| devices.get(&row.0));
            if let Some(device) = device.filter(|_| offset.abs() >= clock::OFFSET_MAX_S) {
                findings.push(MemoryFinding {
                    finding: "clock_offset",
                    device: Some(device.id.clone()),
                    asset_tag: None,
                    evidence: clock::words(field, offset),
                });
            }
        }
        Ok(())
    }

    /// Clocks that bear no zone and are set to another one than most of their site.
    fn wrong_zones(
        &self,
        devices: &BTreeMap<i64, DeviceRow>,
        findings: &mut Vec<MemoryFinding>,
    ) -> Result<(), HistoryError> {
        let field = Field::ClockZone.number();
        let told: Vec<clock::Zoned> = self.read(|db| {
            db.prepare(
                "SELECT facts.device, raw, facts.last_ns, addresses.site FROM facts
                 JOIN addresses ON addresses.device = facts.device AND addresses.last_ns = (
                     SELECT max(last_ns) FROM addresses AS other
                     WHERE other.device = facts.device)
                 WHERE facts.attribute = 0 AND field = ?1
                 GROUP BY facts.device, raw, facts.last_ns ORDER BY facts.device",
            )?
            .query_map([field], |row| {
                let raw: String = row.get(1)?;
                Ok(clock::Zoned {
                    device: row.get(0)?,
                    zone_s: raw.parse().unwrap_or(0),
                    last_ns: row.get(2)?,
                    site: row.get(3)?,
                })
            })?
            .collect()
        })?;
        for odd in clock::odd_zones(told) {
            if let Some(device) = devices.get(&odd.device) {
                let (own, most) = (clock::zone(odd.zone_s), clock::zone(odd.most_s));
                findings.push(MemoryFinding {
                    finding: "clock_zone",
                    device: Some(device.id.clone()),
                    asset_tag: None,
                    evidence: format!(
                        "it seems set to {own}, {} others of its site to {most}",
                        odd.others
                    ),
                });
            }
        }
        Ok(())
    }

    /// Devices that have two serial numbers at the same time: two machines under one name.
    fn clones(&self, findings: &mut Vec<MemoryFinding>) -> Result<(), HistoryError> {
        let clones: Vec<(String, String)> = self.read(|db| {
            db.prepare(
                "SELECT devices.id, group_concat(DISTINCT keys.key) FROM keys
                 JOIN devices ON devices.number = keys.device WHERE keys.kind = 1
                 GROUP BY keys.device
                 HAVING count(DISTINCT substr(keys.key, instr(keys.key, '|'))) > 1
                    AND max(keys.first_ns) < min(keys.last_ns)",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })?;
        findings.extend(clones.into_iter().map(|(device, keys)| MemoryFinding {
            finding: "cloned_identity",
            device: Some(device),
            asset_tag: None,
            evidence: format!("serial numbers at the same time: {keys}"),
        }));
        Ok(())
    }
}

/// Serial numbers that several devices of one maker bear.
fn duplicates(devices: &BTreeMap<i64, DeviceRow>, findings: &mut Vec<MemoryFinding>) {
    let mut bearers: BTreeMap<(String, String), Vec<&DeviceRow>> = BTreeMap::new();
    for device in devices.values() {
        let value = |name: &str| device.attributes.get(name);
        let maker = value("manufacturer").map(|maker| comparable_company(maker));
        let serial = value("serial_number").and_then(|serial| comparable_serial(serial));
        if let Some(key) = maker.zip(serial) {
            bearers.entry(key).or_default().push(device);
        }
    }
    for ((maker, serial), bearers) in bearers.iter().filter(|(_, all)| all.len() > 1) {
        for device in bearers {
            let others = bearers.iter().filter(|other| other.id != device.id);
            let others: Vec<&str> = others.map(|other| other.id.as_str()).collect();
            let named = others.get(..OTHERS_MAX).unwrap_or(&others).join(", ");
            let more = match others.len().saturating_sub(OTHERS_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            findings.push(MemoryFinding {
                finding: "duplicate_serial",
                device: Some(device.id.clone()),
                asset_tag: None,
                evidence: format!("{serial} of {maker} is also of {named}{more}"),
            });
        }
    }
}

fn overdue(asset: &Asset, id: Option<&str>, now: Time, findings: &mut Vec<MemoryFinding>) {
    for (name, finding) in [
        ("next_maintenance", "maintenance_overdue"),
        ("warranty_until", "warranty_ended"),
        ("end_of_support", "support_ended"),
        ("staff_training_due", "training_overdue"),
    ] {
        let Some(day) = asset.get(name) else { continue };
        if is_over(day, now) {
            findings.push(MemoryFinding {
                finding,
                device: id.map(str::to_owned),
                asset_tag: Some(asset.tag.clone()),
                evidence: format!("{name} {day}"),
            });
        }
    }
    let disposed = asset.get("lifecycle") == Some("disposed");
    if disposed && asset.get("sanitisation_certificate").is_none() {
        findings.push(MemoryFinding {
            finding: "disposed_without_certificate",
            device: id.map(str::to_owned),
            asset_tag: Some(asset.tag.clone()),
            evidence: "no sanitisation certificate is known".to_owned(),
        });
    }
}
