//! Recog's patterns in our syntax: for the whole value, with names for the groups that are used.
//! It understands groups and classes alone; the regex crate judges the rest.

/// A pattern that finds its text anywhere, as one for the whole value; the groups with these
/// numbers are called `c1`, `c2` …
pub fn whole(source: &str, groups: &[usize]) -> Result<String, String> {
    if let Some(what) = unsupported(source) {
        return Err(format!(
            "its pattern has {what}, which cannot run in bounded time"
        ));
    }
    let named = named(source, groups);
    let is_simple = !has_alternatives(source);
    let (head, body) = match named.strip_prefix('^') {
        Some(body) if is_simple => ("", body),
        _ => (".*?", &*named),
    };
    let ends = is_simple && body.ends_with('$') && !body.ends_with(r"\$");
    let (body, tail) = match body.strip_suffix('$') {
        Some(body) if ends => (body, ""),
        _ => (body, ".*"),
    };
    Ok(match is_simple {
        true => format!("{head}{body}{tail}"),
        false => format!("{head}(?:{body}){tail}"),
    })
}

/// Constructs that need to try again: look-around, back-references, atomic groups.
fn unsupported(source: &str) -> Option<&'static str> {
    let holds = |texts: &[&str]| texts.iter().any(|text| source.contains(text));
    if holds(&["(?=", "(?!"]) {
        return Some("a look-ahead");
    }
    if holds(&["(?<=", "(?<!"]) {
        return Some("a look-behind");
    }
    if holds(&["(?>"]) {
        return Some("an atomic group");
    }
    let digits = source
        .as_bytes()
        .windows(2)
        .any(|pair| matches!(pair, [b'\\', b'1'..=b'9']));
    digits.then_some("a back-reference")
}

/// True where `|` stands outside of every group.
fn has_alternatives(source: &str) -> bool {
    let mut depth = 0_usize;
    walk(source, |c, _| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            depth = depth.saturating_sub(1);
            false
        }
        '|' => depth == 0,
        _ => false,
    })
}

/// The pattern with names for some of its groups.
fn named(source: &str, groups: &[usize]) -> String {
    let mut places = Vec::new();
    let mut number = 0;
    walk(source, |c, at| {
        let captures = c == '('
            && source
                .get(at + 1..)
                .is_some_and(|rest| !rest.starts_with('?') || rest.starts_with("?P<"));
        if captures {
            number += 1;
            if groups.contains(&number) {
                places.push((at + 1, number));
            }
        }
        false
    });
    let mut out = String::new();
    let mut done = 0;
    for (at, number) in places {
        out.push_str(source.get(done..at).unwrap_or_default());
        out.push_str(&format!("?<c{number}>"));
        done = at;
    }
    out.push_str(source.get(done..).unwrap_or_default());
    out
}

/// Shows every character that is neither escaped nor in a class, with its place; true where one
/// of them ends the walk.
fn walk(source: &str, mut see: impl FnMut(char, usize) -> bool) -> bool {
    let mut escaped = false;
    let mut class = false;
    for (at, c) in source.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if !class => class = true,
            ']' if class => class = false,
            _ if class => {}
            c => {
                if see(c, at) {
                    return true;
                }
            }
        }
    }
    false
}
