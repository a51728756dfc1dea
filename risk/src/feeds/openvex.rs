//! OpenVEX: whether products are affected, by their package or CPE names. A product named by a
//! bare number of its author's own can't be joined with anything and is skipped.

use serde::Deserialize;
use serde_json::Value;

use super::claims::{Advice, Category, Claim, Claims, Document, NONE, Part, Product, Status};
use super::cpe::Cpe;
use super::cve::CveId;
use super::limits::DETAILS_CHARS_MAX;
use super::purl::Purl;
use super::refusal::{Refusal, quoted};
use super::report::{Feed, Kind};
use super::when;

#[derive(Deserialize)]
struct OpenVex {
    #[serde(rename = "@context")]
    context: String,
    #[serde(rename = "@id")]
    id: String,
    author: String,
    timestamp: String,
    last_updated: Option<String>,
    version: Value,
    statements: Vec<Value>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Vulnerability,
    #[serde(default)]
    products: Vec<VexProduct>,
    status: String,
    action_statement: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Record {
        name: Option<String>,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum VexProduct {
    Id(String),
    Record {
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        identifiers: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        subcomponents: Vec<Value>,
    },
}

/// Reads one document.
pub fn read(
    text: &[u8],
    feed_number: u32,
    feed: &mut Feed,
    claims: &mut Claims,
) -> Result<(), Refusal> {
    let vex: OpenVex = serde_json::from_slice(text).map_err(|error| Refusal::json(1, &error))?;
    if !vex.context.starts_with("https://openvex.dev/ns") {
        let context = quoted(&vex.context);
        return Err(Refusal::of_file(format!(
            "@context {context} is not OpenVEX's"
        )));
    }
    let date = vex.last_updated.unwrap_or(vex.timestamp);
    let updated = when::seconds(&date)
        .ok_or_else(|| Refusal::of_file(format!("timestamp {} is no time", quoted(&date))))?;
    let document = claims.document(Document {
        kind: Kind::OpenVex,
        feed: feed_number,
        id: vex.id.as_str().into(),
        publisher: vex.author.as_str().into(),
        updated,
        current: true,
    });
    let mut found = Vec::new();
    for (index, value) in vex.statements.into_iter().enumerate() {
        let read = Statement::deserialize(value).map_err(|error| error.to_string());
        match read.and_then(|read| statement(&read, document, claims)) {
            Err(reason) => feed.reject(None, index as u64, reason),
            Ok(stated) if stated.is_empty() => {
                let reason = "it names no CVE, or no product by CPE or package URL";
                feed.skip(None, index as u64, reason);
            }
            Ok(stated) => {
                feed.records += 1;
                found.extend(stated);
            }
        }
    }
    feed.check()?;
    for claim in found {
        claims.claim(claim)?;
    }
    feed.source = Some(vex.author);
    feed.version = Some(vex.version.to_string());
    feed.date = Some(date);
    Ok(())
}

fn statement(
    statement: &Statement,
    document: u32,
    claims: &mut Claims,
) -> Result<Vec<Claim>, String> {
    let status = match statement.status.as_str() {
        "affected" => Status::Affected,
        "not_affected" => Status::NotAffected,
        "fixed" => Status::Fixed,
        "under_investigation" => Status::UnderInvestigation,
        other => return Err(format!("status {} is not known", quoted(other))),
    };
    let names = match &statement.vulnerability {
        Vulnerability::Name(name) => vec![name],
        Vulnerability::Record { name, aliases } => name.iter().chain(aliases).collect(),
    };
    let cves = names
        .into_iter()
        .filter_map(|name| name.parse::<CveId>().ok());
    let Some(cve) = cves.min() else {
        return Ok(Vec::new());
    };
    let remediation = match &statement.action_statement {
        Some(text) => claims.advice(Advice {
            category: Category::Mitigation,
            details: text.chars().take(DETAILS_CHARS_MAX).collect(),
            url: None,
        }),
        None => NONE,
    };
    let mut found = Vec::new();
    for product in &statement.products {
        let (ids, conditional) = match product {
            VexProduct::Id(id) => (vec![id], false),
            VexProduct::Record {
                id,
                identifiers,
                subcomponents,
            } => {
                let ids = id.iter().chain(identifiers.values()).collect();
                (ids, !subcomponents.is_empty() && status == Status::Affected)
            }
        };
        for (product, versions) in ids.into_iter().filter_map(|id| named(id, claims)) {
            found.push(Claim {
                cve,
                product,
                versions,
                document,
                condition: NONE,
                remediation,
                status,
                conditional,
            });
        }
    }
    found.sort_by_key(|claim| (claim.product, claim.versions));
    found.dedup();
    Ok(found)
}

/// Product and versions of a CPE name or package URL.
fn named(id: &str, claims: &mut Claims) -> Option<(u32, u32)> {
    if let Some(cpe) = Cpe::parse(id) {
        let versions = claims.versions_of_cpe(&cpe);
        return Some((claims.product(cpe.to_product()), versions));
    }
    let purl = Purl::parse(id)?;
    let product = Product {
        part: Part::Any,
        vendor: purl.vendor()?.into(),
        name: purl.name.as_str().into(),
        target_software: None,
        target_hardware: None,
    };
    let versions = claims.versions_of_text(purl.version.as_deref().unwrap_or("*"));
    Some((claims.product(product), versions))
}
