//! Looking flows up in the table, in bursts with the worker's two stages of prefetch, in any
//! order: the worst that packets can do.

use std::hint::black_box;

use bytemuck::Zeroable;
use criterion::{BenchmarkId, Criterion, Throughput};
use medtap_benches::maker::Random;
use medtap_engine::config::BURST_FRAMES;
use medtap_engine::flow::{FlowHasher, FlowKey, Table};

const LOOKUPS: usize = 1 << 16;

pub fn benchmarks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flow/lookup");
    group.throughput(Throughput::Elements(LOOKUPS as u64));
    for (name, flows) in [("1k", 1_000), ("100k", 100_000), ("1M", 1_000_000)] {
        let hasher = FlowHasher::FIXED;
        let mut table = Table::new(flows).expect("memory");
        let mut keys = Vec::new();
        for number in 0..flows {
            let key = key(number);
            let hash = hasher.hash(&key);
            table.insert(&key, hash).expect("room");
            keys.push(key);
        }
        let mut random = Random::new(1);
        let wanted: Vec<FlowKey> = (0..LOOKUPS)
            .map(|_| keys[random.below(flows) as usize])
            .collect();
        let mut time_ns = 0;
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                time_ns += 1;
                for burst in wanted.chunks(BURST_FRAMES) {
                    look_up(&mut table, &hasher, burst, time_ns);
                }
            });
        });
    }
}

fn key(number: u32) -> FlowKey {
    let mut key = FlowKey::zeroed();
    key.low = [0, 0xffff_0a00_0000 + u64::from(number % 5_000)];
    key.high = [0, 0xffff_0a01_0000 + u64::from(number / 5_000)];
    key.low_port = 40_000;
    key.high_port = 443;
    key.protocol = 6;
    key.version = 4;
    key
}

fn look_up(table: &mut Table, hasher: &FlowHasher, burst: &[FlowKey], time_ns: u64) {
    let mut hashes = [0; BURST_FRAMES];
    for (key, hash) in burst.iter().zip(&mut hashes) {
        *hash = hasher.hash(key);
        table.prefetch_index(*hash);
    }
    for hash in &hashes[..burst.len()] {
        table.prefetch_flow(*hash);
    }
    for (key, hash) in burst.iter().zip(hashes) {
        if let Some(id) = table.find(key, hash) {
            table.flow_mut(id).last_ns = black_box(time_ns);
        }
    }
}
