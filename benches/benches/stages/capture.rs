//! Reading records out of a mapped file: nothing is done with the frames.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use medtap_benches::maker::{Kind, Plan, write};
use medtap_engine::capture::pcap::{Batch, Input, Pcap};

const PACKETS: u64 = 200_000;

pub fn benchmarks(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("capture/read");
    group.throughput(Throughput::Elements(PACKETS));
    for (name, kind) in [("flood", Kind::Flood), ("imix", Kind::Imix)] {
        let path = folder.path().join(name);
        let file = std::fs::File::create(&path).expect("a file");
        write(&Plan::new(kind, PACKETS), std::io::BufWriter::new(file)).expect("a capture");
        let mut pcap = Pcap::open(&[Input::Path(path)]).expect("a capture that opens");
        let mut batch = Batch::default();
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                let mut bytes = 0;
                while pcap.read(&mut batch) {
                    bytes += batch.frames().map(|frame| frame.bytes.len()).sum::<usize>();
                }
                assert!(pcap.rewind());
                black_box(bytes)
            });
        });
    }
}
