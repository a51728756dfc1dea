# The commands of everyday work. `just` alone lists them.

default:
    @just --list

# Everything that CI runs.
ci:
    .ci/run

# The README's test command.
test:
    ./test.sh

# Write every expected output again, after reading why it changed.
bless:
    BLESS=1 cargo test --workspace --locked

# What is on the committed capture of a hospital.
demo:
    cargo run --release -- analyze pcaps/hospital.pcapng

# Every benchmark by stage.
bench:
    cargo bench --package medtap-benches

# Longer fuzzing of every parser: an hour in all.
fuzz:
    BOLERO_RANDOM_TEST_TIME_MS=60000 cargo test --workspace --release fuzz_
