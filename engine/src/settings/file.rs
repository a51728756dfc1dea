//! The configuration file. It says what stands there; what may not stand there is an error.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::arguments::ModeWord;
use super::error::{Place, SettingsError};
use super::section::{self, Section, line_and_column, shortened};
use super::{FACTS, FLOWS, Interface, SUBJECTS, Vlan, WORKERS_MAX};

pub(super) const TOP: &[&str] = &[
    "workers",
    "flows",
    "cpus",
    "table",
    "subjects",
    "facts",
    "conversations",
    "rules",
    "fresh",
    "shunt",
    "person_key",
    "interface",
];
pub(super) const INTERFACE: &[&str] = &[
    "name",
    "mode",
    "steering",
    "frames",
    "frame_bytes",
    "own_addresses",
    "mtu",
    "channels",
    "symmetric_rss",
    "rss_queues",
    "irq_cpus",
    "napi_defer_hard_irqs",
    "gro_flush_timeout_ns",
    "busy_poll_us",
    "busy_poll_budget",
    "up",
    "scope",
    "vlan",
];
pub(super) const VLAN: &[&str] = &["id", "scope"];

/// What the steering program has room for.
const OWN_ADDRESSES_MAX: usize = 16;

/// What the file says, and nothing about what it leaves out.
#[derive(Debug, Default)]
pub struct FileSettings {
    pub workers: Option<usize>,
    pub flows: Option<u32>,
    pub cpus: Option<Vec<u16>>,
    pub table: Option<PathBuf>,
    pub subjects: Option<u32>,
    pub facts: Option<u32>,
    pub conversations: Option<u32>,
    pub rules: Option<PathBuf>,
    pub fresh: bool,
    pub shunt: bool,
    pub person_key: Option<PathBuf>,
    pub interfaces: Vec<Interface>,
}

impl FileSettings {
    /// Reads the file's text; `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let table = DeTable::parse(text).map_err(|error| syntax(path, text, &error))?;
        let top = Section::new(path, text, table.get_ref(), table.span(), TOP)?;
        let mut settings = Self {
            workers: top.number("workers", 1..=WORKERS_MAX as u64)?,
            flows: top.number("flows", FLOWS)?,
            cpus: top.cpus("cpus")?,
            table: top.text("table")?.map(PathBuf::from),
            subjects: top.number("subjects", SUBJECTS)?,
            facts: top.number("facts", FACTS)?,
            conversations: top.number("conversations", FACTS)?,
            rules: top.text("rules")?.map(PathBuf::from),
            fresh: top.flag("fresh")?.unwrap_or(false),
            shunt: top.flag("shunt")?.unwrap_or(false),
            person_key: top.text("person_key")?.map(PathBuf::from),
            interfaces: Vec::new(),
        };
        for section in top.sections("interface", "[[interface]], with two brackets", INTERFACE)? {
            let interface = interface(&section)?;
            let name = &interface.name;
            if settings.interfaces.iter().any(|other| other.name == *name) {
                return Err(SettingsError::DuplicateInterface {
                    place: section.place_of("name"),
                    name: name.clone(),
                });
            }
            settings.interfaces.push(interface);
        }
        Ok(settings)
    }
}

fn interface(section: &Section<'_>) -> Result<Interface, SettingsError> {
    let name = section.text("name")?;
    let name = name.ok_or_else(|| SettingsError::NoName {
        place: section.start(),
    })?;
    section::interface_name(name, &section.place_of("name"))?;
    let default = Interface::named(name);
    let frames = section.number("frames", 1024..=262_144)?;
    let frame_bytes = section.number("frame_bytes", 2048..=4096)?;
    Ok(Interface {
        mode: section.word::<ModeWord>("mode")?.and_then(ModeWord::mode),
        steering: section.word("steering")?.unwrap_or_default(),
        frames: power_of_two(section, "frames", frames.unwrap_or(default.frames))?,
        frame_bytes: power_of_two(
            section,
            "frame_bytes",
            frame_bytes.unwrap_or(default.frame_bytes),
        )?,
        own_addresses: own_addresses(section)?,
        mtu: section.number("mtu", 68..=65_535)?,
        channels: section.number("channels", 1..=64)?,
        symmetric_rss: section
            .flag("symmetric_rss")?
            .unwrap_or(default.symmetric_rss),
        rss_queues: section.number("rss_queues", 1..=64)?,
        irq_cpus: section.cpus("irq_cpus")?.unwrap_or_default(),
        napi_defer_hard_irqs: section.number("napi_defer_hard_irqs", 0..=i32::MAX as u64)?,
        gro_flush_timeout_ns: section.number("gro_flush_timeout_ns", 0..=1_000_000_000)?,
        busy_poll_us: section.number("busy_poll_us", 0..=1_000_000)?,
        busy_poll_budget: section.number("busy_poll_budget", 1..=65_535)?,
        up: section.flag("up")?.unwrap_or(default.up),
        scope: section.number("scope", 0..=65_535)?.unwrap_or_default(),
        vlans: vlans(section)?,
        ..default
    })
}

fn power_of_two(
    section: &Section<'_>,
    key: &'static str,
    value: u32,
) -> Result<u32, SettingsError> {
    if value.is_power_of_two() {
        return Ok(value);
    }
    let next = value.next_power_of_two();
    Err(SettingsError::Value {
        place: section.place_of(key),
        key,
        value: value.to_string(),
        expected: format!("a power of two: {} or {next}", next / 2),
    })
}

fn own_addresses(section: &Section<'_>) -> Result<Vec<IpAddr>, SettingsError> {
    let texts = section.texts("own_addresses")?;
    if texts.len() > OWN_ADDRESSES_MAX {
        return Err(SettingsError::Value {
            place: section.place_of("own_addresses"),
            key: "own_addresses",
            value: format!("{} addresses", texts.len()),
            expected: format!("at most {OWN_ADDRESSES_MAX}"),
        });
    }
    let parse = |(text, place): (&str, Place)| {
        text.parse().map_err(|_| SettingsError::Value {
            place,
            key: "own_addresses",
            value: format!("\"{}\"", shortened(text)),
            expected: "addresses such as 192.0.2.7 or 2001:db8::7, without a length".to_owned(),
        })
    };
    texts.into_iter().map(parse).collect()
}

fn vlans(section: &Section<'_>) -> Result<Vec<Vlan>, SettingsError> {
    let mut vlans: Vec<Vlan> = Vec::new();
    for vlan in section.sections("vlan", "[[interface.vlan]], with two brackets", VLAN)? {
        let place = vlan.start();
        let missing = |key| SettingsError::VlanIncomplete {
            place: place.clone(),
            key,
        };
        let id = vlan.number("id", 1..=4094)?;
        let id = id.ok_or_else(|| missing("id"))?;
        let scope = vlan.number("scope", 0..=65_535)?;
        let scope = scope.ok_or_else(|| missing("scope"))?;
        if vlans.iter().any(|other| other.id == id) {
            let place = vlan.place_of("id");
            return Err(SettingsError::DuplicateVlan { place, id });
        }
        vlans.push(Vlan { id, scope });
    }
    Ok(vlans)
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> SettingsError {
    let offset = error.span().map_or(0, |span| span.start);
    let (line, column) = line_and_column(text, offset);
    SettingsError::Syntax {
        path: path.to_owned(),
        line,
        column,
        message: error.message().replace('\n', ", "),
    }
}
