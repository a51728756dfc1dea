//! A package URL, `pkg:type/namespace/name@version?qualifiers`, taken apart. It resolves nothing.

use super::limits::TEXT_BYTES_MAX;

/// A package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purl {
    /// What kind of package: `deb`, `generic`, `pypi`.
    pub kind: String,
    /// Whose it is, where the kind has that.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
}

impl Purl {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let rest = text.strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest.split(['?', '#']).next()?;
        let (rest, version) = match rest.rsplit_once('@') {
            Some((rest, version)) => (rest, Some(decode(version)?)),
            None => (rest, None),
        };
        let (kind, path) = rest.split_once('/')?;
        let (namespace, name) = match path.rsplit_once('/') {
            Some((namespace, name)) => (Some(decode(namespace)?), name),
            None => (None, path),
        };
        let name = decode(name)?;
        (!kind.is_empty() && !name.is_empty()).then(|| Self {
            kind: kind.to_lowercase(),
            namespace,
            name,
            version: version.filter(|version| !version.is_empty()),
        })
    }

    /// Who makes it, as far as the URL tells: the owner of a repository, or the package itself for
    /// kinds that have no owners.
    pub fn vendor(&self) -> Option<&str> {
        let of_distribution = matches!(self.kind.as_str(), "deb" | "rpm" | "apk" | "oci");
        match &self.namespace {
            Some(namespace) if !of_distribution => namespace.rsplit('/').next(),
            _ => Some(&self.name),
        }
    }

    /// A distribution's package: fixes come without a new version.
    pub fn is_of_distribution(&self) -> bool {
        matches!(self.kind.as_str(), "deb" | "rpm" | "apk")
    }
}

/// `%2B` and the like.
fn decode(text: &str) -> Option<String> {
    let mut found = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('%') {
        found.extend_from_slice(before.as_bytes());
        found.push(u8::from_str_radix(escape.get(..2)?, 16).ok()?);
        rest = escape.get(2..)?;
    }
    found.extend_from_slice(rest.as_bytes());
    String::from_utf8(found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_come_apart() {
        let purl = Purl::parse("pkg:deb/debian/openssl@1.1.1n-0%2Bdeb11u4?arch=amd64").unwrap();
        assert_eq!(
            (purl.name.as_str(), purl.vendor()),
            ("openssl", Some("openssl"))
        );
        assert_eq!(purl.version.as_deref(), Some("1.1.1n-0+deb11u4"));
        assert!(purl.is_of_distribution());
        let purl = Purl::parse("pkg:github/offis/dcmtk@3.6.6").unwrap();
        assert_eq!(purl.vendor(), Some("offis"));
        let purl = Purl::parse("pkg:generic/zlib").unwrap();
        assert_eq!((purl.vendor(), &purl.version), (Some("zlib"), &None));
        for text in ["", "pkg:", "pkg:x", "pkg:x/", "zlib", "pkg:x/a%zz"] {
            assert_eq!(Purl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn fuzz_any_text() {
        bolero::check!().with_type::<String>().for_each(|text| {
            if let Some(purl) = Purl::parse(&format!("pkg:{text}")) {
                let _ = purl.vendor();
            }
        });
    }
}
