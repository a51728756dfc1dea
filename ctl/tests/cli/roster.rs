//! The list that `medtap serve` keeps: the same as the table's own, while it holds.

use medtap_table::TableWriter;

use crate::live::{age, device, engine, now_ns};
use crate::program::{Folder, medtap};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;

/// A table, the history that is kept of it, and when its engine is said to have written last.
struct Served {
    writer: TableWriter,
    table: String,
    history: String,
    beat_ns: u64,
}

/// An engine's table with a roster beside it. Its heartbeat is ahead of the clock: nobody goes on
/// writing, and the table has to be taken for a running engine's however slow the machine is.
fn served(folder: &Folder) -> Served {
    let (history, table) = (folder.path("history.db"), folder.path("live.table"));
    let mut writer = engine(&table);
    let beat_ns = now_ns() + HOUR;
    writer.heartbeat(beat_ns);
    serve(&table, &history);
    Served {
        writer,
        table,
        history,
        beat_ns,
    }
}

/// One look.
fn serve(table: &str, history: &str) {
    let serve = [
        "serve",
        "--count",
        "1",
        "--table",
        table,
        "--history",
        history,
    ];
    let run = medtap(&serve);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn the_list_that_is_kept_is_the_tables_own() {
    let folder = Folder::new();
    let Served {
        mut writer,
        table,
        history,
        beat_ns,
    } = served(&folder);
    let list = |more: &[&str]| {
        let run = medtap(&[&["devices", "--table", &table][..], more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let (kept, now) = (list(&[]), list(&["--now"]));
    let (last, lines) = kept.lines().collect::<Vec<_>>().split_last().map_or_else(
        || panic!("a line"),
        |(last, lines)| ((*last).to_owned(), lines.join("\n")),
    );
    assert!(last.starts_with("as medtap serve saw it at "), "{last}");
    assert_eq!(lines, now.trim_end());
    // What came since is not in it, and what is asked besides is asked of the table.
    device(&mut writer, 3, "pump-3");
    writer.heartbeat(beat_ns + SECOND);
    assert!(!list(&[]).contains("pump-3"));
    for more in [
        &["--now"][..],
        &["-o", "csv"],
        &["--where", "class != 'x'"],
        &["-o", "wide"],
    ] {
        assert!(list(more).contains("pump-3"), "{more:?}");
    }
    // The next look has it.
    serve(&table, &history);
    let kept = list(&[]);
    assert!(
        kept.contains("pump-3") && kept.contains("as medtap serve"),
        "{kept}"
    );
    assert!(kept.contains("3 devices"), "{kept}");
}

#[test]
fn a_roster_that_does_not_hold_is_none() {
    let folder = Folder::new();
    let Served {
        mut writer,
        table,
        beat_ns,
        ..
    } = served(&folder);
    let roster = format!("{table}.roster");
    let is_kept = || {
        let run = medtap(&["devices", "--table", &table]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.contains("as medtap serve")
    };
    let whole = std::fs::read_to_string(&roster).expect("a roster");
    assert!(is_kept());
    // Damaged, empty, of another format.
    let other = whole.replace("\"format\":2", "\"format\":1");
    let cut = &whole[..whole.len() - 1];
    for text in ["", "{}\n", cut, "no roster\nat all\n", &whole[..20], &other] {
        std::fs::write(&roster, text).expect("a file");
        assert!(!is_kept(), "{text}");
    }
    // What a terminal would obey is shown, not done.
    std::fs::write(&roster, whole.replace("ct-1", "ct\u{1b}[2J")).expect("a file");
    let page = medtap(&["devices", "--table", &table]).stdout;
    assert!(
        !page.contains('\u{1b}') && page.contains("as medtap serve"),
        "{page}"
    );
    // Old.
    std::fs::write(&roster, &whole).expect("a file");
    writer.heartbeat(beat_ns + 91 * SECOND);
    assert!(!is_kept());
    // Of another run.
    drop(writer);
    let mut next = engine(&table);
    next.heartbeat(beat_ns);
    assert!(!is_kept());
}

#[test]
fn a_list_that_is_kept_says_that_data_are_stale() {
    let folder = Folder::new();
    let (history, table) = (folder.path("history.db"), folder.path("live.table"));
    let _writer = engine(&table);
    age(&table, HOUR);
    serve(&table, &history);
    let run = medtap(&["devices", "--table", &table]);
    let sentence = run.sentence(4);
    assert!(sentence.starts_with("data are stale: "), "{sentence}");
    assert!(run.stdout.contains("as medtap serve"), "{}", run.stdout);
}
