//! Parsing frames, layer two to four, into reused headers.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use medtap_benches::maker::{Kind, Plan, bytes};
use medtap_benches::replay::frames;
use medtap_engine::wire::Headers;

const PACKETS: u64 = 20_000;

pub fn benchmarks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/parse");
    group.throughput(Throughput::Elements(PACKETS));
    for (name, kind, ipv6_percent) in [
        ("flood", Kind::Flood, 0),
        ("flood-ipv6", Kind::Flood, 100),
        ("imix", Kind::Imix, 0),
        ("imix-mixed", Kind::Imix, 50),
        ("hospital", Kind::Hospital, 0),
    ] {
        let plan = Plan {
            ipv6_percent,
            ..Plan::new(kind, PACKETS)
        };
        let capture = bytes(&plan).expect("a plan that can be carried out");
        let frames = frames(&capture);
        let mut headers = Headers::default();
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                for frame in &frames {
                    let _ = headers.parse_into(frame.bytes, frame.wire_len, frame.link);
                    black_box(&headers);
                }
            });
        });
    }
}
