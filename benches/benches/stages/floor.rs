//! The floor, on captures in memory.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use medtap_benches::floor::Floor;
use medtap_benches::maker::{Kind, Plan, bytes};

const PACKETS: u64 = 400_000;

pub fn benchmarks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("floor");
    group.throughput(Throughput::Elements(PACKETS));
    group.sample_size(20);
    for (name, kind, flows) in [
        ("flood-1k", Kind::Flood, 1_000),
        ("flood-100k", Kind::Flood, 100_000),
        ("imix-20k", Kind::Imix, 20_000),
    ] {
        let plan = Plan {
            flows,
            ..Plan::new(kind, PACKETS)
        };
        let capture = bytes(&plan).expect("a plan that can be carried out");
        let mut floor = Floor::new(flows as usize, 1).expect("memory");
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| black_box(floor.count(&capture, |_, _| {})));
        });
    }
}
