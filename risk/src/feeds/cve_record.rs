//! A CVE record 5.x: what its author states about products, and CISA's Vulnrichment container with
//! the SSVC decision points. Credits and descriptions, which name people, are stepped over.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use super::claims::{Claim, Claims, Document, NONE, Part, Product, Stated, Status};
use super::cpe::Cpe;
use super::cve::CveId;
use super::cvss::Cvss;
use super::limits::TEXT_BYTES_MAX;
use super::refusal::{Refusal, quoted};
use super::report::{Feed, Kind};
use super::versions::{Range, Version, Versions};
use super::weakness::{Exploitation, Ssvc, VectorSource, Weaknesses};
use super::when;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    data_type: String,
    data_version: String,
    cve_metadata: Metadata,
    containers: Containers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    cve_id: String,
    state: String,
    date_updated: Option<String>,
    date_published: Option<String>,
    assigner_short_name: Option<String>,
}

#[derive(Deserialize)]
struct Containers {
    cna: Container,
    #[serde(default)]
    adp: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    provider_metadata: Option<Provider>,
    #[serde(default)]
    affected: Vec<Affected>,
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    short_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Affected {
    vendor: Option<String>,
    product: Option<String>,
    #[serde(default)]
    cpes: Vec<String>,
    #[serde(default)]
    versions: Vec<StatedVersion>,
    default_status: Option<String>,
    #[serde(default)]
    platforms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatedVersion {
    version: String,
    status: String,
    less_than: Option<String>,
    less_than_or_equal: Option<String>,
}

#[derive(Deserialize)]
struct Metric {
    #[serde(rename = "cvssV4_0")]
    four: Option<Vector>,
    #[serde(rename = "cvssV3_1")]
    three_one: Option<Vector>,
    #[serde(rename = "cvssV3_0")]
    three: Option<Vector>,
    #[serde(rename = "cvssV2_0")]
    two: Option<Vector>,
    other: Option<Other>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    vector_string: Option<String>,
    base_score: Option<f64>,
}

#[derive(Deserialize)]
struct Other {
    #[serde(rename = "type")]
    kind: String,
    content: Value,
}

#[derive(Deserialize)]
struct SsvcContent {
    timestamp: Option<String>,
    options: Vec<serde_json::Map<String, Value>>,
}

/// Reads one record.
pub fn read(
    text: &[u8],
    feed_number: u32,
    feed: &mut Feed,
    claims: &mut Claims,
    weaknesses: &mut Weaknesses,
) -> Result<(), Refusal> {
    let record: Record = serde_json::from_slice(text).map_err(|error| Refusal::json(1, &error))?;
    let major = record.data_version.split('.').next();
    if record.data_type != "CVE_RECORD" || major != Some("5") {
        let version = quoted(&record.data_version);
        return Err(Refusal::of_file(format!(
            "its dataVersion is {version}, 5.x is read"
        )));
    }
    let metadata = record.cve_metadata;
    let cve = metadata.cve_id.parse::<CveId>();
    let cve = cve.map_err(|error| Refusal::of_file(error.to_string()))?;
    let published = metadata.date_published.as_deref().and_then(when::day_of);
    let date = metadata
        .date_updated
        .or(metadata.date_published)
        .unwrap_or_default();
    let updated = when::seconds(&date)
        .ok_or_else(|| Refusal::of_file(format!("dateUpdated {} is no time", quoted(&date))))?;
    let publisher = metadata.assigner_short_name.unwrap_or_default();
    let document = claims.document(Document {
        kind: Kind::CveRecord,
        feed: feed_number,
        id: cve.to_string().into(),
        publisher: publisher.as_str().into(),
        updated,
        current: true,
    });
    feed.records = 1;
    feed.source = Some(publisher);
    feed.version = Some(record.data_version);
    feed.date = Some(date);
    if metadata.state == "REJECTED" {
        return Ok(());
    }
    let containers = std::iter::once(&record.containers.cna).chain(&record.containers.adp);
    let mut found = Vec::new();
    for container in containers {
        for affected in &container.affected {
            statements(affected, (cve, document), claims, &mut found);
        }
    }
    for claim in found {
        claims.claim(claim)?;
    }
    if let Some(day) = published {
        weaknesses.add_published(cve, day);
    }
    let containers = std::iter::once(&record.containers.cna).chain(&record.containers.adp);
    for (index, container) in containers.enumerate() {
        for metric in &container.metrics {
            let vectors = [&metric.three_one, &metric.three, &metric.four, &metric.two];
            for vector in vectors.into_iter().flatten() {
                let text = vector.vector_string.as_deref().unwrap_or_default();
                if let Some(cvss) = Cvss::parse(text, vector.base_score) {
                    weaknesses.add_vector(cve, VectorSource::CveRecord, updated, cvss);
                }
            }
            let provider = container.provider_metadata.as_ref();
            let provider = provider.and_then(|provider| provider.short_name.as_deref());
            let Some(other) = metric.other.as_ref().filter(|other| other.kind == "ssvc") else {
                continue;
            };
            if provider != Some("CISA-ADP") {
                continue;
            }
            match ssvc(&other.content, updated) {
                Ok(ssvc) => weaknesses.add_ssvc(cve, ssvc),
                Err(reason) => feed.skip(None, index as u64, reason),
            }
        }
    }
    Ok(())
}

/// The decision points; all three, or none.
fn ssvc(content: &Value, updated: i64) -> Result<Ssvc, String> {
    let content = SsvcContent::deserialize(content).map_err(|error| error.to_string())?;
    let option = |name: &str| {
        let found = content.options.iter().find_map(|options| {
            let mut pairs = options.iter();
            pairs
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        });
        let found = found.and_then(Value::as_str).unwrap_or_default();
        found.to_lowercase()
    };
    let wrong = |name: &str, value: &str| format!("SSVC {name} {} is not known", quoted(value));
    let exploitation = match option("Exploitation").as_str() {
        "none" => Exploitation::None,
        "poc" | "public poc" => Exploitation::Poc,
        "active" => Exploitation::Active,
        other => return Err(wrong("Exploitation", other)),
    };
    let automatable = match option("Automatable").as_str() {
        "yes" => true,
        "no" => false,
        other => return Err(wrong("Automatable", other)),
    };
    let total_impact = match option("Technical Impact").as_str() {
        "total" => true,
        "partial" => false,
        other => return Err(wrong("Technical Impact", other)),
    };
    Ok(Ssvc {
        updated: content
            .timestamp
            .as_deref()
            .and_then(when::seconds)
            .unwrap_or(updated),
        exploitation,
        automatable,
        total_impact,
    })
}

/// What an entry of `affected` states about its product, and about the CPE names that it adds.
fn statements(
    affected: &Affected,
    (cve, document): (CveId, u32),
    claims: &mut Claims,
    found: &mut Vec<Claim>,
) {
    let mut products = Vec::new();
    let told = |text: &Option<String>| {
        let text = text.as_deref().map(str::trim).unwrap_or_default();
        let nothing = text.is_empty() || text.eq_ignore_ascii_case("n/a");
        (!nothing && text.len() <= TEXT_BYTES_MAX).then(|| Box::<str>::from(text))
    };
    if let (Some(vendor), Some(name)) = (told(&affected.vendor), told(&affected.product)) {
        products.push(claims.product(Product {
            part: Part::Any,
            vendor,
            name,
            target_software: None,
            target_hardware: None,
        }));
    }
    let cpes = affected.cpes.iter().filter_map(|cpe| Cpe::parse(cpe));
    products.extend(cpes.map(|cpe| claims.product(cpe.to_product())));
    products.sort_unstable();
    products.dedup();
    let mut lists = Vec::new();
    for version in &affected.versions {
        let status = match version.status.as_str() {
            "affected" => Status::Affected,
            "unaffected" => Status::NotAffected,
            _ => continue,
        };
        let (text, stated) = range(version);
        lists.push((claims.versions(&text, || stated), status));
    }
    if lists.is_empty() && affected.default_status.as_deref() == Some("affected") {
        lists.push((claims.versions_of_text("*"), Status::Affected));
    }
    for product in products {
        found.extend(lists.iter().map(|(versions, status)| Claim {
            cve,
            product,
            versions: *versions,
            document,
            condition: NONE,
            remediation: NONE,
            status: *status,
            conditional: !affected.platforms.is_empty(),
        }));
    }
}

/// The versions of one entry: `0` and `*` are open ends.
fn range(stated: &StatedVersion) -> (String, Stated) {
    let version = stated.version.trim();
    let open = matches!(version, "0" | "*" | "unspecified" | "" | "n/a" | "-");
    let high = match (&stated.less_than, &stated.less_than_or_equal) {
        (Some(high), _) => Some((high.trim(), false)),
        (None, Some(high)) => Some((high.trim(), true)),
        (None, None) => None,
    };
    let mut text = String::new();
    if let Some((high, included)) = high {
        if !open {
            let _ = write!(text, ">= {version} | ");
        }
        let _ = write!(text, "{} {high}", if included { "<=" } else { "<" });
    } else {
        text.push_str(version);
    }
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
    let versions = match high {
        // Authors write ranges into the text itself, too.
        None if matches!(version, "" | "n/a" | "unspecified" | "-") => Versions::Unstated,
        None => Versions::parse(version),
        Some(("*", _)) if open => Versions::All,
        Some((high, included)) => {
            let low = (!open).then(|| Version::parse(version));
            let end = (high != "*").then(|| Version::parse(high));
            match (low, end) {
                (Some(None), _) | (_, Some(None)) => Versions::Unreadable,
                (low, end) => {
                    let low = low.flatten().map(|low| (low, true));
                    let high = end.flatten().map(|end| (end, included));
                    let range = Range::new(low, high);
                    range.map_or(Versions::Unreadable, |range| Versions::Some(vec![range]))
                }
            }
        }
    };
    let stated = Stated {
        text: text.as_str().into(),
        versions,
        label: None,
    };
    (format!("record\u{1f}{text}"), stated)
}
