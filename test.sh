#!/usr/bin/env bash
# The test command of the README: every test that needs no privileges, and the table's sequence
# lock under loom, which tries every interleaving.
set -euo pipefail
cd "$(dirname "$0")"

cargo test --workspace --locked
# Loom replaces the atomics, so this is another build, in a folder of its own.
RUSTFLAGS='--cfg loom' cargo test --release --locked --package medtap-table --lib \
  --target-dir target/loom loom
