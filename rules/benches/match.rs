//! Cost of rules: loading all that ship, and matching a value that is known, unknown or hostile.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use medtap_rules::{Rules, vendor_of_mac};
use medtap_table::vocabulary::Field;
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

criterion_group!(benches, load, values, vendors);
criterion_main!(benches);
