//! What is known of every device, and what is new when it is looked at again. It forgets nothing
//! that an engine saw before it was started again, so that nothing appears twice.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use medtap_inventory::model::{Device, Inventory, Time};
use medtap_table::{SubjectId, TableReader};

use super::{Happening, Kind, Named};
use crate::expression::Expression;
use crate::render::{attribute, label};

/// A device that sent nothing for longer is silent.
const SILENCE_NS: u64 = 5 * 60 * 1_000_000_000;

/// The class and the category of a device of which neither is known.
const UNKNOWN: &str = "unknown";

/// A protocol on a port.
type Service = (&'static str, Option<u16>);

/// What is known of one device.
#[derive(Clone, Default)]
struct Memory {
    macs: Vec<String>,
    addresses: Vec<IpAddr>,
    attributes: BTreeMap<&'static str, String>,
    services: Vec<Service>,
    last_seen_ns: u64,
    silent: bool,
}

/// What is known of every device, by id.
#[derive(Default)]
pub struct Known {
    devices: HashMap<String, Memory>,
    /// When it was last looked.
    looked_ns: u64,
}

impl Known {
    /// Adds what is new in a table, and says it.
    pub fn learn(
        &mut self,
        table: &TableReader,
        inventory: &Inventory,
        filter: Option<&Expression>,
        happenings: &mut Vec<Happening>,
    ) {
        let as_of_ns = inventory.as_of.map_or(0, |time| time.0);
        let times = Times::read(table, inventory);
        self.rename(inventory);
        for (place, device) in inventory.devices.iter().enumerate() {
            let before = self.devices.get(&device.id).cloned();
            let mut news = News {
                device,
                looked_ns: self.looked_ns,
                as_of_ns,
                happenings: Vec::new(),
            };
            let now = news.compare(before, &|what| times.of(place, what));
            if filter.is_none_or(|filter| filter.matches(device)) {
                happenings.append(&mut news.happenings);
            }
            self.devices.insert(device.id.clone(), now);
        }
        self.looked_ns = as_of_ns;
    }

    /// Devices whose id changed because more is known of them keep what was known.
    fn rename(&mut self, inventory: &Inventory) {
        let ids: Vec<&str> = inventory
            .devices
            .iter()
            .map(|device| device.id.as_str())
            .collect();
        let is_there = |id: &String| ids.binary_search(&id.as_str()).is_ok();
        let mut owners: HashMap<String, String> = HashMap::new();
        for (id, memory) in self.devices.iter().filter(|(id, _)| !is_there(id)) {
            let addresses = memory.addresses.iter().map(ToString::to_string);
            for key in memory.macs.iter().cloned().chain(addresses) {
                owners.insert(key, id.clone());
            }
        }
        if owners.is_empty() {
            return;
        }
        for device in &inventory.devices {
            if self.devices.contains_key(&device.id) {
                continue;
            }
            let addresses = device.addresses.iter().map(ToString::to_string);
            let mut keys = device.macs.iter().cloned().chain(addresses);
            let old = keys.find_map(|key| owners.get(&key));
            if let Some(memory) = old.and_then(|old| self.devices.remove(old)) {
                self.devices.insert(device.id.clone(), memory);
            }
        }
    }
}

/// Something of a device that has a time of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Address(IpAddr),
    Service(&'static str, Option<u16>),
}

/// When the addresses and services of each device were first seen.
struct Times(HashMap<(usize, What), u64>);

impl Times {
    fn read(table: &TableReader, inventory: &Inventory) -> Self {
        let mut by_address: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        let mut by_mac: HashMap<&str, usize> = HashMap::new();
        for (place, device) in inventory.devices.iter().enumerate() {
            for address in &device.addresses {
                by_address.entry(*address).or_default().push(place);
            }
            for mac in &device.macs {
                by_mac.insert(mac, place);
            }
        }
        let mut times = HashMap::new();
        let mut note = |key: (usize, What), time: u64| {
            let first = times.entry(key).or_insert(time);
            *first = time.min(*first);
        };
        let mut owners: HashMap<SubjectId, usize> = HashMap::new();
        for (id, subject, _) in table.subjects() {
            let [a, b, c, d, e, f] = subject.mac;
            let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
            let of_mac = by_mac.get(mac.as_str()).copied();
            let of_address = subject.address.and_then(|address| by_address.get(&address));
            let owner = match of_address.map(Vec::as_slice) {
                // An address that several devices had: the one with this MAC address.
                Some(several) => {
                    let same = of_mac.filter(|place| several.contains(place));
                    same.or(several.first().copied())
                }
                None => of_mac,
            };
            let Some(owner) = owner else { continue };
            owners.insert(id, owner);
            if let Some(address) = subject.address.filter(|_| subject.first_seen_ns != 0) {
                note((owner, What::Address(address)), subject.first_seen_ns);
            }
        }
        for (_, edge, _) in table.edges() {
            let Some(protocol) = edge.protocol else {
                continue;
            };
            let port = Some(edge.port).filter(|&port| port != 0);
            let owner = edge.resp.and_then(|resp| owners.get(&resp));
            if let Some(&owner) = owner {
                note(
                    (owner, What::Service(protocol.name(), port)),
                    edge.first_seen_ns,
                );
            }
        }
        Self(times)
    }

    fn of(&self, place: usize, what: What) -> Option<u64> {
        self.0.get(&(place, what)).copied()
    }
}

/// What is new of one device.
struct News<'a> {
    device: &'a Device,
    looked_ns: u64,
    as_of_ns: u64,
    happenings: Vec<Happening>,
}

impl News<'_> {
    /// Says what is new, and gives what is known now.
    fn compare(&mut self, before: Option<Memory>, time_of: &dyn Fn(What) -> Option<u64>) -> Memory {
        let device = self.device;
        let first_ns = device.first_seen.map(|time| time.0);
        let is_new = before.is_none();
        let mut now = before.unwrap_or_default();
        if is_new {
            let class = [device.class, device.category];
            let class = class.into_iter().filter(|&name| name != UNKNOWN);
            let made = ["manufacturer", "model"];
            let made = made.into_iter().filter_map(|name| attribute(device, name));
            let kind: Vec<&str> = class.chain(made).collect();
            let kind = (!kind.is_empty()).then(|| kind.join(" "));
            self.tell(first_ns, Kind::DeviceAppeared, None, None, kind);
        }
        for &address in &device.addresses {
            if !now.addresses.contains(&address) {
                let time = time_of(What::Address(address)).or(first_ns);
                let address_text = Some(address.to_string());
                self.tell(time, Kind::AddressAppeared, address_text, None, None);
                now.addresses.push(address);
            }
        }
        for (name, value) in device.attributes.iter() {
            let Some(value) = value else { continue };
            let old = now.attributes.insert(name, value.value.clone());
            if old.as_ref() == Some(&value.value) {
                continue;
            }
            let first = value.sources.iter().map(|source| source.first_seen.0).min();
            let kind = match old {
                None => Kind::AttributeAppeared,
                Some(_) => Kind::AttributeChanged,
            };
            // An old value that won only now: now is when it changed.
            let first = first.filter(|&first| old.is_none() || first >= self.looked_ns);
            let subject = Some(name.to_owned());
            self.tell(first, kind, subject, old, Some(value.value.clone()));
        }
        for service in device.protocols.iter().filter(|p| p.role == "server") {
            let key = (service.name, service.port);
            if !now.services.contains(&key) {
                let time = time_of(What::Service(service.name, service.port)).or(first_ns);
                let port = service.port.map(|port| format!("port {port}"));
                let subject = Some(service.name.to_owned());
                self.tell(time, Kind::ServiceAppeared, subject, None, port);
                now.services.push(key);
            }
        }
        self.silence(&mut now);
        now.macs.clone_from(&device.macs);
        now
    }

    /// Whether it went silent, or came back. What others only tell of is never silent.
    fn silence(&mut self, memory: &mut Memory) {
        let device = self.device;
        let Some(last) = device.last_seen.filter(|_| device.packets_sent > 0) else {
            return;
        };
        if memory.silent && last.0 > memory.last_seen_ns {
            self.tell(Some(last.0), Kind::Returned, None, None, None);
            memory.silent = false;
        }
        let silent_ns = last.0.saturating_add(SILENCE_NS);
        if !memory.silent && self.as_of_ns > silent_ns {
            self.tell(Some(silent_ns), Kind::Silent, None, None, None);
            memory.silent = true;
        }
        memory.last_seen_ns = memory.last_seen_ns.max(last.0);
    }

    /// Notes what happened at a time, or just now.
    fn tell(
        &mut self,
        time_ns: Option<u64>,
        event: Kind,
        subject: Option<String>,
        old: Option<String>,
        new: Option<String>,
    ) {
        self.happenings.push(Happening {
            time: Time(time_ns.unwrap_or(self.as_of_ns)),
            event,
            device: Some(Named {
                id: self.device.id.clone(),
                label: label(self.device),
            }),
            subject,
            old,
            new,
        });
    }
}
