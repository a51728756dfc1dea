//! Bills of software: CycloneDX 1.x and SPDX 2.x, as JSON. What a model is made of, by its
//! manufacturer's word; which device is of that model is the matcher's to say.

use serde::{Deserialize, Serialize};

use super::cpe::Cpe;
use super::limits::{DEPTH_MAX, SBOM_COMPONENTS_MAX, TEXT_BYTES_MAX};
use super::purl::Purl;
use super::refusal::{Refusal, quoted};
use super::report::Feed;

/// A bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sbom {
    /// What it is a bill of.
    pub of: Software,
    /// What that is made of, in order of name and version.
    pub parts: Vec<Software>,
    /// Its date, as it says itself.
    pub date: String,
}

/// A piece of software, or the device that it is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Software {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Who makes it, where that is told.
    pub vendor: Option<String>,
    /// It is an operating system.
    pub is_system: bool,
    /// A distribution brings fixes into it without a new version.
    pub is_of_distribution: bool,
    /// The name that it was read from: CPE, package URL, or empty.
    pub identifier: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CycloneDx {
    spec_version: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    timestamp: Option<String>,
    component: Option<Component>,
    manufacturer: Option<Organization>,
    manufacture: Option<Organization>,
    supplier: Option<Organization>,
}

#[derive(Deserialize)]
struct Organization {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: String,
    version: Option<String>,
    publisher: Option<String>,
    manufacturer: Option<Organization>,
    supplier: Option<Organization>,
    cpe: Option<String>,
    purl: Option<String>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spdx {
    spdx_version: String,
    name: String,
    creation_info: Creation,
    #[serde(default)]
    packages: Vec<Package>,
    #[serde(default)]
    document_describes: Vec<String>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct Creation {
    created: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: Option<String>,
    supplier: Option<String>,
    primary_package_purpose: Option<String>,
    #[serde(default)]
    external_refs: Vec<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_type: String,
    reference_locator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: String,
    related_spdx_element: String,
}

/// A name of a piece of software, checked.
fn software(
    name: &str,
    version: Option<&str>,
    vendor: Option<&str>,
    (cpe, purl): (Option<&str>, Option<&str>),
) -> Result<Software, String> {
    let told = |text: &str| {
        let text = text.trim();
        let nothing = text.is_empty() || matches!(text, "NOASSERTION" | "NONE");
        (!nothing).then(|| text.to_owned())
    };
    let texts = [Some(name), version, vendor, cpe, purl];
    if texts
        .into_iter()
        .flatten()
        .any(|text| text.len() > TEXT_BYTES_MAX)
    {
        return Err("one of its texts is too long".to_owned());
    }
    let identifier = cpe.or(purl).unwrap_or_default().to_owned();
    let (cpe, purl) = (cpe.and_then(Cpe::parse), purl.and_then(Purl::parse));
    let is_of_distribution = purl.as_ref().is_some_and(Purl::is_of_distribution);
    let of_cpe = cpe
        .as_ref()
        .map(|cpe| (cpe.product.clone(), cpe.vendor.clone()));
    let of_purl = || {
        purl.as_ref()
            .and_then(|purl| purl.vendor().map(str::to_owned))
    };
    let version = version.and_then(told).or_else(|| {
        let of_purl = purl.as_ref().and_then(|purl| purl.version.clone());
        of_purl.or(cpe.as_ref().and_then(|cpe| told(&cpe.version)))
    });
    let (name, vendor) = match of_cpe {
        Some((product, vendor)) => (product, Some(vendor)),
        None => {
            let name = told(name).ok_or("it has no name")?;
            (name, of_purl().or(vendor.and_then(told)))
        }
    };
    Ok(Software {
        name,
        version,
        vendor,
        is_system: false,
        is_of_distribution,
        identifier,
    })
}

/// Reads a CycloneDX bill.
pub fn read_cyclone_dx(text: &[u8], feed: &mut Feed) -> Result<Sbom, Refusal> {
    let bill: CycloneDx = serde_json::from_slice(text).map_err(|error| Refusal::json(1, &error))?;
    if !bill.spec_version.starts_with("1.") {
        let version = quoted(&bill.spec_version);
        return Err(Refusal::of_file(format!(
            "its specVersion is {version}, 1.x is read"
        )));
    }
    let metadata = bill.metadata;
    let owners = [
        &metadata.manufacturer,
        &metadata.manufacture,
        &metadata.supplier,
    ];
    let owner = owners
        .into_iter()
        .flatten()
        .find_map(|owner| owner.name.as_deref());
    let Some(component) = &metadata.component else {
        return Err(Refusal::of_file(
            "it does not say what it is a bill of: metadata.component",
        ));
    };
    let mut of = of_component(component).map_err(Refusal::of_file)?;
    of.vendor = of.vendor.or(owner.map(str::to_owned));
    let mut parts = Vec::new();
    flatten(&bill.components, 0, feed, &mut parts)?;
    flatten(&component.components, 0, feed, &mut parts)?;
    feed.version = Some(bill.spec_version);
    finish(of, parts, metadata.timestamp.unwrap_or_default(), feed)
}

fn of_component(component: &Component) -> Result<Software, String> {
    let owners = [&component.manufacturer, &component.supplier];
    let owner = owners
        .into_iter()
        .flatten()
        .find_map(|owner| owner.name.as_deref());
    let vendor = owner.or(component.publisher.as_deref());
    let names = (component.cpe.as_deref(), component.purl.as_deref());
    let found = software(&component.name, component.version.as_deref(), vendor, names)?;
    Ok(Software {
        is_system: component.kind.as_deref() == Some("operating-system"),
        ..found
    })
}

/// Components inside components are parts too.
fn flatten(
    components: &[Component],
    depth: usize,
    feed: &mut Feed,
    parts: &mut Vec<Software>,
) -> Result<(), Refusal> {
    if depth > DEPTH_MAX || parts.len() + components.len() > SBOM_COMPONENTS_MAX {
        let reason = format!("it has more than {SBOM_COMPONENTS_MAX} components, or too deep ones");
        return Err(Refusal::of_file(reason));
    }
    for component in components {
        match of_component(component) {
            Ok(part) => {
                feed.records += 1;
                parts.push(part);
            }
            Err(reason) => feed.reject(None, feed.records + feed.rejected, reason),
        }
        flatten(&component.components, depth + 1, feed, parts)?;
    }
    Ok(())
}

/// Reads an SPDX bill.
pub fn read_spdx(text: &[u8], feed: &mut Feed) -> Result<Sbom, Refusal> {
    let bill: Spdx = serde_json::from_slice(text).map_err(|error| Refusal::json(1, &error))?;
    if !bill.spdx_version.starts_with("SPDX-2.") {
        let version = quoted(&bill.spdx_version);
        return Err(Refusal::of_file(format!(
            "its spdxVersion is {version}, SPDX-2.x is read"
        )));
    }
    if bill.packages.len() > SBOM_COMPONENTS_MAX {
        let reason = format!("it has more than {SBOM_COMPONENTS_MAX} packages");
        return Err(Refusal::of_file(reason));
    }
    let described = bill.relationships.iter().find_map(|relationship| {
        let describes = relationship.relationship_type == "DESCRIBES"
            && relationship.spdx_element_id == "SPDXRef-DOCUMENT";
        describes.then_some(&relationship.related_spdx_element)
    });
    let described = bill.document_describes.first().or(described);
    let mut of = None;
    let mut parts = Vec::new();
    for (index, package) in bill.packages.iter().enumerate() {
        match of_package(package) {
            Err(reason) => feed.reject(None, index as u64, reason),
            Ok(found) => {
                feed.records += 1;
                match described == Some(&package.id) {
                    true => of = Some(found),
                    false => parts.push(found),
                }
            }
        }
    }
    let Some(of) = of else {
        let reason = format!(
            "it does not say which package of {} it describes",
            quoted(&bill.name)
        );
        return Err(Refusal::of_file(reason));
    };
    feed.version = Some(bill.spdx_version);
    finish(of, parts, bill.creation_info.created, feed)
}

fn of_package(package: &Package) -> Result<Software, String> {
    let find = |kinds: &[&str]| {
        let found = package.external_refs.iter();
        let mut found = found.filter(|one| kinds.contains(&one.reference_type.as_str()));
        found.next().map(|one| one.reference_locator.as_str())
    };
    let supplier = package.supplier.as_deref();
    // A person is no vendor.
    let vendor = supplier.and_then(|supplier| supplier.strip_prefix("Organization:"));
    let names = (find(&["cpe23Type", "cpe22Type"]), find(&["purl"]));
    let found = software(
        &package.name,
        package.version_info.as_deref(),
        vendor,
        names,
    )?;
    Ok(Software {
        is_system: package.primary_package_purpose.as_deref() == Some("OPERATING-SYSTEM"),
        ..found
    })
}

fn finish(
    of: Software,
    mut parts: Vec<Software>,
    date: String,
    feed: &mut Feed,
) -> Result<Sbom, Refusal> {
    feed.check()?;
    parts.sort();
    parts.dedup();
    feed.source.clone_from(&of.vendor);
    feed.date = Some(date.clone()).filter(|date| !date.is_empty());
    Ok(Sbom { of, parts, date })
}
