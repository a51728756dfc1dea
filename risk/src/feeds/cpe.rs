//! A CPE 2.3 name, `cpe:2.3:o:microsoft:windows_7:-:sp1:*:*:*:*:x64:*`, taken apart. It matches
//! nothing; a name that is broken is `None`.

use super::claims::{Part, Product, Stated};
use super::limits::TEXT_BYTES_MAX;
use super::versions::{Range, Version, Versions};

/// A name. `*` (any) is an empty text, `-` (none) stays `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpe {
    /// What kind of product.
    pub part: Part,
    /// Its vendor.
    pub vendor: String,
    /// Its name.
    pub product: String,
    /// Its version.
    pub version: String,
    /// Its update: service pack, patch.
    pub update: String,
    /// Software that it must run on.
    pub target_software: String,
    /// Processor that it must run on.
    pub target_hardware: String,
}

impl Cpe {
    /// Reads a name of version 2.3, or one of 2.2 (`cpe:/o:vendor:product:version`).
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (rest, new) = match text.strip_prefix("cpe:2.3:") {
            Some(rest) => (rest, true),
            None => (text.strip_prefix("cpe:/")?, false),
        };
        let mut fields = split(rest);
        let part = match fields.next()?.as_str() {
            "a" => Part::Application,
            "o" => Part::System,
            "h" => Part::Hardware,
            _ => return None,
        };
        let (vendor, product) = (fields.next()?, fields.next()?);
        if vendor.is_empty() || product.is_empty() {
            return None;
        }
        let mut next = || fields.next().unwrap_or_default();
        let (version, update) = (next(), next());
        let [_edition, _language] = [next(), next()];
        let _software_edition = if new { next() } else { String::new() };
        let (target_software, target_hardware) = if new {
            (next(), next())
        } else {
            Default::default()
        };
        Some(Self {
            part,
            vendor,
            product,
            version,
            update,
            target_software,
            target_hardware,
        })
    }

    /// The product, for a statement about it.
    pub fn to_product(&self) -> Product {
        let said = |text: &str| (!text.is_empty() && text != "-").then(|| text.into());
        Product {
            part: self.part,
            vendor: self.vendor.as_str().into(),
            name: self.product.as_str().into(),
            target_software: said(&self.target_software),
            target_hardware: said(&self.target_hardware),
        }
    }

    /// The one version that the name itself states, or any.
    pub fn stated(&self, text: &str) -> Stated {
        let said = |text: &str| !text.is_empty() && text != "-";
        let full = match (said(&self.version), said(&self.update)) {
            (true, true) => format!("{} {}", self.version, self.update),
            (true, false) => self.version.clone(),
            _ => String::new(),
        };
        let versions = match Version::parse(&full) {
            _ if self.version.is_empty() => Versions::All,
            Some(version) => Versions::Some(vec![Range::exact(version)]),
            None if self.version == "-" => Versions::Unstated,
            None => Versions::Unreadable,
        };
        Stated {
            text: text.into(),
            versions,
            label: Some((self.version.as_str().into(), self.update.as_str().into())),
        }
    }
}

/// The fields between colons, without escapes.
fn split(text: &str) -> impl Iterator<Item = String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut escaped = false;
    let mut any = true;
    for c in text.chars() {
        match c {
            _ if escaped => {
                field.push(c);
                escaped = false;
                any = false;
            }
            '\\' => escaped = true,
            ':' => {
                fields.push(if any && field == "*" {
                    String::new()
                } else {
                    field
                });
                field = String::new();
                any = true;
            }
            _ => field.push(c),
        }
    }
    fields.push(if any && field == "*" {
        String::new()
    } else {
        field
    });
    fields.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        let cpe = Cpe::parse("cpe:2.3:o:microsoft:windows_7:-:sp1:*:*:*:*:x64:*").unwrap();
        assert_eq!(
            (cpe.part, cpe.product.as_str()),
            (Part::System, "windows_7")
        );
        assert_eq!((cpe.version.as_str(), cpe.update.as_str()), ("-", "sp1"));
        assert_eq!(cpe.target_hardware, "x64");
        let cpe = Cpe::parse(r"cpe:2.3:o:cisco:ios:12.2\(55\)se7:*:*:*:*:*:*:*").unwrap();
        assert_eq!(cpe.version, "12.2(55)se7");
        assert!(matches!(cpe.stated("x").versions, Versions::Some(_)));
        let cpe = Cpe::parse(r"cpe:2.3:a:a\:b:c:*:*:*:*:*:*:*:*").unwrap();
        assert_eq!(
            (cpe.vendor.as_str(), cpe.stated("x").versions),
            ("a:b", Versions::All)
        );
        let cpe = Cpe::parse("cpe:/a:offis:dcmtk:3.6.6").unwrap();
        assert_eq!(cpe.version, "3.6.6");
    }

    #[test]
    fn broken_names_are_none() {
        for text in [
            "",
            "cpe:2.3:",
            "cpe:2.3:x:a:b",
            "cpe:2.3:a:b",
            "cpe:2.3:a:*:*:1",
            "openssl",
        ] {
            assert_eq!(Cpe::parse(text), None, "{text}");
        }
    }

    #[test]
    fn fuzz_any_text() {
        bolero::check!().with_type::<String>().for_each(|text| {
            if let Some(cpe) = Cpe::parse(&format!("cpe:2.3:{text}")) {
                let _ = cpe.stated(text);
            }
        });
    }
}
