//! NVD's CVE API 2.0, record by record in constant memory: configurations become statements, with
//! what must also be there ("running on") as their condition. Descriptions are stepped over.

use std::borrow::Cow;
use std::io::Read;

use hashbrown::HashMap;
use jiff::civil::Date;
use serde::Deserialize;

use super::claims::{Claim, Claims, Document, NONE, Part, Platform, Stated, Status};
use super::cpe::Cpe;
use super::cve::CveId;
use super::cvss::Cvss;
use super::limits::PLATFORMS_MAX;
use super::records;
use super::refusal::{Refusal, quoted};
use super::report::{Feed, Kind};
use super::versions::{Range, Version, Versions};
use super::weakness::{VectorSource, Weaknesses};
use super::when;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    cve: Cve<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cve<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    last_modified: Cow<'a, str>,
    #[serde(borrow)]
    published: Option<Cow<'a, str>>,
    #[serde(borrow)]
    vuln_status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metrics: Metrics<'a>,
    #[serde(borrow, default)]
    configurations: Vec<Configuration<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metrics<'a> {
    #[serde(borrow, rename = "cvssMetricV40")]
    four: Vec<Metric<'a>>,
    #[serde(borrow, rename = "cvssMetricV31")]
    three_one: Vec<Metric<'a>>,
    #[serde(borrow, rename = "cvssMetricV30")]
    three: Vec<Metric<'a>>,
    #[serde(borrow, rename = "cvssMetricV2")]
    two: Vec<Metric<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cvss_data: Vector<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector<'a> {
    #[serde(borrow)]
    vector_string: Cow<'a, str>,
    base_score: Option<f64>,
}

#[derive(Deserialize)]
struct Configuration<'a> {
    #[serde(borrow)]
    operator: Option<Cow<'a, str>>,
    #[serde(default)]
    negate: bool,
    #[serde(borrow)]
    nodes: Vec<Node<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    #[serde(borrow)]
    operator: Cow<'a, str>,
    #[serde(default)]
    negate: bool,
    #[serde(borrow)]
    cpe_match: Vec<CpeMatch<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CpeMatch<'a> {
    vulnerable: bool,
    #[serde(borrow)]
    criteria: Cow<'a, str>,
    #[serde(borrow)]
    version_start_including: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version_start_excluding: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version_end_including: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version_end_excluding: Option<Cow<'a, str>>,
}

/// A place in a configuration: product and versions, and whether it is what is vulnerable.
#[derive(Clone, Copy)]
struct Place {
    vulnerable: bool,
    hardware: bool,
    platform: Platform,
}

/// Reads a file of the API.
pub fn read(
    reader: impl Read,
    feed_number: u32,
    feed: &mut Feed,
    claims: &mut Claims,
    weaknesses: &mut Weaknesses,
) -> Result<(), Refusal> {
    let mut vectors = Vec::new();
    let mut published = Vec::new();
    let mut seen: HashMap<CveId, ()> = HashMap::new();
    let mut full = Ok(());
    let mut reader_of = Reader {
        claims,
        feed: feed_number,
        vectors: &mut vectors,
        published: &mut published,
        found: Vec::new(),
        names: HashMap::new(),
    };
    let head = records::read(reader, "vulnerabilities", |record| {
        let row = serde_json::from_slice::<Row<'_>>(record.bytes)
            .map_err(|error| Refusal::json(1, &error).reason);
        let read = row.and_then(|row| {
            let cve = row
                .cve
                .id
                .parse::<CveId>()
                .map_err(|error| error.to_string())?;
            match seen.insert(cve, ()) {
                Some(()) => Err(format!("{cve} stands there twice")),
                None => reader_of.cve(cve, &row.cve),
            }
        });
        match read {
            Err(reason) => feed.reject(Some(record.line), record.index, reason),
            Ok(()) => feed.records += 1,
        }
        for claim in reader_of.found.drain(..) {
            if full.is_ok() {
                full = reader_of.claims.claim(claim);
            }
        }
    })?;
    full?;
    let text = |name: &str| head.get(name).and_then(serde_json::Value::as_str);
    match (text("format"), text("version")) {
        (None | Some("NVD_CVE"), Some("2.0")) => {}
        (_, version) => {
            let version = quoted(version.unwrap_or_default());
            return Err(Refusal::of_file(format!(
                "its version is {version}, 2.0 is read"
            )));
        }
    }
    feed.stated = head
        .get("resultsPerPage")
        .and_then(serde_json::Value::as_u64);
    feed.check()?;
    feed.source = Some("NVD".to_owned());
    feed.version = text("version").map(str::to_owned);
    feed.date = text("timestamp").map(str::to_owned);
    for (cve, source, updated, cvss) in vectors {
        weaknesses.add_vector(cve, source, updated, cvss);
    }
    for (cve, day) in published {
        weaknesses.add_published(cve, day);
    }
    Ok(())
}

struct Reader<'c> {
    claims: &'c mut Claims,
    feed: u32,
    vectors: &'c mut Vec<(CveId, VectorSource, i64, Cvss)>,
    published: &'c mut Vec<(CveId, Date)>,
    found: Vec<Claim>,
    /// Criteria that were read before: their product, or that they are none.
    names: HashMap<Box<str>, Option<Known>>,
}

/// A criterion that was read before.
#[derive(Clone, Copy)]
struct Known {
    product: u32,
    versions: u32,
    hardware: bool,
    /// The name itself states a version.
    exact: bool,
}

impl Reader<'_> {
    fn cve(&mut self, cve: CveId, record: &Cve<'_>) -> Result<(), String> {
        let updated = when::seconds(&record.last_modified)
            .ok_or_else(|| format!("lastModified {} is no time", quoted(&record.last_modified)))?;
        self.vectors(cve, updated, &record.metrics);
        let published = record.published.as_deref().and_then(when::day_of);
        self.published.extend(published.map(|day| (cve, day)));
        if record.vuln_status.as_deref() == Some("Rejected") {
            return Ok(());
        }
        let mut configurations = Vec::new();
        for configuration in &record.configurations {
            self.configuration(configuration, &mut configurations)?;
        }
        let document = self.claims.document(Document {
            kind: Kind::Nvd,
            feed: self.feed,
            id: cve.to_string().into(),
            publisher: "NVD".into(),
            updated,
            current: true,
        });
        self.found.extend(
            configurations
                .into_iter()
                .map(|(platform, condition, conditional)| Claim {
                    cve,
                    product: platform.product,
                    versions: platform.versions,
                    document,
                    condition,
                    remediation: NONE,
                    status: Status::Affected,
                    conditional,
                }),
        );
        Ok(())
    }

    fn vectors(&mut self, cve: CveId, updated: i64, metrics: &Metrics<'_>) {
        let lists = [
            &metrics.three_one,
            &metrics.three,
            &metrics.four,
            &metrics.two,
        ];
        for metric in lists.into_iter().flatten() {
            let source = match metric.kind.as_deref() {
                Some("Primary") => VectorSource::NvdPrimary,
                _ => VectorSource::NvdSecondary,
            };
            let data = &metric.cvss_data;
            if let Some(cvss) = Cvss::parse(&data.vector_string, data.base_score) {
                self.vectors.push((cve, source, updated, cvss));
            }
        }
    }

    /// One way to be affected: what is vulnerable, and what must also be there.
    fn configuration(
        &mut self,
        configuration: &Configuration<'_>,
        found: &mut Vec<(Platform, u32, bool)>,
    ) -> Result<(), String> {
        let and = match configuration.operator.as_deref() {
            None | Some("OR") => false,
            Some("AND") => true,
            Some(other) => return Err(format!("operator {} is neither AND nor OR", quoted(other))),
        };
        // What a negation excludes can't be seen to be absent.
        let negated = configuration.negate || configuration.nodes.iter().any(|node| node.negate);
        let mut groups: Vec<Vec<Place>> = Vec::new();
        for node in &configuration.nodes {
            let places = self.places(&node.cpe_match)?;
            match &*node.operator {
                "OR" => groups.push(places),
                "AND" => groups.extend(places.into_iter().map(|place| vec![place])),
                other => return Err(format!("operator {} is neither AND nor OR", quoted(other))),
            }
        }
        let whole_and = and
            || configuration
                .nodes
                .iter()
                .any(|node| &*node.operator == "AND");
        for (at, group) in groups.iter().enumerate() {
            if !group.iter().any(|place| place.vulnerable) {
                continue;
            }
            let others = groups
                .iter()
                .enumerate()
                .filter(|(other, _)| whole_and && *other != at);
            let others: Vec<&Vec<Place>> = others.map(|(_, group)| group).collect();
            for place in group.iter().filter(|place| place.vulnerable) {
                let condition = self.condition(place, &others);
                found.push((place.platform, condition, negated));
            }
        }
        Ok(())
    }

    /// What must also be there. The hardware that a firmware is for is there with it.
    fn condition(&mut self, place: &Place, others: &[&Vec<Place>]) -> u32 {
        let own = own_hardware(self.claims, place.platform.product);
        let mut condition = Vec::new();
        for group in others {
            let is_own = |other: &Place| {
                other.hardware
                    && own.as_deref().is_some_and(|own| {
                        let product = self.claims.products().get(other.platform.product as usize);
                        product.is_some_and(|product| &*product.name == own)
                    })
            };
            if !group.iter().any(is_own) {
                let mut platforms: Vec<_> = group.iter().map(|place| place.platform).collect();
                platforms.sort_unstable();
                platforms.dedup();
                condition.push(platforms);
            }
        }
        condition.sort();
        self.claims.condition(condition)
    }

    fn places(&mut self, list: &[CpeMatch<'_>]) -> Result<Vec<Place>, String> {
        if list.len() > PLATFORMS_MAX {
            return Err(format!("a node names more than {PLATFORMS_MAX} products"));
        }
        list.iter().map(|one| self.place(one)).collect()
    }

    fn place(&mut self, one: &CpeMatch<'_>) -> Result<Place, String> {
        let known = match self.names.get(&*one.criteria) {
            Some(known) => *known,
            None => {
                let known = Cpe::parse(&one.criteria).map(|cpe| Known {
                    product: self.claims.product(cpe.to_product()),
                    versions: self.claims.versions_of_cpe(&cpe),
                    hardware: cpe.part == Part::Hardware,
                    exact: !cpe.version.is_empty(),
                });
                self.names.insert((*one.criteria).into(), known);
                known
            }
        };
        let known = known.ok_or_else(|| format!("{} is no CPE name", quoted(&one.criteria)))?;
        let versions = match bounds(one) {
            Some(text) if !known.exact => self.claims.versions(&text, || range(&text, one)),
            _ => known.versions,
        };
        Ok(Place {
            vulnerable: one.vulnerable,
            hardware: known.hardware,
            platform: Platform {
                product: known.product,
                versions,
            },
        })
    }
}

/// The hardware that a firmware is for, by its CPE name.
fn own_hardware(claims: &Claims, product: u32) -> Option<String> {
    let product = claims.products().get(product as usize)?;
    let name = product
        .name
        .strip_suffix("_firmware")
        .or(product.name.strip_suffix("_fw"))?;
    Some(name.to_owned())
}

/// The bounds as text: `>= 1.0 | < 2.0`.
fn bounds(one: &CpeMatch<'_>) -> Option<String> {
    let bounds = [
        (">=", &one.version_start_including),
        (">", &one.version_start_excluding),
        ("<=", &one.version_end_including),
        ("<", &one.version_end_excluding),
    ];
    let texts = bounds.iter().filter_map(|(operator, bound)| {
        bound.as_deref().map(|bound| format!("{operator} {bound}"))
    });
    let text = texts.collect::<Vec<_>>().join(" | ");
    (!text.is_empty()).then_some(text)
}

/// The bounds as a range; unreadable where one of them is.
fn range(text: &str, one: &CpeMatch<'_>) -> Stated {
    let mut readable = true;
    let mut bound = |including: &Option<Cow<'_, str>>, excluding: &Option<Cow<'_, str>>| {
        let (text, included) = match (including, excluding) {
            (Some(text), _) => (text, true),
            (None, Some(text)) => (text, false),
            (None, None) => return None,
        };
        let version = Version::parse(text);
        readable &= version.is_some();
        version.map(|version| (version, included))
    };
    let low = bound(&one.version_start_including, &one.version_start_excluding);
    let high = bound(&one.version_end_including, &one.version_end_excluding);
    let range = Range::new(low, high).filter(|_| readable);
    Stated {
        text: text.into(),
        versions: range.map_or(Versions::Unreadable, |range| Versions::Some(vec![range])),
        label: None,
    }
}
