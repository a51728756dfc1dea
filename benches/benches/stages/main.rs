//! The engine stage by stage, in packets a second: `cargo bench -p medtap-benches [-- FILTER]`.
//! Each stage runs alone on traffic in memory; what a whole run costs, `medtap-bench replay`
//! says.
// The group is a function that criterion's macro makes.
#![allow(missing_docs)]

mod capture;
mod floor;
mod flow;
mod pipeline;
mod proto;
mod wire;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    stages,
    capture::benchmarks,
    wire::benchmarks,
    flow::benchmarks,
    proto::classify,
    proto::observe,
    pipeline::benchmarks,
    floor::benchmarks
);
criterion_main!(stages);
