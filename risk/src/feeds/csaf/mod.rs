//! CSAF 2.0: advisories and the VEX profile. It reads products, statuses, scores and remediations;
//! acknowledgements and notes, which name people, are stepped over.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use self::tree::{ProductTree, Target, Targets};
use super::claims::{Advice, Category, Claim, Claims, Document, NONE, Status};
use super::cve::CveId;
use super::cvss::Cvss;
use super::limits::DETAILS_CHARS_MAX;
use super::refusal::{Refusal, quoted};
use super::report::{Feed, Kind};
use super::weakness::{VectorSource, Weaknesses};
use super::when;

mod tree;

#[derive(Deserialize)]
struct Csaf {
    document: Head,
    product_tree: Option<ProductTree>,
    #[serde(default)]
    vulnerabilities: Vec<Value>,
}

#[derive(Deserialize)]
struct Head {
    category: String,
    csaf_version: String,
    publisher: Publisher,
    tracking: Tracking,
}

#[derive(Deserialize)]
struct Publisher {
    category: String,
    name: String,
}

#[derive(Deserialize)]
struct Tracking {
    id: String,
    version: String,
    current_release_date: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    #[serde(default)]
    product_status: ProductStatus,
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default)]
    scores: Vec<Score>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ProductStatus {
    first_affected: Vec<String>,
    known_affected: Vec<String>,
    last_affected: Vec<String>,
    first_fixed: Vec<String>,
    fixed: Vec<String>,
    known_not_affected: Vec<String>,
    under_investigation: Vec<String>,
}

#[derive(Deserialize)]
struct Remediation {
    category: String,
    details: String,
    url: Option<String>,
    #[serde(default)]
    product_ids: Vec<String>,
    #[serde(default)]
    group_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Score {
    cvss_v2: Option<Vector>,
    cvss_v3: Option<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    vector_string: String,
    base_score: Option<f64>,
}

/// What one vulnerability of a document says.
struct Said {
    cve: CveId,
    claims: Vec<Claim>,
    vectors: Vec<Cvss>,
}

/// Reads one document.
pub fn read(
    text: &[u8],
    feed_number: u32,
    feed: &mut Feed,
    claims: &mut Claims,
    weaknesses: &mut Weaknesses,
) -> Result<(), Refusal> {
    let csaf: Csaf = serde_json::from_slice(text).map_err(|error| Refusal::json(1, &error))?;
    let head = csaf.document;
    if head.csaf_version != "2.0" {
        let version = quoted(&head.csaf_version);
        return Err(Refusal::of_file(format!(
            "csaf_version is {version}, 2.0 is read"
        )));
    }
    let date = head.tracking.current_release_date;
    let updated = when::seconds(&date).ok_or_else(|| {
        Refusal::of_file(format!("current_release_date {} is no time", quoted(&date)))
    })?;
    if head.category == "csaf_vex" {
        feed.kind = Kind::CsafVex;
    }
    let vendor = (head.publisher.category == "vendor").then_some(head.publisher.name.as_str());
    let tree = csaf.product_tree.unwrap_or_default();
    let targets = tree::read(&tree, vendor, claims)?;
    let document = claims.document(Document {
        kind: feed.kind,
        feed: feed_number,
        id: head.tracking.id.as_str().into(),
        publisher: head.publisher.name.as_str().into(),
        updated,
        current: true,
    });
    let mut reader = Reader {
        targets: &targets,
        document,
        claims,
    };
    let mut said = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, value) in csaf.vulnerabilities.into_iter().enumerate() {
        let read = Vulnerability::deserialize(value).map_err(|error| error.to_string());
        match read.and_then(|vulnerability| reader.vulnerability(&vulnerability)) {
            Err(reason) => feed.reject(None, index as u64, reason),
            Ok(None) => feed.skip(None, index as u64, "it has no CVE number"),
            Ok(Some(found)) if !seen.insert(found.cve) => {
                feed.reject(
                    None,
                    index as u64,
                    format!("{} stands there twice", found.cve),
                );
            }
            Ok(Some(found)) => {
                feed.records += 1;
                said.push(found);
            }
        }
    }
    feed.check()?;
    for found in said {
        for claim in found.claims {
            claims.claim(claim)?;
        }
        for cvss in found.vectors {
            weaknesses.add_vector(found.cve, VectorSource::Csaf, updated, cvss);
        }
    }
    feed.source = Some(head.publisher.name);
    feed.version = Some(format!("{} {}", head.tracking.id, head.tracking.version));
    feed.date = Some(date);
    Ok(())
}

struct Reader<'a> {
    targets: &'a Targets,
    document: u32,
    claims: &'a mut Claims,
}

impl Reader<'_> {
    /// `None` for a vulnerability without a CVE number.
    fn vulnerability(&mut self, vulnerability: &Vulnerability) -> Result<Option<Said>, String> {
        let Some(cve) = &vulnerability.cve else {
            return Ok(None);
        };
        let cve = cve.parse::<CveId>().map_err(|error| error.to_string())?;
        let vectors = vulnerability.scores.iter();
        let vectors = vectors
            .flat_map(|score| [&score.cvss_v3, &score.cvss_v2])
            .flatten();
        let vectors =
            vectors.filter_map(|vector| Cvss::parse(&vector.vector_string, vector.base_score));
        let vectors = vectors.collect();
        let status = &vulnerability.product_status;
        let lists = [
            (&status.known_affected, Status::Affected),
            (&status.first_affected, Status::Affected),
            (&status.last_affected, Status::Affected),
            (&status.fixed, Status::Fixed),
            (&status.first_fixed, Status::Fixed),
            (&status.known_not_affected, Status::NotAffected),
            (&status.under_investigation, Status::UnderInvestigation),
        ];
        let mut claims = Vec::new();
        for (list, status) in lists {
            for id in list {
                let targets = self.targets.of(id);
                let targets =
                    targets.ok_or_else(|| format!("{} is not in its product tree", quoted(id)))?;
                let remediation = self.remediation(&vulnerability.remediations, id)?;
                claims.extend(targets.iter().map(|target| Claim {
                    remediation,
                    ..self.claim(cve, target, status)
                }));
            }
        }
        Ok(Some(Said {
            cve,
            claims,
            vectors,
        }))
    }

    fn claim(&self, cve: CveId, target: &Target, status: Status) -> Claim {
        Claim {
            cve,
            product: target.product,
            versions: target.versions,
            document: self.document,
            condition: target.condition,
            remediation: NONE,
            status,
            conditional: target.conditional,
        }
    }

    /// The most final remediation for a product, the first of its category.
    fn remediation(&mut self, list: &[Remediation], product_id: &str) -> Result<u32, String> {
        let mut best: Option<(Category, &Remediation)> = None;
        for remediation in list {
            let everywhere = remediation.product_ids.is_empty() && remediation.group_ids.is_empty();
            let here = everywhere
                || remediation.product_ids.iter().any(|id| id == product_id)
                || self.targets.in_groups(&remediation.group_ids, product_id);
            let category = match remediation.category.as_str() {
                "vendor_fix" => Category::VendorFix,
                "mitigation" => Category::Mitigation,
                "workaround" => Category::Workaround,
                "none_available" => Category::NoneAvailable,
                "no_fix_planned" => Category::NoFixPlanned,
                // CSAF 2.1 alone: it says that a fix will come.
                "fix_planned" | "optional_patch" => Category::NoneAvailable,
                other => return Err(format!("{} is no category of remediation", quoted(other))),
            };
            if here && best.is_none_or(|(found, _)| category < found) {
                best = Some((category, remediation));
            }
        }
        Ok(best.map_or(NONE, |(category, remediation)| {
            self.claims.advice(Advice {
                category,
                details: remediation
                    .details
                    .chars()
                    .take(DETAILS_CHARS_MAX)
                    .collect(),
                url: remediation.url.as_deref().map(Into::into),
            })
        }))
    }
}
