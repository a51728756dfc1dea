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
    BLESS=1 cargo test --locked --package medtap-tests

# What is on the committed capture of a hospital.
demo:
    cargo run --release -- analyze pcaps/hospital.pcapng

# Every benchmark by stage.
bench:
    cargo bench --package medtap-benches

# The engine beside the floor, one pinned worker: flood and IMIX.
measure cpu="1":
    cargo build --release --locked --package medtap-benches
    mkdir -p target/measure
    target/release/medtap-bench make flood --flows 100000 --packets 4000000 -o target/measure/flood.pcap
    target/release/medtap-bench make imix --flows 20000 --packets 4000000 -o target/measure/imix.pcap
    target/release/medtap-bench replay target/measure/flood.pcap --cpu {{cpu}} --with-floor
    target/release/medtap-bench replay target/measure/imix.pcap --cpu {{cpu}} --with-floor

# How speed grows with workers, and what each stage costs.
bench-replay cpu="1":
    MEDTAP_COMMIT=$(git rev-parse --short HEAD) cargo build --release --locked --package medtap-benches
    mkdir -p target/measure
    target/release/medtap-bench make imix --flows 20000 --packets 4000000 -o target/measure/imix.pcap
    target/release/medtap-bench replay target/measure/imix.pcap --scaling
    target/release/medtap-bench stages target/measure/imix.pcap --cpu {{cpu}}
    target/release/medtap-bench make imix --flows 1000 --packets 200000 -o target/measure/imix200k.pcap
    benches/instructions target/measure/imix200k.pcap

# A flood of 10 million flows and 1 million made-up addresses: memory stays below what is said.
memory:
    cargo build --release --locked --package medtap-benches
    mkdir -p target/measure
    target/release/medtap-bench make flood --flows 10000000 --devices 1000000 --packets 10000000 -o target/measure/spoofed.pcap
    target/release/medtap-bench replay target/measure/spoofed.pcap --runs 1

# How much of a load the engine takes live, on a veth pair of its own: needs root, some minutes.
bench-live *options="--veth --html target/measure/live.html":
    MEDTAP_COMMIT=$(git rev-parse --short HEAD) cargo build --release --locked --package medtap-benches
    mkdir -p target/measure
    target/release/medtap-bench live {{options}}

# What receiving costs a worker beside a bare receiver, on frames that the kernel makes: needs root.
bench-receive *options="--flows 1000":
    MEDTAP_COMMIT=$(git rev-parse --short HEAD) cargo build --release --locked --package medtap-benches
    target/release/medtap-bench receive {{options}}

# What of this machine and its interfaces to change for a sensor, with the commands.
doctor *options:
    -cargo run --release --locked --package medtap-ctl -- doctor {{options}}

# The tests on veth and by live frames, all or those with this in their name: needs root.
live name="":
    cargo build --locked --workspace --bins
    cargo test --locked --package medtap-tests --test live -- {{name}}

# Beside the peers that are installed: ratios on one processor, and who names captures rightly.
peers cpu="1":
    cargo build --release --locked --package medtap-ctl --package medtap-benches
    mkdir -p target/measure
    benches/mix target/measure/mix.pcap --copies 40 pcaps/*/*.pcap
    target/release/medtap-bench make imix --flows 20000 --packets 1000000 -o target/measure/imix1.pcap
    target/release/medtap-bench make flood --flows 100000 --packets 1000000 -o target/measure/flood1.pcap
    benches/peers --cpu {{cpu}} target/measure/mix.pcap target/measure/imix1.pcap target/measure/flood1.pcap
    benches/peers --labels pcaps/*/*.pcap

# The zero-copy mode, in a guest whose network card has it: needs root, QEMU, the network, minutes.
zero-copy:
    tests/zero-copy.sh

# Longer fuzzing of every parser: a minute each.
fuzz:
    BOLERO_RANDOM_TEST_TIME_MS=60000 cargo test --workspace --release fuzz_

# Captures that are not ours, through the whole engine: MEDTAP_DATA names their folder.
foreign:
    cargo test --release --package medtap-tests foreign -- --nocapture

# How often a flow gets the right name, beside tshark, which must be installed.
recognition captures:
    cargo build --release --locked
    tests/recognition.py {{captures}}

# Kills a writer of the history a thousand times at random moments: minutes.
kills:
    cargo test --package medtap-inventory --test history a_thousand_kills -- --ignored

# The history at 100,000 devices, 3 million facts, 90 days: times, memory, growth.
history-scale *parts:
    cargo bench --package medtap-inventory --bench history -- --scale {{parts}}

# `serve` beside a table of 100,000 devices of 30 facts: its memory, and the time of its list.
serve-scale:
    cargo build --release --locked --package medtap-ctl
    cargo bench --package medtap-inventory --bench history -- --scale table
    benches/serve target/tmp/scale.table

# The report, the lists and work of 10,000 and 100,000 made devices: time and sizes.
many *options:
    cargo bench --package medtap-ctl --bench many -- {{options}}

# The exports, held against their public schemas: needs Python and Node.js packages that docs/report.md names.
exports:
    cargo test --locked --package medtap-ctl --test exports

# Licences and sources of the dependencies.
deny:
    cargo deny check licenses bans sources
