//! The names under which we keep what people say about a device, and what may stand under each.
//! What a person is called is no name here: owners are departments or roles.

use jiff::civil::Date;

/// What may stand under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A day.
    Day,
    /// Yes or no.
    Flag,
    /// A number from 0.
    Count,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A MAC address.
    Mac,
    /// An IP address.
    Address,
}

/// A name, and what may stand under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: &'static str,
    /// What may stand under it.
    pub kind: Kind,
    /// What it is, for people.
    pub meaning: &'static str,
}

const fn named(name: &'static str, kind: Kind, meaning: &'static str) -> Named {
    Named {
        name,
        kind,
        meaning,
    }
}

/// Every name.
pub const NAMES: &[Named] = &[
    named(
        "asset_tag",
        Kind::Text,
        "what the site calls the device; required",
    ),
    named("serial_number", Kind::Text, "as its maker gave it"),
    named("udi", Kind::Text, "unique device identification"),
    named("manufacturer", Kind::Text, "its maker"),
    named("model", Kind::Text, "its model"),
    named("category", Kind::Text, "what kind of device"),
    named("mac", Kind::Mac, "a MAC address of it"),
    named("address", Kind::Address, "an IP address of it"),
    named("hostname", Kind::Text, "its name in the network"),
    named("owner", Kind::Text, "the department or role that owns it"),
    named(
        "technical_owner",
        Kind::Text,
        "the department or role that looks after it",
    ),
    named("cost_centre", Kind::Text, "who pays"),
    named("department", Kind::Text, "where it works"),
    named("location", Kind::Text, "site, building, floor, unit, room"),
    named(
        "criticality",
        Kind::OneOf(&["low", "medium", "high", "critical"]),
        "what its failure would do",
    ),
    named(
        "fda_class",
        Kind::OneOf(&["1", "2", "3", "i", "ii", "iii"]),
        "class of the FDA",
    ),
    named("life_supporting", Kind::Flag, "flag of the FDA"),
    named("implantable", Kind::Flag, "flag of the FDA"),
    named("purchased", Kind::Day, "when it was bought"),
    named("warranty_until", Kind::Day, "end of its warranty"),
    named("end_of_support", Kind::Day, "end of its maker's support"),
    named(
        "last_maintenance",
        Kind::Day,
        "last preventive maintenance or work order",
    ),
    named("next_maintenance", Kind::Day, "next preventive maintenance"),
    named("contract", Kind::Text, "maintenance contract"),
    named("mds2_on_file", Kind::Flag, "its MDS2 form is there"),
    named(
        "staff_training_due",
        Kind::Day,
        "when its users must be trained again",
    ),
    named("incidents", Kind::Count, "incidents reported"),
    named("complaints", Kind::Count, "complaints of its users"),
    named(
        "allowed_os",
        Kind::Text,
        "operating systems that its maker allows",
    ),
    named(
        "allowed_patches",
        Kind::Text,
        "patches that its maker allows",
    ),
    named(
        "allowed_antivirus",
        Kind::Text,
        "virus scanners that its maker allows",
    ),
    named(
        "lifecycle",
        Kind::OneOf(crate::people::LIFECYCLES),
        "where in its life it is",
    ),
    named("sanitised", Kind::Day, "when its data were destroyed"),
    named(
        "sanitisation_certificate",
        Kind::Text,
        "the certificate of that",
    ),
];

impl Named {
    /// The name's entry.
    pub fn find(name: &str) -> Option<&'static Self> {
        NAMES.iter().find(|named| named.name == name)
    }

    /// The value as we keep it. Days are written in one of the formats that the map names.
    ///
    /// # Errors
    /// With what was expected.
    pub fn accept(&self, text: &str, days: &[String]) -> Result<String, String> {
        match self.kind {
            Kind::Text => Ok(text.to_owned()),
            Kind::Day => day(text, days)
                .map(|day| day.to_string())
                .ok_or_else(|| format!("expected a day such as {}", example(days))),
            Kind::Flag => flag(text)
                .map(|flag| flag.to_string())
                .ok_or_else(|| "expected yes or no".to_owned()),
            Kind::Count => text
                .parse::<u32>()
                .map(|count| count.to_string())
                .map_err(|_| "expected a number".to_owned()),
            Kind::OneOf(words) => {
                let lower = text.to_lowercase().replace([' ', '-'], "_");
                let lower = lower.strip_prefix("class_").unwrap_or(&lower);
                match words.contains(&lower) {
                    true => Ok(lower.to_owned()),
                    false => Err(format!("expected one of {}", words.join(", "))),
                }
            }
            Kind::Mac => {
                crate::resolve::mac_of_text(text).ok_or_else(|| "expected a MAC address".to_owned())
            }
            Kind::Address => text
                .parse::<std::net::IpAddr>()
                .map(|address| address.to_string())
                .map_err(|_| "expected an IP address".to_owned()),
        }
    }
}

fn example(days: &[String]) -> String {
    let formats = days.iter().map(String::as_str);
    let formats: Vec<&str> = std::iter::once("2026-08-18").chain(formats).collect();
    formats.join(" or ")
}

/// A day, in ISO's format or one of these; a time of day after it is left out.
fn day(text: &str, days: &[String]) -> Option<Date> {
    let text = text.split([' ', 'T']).next().unwrap_or(text);
    let own = days
        .iter()
        .find_map(|format| Date::strptime(format, text).ok());
    own.or_else(|| text.parse().ok())
}

fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "y" | "true" | "1" | "x" | "ja" | "oui" | "si" | "sí" => Some(true),
        "no" | "n" | "false" | "0" | "nein" | "non" => Some(false),
        _ => None,
    }
}
