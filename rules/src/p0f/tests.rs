use super::*;
use crate::Rules;

fn of(text: &str) -> (BTreeMap<Field, Vec<schema::Rule>>, Imported) {
    let mut imported = Imported::default();
    let rules = read("p0f.fp", text, &mut imported).unwrap();
    (rules, imported)
}

/// True where the pattern of a signature knows these marks.
fn knows(signature: &str, marks: &str) -> bool {
    let (pattern, example) = signature::translate(signature).unwrap();
    let regex = expression::build(&format!(r"\A(?:{pattern})\z")).unwrap();
    assert!(regex.is_match(example.as_bytes()), "{pattern} {example}");
    regex.is_match(marks.as_bytes())
}

#[test]
fn a_signature_knows_its_marks_and_no_others() {
    let linux = "*:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0";
    assert!(knows(
        linux,
        "4:64:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0"
    ));
    assert!(knows(
        linux,
        "4:64:0:1400:mss*20,7:mss,sok,ts,nop,ws:df,id+,ecn:0"
    ));
    assert!(knows(linux, "6:64:0:1440:mss*20,7:mss,sok,ts,nop,ws::0"));
    assert!(knows(
        linux,
        "6:64:0:1440:mss*20,7:mss,sok,ts,nop,ws:flow:0"
    ));
    for other in [
        "4:128:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0",
        "4:64:0:1460:mss*20,8:mss,sok,ts,nop,ws:df,id+:0",
        "4:64:0:1460:mss*20,7:mss,sok,ts,nop,ws:df:0",
        "4:64:0:1460:mss*20,7:mss,sok,ts,nop,ws:flow:0",
        "6:64:0:1440:mss*20,7:mss,sok,ts,nop,ws:df,id+:0",
        "4:64:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:+",
    ] {
        assert!(!knows(linux, other), "{other}");
    }
    let any = "4:59+5:0:*:*,*:mss,eol+1:opt+:*";
    assert!(knows(any, "4:64:0:9:mtu*2,3:mss,eol+1:opt+:+"));
    assert!(knows("*:64-:0:0:4,10:?34::0", "4:32:0:0:4,10:?34::0"));
}

#[test]
fn a_number_of_bytes_is_known_where_it_is_told_as_a_multiple() {
    let windows = "*:128:0:*:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0";
    let marks = |sizes: &str| format!("4:128:0:{sizes},8:mss,nop,ws,nop,nop,sok:df,id+:0");
    assert!(knows(windows, &marks("1460:8192")));
    assert!(knows(windows, &marks("1024:mss*8")));
    assert!(knows(windows, &marks("984:mtu*8")));
    assert!(!knows(windows, &marks("1460:mss*8")));
    let stamped = "*:128:0:*:8192,0:mss,sok,ts:df,id+:0";
    assert!(knows(stamped, "4:128:0:1036:mss*8,0:mss,sok,ts:df,id+:0"));
    assert!(knows(
        "4:64:0:1285:65535,0:mss::0",
        "4:64:0:1285:mss*51,0:mss::0"
    ));
}

#[test]
fn lines_that_are_no_good_are_told_with_their_reason() {
    let text = "\
; a comment
[mtu]
sig = 1500
[tcp:request]
sig = *:64:0:*:mss*20,7:mss:df:0
label = s:!:NMap:SYN scan
sig = *:64:0:*:1024,0:mss::0
label = s:unix:Linux:3.x
sig = *:64:0:*:%8192,0:mss::0
sig = *:192:0:*:1024,0:mss::0
sig = *:64:0:*:1024,0:mss
sig = *:64:0:*:1024:mss::0
sig = *:64:0:*:1024,0:msz::0
sig = *:64:0:*:1024,0:mss:dg:0
sig = *:64:0:*:1024,0:mss:bad:0
sig = 5:64:0:*:1024,0:mss::0
sig = *:64:0:70000:1024,0:mss::0
what is this
os = Linux
sig = *:64:0:*:1024,0:mss::0
[http:request]
sig = 1:Host::curl
";
    let (rules, imported) = of(text);
    assert_eq!((imported.used, rules[&Field::TcpSyn].len()), (1, 1));
    let told: Vec<String> = imported
        .skipped
        .iter()
        .map(|it| format!("{} {}", it.file, it.reason))
        .collect();
    let expected = [
        "p0f.fp:5 no label stands before it",
        "p0f.fp:7 its label names a program, not a system",
        "p0f.fp:9 its window is any multiple of a number, which no pattern can tell",
        "p0f.fp:10 its initial TTL 192 is never told; told are [32, 64, 128, 255]",
        "p0f.fp:11 it has 6 parts; expected are 8",
        "p0f.fp:12 its window has no scale; expected is window,scale",
        "p0f.fp:13 its option \"msz\" is not known",
        "p0f.fp:14 its quirk \"dg\" is not known",
        "p0f.fp:15 it has broken options, which are never told",
        "p0f.fp:16 its version \"5\" is none of 4, 6 and *",
        "p0f.fp:17 its MSS \"70000\" is no number up to 65535",
        "p0f.fp:18 it is no line of p0f: expected is key = value",
        "p0f.fp:19 its key \"os\" is not known",
    ];
    assert_eq!(told, expected);
}

#[test]
fn labels_name_systems() {
    let (rules, _) = of("[tcp:response]\n\
        label = g:unix:Mac OS X:\nsig = *:64:0:*:65535,1:mss::0\n\
        label = s:win:Windows:XP\nsig = *:128:0:*:65535,0:mss::0\n");
    let rules = &rules[&Field::TcpSynAck];
    let said: Vec<_> = rules
        .iter()
        .map(|it| {
            (
                it.id,
                it.attributes().next().unwrap().1.to_owned(),
                it.confidence,
            )
        })
        .collect();
    let expected = [
        (2_100_000, "macOS".to_owned(), 30),
        (2_100_001, "Windows".to_owned(), 45),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_file_without_signatures_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p0f.fp");
    std::fs::write(&path, "[mtu]\nsig = 1500\n").unwrap();
    let refused = import(&path).unwrap_err().to_string();
    assert!(
        refused.contains("it has neither [tcp:request] nor"),
        "{refused}"
    );
    assert!(import(&folder.path().join("none")).is_err());
}

/// The collection itself, where it is at hand: what is written loads.
#[test]
fn the_collection_loads() {
    let Some(data) = std::env::var_os("MEDTAP_DATA") else {
        return;
    };
    let path = Path::new(&data).join("knowledge/p0f/p0f.fp");
    if !path.is_file() {
        return;
    }
    let imported = import(&path).unwrap();
    assert!(imported.used >= 160, "{:#?}", imported.skipped);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &imported.files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Rules::load(Some(folder.path())).unwrap();
}

#[test]
fn fuzz_any_text() {
    bolero::check!()
        .with_iterations(300)
        .with_max_len(200)
        .for_each(|bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let _ = signature::translate(&text);
            let whole = format!("[tcp:request]\nlabel = s:unix:X:\nsig = {text}\n{text}");
            let _ = read("p0f.fp", &whole, &mut Imported::default());
        });
}
