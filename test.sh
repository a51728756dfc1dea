#!/usr/bin/env bash
# The test command of the README: every test that needs no privileges, and the sequence lock and
# the rings under loom, which tries every interleaving.
set -euo pipefail
cd "$(dirname "$0")"

cargo test --workspace --locked
RUSTFLAGS='--cfg loom' cargo test --release --locked --package medtap-table --lib \
  --target-dir target/loom loom
