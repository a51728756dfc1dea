//! The text of a rule file, as serde reads it: unknown keys are refused. It does not judge
//! whether the rules make sense; `compile` does.

use medtap_table::vocabulary::Attribute;
use serde::{Deserialize, Serialize};

/// Declares a table of a rule file that may give attributes, beside its own keys.
macro_rules! with_attributes {
    (
        $(#[$meta:meta])* $name:ident {
            $($(#[$kmeta:meta])* $key:ident: $type:ty,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$kmeta])* pub $key: $type,)+
            #[serde(skip_serializing_if = "Option::is_none")]
            manufacturer: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            model: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            os: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            os_version: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            software_version: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            firmware_version: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            hardware_version: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            serial_number: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            hostname: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            location: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            category: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            finding: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            end_of_support: Option<String>,
        }

        impl $name {
            /// Gives an attribute; one that no rule can give is left out.
            pub fn set(&mut self, attribute: Attribute, text: String) {
                let place = match attribute {
                    Attribute::Manufacturer => &mut self.manufacturer,
                    Attribute::Model => &mut self.model,
                    Attribute::Os => &mut self.os,
                    Attribute::OsVersion => &mut self.os_version,
                    Attribute::SoftwareVersion => &mut self.software_version,
                    Attribute::FirmwareVersion => &mut self.firmware_version,
                    Attribute::HardwareVersion => &mut self.hardware_version,
                    Attribute::SerialNumber => &mut self.serial_number,
                    Attribute::Hostname => &mut self.hostname,
                    Attribute::Location => &mut self.location,
                    Attribute::Category => &mut self.category,
                    Attribute::Finding => &mut self.finding,
                    Attribute::EndOfSupport => &mut self.end_of_support,
                    _ => return,
                };
                *place = Some(text);
            }

            /// The attributes that are there, in a fixed order.
            pub fn attributes(&self) -> impl Iterator<Item = (Attribute, &str)> {
                [
                    (Attribute::Manufacturer, &self.manufacturer),
                    (Attribute::Model, &self.model),
                    (Attribute::Os, &self.os),
                    (Attribute::OsVersion, &self.os_version),
                    (Attribute::SoftwareVersion, &self.software_version),
                    (Attribute::FirmwareVersion, &self.firmware_version),
                    (Attribute::HardwareVersion, &self.hardware_version),
                    (Attribute::SerialNumber, &self.serial_number),
                    (Attribute::Hostname, &self.hostname),
                    (Attribute::Location, &self.location),
                    (Attribute::Category, &self.category),
                    (Attribute::Finding, &self.finding),
                    (Attribute::EndOfSupport, &self.end_of_support),
                ]
                .into_iter()
                .filter_map(|(attribute, text)| text.as_deref().map(|text| (attribute, text)))
            }
        }
    };
}

/// A rule file: the field that its rules read, and the rules.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// A name of [`medtap_table::vocabulary::Field`].
    pub field: String,
    /// Names of other fields that hold values of the same kind: the rules read them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The rules, in the order of the file.
    #[serde(default)]
    pub rule: Vec<Rule>,
}

impl File {
    /// The names of the fields that its rules read, the first one first.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let also = self.also.iter().map(String::as_str);
        std::iter::once(self.field.as_str()).chain(also)
    }
}

with_attributes! {
    /// One rule: exactly one of `exact`, `prefix`, `pattern` and `table`.
    Rule {
        /// Never reused; unique over all files; kept with every fact that the rule made.
        id: u32,
        /// What a person calls it.
        name: String,
        /// The whole value.
        #[serde(skip_serializing_if = "Option::is_none")]
        exact: Option<String>,
        /// How the value begins.
        #[serde(skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
        /// A regular expression for the whole value, ASCII classes, named captures.
        #[serde(skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
        /// The name of a code list: every value that it has, with the category of its row.
        #[serde(skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// Upper and lower case ASCII letters are the same.
        #[serde(default)]
        ignore_case: bool,
        /// The software that wrote the value, by CPE names: not the device, so no attribute.
        #[serde(skip_serializing_if = "Option::is_none")]
        cpe: Option<Cpe>,
        /// How sure the claim is where the protocol is confirmed, 0–100.
        confidence: u8,
        /// A hypothesis: confidence is capped, and it silences no other rule.
        #[serde(default)]
        unconfirmed: bool,
        /// Where the knowledge comes from.
        source: String,
        /// Values that it must match, with what must come out.
        matches: Vec<Example>,
        /// Values that it must not match.
        #[serde(default)]
        rejects: Vec<String>,
    }
}

/// A software product by its CPE names.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cpe {
    /// CPE part: `a` application, `o` operating system, `h` hardware.
    #[serde(default = "application")]
    pub part: char,
    /// CPE vendor.
    pub vendor: String,
    /// CPE product.
    pub product: String,
    /// Version: a literal or a capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

fn application() -> char {
    'a'
}

with_attributes! {
    /// A value and what the rule makes of it. A literal that the rule always gives may be left
    /// out; everything captured must be there, and nothing else.
    Example {
        /// The value as observed.
        value: String,
        /// The expected version of the `cpe` product.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    }
}
