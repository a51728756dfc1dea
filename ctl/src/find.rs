//! Which device a person means: by its id or the beginning of it, its MAC address or its IP
//! address. It never guesses between two.

use std::net::IpAddr;

use medtap_inventory::model::{Device, Inventory};

use crate::failure::Failure;
use crate::render::label;

/// Devices that are named when several are meant.
const NAMED_MAX: usize = 5;

/// The one device that is meant.
///
/// # Errors
/// When it is none, or when it could be several.
pub fn find<'a>(inventory: &'a Inventory, wanted: &str) -> Result<&'a Device, Failure> {
    let wanted = wanted.trim();
    let devices = &inventory.devices;
    let matching = |test: &dyn Fn(&Device) -> bool| -> Vec<&'a Device> {
        devices.iter().filter(|device| test(device)).collect()
    };
    let lower = wanted.to_ascii_lowercase();
    let address: Option<IpAddr> = wanted.parse().ok();
    let mac = mac(&lower);
    let by_id = matching(&|device| device.id == lower);
    let by_address = matching(&|device| {
        address.is_some_and(|address| device.addresses.contains(&address))
            || mac.as_ref().is_some_and(|mac| device.macs.contains(mac))
    });
    let by_prefix = matching(&|device| !lower.is_empty() && device.id.starts_with(&lower));
    let meant = [by_id, by_address, by_prefix];
    match meant.iter().find(|devices| !devices.is_empty()).map(Vec::as_slice) {
        Some([device]) => Ok(device),
        Some(several) => Err(Failure::new(ambiguous(wanted, several))),
        None => Err(Failure::new(format!(
            "no device is {wanted}; expected an id or its beginning, a MAC address or an IP address"
        ))),
    }
}

fn ambiguous(wanted: &str, devices: &[&Device]) -> String {
    let named = devices.iter().take(NAMED_MAX);
    let named: Vec<String> = named
        .map(|device| format!("{} ({})", device.id, label(device)))
        .collect();
    let more = match devices.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = devices.len();
    format!("{wanted} is {count} devices: {}{more}", named.join(", "))
}

/// A MAC address in any usual spelling, as the inventory spells it.
fn mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let plain = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = || digits.as_bytes().chunks(2).map(String::from_utf8_lossy);
    plain.then(|| pairs().collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn by_id_prefix_and_address() {
        let inventory = samples::inventory();
        let scanner = samples::scanner();
        for wanted in [
            "3f9a61c2d4e5b607",
            "3F9A",
            "3",
            "192.0.2.10",
            "2001:db8:0::10",
            "02:00:00:00:00:10",
            "02-00-00-00-00-10",
            "0200.0000.0010",
            "020000000010",
            " 3f9a ",
        ] {
            let found = find(&inventory, wanted).unwrap_or_else(|e| panic!("{wanted}: {e}"));
            assert_eq!(found.id, scanner.id, "{wanted}");
        }
    }

    #[test]
    fn none_and_several_are_errors() {
        let mut inventory = samples::inventory();
        for wanted in ["", "zz", "192.0.2.99", "02:00:00:00:00:99"] {
            let error = find(&inventory, wanted).unwrap_err().to_string();
            assert!(error.starts_with("no device is"), "{error}");
        }
        let mut twin = samples::scanner();
        twin.id = "3f9b000000000000".to_owned();
        inventory.devices.push(twin);
        for wanted in ["3f9", "192.0.2.10"] {
            let error = find(&inventory, wanted).unwrap_err().to_string();
            assert!(error.contains("is 2 devices: 3f9a"), "{error}");
        }
        assert!(find(&inventory, "3f9b").is_ok());
    }
}
