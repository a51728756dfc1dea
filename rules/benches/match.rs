//! Cost of rules: loading all that ship, and matching a value that is known, unknown or hostile.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use medtap_rules::{Rules, vendor_of_mac};
use medtap_table::vocabulary::Field;
use std::fmt::Write;
use std::hint::black_box;

fn load(c: &mut Criterion) {
    let mut group = c.benchmark_group("rules");
    group.sample_size(20);
    group.bench_function("load", |b| b.iter(Rules::embedded));
}

fn values(c: &mut Criterion) {
    let matcher = Rules::embedded().matcher();
    let long = "Linux/2.6 UPnP/1.0 Aficio ".repeat(150);
    let cases = [
        ("exact", Field::DicomModality, "CT"),
        (
            "prefix",
            Field::DicomImplementationUid,
            "1.2.840.113619.6.144",
        ),
        ("pattern", Field::HttpServer, "Apache/2.4.6 (Ubuntu)"),
        ("unknown", Field::HttpServer, "swoole-http-server"),
        ("no rules", Field::HttpHost, "pacs.example.org"),
        ("hostile 3.9 kB", Field::HttpServer, long.as_str()),
    ];
    let mut group = c.benchmark_group("rules/match");
    group.throughput(Throughput::Elements(1));
    for (name, field, value) in cases {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut claims = 0;
                matcher.matches(field, black_box(value), &mut |_| claims += 1);
                claims
            });
        });
    }
}

fn vendors(c: &mut Criterion) {
    let mut group = c.benchmark_group("rules/vendor");
    group.throughput(Throughput::Elements(1));
    let mac = [0x00, 0x09, 0xfb, 1, 2, 3];
    group.bench_function("known", |b| b.iter(|| vendor_of_mac(black_box(&mac))));
}

/// A folder of this many rules over all fields: half exact, a quarter prefixes, a quarter patterns.
fn folder(number: usize) -> tempfile::TempDir {
    const FILES: usize = 60;
    let folder = tempfile::tempdir().expect("a folder");
    let fields = Field::ALL.iter().filter(|field| **field != Field::HttpHost);
    for (file, field) in fields.take(FILES).enumerate() {
        let mut text = format!("field = \"{}\"\n", field.name());
        for place in (file..number).step_by(FILES) {
            let id = medtap_rules::LOCAL_ID_MIN as usize + place;
            let (key, value) = match place / FILES % 4 {
                0 | 1 => (
                    format!("exact = \"Device {place}\""),
                    format!("Device {place}"),
                ),
                2 => (
                    format!("prefix = \"Maker {place}\""),
                    format!("Maker {place} 7"),
                ),
                _ => (
                    format!("pattern = 'Model-{place}/(?<version>[0-9.]+)'\nmodel = \"M{place}\""),
                    format!("Model-{place}/1.2"),
                ),
            };
            write!(
                text,
                "[[rule]]\nid = {id}\nname = \"rule {place}\"\n{key}\nmanufacturer = \"Acme\"\n\
                 confidence = 80\nsource = \"bench\"\nmatches = [{{ value = \"{value}\" }}]\n"
            )
            .expect("a text");
        }
        std::fs::write(folder.path().join(format!("{file}.toml")), text).expect("written");
    }
    folder
}

/// What rules cost by their number: to load, and for a value that none of them knows.
fn sizes(c: &mut Criterion) {
    let mut group = c.benchmark_group("rules/size");
    group.sample_size(10);
    for number in [300, 3_000, 30_000] {
        let folder = folder(number);
        let load = || Rules::load(Some(folder.path())).expect("a folder of rules");
        group.bench_function(format!("load {number}"), |b| b.iter(load));
        let matcher = load().matcher();
        for (name, field) in [
            ("match", Field::SshServerVersion),
            ("no rules", Field::HttpHost),
        ] {
            group.bench_function(format!("{name} {number}"), |b| {
                b.iter(|| {
                    let mut claims = 0;
                    let value = black_box("swoole-server 4.1");
                    matcher.matches(field, value, &mut |_| claims += 1);
                    claims
                });
            });
        }
    }
}

criterion_group!(benches, load, values, vendors, sizes);
criterion_main!(benches);
