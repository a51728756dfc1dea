//! The committed BPF object: it holds what the engine asks of it, and it is what its source
//! gives.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use medtap_tests::root;
use object::{File, Object, ObjectSection, ObjectSymbol};

fn committed() -> Vec<u8> {
    fs::read(root().join("xdp-prog/medtap.bpf.o")).expect("the committed object")
}

#[test]
fn object_has_the_programs_maps_and_globals() {
    let bytes = committed();
    let file = File::parse(bytes.as_slice()).expect("an ELF object");
    let sections = file.sections().filter_map(|section| section.name().ok());
    let sections = sections.collect::<BTreeSet<_>>();
    let wanted = [
        "xdp.frags",
        "socket",
        "license",
        ".maps",
        ".rodata",
        ".BTF",
        ".BTF.ext",
    ];
    for name in wanted {
        assert!(sections.contains(name), "{name} is not in {sections:?}");
    }
    let debug = sections.iter().find(|name| name.starts_with(".debug"));
    assert_eq!(debug, None, "DWARF was to be stripped");
    let symbols = [
        ("medtap_xdp", "xdp.frags"),
        ("medtap_steer_test", "xdp.frags"),
        ("medtap_fanout", "socket"),
        ("xsks", ".maps"),
        ("counters", ".maps"),
        ("own", ".maps"),
        ("workers", ".rodata"),
        ("pass_own", ".rodata"),
        ("shunt", ".rodata"),
        ("shunts", ".maps"),
        ("shunted", ".maps"),
    ];
    for (name, section) in symbols {
        let symbol = file.symbol_by_name(name).expect(name);
        let index = symbol.section_index().expect(name);
        let found = file.section_by_index(index).expect(name);
        assert_eq!(found.name(), Ok(section), "{name}");
        if section == ".rodata" {
            assert_eq!(symbol.size(), 4, "{name}");
        }
    }
    let license = file.section_by_name("license").expect("license");
    assert_eq!(license.data(), Ok(&b"Dual MIT/GPL\0"[..]));
}

/// Nothing but the three globals: a table that the compiler made would be one more map.
#[test]
fn object_has_no_other_data() {
    let bytes = committed();
    let file = File::parse(bytes.as_slice()).expect("an ELF object");
    for section in file.sections() {
        let name = section.name().expect("a name");
        match name {
            ".rodata" => assert_eq!(section.size(), 12, "{name}"),
            _ => assert!(
                ![".rodata.", ".data", ".bss"]
                    .iter()
                    .any(|start| name.starts_with(start)),
                "{name}"
            ),
        }
    }
}

/// The same compiler gives the same bytes, wherever it runs.
#[test]
fn object_is_built_from_its_source() {
    let from = root().join("xdp-prog");
    if !has_tools() {
        return;
    }
    // Elsewhere than it lies, so that a path in it would show.
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("src")).expect("a folder");
    for name in [
        "build.sh",
        "CLANG_VERSION",
        "src/medtap.bpf.c",
        "src/formats.h",
    ] {
        fs::copy(from.join(name), folder.path().join(name)).expect(name);
    }
    let built = folder.path().join("built.o");
    let output = Command::new(folder.path().join("build.sh"))
        .arg(&built)
        .output()
        .expect("build.sh");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let built = fs::read(built).expect("an object");
    assert!(
        built == committed(),
        "xdp-prog/medtap.bpf.o is not what its source gives: run xdp-prog/build.sh"
    );
}

/// The load maker's object, too.
#[test]
fn the_load_makers_object_is_built_from_its_source() {
    if !has_tools() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let built = folder.path().join("built.o");
    let from = root().join("benches/src/live");
    let output = Command::new(from.join("build.sh")).arg(&built).output();
    let output = output.expect("build.sh");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let committed = fs::read(from.join("maker.bpf.o")).expect("the committed object");
    assert!(
        fs::read(built).expect("an object") == committed,
        "benches/src/live/maker.bpf.o is not what its source gives: run benches/src/live/build.sh"
    );
}

/// Whether the compiler of `CLANG_VERSION` is there; says so if not.
fn has_tools() -> bool {
    let version = fs::read_to_string(root().join("xdp-prog/CLANG_VERSION")).expect("CLANG_VERSION");
    let tools = ["clang", "llvm-strip"].map(|tool| format!("{tool}-{}", version.trim()));
    let missing = tools.iter().find(|tool| !is_installed(tool));
    if let Some(tool) = missing {
        eprintln!("skipped: {tool} is not installed, the BPF object was not built again");
    }
    missing.is_none()
}

fn is_installed(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| Path::new(&folder).join(tool).is_file())
}
