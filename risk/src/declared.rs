//! What a site declares of its network: its own prefixes, segments by name, and the compensating
//! controls that it relies on, from a file. It believes none: traffic is held against each.

use std::net::IpAddr;

use jiff::civil::Date;
use medtap_table::vocabulary::Protocol;
use serde::Deserialize;
use toml::Spanned;

use crate::date::begin;
use crate::subject::{Control, ControlKind, Service};

/// Segments and controls of one file, each.
pub const DECLARED_MAX: usize = 10_000;

/// A file of declarations that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclaredError {
    /// It is no TOML, or has unknown keys.
    #[error("{0}")]
    Toml(String),
    /// One entry is wrong.
    #[error("line {line}: {what}: {reason}")]
    Wrong {
        /// The line that it begins on, from 1.
        line: usize,
        /// Which one.
        what: String,
        /// What is wrong, and what is allowed.
        reason: String,
    },
}

/// A network: an address and the bits that all its addresses share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `10.1.2.0/24`.
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(address, bits)| {
            let address: IpAddr = address.parse().ok()?;
            let bits: u32 = bits.parse().ok()?;
            let width = if address.is_ipv4() { 32 } else { 128 };
            (bits <= width).then_some(Self { address, bits })
        });
        parsed.ok_or_else(|| format!("{text:?} is no network such as 10.1.2.0/24"))
    }

    /// True for an address inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            self.bits == 0 || (a ^ b) >> (width.saturating_sub(self.bits)) == 0
        };
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// Who a segment is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// Guests.
    Guest,
    /// People's own and office devices.
    User,
    /// Nobody but its devices and their gateway.
    Isolated,
    /// Anything else: it has a name.
    #[default]
    Other,
}

/// A part of the network that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Who it is for.
    pub kind: SegmentKind,
    /// Its VLANs.
    pub vlans: Vec<u16>,
    /// Its networks.
    pub subnets: Vec<Network>,
}

impl Segment {
    /// True where a device of these VLANs and addresses is in it.
    pub fn holds(&self, vlans: &[u16], addresses: &[IpAddr]) -> bool {
        let inside = |address: &IpAddr| self.subnets.iter().any(|net| net.contains(*address));
        vlans.iter().any(|vlan| self.vlans.contains(vlan)) || addresses.iter().any(inside)
    }
}

/// A control, and what it is declared for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredControl {
    /// Devices: ids, addresses, MAC addresses, or names of segments.
    pub devices: Vec<String>,
    /// The control.
    pub control: Control,
}

/// What a site declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Networks of the site besides the private ones: their addresses are not public.
    pub internal: Vec<Network>,
    /// Its segments.
    pub segments: Vec<Segment>,
    /// Its compensating controls.
    pub controls: Vec<DeclaredControl>,
    /// Building equipment that operating or isolation rooms hang on: ids, addresses, MAC addresses,
    /// names of devices or segments.
    pub serve_critical_rooms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    internal: Vec<Spanned<String>>,
    #[serde(default)]
    serve_critical_rooms: Vec<String>,
    #[serde(default)]
    segment: Vec<Spanned<SegmentRow>>,
    #[serde(default)]
    control: Vec<Spanned<ControlRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentRow {
    name: String,
    #[serde(default)]
    kind: SegmentKind,
    #[serde(default)]
    vlans: Vec<u16>,
    #[serde(default)]
    subnets: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindRow {
    Segmentation,
    VirtualPatch,
    Proxy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlRow {
    id: String,
    kind: KindRow,
    devices: Vec<String>,
    owner: String,
    since: String,
    expires: String,
    #[serde(default)]
    peers: Vec<String>,
    #[serde(default)]
    cves: Vec<String>,
    protocol: Option<String>,
    port: Option<u16>,
    through: Option<String>,
}

impl SegmentRow {
    fn segment(self) -> Result<Segment, String> {
        if self.name.trim().is_empty() {
            return Err("it has no `name`".to_owned());
        }
        if self.vlans.is_empty() && self.subnets.is_empty() {
            return Err("it has neither `vlans` nor `subnets`".to_owned());
        }
        let subnets = self.subnets.iter().map(|text| Network::parse(text));
        Ok(Segment {
            subnets: subnets.collect::<Result<_, _>>()?,
            name: self.name,
            kind: self.kind,
            vlans: self.vlans,
        })
    }
}

impl ControlRow {
    fn control(self) -> Result<DeclaredControl, String> {
        if self.id.trim().is_empty() {
            return Err("it has no `id`".to_owned());
        }
        if self.devices.is_empty() {
            return Err("`devices` is empty; expected ids, addresses or segments".to_owned());
        }
        let since = self.day("since", &self.since)?;
        let expires = self.day("expires", &self.expires)?;
        if expires <= since {
            return Err(format!(
                "it expires on {expires}, which is not after {since}"
            ));
        }
        Ok(DeclaredControl {
            control: Control {
                kind: self.kind()?,
                id: self.id,
                owner: self.owner,
                since: begin(since),
                expires: begin(expires),
            },
            devices: self.devices,
        })
    }

    fn day(&self, name: &str, text: &str) -> Result<Date, String> {
        let day = text.parse::<Date>();
        day.map_err(|_| format!("`{name}` is a day, such as 2026-08-07"))
    }

    /// What it does; a key of another kind of control is refused, since it would do nothing.
    fn kind(&self) -> Result<ControlKind, String> {
        let service = self.protocol.is_some() || self.port.is_some();
        let keys = [
            ("peers", !self.peers.is_empty()),
            ("cves", !self.cves.is_empty()),
            ("protocol and port", service),
            ("through", self.through.is_some()),
        ];
        let only = |own: &[&str], name: &str| {
            let other = keys
                .iter()
                .find(|(key, given)| *given && !own.contains(key));
            match other {
                Some((key, _)) => Err(format!("a {name} has no {key}")),
                None => Ok(()),
            }
        };
        match self.kind {
            KindRow::Segmentation => {
                only(&["peers"], "segmentation")?;
                Ok(ControlKind::Segmentation {
                    peers: self.peers.clone(),
                })
            }
            KindRow::VirtualPatch => {
                only(&["cves"], "virtual_patch")?;
                if self.cves.is_empty() {
                    return Err("`cves` is empty; expected such as CVE-2017-0144".to_owned());
                }
                let cves = self.cves.iter().map(|cve| {
                    let known = cve.parse::<crate::feeds::CveId>();
                    known.map_or_else(|error| Err(error.to_string()), |cve| Ok(cve.to_string()))
                });
                Ok(ControlKind::VirtualPatch {
                    cves: cves.collect::<Result<_, _>>()?,
                })
            }
            KindRow::Proxy => {
                only(&["protocol and port", "through"], "proxy")?;
                let through = self.through.clone().filter(|text| !text.trim().is_empty());
                Ok(ControlKind::Proxy {
                    service: self.service()?,
                    through: through.ok_or("it has no `through`: which peer the proxy is")?,
                })
            }
        }
    }

    fn service(&self) -> Result<Service, String> {
        let named = |name: &String| {
            Protocol::from_name(name).ok_or_else(|| format!("{name:?} is no protocol of medtap"))
        };
        let service = Service {
            protocol: self.protocol.as_ref().map(named).transpose()?,
            port: self.port,
        };
        match service == Service::default() {
            true => Err("it names no service; expected `protocol`, `port` or both".to_owned()),
            false => Ok(service),
        }
    }
}

impl Declared {
    /// Reads a file.
    ///
    /// # Errors
    /// With the line of what is wrong, and what is allowed. Then nothing of the file counts.
    pub fn parse(text: &str) -> Result<Self, DeclaredError> {
        let file: File = toml::from_str(text)
            .map_err(|error| DeclaredError::Toml(error.to_string().trim_end().to_owned()))?;
        let wrong = |at: usize, what: String, reason: String| DeclaredError::Wrong {
            line: text.get(..at).unwrap_or(text).matches('\n').count() + 1,
            what,
            reason,
        };
        for (name, count) in [
            ("segment", file.segment.len()),
            ("control", file.control.len()),
            ("serve_critical_rooms", file.serve_critical_rooms.len()),
        ] {
            if count > DECLARED_MAX {
                let reason = format!("{count} of them; allowed are {DECLARED_MAX}");
                return Err(wrong(0, name.to_owned(), reason));
            }
        }
        let mut declared = Self {
            serve_critical_rooms: file.serve_critical_rooms,
            ..Self::default()
        };
        for text in file.internal {
            let at = text.span().start;
            let net = Network::parse(text.get_ref());
            let net = net.map_err(|reason| wrong(at, "internal".to_owned(), reason))?;
            declared.internal.push(net);
        }
        for row in file.segment {
            let at = row.span().start;
            let what = format!("segment {:?}", row.get_ref().name);
            let segment = row.into_inner().segment();
            let segment = segment.map_err(|reason| wrong(at, what.clone(), reason))?;
            if declared
                .segments
                .iter()
                .any(|other| other.name == segment.name)
            {
                return Err(wrong(at, what, "it stands there twice".to_owned()));
            }
            declared.segments.push(segment);
        }
        for row in file.control {
            let at = row.span().start;
            let what = format!("control {:?}", row.get_ref().id);
            let control = row.into_inner().control();
            let control = control.map_err(|reason| wrong(at, what.clone(), reason))?;
            let same = |other: &DeclaredControl| other.control.id == control.control.id;
            if declared.controls.iter().any(same) {
                return Err(wrong(at, what, "it stands there twice".to_owned()));
            }
            declared.controls.push(control);
        }
        Ok(declared)
    }

    /// The segments that a device of these VLANs and addresses is in.
    pub fn segments_of<'a>(
        &'a self,
        vlans: &'a [u16],
        addresses: &'a [IpAddr],
    ) -> impl Iterator<Item = &'a Segment> {
        let segments = self.segments.iter();
        segments.filter(move |segment| segment.holds(vlans, addresses))
    }

    /// True for an address that the site declares as its own.
    pub fn is_internal(&self, address: IpAddr) -> bool {
        self.internal.iter().any(|net| net.contains(address))
            || self
                .segments
                .iter()
                .any(|segment| segment.holds(&[], &[address]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
internal = ["203.0.113.0/24"]
serve_critical_rooms = ["10.30.0.5"]
[[segment]]
name = "guests"
kind = "guest"
vlans = [99]

[[segment]]
name = "infusion"
kind = "isolated"
subnets = ["10.20.0.0/16", "fd00:1::/32"]

[[control]]
id = "FW-12"
kind = "segmentation"
devices = ["infusion"]
peers = ["10.20.1.21"]
owner = "network engineering"
since = "2026-01-01"
expires = "2027-01-01"

[[control]]
id = "PX-1"
kind = "proxy"
devices = ["10.1.1.1"]
protocol = "http"
through = "10.1.1.2"
owner = "security"
since = "2026-01-01"
expires = "2026-02-01"
"#;

    #[test]
    fn a_file_is_read() {
        let declared = Declared::parse(FILE).unwrap();
        assert_eq!(declared.controls.len(), 2);
        assert_eq!(declared.serve_critical_rooms, ["10.30.0.5"]);
        let of = |vlans: &[u16], address: &str| -> Vec<String> {
            let addresses = [address.parse().unwrap()];
            let found = declared.segments_of(vlans, &addresses);
            found.map(|segment| segment.name.clone()).collect()
        };
        assert_eq!(of(&[99], "192.0.2.1"), ["guests"]);
        assert_eq!(of(&[], "10.20.255.1"), ["infusion"]);
        assert_eq!(of(&[], "fd00:1:2::3"), ["infusion"]);
        assert!(of(&[1], "10.21.0.1").is_empty());
        assert!(declared.is_internal("203.0.113.9".parse().unwrap()));
        assert!(!declared.is_internal("203.0.114.9".parse().unwrap()));
        let control = &declared.controls[0].control;
        assert_eq!(control.since, 1_767_225_600_000_000_000);
        assert!(matches!(&control.kind, ControlKind::Segmentation { peers } if peers.len() == 1));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (from, to, wanted) in [
            ("kind = \"guest\"\n", "kind = \"guests\"\n", "line 6"),
            (
                "vlans = [99]",
                "",
                "line 4: segment \"guests\": it has neither",
            ),
            (
                "10.20.0.0/16",
                "10.20.0.0/33",
                "line 9: segment \"infusion\": \"10.20.0.0/33\"",
            ),
            (
                "203.0.113.0/24",
                "here",
                "line 2: internal: \"here\" is no network",
            ),
            (
                "[\"infusion\"]",
                "[]",
                "line 14: control \"FW-12\": `devices` is empty",
            ),
            (
                "expires = \"2027-01-01\"",
                "expires = \"2025-01-01\"",
                "not after 2026-01-01",
            ),
            (
                "expires = \"2027-01-01\"",
                "expires = \"soon\"",
                "`expires` is a day",
            ),
            ("PX-1", "FW-12", "stands there twice"),
            (
                "protocol = \"http\"",
                "protocol = \"gopher+\"",
                "is no protocol",
            ),
            ("protocol = \"http\"", "", "names no service"),
            (
                "protocol = \"http\"",
                "cves = [\"CVE-2020-1\"]",
                "a proxy has no cves",
            ),
            ("through = \"10.1.1.2\"", "", "has no `through`"),
            ("owner = \"security\"", "boss = \"security\"", "boss"),
        ] {
            let text = FILE.replacen(from, to, 1);
            let error = Declared::parse(&text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
    }

    #[test]
    fn fuzz_any_text() {
        bolero::check!().with_type::<String>().for_each(|text| {
            let _ = Declared::parse(text);
        });
    }
}
