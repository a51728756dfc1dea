//! What the doctor says of the loopback that every machine has, and of an engine's interface.

use serde_json::Value;

use crate::live::engine;
use crate::program::{Folder, medtap};

/// All that is looked at, in this order, of a machine and of loopback.
const SUBJECTS: [&str; 11] = [
    "kernel",
    "huge pages",
    "isolated processors",
    "clock",
    "processor speed",
    "driver",
    "state",
    "receive ring",
    "symmetry of queues",
    "offloads",
    "received",
];

fn is_change(finding: &Value) -> bool {
    ["improvable", "bad"].contains(&finding["verdict"].as_str().expect("a text"))
}

#[test]
fn loopback_is_judged() {
    let run = medtap(&["doctor", "--interface", "lo", "--output", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let findings = run.json();
    let findings = findings.as_array().expect("a list");
    let subjects: Vec<_> = findings
        .iter()
        .map(|it| it["subject"].as_str().expect("a text"))
        .collect();
    assert_eq!(subjects, SUBJECTS);
    for (place, finding) in findings.iter().enumerate() {
        let interface = if place < 5 { Value::Null } else { "lo".into() };
        assert_eq!(finding["interface"], interface, "{finding}");
        assert!(!finding["found"].as_str().expect("a text").is_empty());
        // Whatever is to be changed says why; nothing else advises.
        let advises = !finding["advice"].as_str().expect("a text").is_empty();
        assert_eq!(advises, is_change(finding), "{finding}");
        assert!(advises || finding["command"].is_null(), "{finding}");
    }
    assert_eq!(findings[5]["verdict"], "bad");
    assert_eq!(findings[5]["found"], "loopback");
}

/// The page says what the document says.
#[test]
fn a_page_counts_what_is_to_be_changed() {
    let findings = medtap(&["doctor", "--interface", "lo", "--output", "json"]).json();
    let findings = findings.as_array().expect("a list");
    let page = medtap(&["doctor", "--interface", "lo"]).stdout;
    assert!(page.starts_with("machine\n  "), "{page}");
    let loopback = "\n\ninterface lo\n  !! driver: loopback\n       name the mirror port: here \
                    passes only what this machine sends to itself\n";
    assert!(page.contains(loopback), "{page}");
    // The number of free pages is another one every moment.
    let lasting = findings.iter().filter(|it| it["subject"] != "huge pages");
    for finding in lasting {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let line = format!(" {}: {}\n", text("subject"), text("found"));
        assert!(page.contains(&line), "{line}\n{page}");
        assert!(page.contains(&text("command")), "{finding}\n{page}");
    }
    let end = match findings.iter().filter(|it| is_change(it)).count() {
        1 => "\n\n1 thing to change\n".to_owned(),
        more => format!("\n\n{more} things to change\n"),
    };
    assert!(page.ends_with(&end), "{page}");
}

#[test]
fn what_is_not_there_is_one_sentence() {
    for name in ["nosuch0", "name-longer-than-15", "a/b"] {
        let run = medtap(&["doctor", "--interface", name]);
        let sentence =
            format!("there is no interface {name}; `ip link` lists those that this machine has");
        assert_eq!(run.sentence(2), sentence);
        assert_eq!(run.stdout, "");
    }
    let run = medtap(&["doctor", "--interface", "\x1b[31m"]);
    assert!(!run.sentence(2).contains('\x1b'));
    let folder = Folder::new();
    let run = medtap(&["doctor", "--table", &folder.path("none.table")]);
    assert!(run.sentence(3).starts_with("engine is not running: "));
    let run = medtap(&["doctor", "--table", &folder.file("text.table", b"no table")]);
    assert!(!run.sentence(2).is_empty());
}

/// A running engine's interfaces are the ones looked at, even where it is in another network
/// namespace; a stopped one listens to none.
#[test]
fn an_engine_says_how_it_receives() {
    let folder = Folder::new();
    let table = folder.path("live.table");
    let mut writer = engine(&table);
    let of_mirror0 = |arguments: &[&str]| {
        let run = medtap(arguments);
        assert_eq!(run.stderr, "");
        let findings = run.json();
        let all = findings.as_array().expect("a list").clone();
        all.into_iter()
            .filter(|it| it["interface"] == "mirror0")
            .collect::<Vec<_>>()
    };
    let arguments = ["doctor", "--table", &table, "--output", "json"];
    let findings = of_mirror0(&arguments);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!(findings[0]["verdict"], "unknown");
    assert_eq!(findings[1]["found"], "attach native, delivery copy");
    assert_eq!(
        findings[1]["advice"],
        "zero-copy: the driver does not offer it"
    );
    let lo = medtap(&["doctor", "--table", &table, "--interface", "lo"]).stdout;
    assert!(
        lo.contains("?  received: the engine does not listen here\n"),
        "{lo}"
    );
    writer.stop(crate::live::now_ns());
    assert!(of_mirror0(&arguments).is_empty());
    let lo = medtap(&["doctor", "--table", &table, "--interface", "lo"]).stdout;
    assert!(lo.contains("?  received: no engine runs\n"), "{lo}");
}
