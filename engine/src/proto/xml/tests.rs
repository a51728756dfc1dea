use super::*;

const A: &str = "urn:a";
const B: &str = "urn:b";

const SCHEMA: Schema<char> = Schema {
    spaces: &[A, B],
    names: &[
        Name::new(A, "root", 'R'),
        Name::new(A, "maker", 'm'),
        Name::new(B, "model", 'M'),
        Name::new("", "plain", 'p'),
        Name::new(B, "Type", 'T'),
    ],
};

/// Writes down what it sees; wants the text of all.
#[derive(Default)]
struct Notes(Vec<String>);

fn line(path: &[Option<char>]) -> String {
    path.iter().map(|key| key.unwrap_or('-')).collect()
}

impl Visitor<char> for Notes {
    fn open(&mut self, place: &Place<'_, char>) -> bool {
        let mut note = line(place.path());
        for space in ["", B] {
            if let Some(value) = place.attribute(space, "v") {
                note += &format!(" {space}v={}", value.escape_ascii());
            }
        }
        if let Some(key) = place.attribute(B, "type").and_then(|n| place.resolve(&n)) {
            note += &format!(" is {key}");
        }
        self.0.push(note);
        true
    }

    fn text(&mut self, place: &Place<'_, char>, text: &[u8]) {
        let note = format!("{}: {}", line(place.path()), text.escape_ascii());
        self.0.push(note);
    }

    fn close(&mut self, path: &[Option<char>]) {
        self.0.push(format!("{} ends", line(path)));
    }
}

fn read(text: &[u8]) -> (Vec<String>, Result<Pushed, XmlError>) {
    let mut notes = Notes::default();
    let pushed = Reader::new(&SCHEMA).push(text, &mut notes);
    (notes.0, pushed)
}

const DOCUMENT: &[u8] = b"\xef\xbb\xbf<?xml version='1.0' encoding=\"UTF-8\"?>\n\
    <!-- <maker>no</maker> -- - -->\n\
    <root xmlns='urn:a' xmlns:x=\"urn:b\" v='1 > 0' x:v='&lt;&#xe4;&amp;'>\
    <maker>ACME &amp; Co</maker><other>no<maker>deep</maker></other>\
    <x:model x:type='x:Type'><![CDATA[M <&> ]]]]></x:model>\
    <plain xmlns=''>p</plain><y:model xmlns:y='urn:b'/>\
    <model>not of b</model></root >";

const SEEN: [&str; 15] = [
    r"R v=1 > 0 urn:bv=<\xc3\xa4&",
    "Rm",
    "Rm: ACME & Co",
    "Rm ends",
    "R-m",
    "R-m: deep",
    "R-m ends",
    "RM is T",
    "RM: M <&> ]]",
    "RM ends",
    "Rp",
    "Rp: p",
    "Rp ends",
    "RM",
    "RM ends",
];

#[test]
fn listed_elements_come_out_with_their_paths() {
    let (notes, pushed) = read(DOCUMENT);
    assert_eq!(notes[..15], SEEN);
    assert_eq!(notes[15..], ["R ends"]);
    assert_eq!(
        pushed,
        Ok(Pushed {
            consumed: DOCUMENT.len(),
            ended: true
        })
    );
}

#[test]
fn pieces_of_any_size_say_the_same() {
    let whole = read(DOCUMENT).0;
    for size in 1..40 {
        let mut notes = Notes::default();
        let mut reader = Reader::new(&SCHEMA);
        for piece in DOCUMENT.chunks(size) {
            reader.push(piece, &mut notes).unwrap();
        }
        assert_eq!(notes.0, whole, "pieces of {size}");
        assert!(reader.is_between());
    }
}

#[test]
fn documents_follow_each_other() {
    let two = b" <plain>1</plain>\n<plain>2</plain>";
    let mut notes = Notes::default();
    let mut reader = Reader::new(&SCHEMA);
    let first = reader.push(two, &mut notes).unwrap();
    assert_eq!((first.consumed, first.ended), (17, true));
    let second = reader.push(&two[first.consumed..], &mut notes).unwrap();
    assert_eq!((second.consumed, second.ended), (17, true));
    assert_eq!(notes.0, ["p", "p: 1", "p ends", "p", "p: 2", "p ends"]);
}

#[test]
fn text_beside_elements_is_nobodys() {
    let (notes, _) = read(b"<root xmlns='urn:a'>a<maker/>b</root>");
    assert_eq!(notes, ["R", "Rm", "Rm ends", "R ends"]);
}

#[test]
fn what_is_not_well_formed_is_given_up() {
    use XmlError::{Declaration, Encoding, Malformed};
    for (text, error) in [
        (&b"<plain></root>"[..], Malformed),
        (b"<plain><x></plain>", Malformed),
        (b"</plain>", Malformed),
        (b"text<plain/>", Malformed),
        (b"< plain/>", Malformed),
        (b"<plain v>", Malformed),
        (b"<plain v=1>", Malformed),
        (b"<plain v='1'w='2'>", Malformed),
        (b"<plain v='<'>", Malformed),
        (b"<>", Malformed),
        (b"<1/>", Malformed),
        (b"\xff\xfe<\0p\0", Encoding),
        (
            b"<!DOCTYPE plain [<!ENTITY a 'b'>]><plain>&a;</plain>",
            Declaration,
        ),
        (b"<!ENTITY", Declaration),
        (b"<![IGNORE[", Declaration),
    ] {
        let (notes, pushed) = read(text);
        assert_eq!(pushed, Err(error), "{}", text.escape_ascii());
        assert!(!notes.iter().any(|note| note.contains(':')));
    }
}

#[test]
fn unknown_references_leave_a_text_out() {
    for text in [
        &b"<plain>&secret;</plain>"[..],
        b"<plain>&amp</plain>",
        b"<plain>&#0;</plain>",
        b"<plain>&#xD800;</plain>",
        b"<plain>&#+1;</plain>",
        b"<plain>&#x7;</plain>",
    ] {
        assert_eq!(read(text).0, ["p", "p ends"], "{}", text.escape_ascii());
    }
    assert_eq!(read(b"<plain>&#65;&#x42;</plain>").0[1], "p: AB");
}

#[test]
fn limits_hold() {
    let deep = |levels: usize| [b"<p>".repeat(levels), b"</p>".repeat(levels)].concat();
    assert!(read(&deep(crate::config::XML_DEPTH_MAX)).1.is_ok());
    assert_eq!(read(&deep(10_000)).1, Err(XmlError::OverLimit));
    let long = |bytes: usize| [b"<plain>", &b"x".repeat(bytes)[..], b"</plain>"].concat();
    assert_eq!(read(&long(XML_TEXT_BYTES_MAX)).0.len(), 3);
    assert_eq!(read(&long(XML_TEXT_BYTES_MAX + 1)).0, ["p", "p ends"]);
    let wide = |bytes: usize| [b"<plain v='", &b"x".repeat(bytes)[..], b"'/>"].concat();
    assert!(read(&wide(XML_TAG_BYTES_MAX - 20)).1.is_ok());
    assert_eq!(read(&wide(XML_TAG_BYTES_MAX)).1, Err(XmlError::OverLimit));
    let mut reader = Reader::new(&SCHEMA);
    let mut notes = Notes::default();
    let mut refused = false;
    for piece in wide(1 << 20).chunks(100) {
        refused |= reader.push(piece, &mut notes).is_err();
        assert!(reader.held.len() <= XML_TAG_BYTES_MAX);
    }
    assert!(refused);
    let names = (0..100).map(|n| format!(" xmlns:n{n}='urn:a'"));
    let many = format!("<plain{}/>", names.collect::<String>());
    assert_eq!(read(many.as_bytes()).1, Err(XmlError::OverLimit));
}

/// A wanted text never comes from anywhere but its own element, whatever is thrown in.
#[test]
fn fuzz_pieces() {
    bolero::check!()
        .with_iterations(4_000)
        .with_max_len(512)
        .for_each(|input: &[u8]| {
            let mut notes = Notes::default();
            let mut reader = Reader::new(&SCHEMA);
            let (head, tail) = input.split_at(input.len() / 2);
            let mid = DOCUMENT.len() * head.len() / 512;
            let mixed = [&DOCUMENT[..mid], head, &DOCUMENT[mid..], tail].concat();
            for piece in mixed.chunks(1 + input.len() % 61) {
                let mut rest = piece;
                while let Ok(pushed) = reader.push(rest, &mut notes)
                    && pushed.ended
                {
                    rest = &rest[pushed.consumed..];
                }
                assert!(reader.held.len() <= XML_TAG_BYTES_MAX);
                assert!(reader.text.len() <= XML_TEXT_BYTES_MAX + 8);
            }
        });
}
