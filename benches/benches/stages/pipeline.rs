//! A whole worker, from frames in memory to debts. Every pass sees the same flows with later
//! times, so that all but the first is the steady state.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use medtap_benches::maker::{Kind, Plan, bytes};
use medtap_benches::replay::{Solo, frames, rules};
use medtap_engine::capture::Frame;

const PACKETS: u64 = 400_000;
const FLOWS_MAX: u32 = 200_000;

pub fn benchmarks(criterion: &mut Criterion) {
    let matcher = rules();
    let mut group = criterion.benchmark_group("pipeline");
    group.sample_size(10);
    for (name, kind) in [
        ("flood", Kind::Flood),
        ("imix", Kind::Imix),
        ("hospital", Kind::Hospital),
        ("dicom", Kind::Stores),
    ] {
        let capture = bytes(&Plan::new(kind, PACKETS)).expect("a plan that can be carried out");
        let frames = frames(&capture);
        // The first half opens the flows; the second is measured.
        let (opening, steady) = frames.split_at(frames.len() / 2);
        group.throughput(Throughput::Elements(steady.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            let opened = || opened(opening, &matcher);
            let work = |mut solo: Solo| {
                solo.take(steady);
                solo
            };
            bencher.iter_batched(opened, work, BatchSize::PerIteration);
        });
    }
}

fn opened(frames: &[Frame<'_>], matcher: &std::sync::Arc<medtap_rules::Matcher>) -> Solo {
    let mut solo = Solo::new(FLOWS_MAX, matcher).expect("memory");
    solo.take(frames);
    solo
}
