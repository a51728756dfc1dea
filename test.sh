#!/usr/bin/env bash
# The test command of the README: every test, and the table's sequence lock under loom, which
# tries every interleaving. Tests that need root or a program that is not installed are shown as
# ignored, with the reason.
set -euo pipefail
cd "$(dirname "$0")"

# The live tests run both programs.
cargo build --workspace --bins --locked
cargo test --workspace --locked
# Loom replaces the atomics, so this is another build, in a folder of its own.
RUSTFLAGS='--cfg loom' cargo test --release --locked --package medtap-table --lib \
  --target-dir target/loom loom
