//! Cost of the feeds: time and memory to import 300,000 CVEs in NVD's format, made here from a
//! seed, and to match 100,000 devices against them. It measures; it asserts nothing.
//!
//! `cargo bench -p medtap-risk --bench feeds`; without `--bench` it runs on a small input.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::time::Instant;

use medtap_risk::feeds::Feeds;
use medtap_risk::matching::Matcher;
use medtap_risk::subject::{Component, ComponentKind};

/// CVEs of the full run.
const CVES: u32 = 300_000;
/// Devices of the full run.
const DEVICES: usize = 100_000;
/// Vendors and products that CVEs are spread over.
const PRODUCTS: u32 = 40_000;

/// Numbers without a pattern, the same on every run.
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % end
    }
}

fn cve(number: u32, seed: &mut Seed, text: &mut String) {
    text.clear();
    let (year, within) = (2000 + number / 20_000, 1000 + number % 20_000);
    let _ = write!(
        text,
        r#"{{"cve":{{"id":"CVE-{year}-{within:04}","sourceIdentifier":"cve@example.org",
"published":"2024-01-02T00:00:00.000","lastModified":"2024-05-06T00:00:00.000",
"vulnStatus":"Analyzed","descriptions":[{{"lang":"en","value":"{}"}}],"metrics":{{
"cvssMetricV31":[{{"source":"nvd@nist.gov","type":"Primary","cvssData":{{"version":"3.1",
"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","baseScore":9.8}},
"exploitabilityScore":3.9,"impactScore":5.9}}]}},"configurations":["#,
        "An example text about a flaw that lets somebody do something. ".repeat(6)
    );
    for node in 0..1 + seed.below(2) {
        if node > 0 {
            text.push(',');
        }
        text.push_str(r#"{"nodes":[{"operator":"OR","negate":false,"cpeMatch":["#);
        for one in 0..1 + seed.below(8) {
            if one > 0 {
                text.push(',');
            }
            let product = seed.below(PRODUCTS);
            let (major, minor) = (seed.below(20), seed.below(100));
            let _ = write!(
                text,
                r#"{{"vulnerable":true,
"criteria":"cpe:2.3:a:vendor{}:product{product}:*:*:*:*:*:*:*:*",
"versionEndExcluding":"{major}.{minor}",
"matchCriteriaId":"{:08X}-0000-0000-0000-000000000000"}}"#,
                product / 10,
                seed.below(u32::MAX)
            );
        }
        text.push_str("]}]}");
    }
    text.push_str(
        r#"],"references":[{"url":"https://example.org/a"},{"url":"https://example.org/b"}]}}"#,
    );
}

fn generate(path: &std::path::Path, count: u32) -> std::io::Result<u64> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    write!(
        file,
        r#"{{"resultsPerPage":{count},"startIndex":0,"totalResults":{count},"format":"NVD_CVE",
"version":"2.0","timestamp":"2026-08-16T00:00:00.000","vulnerabilities":["#
    )?;
    let mut seed = Seed(7);
    let mut text = String::new();
    for number in 0..count {
        cve(number, &mut seed, &mut text);
        if number > 0 {
            file.write_all(b",\n")?;
        }
        file.write_all(text.as_bytes())?;
    }
    file.write_all(b"]}\n")?;
    file.flush()?;
    Ok(std::fs::metadata(path)?.len())
}

/// The largest memory of this process so far, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn device(model: u32) -> Vec<Component> {
    let component = |kind, product: u32, version: String| Component {
        kind,
        vendor: Some(format!("vendor{}", product / 10)),
        product: format!("product{product}"),
        version: Some(version),
        build: None,
        field: "bench".to_owned(),
        raw: String::new(),
        seen: (0, 0),
        confidence: 90,
    };
    let version = format!("{}.{}", model % 20, model % 7);
    vec![
        component(
            ComponentKind::Device,
            model * 13 % PRODUCTS,
            version.clone(),
        ),
        component(ComponentKind::Application, model * 31 % PRODUCTS, version),
    ]
}

fn main() -> std::io::Result<()> {
    // `cargo test` runs benches too, without this word.
    let full = std::env::args().any(|argument| argument == "--bench");
    let (cves, devices) = if full { (CVES, DEVICES) } else { (300, 100) };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("nvd.json");
    let bytes = generate(&path, cves)?;
    let start = Instant::now();
    let feeds = Feeds::read_path(&path).map_err(std::io::Error::other)?;
    let took = start.elapsed();
    println!(
        "feeds/import: {cves} generated CVEs, {} MiB, {:.1} s, {} statements, peak {} MiB",
        bytes >> 20,
        took.as_secs_f64(),
        feeds.claims.all().len(),
        peak_mib()
    );
    for refused in &feeds.refused {
        println!("refused: {}", refused.refusal);
    }
    let start = Instant::now();
    let matcher = Matcher::new(&feeds);
    println!(
        "feeds/index: {:.2} s, peak {} MiB",
        start.elapsed().as_secs_f64(),
        peak_mib()
    );
    let models: Vec<_> = (0..2_000).map(device).collect();
    let fleet: Vec<&[Component]> = (0..devices)
        .map(|at| models[at % models.len()].as_slice())
        .collect();
    let start = Instant::now();
    let found = matcher.fleet(&fleet);
    let matches: usize = found.iter().map(|found| found.len()).sum();
    println!(
        "feeds/match: {devices} devices of {} models, {matches} matches, {:.2} s, peak {} MiB",
        models.len(),
        start.elapsed().as_secs_f64(),
        peak_mib()
    );
    Ok(())
}
