use super::{code, none, sources};

/// The only files with unsafe code. Each is one noun, and says in its module doc what it keeps.
const FENCES: &[&str] = &[
    "engine/src/capture/map.rs",
    "engine/src/capture/xdp/sys.rs",
    "engine/src/capture/xdp/umem.rs",
    "engine/src/capture/packet/ring.rs",
    "engine/src/capture/packet/sys.rs",
    "engine/src/flow/hugepages.rs",
    "engine/src/nic/request.rs",
    "engine/src/prefetch.rs",
    "table/src/map.rs",
];

/// Fences of the benches: the floor stands alone by design, an allocator is unsafe to write.
const BENCH_FENCES: &[&str] = &[
    "benches/src/floor/capture.rs",
    "benches/src/floor/prefetch.rs",
    "benches/src/live/mapped.rs",
    "benches/src/live/sender.rs",
    "benches/tests/allocations.rs",
];

/// Crate roots forbid what the fences allow.
const ROOTS: &[&str] = &[
    "table/src/lib.rs",
    "rules/src/lib.rs",
    "engine/src/lib.rs",
    "inventory/src/lib.rs",
    "risk/src/lib.rs",
    "ctl/src/lib.rs",
    "benches/src/lib.rs",
    "tests/src/lib.rs",
];

fn is_unsafe(line: &str) -> bool {
    let words = code(line).split(|c: char| !c.is_alphanumeric() && c != '_');
    words.into_iter().any(|word| word == "unsafe")
}

#[test]
fn unsafe_stands_inside_the_fences() {
    let mut errors = Vec::new();
    for file in sources() {
        // This folder names what it looks for.
        if file.name.starts_with("tests/tests/house/tidy/") {
            continue;
        }
        let name = file.name.as_str();
        let fenced = FENCES.contains(&name) || BENCH_FENCES.contains(&name);
        let lines = file.text.lines().collect::<Vec<_>>();
        let mut found = false;
        for (at, line) in lines.iter().enumerate() {
            if !is_unsafe(line) {
                continue;
            }
            found = true;
            let place = format!("{name}:{}: {}", at + 1, line.trim());
            if !fenced {
                errors.push(format!("{place}: outside the fences"));
            }
            // What a function demands of its callers is its doc's; clippy asks for that.
            let function = line.contains("unsafe fn");
            if !function && !is_argued(&lines[..at]) {
                errors.push(format!("{place}: without SAFETY"));
            }
        }
        if file.text.contains("allow(unsafe_code)") && !fenced {
            errors.push(format!("{name}: allows unsafe outside the fences"));
        }
        if fenced && !found {
            errors.push(format!(
                "{name}: a fence without unsafe; drop it from the list"
            ));
        }
        if ROOTS.contains(&name) && !file.text.contains("#![deny(unsafe_code)]") {
            errors.push(format!("{name}: must say #![deny(unsafe_code)]"));
        }
    }
    none(&errors);
}

/// True when the comment that ends right above says why it is sound.
fn is_argued(above: &[&str]) -> bool {
    let comment = |line: &&&str| line.trim_start().starts_with("//");
    let attribute = |line: &&&str| line.trim_start().starts_with("#[");
    let above = above.iter().rev().skip_while(attribute);
    let mut lines = above.take_while(comment);
    lines.any(|line| line.contains("SAFETY:") || line.contains("# Safety"))
}
