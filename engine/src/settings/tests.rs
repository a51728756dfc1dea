use std::path::Path;

use clap::Parser;

use super::file::FileSettings;
use super::*;

fn file(text: &str) -> Result<FileSettings, SettingsError> {
    FileSettings::parse(Path::new("m.toml"), text)
}

fn merged(arguments: &[&str], text: &str) -> Result<Settings, SettingsError> {
    let arguments = [&["medtapd"], arguments].concat();
    let arguments = Arguments::try_parse_from(arguments).unwrap();
    Settings::merge(&arguments, file(text)?, &Allowed::new(vec![0, 1, 2, 3, 9]))
}

/// The sentence that is said about the file's text.
fn said(text: &str) -> String {
    merged(&[], text).unwrap_err().to_string()
}

const ETH1: &str = "[[interface]]\nname = 'eth1'\n";

#[test]
fn the_command_line_alone_is_enough() {
    let settings = merged(&["--interface", "eth1", "--interface", "eth2"], "").unwrap();
    assert_eq!(settings.workers, 1);
    assert_eq!(settings.cpus, []);
    assert_eq!(settings.table, Path::new(TABLE));
    let expected = [Interface::named("eth1"), Interface::named("eth2")];
    assert_eq!(settings.interfaces, expected);
    assert_eq!(
        settings.summary(),
        "workers 1 not pinned, 1048576 flows each, table /dev/shm/medtap/medtap.table, \
         rules built in\n\
         interface eth1: mode auto, 8192 frames of 2048 bytes per queue, scope 0\n\
         interface eth2: mode auto, 8192 frames of 2048 bytes per queue, scope 0\n"
    );
}

#[test]
fn the_command_line_wins_over_the_file() {
    let text = "workers = 1\ncpus = '0'\ntable = '/a'\nrules = '/b'\n\
        [[interface]]\nname = 'eth1'\nmode = 'packet'\nframes = 1024\n\
        [[interface]]\nname = 'eth2'\n";
    let settings = merged(&[], text).unwrap();
    assert_eq!((settings.workers, settings.cpus.as_slice()), (1, &[0][..]));
    assert_eq!(settings.interfaces[0].mode, Some(Mode::ALL[3]));
    assert_eq!(settings.interfaces.len(), 2);

    let line = "--interface eth1 --workers 2 --cpus 1-2,9 --table /c --rules /d --mode zero-copy \
        --steering queues --fresh --check";
    let settings = merged(&line.split_whitespace().collect::<Vec<_>>(), text).unwrap();
    assert_eq!(
        (settings.workers, settings.cpus.as_slice()),
        (2, &[1, 2, 9][..])
    );
    assert_eq!(settings.table, Path::new("/c"));
    assert_eq!(settings.rules.as_deref(), Some(Path::new("/d")));
    assert!(settings.fresh && settings.check);
    assert_eq!(settings.interfaces.len(), 1);
    let interface = &settings.interfaces[0];
    assert_eq!(interface.mode, Some(Mode::ALL[0]));
    assert_eq!(
        (interface.steering, interface.frames),
        (Steering::Queues, 1024)
    );
    let auto = merged(&["--mode", "auto"], text).unwrap();
    assert_eq!(auto.interfaces[0].mode, None);
}

#[test]
fn room_is_asked_for_within_limits() {
    let text = format!("subjects = 200_000\nfacts = 3_000_000\n{ETH1}");
    let asked = merged(&[], &text).unwrap().room;
    assert_eq!(
        (asked.subjects, asked.facts),
        (Some(200_000), Some(3_000_000))
    );
    assert_eq!(asked.conversations, None);
    let asked = merged(&["--subjects", "5000"], &text).unwrap().room;
    assert_eq!(asked.subjects, Some(5000));
    assert_eq!(
        said(&format!("subjects = 10\n{ETH1}")),
        "m.toml line 1: `subjects` is 10; it may be 1024 to 4194304"
    );
}

#[test]
fn workers_follow_the_cpus_that_are_given() {
    let three = merged(&["--interface", "eth1", "--cpus", "0-2"], "").unwrap();
    assert_eq!(three.workers, 3);
    let text = format!("workers = 2\ncpus = [0, 1]\n{ETH1}");
    assert_eq!(merged(&["--cpus", "3"], &text).unwrap().workers, 1);
}

#[test]
fn the_keeper_takes_no_other_argument() {
    let arguments = Arguments::try_parse_from(["medtapd", "--restore-when-closed"]).unwrap();
    assert!(arguments.restore_when_closed);
    let both = ["medtapd", "--restore-when-closed", "--interface", "eth1"];
    assert!(Arguments::try_parse_from(both).is_err());
}

#[test]
fn each_error_says_where_and_what_to_do() {
    let cases: &[(&str, &str)] = &[
        (
            "worker = 2",
            "m.toml line 1: unknown key `worker`; did you mean `workers`?",
        ),
        (
            "\n[[interface]]\nname = 'eth1'\nframe_byte = 1",
            "m.toml line 4: unknown key `frame_byte`; did you mean `frame_bytes`?",
        ),
        (
            "qqq = 1",
            "m.toml line 1: unknown key `qqq`; known are workers, flows, cpus, table, subjects, \
             facts, conversations, rules, fresh, shunt, person_key, interface",
        ),
        (
            "flows = 1000",
            "m.toml line 1: `flows` is 1000; it may be 1024 to 1073741824",
        ),
        (
            "workers = '2'",
            "m.toml line 1: `workers` is a string, and must be a whole number",
        ),
        (
            "workers = 65",
            "m.toml line 1: `workers` is 65; it may be 1 to 64",
        ),
        (
            "workers = -1",
            "m.toml line 1: `workers` is -1; it may be 1 to 64",
        ),
        (
            "[interface]\nname = 'eth1'",
            "m.toml line 1: `interface` is a table, and must be [[interface]], with two brackets",
        ),
        (
            "[[interface]]\nname = 'eth1'\nframes = 5000",
            "m.toml line 3: `frames` is 5000; it must be a power of two: 4096 or 8192",
        ),
        (
            "[[interface]]\nname = 'eth1'\nframes = 512",
            "m.toml line 3: `frames` is 512; it may be 1024 to 262144",
        ),
        (
            "[[interface]]\nname = 'eth1'\nmode = 'fast'",
            "m.toml line 3: `mode` is \"fast\"; it must be one of auto, zero-copy, copy, generic, \
             packet",
        ),
        (
            "[[interface]]\nname = 'eth1'\nown_addresses = ['10.0.0.1/8']",
            "m.toml line 3: `own_addresses` is \"10.0.0.1/8\"; it must be addresses such as \
             192.0.2.7 or 2001:db8::7, without a length",
        ),
        (
            "[[interface]]\nmtu = 1500",
            "m.toml line 1: an interface without `name`; add name = \"…\"",
        ),
        (
            "[[interface]]\nname = 'a'\n[[interface]]\nname = 'a'",
            "m.toml line 4: interface a is given twice; name it once",
        ),
        (
            "[[interface]]\nname = 'a'\n[[interface.vlan]]\nid = 5",
            "m.toml line 3: a VLAN without `scope`; add scope = …",
        ),
        (
            "[[interface]]\nname = 'a'\n[[interface.vlan]]\nid = 4095\nscope = 1",
            "m.toml line 4: `id` is 4095; it may be 1 to 4094",
        ),
        (
            "cpus = '3-1'",
            "m.toml line 1: `cpus` is \"3-1\", and must be a list of cpus such as \"2-5,8\"",
        ),
        (
            "cpus = '1,0-2'",
            "m.toml line 1: `cpus` has cpu 1 twice; name it once",
        ),
        (
            "",
            "no interface to listen on; give --interface IFACE, or [[interface]] in the file of \
             --config",
        ),
        (
            "cpus = [4000]",
            "`cpus` has cpu 4000, which this machine has not; choose from 0-3,9",
        ),
        (
            "workers = 3\ncpus = '0-1'",
            "3 workers, but only 2 cpus; give `cpus` one for each worker, or fewer workers",
        ),
    ];
    for (text, sentence) in cases {
        assert_eq!(said(text), *sentence, "{text}");
    }
    let syntax = said("workers = 2\ncpus = \n");
    assert!(syntax.starts_with("m.toml line 2 column "), "{syntax}");
    assert!(
        syntax.contains(" is not TOML: ") && !syntax.contains('\n'),
        "{syntax}"
    );
}

#[test]
fn what_is_typed_is_judged_too() {
    let said = |arguments: &[&str]| merged(arguments, ETH1).unwrap_err().to_string();
    assert_eq!(
        said(&["--workers", "0"]),
        "command line: `workers` is 0; it may be 1 to 64"
    );
    assert_eq!(
        said(&["--interface", "a", "--interface", "a"]),
        "command line: interface a is given twice; name it once"
    );
    assert_eq!(
        said(&["--interface", "an-interface-too-long"]),
        "command line: `interface` is \"an-interface-too-long\"; it must be a name of 1 to 15 \
         characters as `ip link` shows it"
    );
    for list in ["", "1,", "-1", "1-", "a", "1-2-3", "99999", "+1", "0x1"] {
        let arguments = format!("--cpus={list}");
        let error = said(&[&arguments]);
        assert!(error.contains("must be a list of cpus"), "{list}: {error}");
    }
}

#[test]
fn cpus_are_those_of_this_process() {
    let allowed = Allowed::of_this_process().unwrap();
    assert!(allowed.check(&[8000], "cpus").is_err());
    let first = (0..1024).find(|cpu| allowed.check(&[*cpu], "cpus").is_ok());
    assert!(first.is_some());
    // Cpu 0 exists everywhere.
    let other = Allowed::new(vec![5]).check(&[0], "irq_cpus").unwrap_err();
    assert_eq!(
        other.to_string(),
        "`irq_cpus` has cpu 0, which this process may not use; choose from 5, or widen its cpuset \
         (taskset, AllowedCPUs= of the unit)"
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("m.toml");
    let read = |path: &Path| {
        let path = path.to_str().unwrap();
        let arguments = Arguments::try_parse_from(["medtapd", "--config", path]).unwrap();
        Settings::read(&arguments)
    };
    let config_name = config.display().to_string();
    let sentence = read(&config).unwrap_err().to_string();
    assert_eq!(
        sentence,
        format!("{config_name} does not exist; check the path")
    );
    assert!(matches!(
        read(folder.path()),
        Err(SettingsError::Unreadable { .. })
    ));
    assert!(matches!(
        read(Path::new("/dev/zero")),
        Err(SettingsError::TooLong { .. })
    ));
    std::fs::write(&config, b"\xff\xfe").unwrap();
    assert!(matches!(read(&config), Err(SettingsError::NotText { .. })));

    let key = folder.path().join("key");
    std::fs::write(&key, "too short").unwrap();
    std::fs::write(&config, format!("person_key = {key:?}\n{ETH1}")).unwrap();
    assert!(matches!(
        read(&config),
        Err(SettingsError::ShortKey { found: 9, .. })
    ));
    std::fs::write(&key, "0123456789abcdef").unwrap();
    let settings = read(&config).unwrap();
    let person_key = settings.person_key.unwrap();
    assert_eq!(person_key.path, key);
    assert_eq!(
        format!("{person_key:?}"),
        format!("PersonKey({})", key.display())
    );
    let forbidden = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert_eq!(
        SettingsError::unreadable(Path::new("/k"), &forbidden).to_string(),
        "no permission to read /k; make it readable for the user that runs medtapd"
    );
}

const EXAMPLE: &str = include_str!("../../../packaging/medtapd.toml");

/// The example with its examples switched on: `#key`, unlike `# prose`.
fn example_switched_on() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_parses_as_it_is_and_switched_on() {
    assert!(file(EXAMPLE).unwrap().interfaces.is_empty());
    let settings = file(&example_switched_on()).unwrap();
    assert_eq!(settings.interfaces.len(), 1);
    assert_eq!(settings.interfaces[0].own_addresses.len(), 2);
    assert_eq!(settings.interfaces[0].vlans, [Vlan { id: 120, scope: 1 }]);
}

#[test]
fn the_example_has_every_key() {
    let text = example_switched_on();
    let keys = [file::TOP, file::INTERFACE, file::VLAN].concat();
    for key in keys {
        let assigned = format!("\n{key} = ");
        let opened = [format!("[[{key}]]"), format!("[[interface.{key}]]")];
        let found = text.contains(&assigned) || opened.iter().any(|table| text.contains(table));
        assert!(found, "the example lacks {key}");
    }
}

/// Any text: no panic, and an error is one line.
#[test]
fn fuzz_parse() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if let Err(error) = file(&text) {
            assert!(!error.to_string().contains('\n'), "{error:?}");
        }
        let _ = cpus::parse(&text, "cpus", &Place::CommandLine);
    });
}

/// The example with a piece replaced by any bytes: deeper than text that is no TOML at all.
#[test]
fn fuzz_example() {
    let example = example_switched_on();
    bolero::check!()
        .with_type::<(u16, u8, Vec<u8>)>()
        .for_each(|(start, length, bytes)| {
            let start = usize::from(*start) % example.len();
            let end = (start + usize::from(*length)).min(example.len());
            let (head, tail) = (&example.as_bytes()[..start], &example.as_bytes()[end..]);
            let text = [head, bytes, tail].concat();
            if let Err(error) = file(&String::from_utf8_lossy(&text)) {
                assert!(!error.to_string().contains('\n'), "{error:?}");
            }
        });
}
