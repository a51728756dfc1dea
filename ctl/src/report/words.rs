//! The words of the page: bands, kinds of devices and places as people say them. It judges no
//! device; a band is the risk model's.

use std::net::IpAddr;

use medtap_inventory::model::{Device, Risk, Vulnerability};
use medtap_risk::matching::Applicability;

use crate::render::attribute;

/// Bits of the network part that addresses of one segment share where no VLAN is known.
const SEGMENT_V4_BITS: u32 = 24;
const SEGMENT_V6_BITS: u32 = 64;

/// Where public addresses are.
pub const INTERNET: &str = "public addresses";
/// Where nobody knows.
pub const NOWHERE: &str = "not known";

/// The band of a device, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// What needs action at once.
    VeryHigh,
    /// What needs action soon.
    High,
    /// What is to be planned.
    Moderate,
    /// What can wait.
    Low,
    /// What needs nothing.
    VeryLow,
    /// Nobody knows, which is not safe.
    NotAssessed,
}

impl Band {
    /// All, the worst first.
    pub const ALL: [Self; 6] = [
        Self::VeryHigh,
        Self::High,
        Self::Moderate,
        Self::Low,
        Self::VeryLow,
        Self::NotAssessed,
    ];

    /// The band of what was assessed.
    pub fn of(risk: &Risk) -> Self {
        let band = risk.band.as_deref().filter(|_| risk.assessed);
        let named = |band: &&Self| Some(band.label()) == band_label(risk);
        match band {
            Some(_) => *Self::ALL.iter().find(named).unwrap_or(&Self::NotAssessed),
            None => Self::NotAssessed,
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::VeryHigh => "very high",
            Self::High => "high",
            Self::Moderate => "moderate",
            Self::Low => "low",
            Self::VeryLow => "very low",
            Self::NotAssessed => "not assessed",
        }
    }

    /// For the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::VeryHigh => "very-high",
            Self::High => "high",
            Self::Moderate => "moderate",
            Self::Low => "low",
            Self::VeryLow => "very-low",
            Self::NotAssessed => "not-assessed",
        }
    }
}

/// The model's spelling, with spaces.
fn band_label(risk: &Risk) -> Option<&'static str> {
    let band = risk.band.as_deref()?.replace(['_', '-'], " ");
    let known = Band::ALL.iter().map(|band| band.label());
    known.into_iter().find(|label| *label == band)
}

/// More than a namesake: the match of a family alone says that some product of that name has the
/// vulnerability, not that this one may.
pub fn is_scored(vulnerability: &Vulnerability) -> bool {
    let tier = Applicability::from_name(&vulnerability.applicability);
    tier.is_some_and(Applicability::is_scored)
}

/// A name of the contract with spaces: `infusion pump`.
pub fn spaced(name: &str) -> String {
    match name {
        "ct" | "mr" | "ecg" | "ris" | "lis" | "emr" | "pacs" | "rtls" | "nas" | "hvac" | "plc"
        | "ups" | "it" => name.to_uppercase(),
        "clinical_it" => "clinical IT".to_owned(),
        "poct" => "point-of-care test".to_owned(),
        "xray" => "X-ray".to_owned(),
        "iot" => "IoT".to_owned(),
        "voip_phone" => "VoIP phone".to_owned(),
        "os" => "operating system".to_owned(),
        "os_version" => "operating system version".to_owned(),
        "ae_title" => "AE title".to_owned(),
        "udi" => "UDI".to_owned(),
        _ => match name.split_once('_') {
            Some((word @ ("hl7" | "dicom" | "fhir"), rest)) => {
                format!("{} {}", word.to_uppercase(), rest.replace('_', " "))
            }
            _ => name.replace('_', " "),
        },
    }
}

/// The unit that a device belongs to: what it says of itself, else its segment.
pub fn unit(device: &Device) -> String {
    let said = ["department", "location"];
    let said = said.iter().find_map(|name| attribute(device, name));
    match said {
        Some(text) => text.to_owned(),
        None => segments(device).swap_remove(0),
    }
}

/// The segments that a device is in, at least one: VLANs, else networks of its addresses.
pub fn segments(device: &Device) -> Vec<String> {
    if !device.vlans.is_empty() {
        let vlans = device.vlans.iter().map(|vlan| format!("VLAN {vlan}"));
        return vlans.collect();
    }
    let mut networks: Vec<String> = device.addresses.iter().filter_map(network).collect();
    // An IPv4 network says more than the IPv6 one beside it.
    if networks.iter().any(|network| network.contains('.')) {
        networks.retain(|network| !network.contains(':'));
    }
    networks.dedup();
    if networks.is_empty() {
        networks.push(NOWHERE.to_owned());
    }
    networks
}

/// The network of an address; none for one that is the same on every link.
fn network(address: &IpAddr) -> Option<String> {
    if is_public(address) {
        return Some(INTERNET.to_owned());
    }
    match address {
        IpAddr::V4(v4) if v4.is_link_local() || v4.is_loopback() => None,
        IpAddr::V4(v4) => {
            let mask = u32::MAX << (32 - SEGMENT_V4_BITS);
            let network = std::net::Ipv4Addr::from(u32::from(*v4) & mask);
            Some(format!("{network}/{SEGMENT_V4_BITS}"))
        }
        IpAddr::V6(v6) if v6.is_unicast_link_local() || v6.is_loopback() => None,
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (128 - SEGMENT_V6_BITS);
            let network = std::net::Ipv6Addr::from(u128::from(*v6) & mask);
            Some(format!("{network}/{SEGMENT_V6_BITS}"))
        }
    }
}

/// True for an address of the internet: outside RFC 1918, RFC 4193, RFC 6598, and none that is
/// of the link, documentation, benchmarks or the machine itself.
pub fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (b == 18 || b == 19);
            let local = v4.is_private() || v4.is_link_local() || v4.is_loopback();
            let none = v4.is_documentation() || v4.is_multicast() || a == 0 || a >= 240;
            !(local || none || shared || benchmark)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(&v4.into()),
            None => {
                let [first, second, ..] = v6.segments();
                first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn bands_by_the_models_names() {
        let mut risk = Risk {
            assessed: true,
            band: Some("very_high".to_owned()),
            ..Risk::default()
        };
        assert_eq!(Band::of(&risk), Band::VeryHigh);
        risk.band = Some("very high".to_owned());
        assert_eq!(Band::of(&risk), Band::VeryHigh);
        risk.assessed = false;
        assert_eq!(Band::of(&risk), Band::NotAssessed);
        assert_eq!(Band::of(&Risk::default()), Band::NotAssessed);
    }

    #[test]
    fn public_is_what_no_standard_keeps_inside() {
        let public = ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "100.128.0.1"];
        let inside = [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.1.1",
            "127.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "fd00::1",
            "fe80::1",
            "::1",
            "2001:db8::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ];
        for address in public {
            assert!(is_public(&address.parse().unwrap()), "{address}");
        }
        for address in inside {
            assert!(!is_public(&address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn places_of_devices() {
        let mut device = samples::scanner();
        assert_eq!(segments(&device), ["VLAN 20"]);
        device.vlans.clear();
        assert_eq!(segments(&device), ["192.0.2.0/24"]);
        device.addresses = vec!["fe80::1".parse().unwrap(), "fd20:1::7".parse().unwrap()];
        assert_eq!(segments(&device), ["fd20:1::/64"]);
        device.addresses.clear();
        assert_eq!(segments(&device), [NOWHERE]);
        assert_eq!(unit(&device), NOWHERE);
    }
}
