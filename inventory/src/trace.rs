//! What stands behind each device of one table: the keys that name it, its bindings, what was
//! stated about it, its services, conversations and doings, each with its times. It is what
//! memory is made of; it decides nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use medtap_table::layout::HOURS_OF_WEEK;
use medtap_table::vocabulary::{Attribute, Event, Field, Protocol};

use crate::resolve::{is_of_virtual_machine, is_virtual};

/// What a person decided about identity: records that bear one label are one device, records
/// that bear different ones never are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rulings {
    /// The label of a record, by the record's key.
    pub labels: BTreeMap<String, String>,
}

/// What names a device, the strongest kind first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// Maker and serial number.
    Serial = 1,
    /// A UDI with its serial number.
    Udi = 2,
    /// An identifier by which others report it.
    Identifier = 3,
    /// AE title, station name and model together.
    Station = 4,
    /// A MAC address.
    Mac = 5,
    /// A DHCP client identifier that is more than the MAC address.
    Client = 6,
    /// An IP address, of a device whose MAC address was not seen.
    Address = 7,
}

impl KeyKind {
    /// Every kind, the strongest first.
    pub const ALL: [Self; 7] = [
        Self::Serial,
        Self::Udi,
        Self::Identifier,
        Self::Station,
        Self::Mac,
        Self::Client,
        Self::Address,
    ];

    /// The name that people see and type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Udi => "udi",
            Self::Identifier => "identifier",
            Self::Station => "station",
            Self::Mac => "mac",
            Self::Client => "client",
            Self::Address => "ip",
        }
    }

    /// The kind of a stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// One machine has it, whatever else is read.
    pub const fn is_proof(self) -> bool {
        matches!(self, Self::Serial | Self::Udi | Self::Identifier)
    }
}

/// True for the name of a device of a BACnet internetwork, by itself or as the key of its record:
/// it is of one machine in one address space alone.
pub(crate) fn is_of_internetwork(identifier: &str) -> bool {
    let name = identifier.strip_prefix("reported|").unwrap_or(identifier);
    name.starts_with("bacnet|")
}

/// One key of a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: KeyKind,
    /// Its text, comparable.
    pub text: String,
    /// When the record that has it was first seen, 0 never.
    pub first_seen_ns: u64,
    /// When it was last seen.
    pub last_seen_ns: u64,
    /// The record that has it, as [`Rulings`] names it.
    pub record: String,
}

/// A MAC and an IP address that were used together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// Address space.
    pub scope: u16,
    /// VLAN, 0 untagged.
    pub vlan: u16,
    /// MAC address on its own link; none for what was seen behind a router.
    pub mac: Option<[u8; 6]>,
    /// IP address; none for a binding of the link alone.
    pub address: Option<IpAddr>,
    /// ARP, neighbour discovery or DHCP prove it.
    pub proven: bool,
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
}

/// What was stated about a device in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// What it says about the device.
    pub attribute: Attribute,
    /// Where it was read.
    pub field: Field,
    /// The value.
    pub value: String,
    /// As it was sent.
    pub raw: String,
    /// The rule that gave the value, 0 none.
    pub rule: u32,
    /// How far it can be trusted, 0–100.
    pub confidence: u8,
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
    /// How often.
    pub count: u64,
}

/// Conversations with one other device, in one protocol on one port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The other's place among the devices; none where that is no single device.
    pub other: Option<u32>,
    /// This device opened them.
    pub opened: bool,
    /// What they speak; none where it is not known.
    pub protocol: Option<Protocol>,
    /// IP protocol number, 0 without IP.
    pub transport: u8,
    /// The responder's port.
    pub port: u16,
    /// The payload is encrypted.
    pub encrypted: bool,
    /// The other side answered.
    pub answered: bool,
    /// First seen.
    pub first_seen_ns: u64,
    /// Last seen.
    pub last_seen_ns: u64,
    /// Packets in both directions.
    pub packets: u64,
    /// Bytes in both directions, on the wire.
    pub bytes: u64,
}

/// How often something was done, by hour of the week, since the table's engine began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doing {
    /// What.
    pub event: Event,
    /// When first.
    pub first_seen_ns: u64,
    /// When last.
    pub last_seen_ns: u64,
    /// By hour of the week.
    pub bins: [u32; HOURS_OF_WEEK],
}

/// What stands behind one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Its keys, the strongest kind first.
    pub keys: Vec<Key>,
    /// Its bindings.
    pub bindings: Vec<Binding>,
    /// What was stated about it.
    pub statements: Vec<Statement>,
    /// Its conversations.
    pub links: Vec<Link>,
    /// What it did.
    pub doings: Vec<Doing>,
    /// It forwards packets for others.
    pub routes: bool,
    /// Several machines send from one address of it.
    pub shared: bool,
}

impl Detail {
    /// Every MAC address of it was made up by software: it may be another tomorrow.
    pub fn has_only_local_macs(&self) -> bool {
        let mut macs = self.bindings.iter().filter_map(|binding| binding.mac);
        let made_up = |mac: [u8; 6]| mac[0] & 2 != 0 && !is_of_virtual_machine(&mac);
        macs.clone().next().is_some() && macs.all(made_up)
    }

    /// Every network card of it was made by a hypervisor.
    pub fn has_only_virtual_cards(&self) -> bool {
        let mut macs = self.bindings.iter().filter_map(|binding| binding.mac);
        macs.clone().next().is_some() && macs.all(|mac| is_virtual(&mac))
    }
}
