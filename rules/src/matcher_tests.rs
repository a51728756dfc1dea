//! Tiers, case, templates and odd values.

use super::*;
use crate::compile::{self, Origin};
use crate::rules::{Rules, parse};

/// A matcher of rules written as the body of a file for `http.server`.
fn matcher(rules: &str) -> Matcher {
    let parsed = parse("test", &format!("field = \"http.server\"\n{rules}")).unwrap();
    let rules = parsed.rule.iter().map(|text| {
        compile::rule(
            "test",
            (Field::HttpServer, &Arc::default()),
            text,
            Origin::Local,
        )
    });
    Matcher::new(rules.map(Result::unwrap).collect())
}

/// A rule with a number and a key; more lines may follow.
fn rule(id: u32, key: &str) -> String {
    format!(
        "[[rule]]\nid = {id}\nname = \"n\"\nconfidence = 30\nsource = \"s\"\n\
         matches = [{{ value = \"x\" }}]\n{key}\n"
    )
}

/// The rules that are heard about a value, in order.
fn heard(matcher: &Matcher, value: &str) -> Vec<u32> {
    let mut heard = Vec::new();
    matcher.matches(Field::HttpServer, value, &mut |claim| {
        heard.push(claim.rule)
    });
    heard
}

#[test]
fn the_most_specific_tier_speaks() {
    let rules = [
        rule(1, "pattern = 'Acme.*'"),
        rule(2, "prefix = 'Acme'"),
        rule(3, "prefix = 'Acme/2'"),
        rule(4, "exact = 'Acme/2.7'"),
        rule(5, "pattern = '.*/[12].*'"),
    ];
    let matcher = matcher(&rules.concat());
    assert_eq!(heard(&matcher, "Acme/2.7"), [4]);
    assert_eq!(heard(&matcher, "Acme/2.8"), [3]);
    assert_eq!(heard(&matcher, "Acme/1"), [2]);
    assert_eq!(heard(&matcher, "Acne/1"), [5]);
    assert_eq!(heard(&matcher, "Acme"), [2]);
    assert_eq!(heard(&matcher, "acme"), [] as [u32; 0]);
    assert_eq!(heard(&matcher, ""), [] as [u32; 0]);
}

#[test]
fn a_hypothesis_silences_nobody() {
    let rules = [
        rule(1, "pattern = 'Acme.*'"),
        rule(2, "pattern = 'A.*'"),
        rule(3, "prefix = 'Acme'\nunconfirmed = true"),
        rule(4, "exact = 'Acme/2.7'\nunconfirmed = true"),
    ];
    assert_eq!(heard(&matcher(&rules.concat()), "Acme/2.7"), [4, 3, 1, 2]);
}

#[test]
fn case_counts_unless_the_rule_says_otherwise() {
    let rules = [
        rule(1, "exact = 'Acme'"),
        rule(2, "exact = 'ACME'\nignore_case = true"),
        rule(3, "prefix = 'Beta '\nignore_case = true"),
        rule(4, "pattern = 'gamma \\d'\nignore_case = true"),
    ];
    let matcher = matcher(&rules.concat());
    assert_eq!(heard(&matcher, "Acme"), [1, 2]);
    assert_eq!(heard(&matcher, "aCME"), [2]);
    assert_eq!(heard(&matcher, "bETA 7"), [3]);
    assert_eq!(heard(&matcher, "Gamma 7"), [4]);
    assert_eq!(
        heard(&matcher, "gamma \u{0667}"),
        [] as [u32; 0],
        "classes are ASCII"
    );
}

#[test]
fn templates_join_and_leave_out() {
    let key = "pattern = 'W/(?<a>\\d)(?:\\.(?<b> *\\w*))?.*'\nos = 'W ${a}-${b}'\n\
               os_version = '${b}'\nmodel = 'W $5'";
    let matcher = matcher(&rule(1, key));
    let given = |value: &str| {
        let mut given = Vec::new();
        matcher.matches(Field::HttpServer, value, &mut |claim| {
            given.push((claim.attribute, claim.value.to_owned()));
        });
        given
    };
    let model = [(Attribute::Model, "W $5".to_owned())];
    let full = [
        model[0].clone(),
        (Attribute::Os, "W 7-x".to_owned()),
        (Attribute::OsVersion, "x".to_owned()),
    ];
    assert_eq!(given("W/7.x"), full);
    assert_eq!(given("W/7.  x\nsecond line"), full, "captures are trimmed");
    assert_eq!(
        given("W/7"),
        model,
        "a capture that took no part gives nothing"
    );
    assert_eq!(given("W/7.  "), model, "nor does an empty one");
}

#[test]
fn a_rule_that_gives_nothing_keeps_the_value() {
    let matcher = matcher(&rule(1, "prefix = 'Toolkit'"));
    let mut seen = 0;
    matcher.matches(Field::HttpServer, "Toolkit 3", &mut |claim| {
        seen += 1;
        assert_eq!((claim.rule, claim.confidence), (1, 30));
        assert_eq!(
            (claim.attribute, claim.value),
            (Attribute::Observed, "Toolkit 3")
        );
    });
    assert_eq!(seen, 1);
    assert!(matcher.knows(Field::HttpServer, "Toolkit 3"));
    assert!(!matcher.knows(Field::HttpServer, "toolkit"));
}

#[test]
fn a_prefix_may_end_within_a_character() {
    let matcher = matcher(&rule(1, "prefix = 'ab'"));
    assert_eq!(heard(&matcher, "a\u{e9}"), [] as [u32; 0]);
    assert_eq!(heard(&matcher, "ab\u{e9}"), [1]);
}

#[test]
fn it_goes_to_every_thread() {
    fn check<T: Send + Sync + Clone + 'static>(_: &T) {}
    check(&Rules::embedded().matcher());
}

/// Any value of any field: no panic, and only claims that a rule may make.
#[test]
fn fuzz_values() {
    let rules = Rules::embedded();
    let matcher = rules.matcher();
    bolero::check!()
        .with_iterations(400)
        .for_each(|bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            // Seeds reach behind the keys: a known value that is cut and prolonged by the input.
            let seeds = [
                "Apache/2.4 (",
                "SSH-2.0-OpenSSH_",
                "HP HTTP Server; HP x - y; Serial Number: ",
            ];
            for value in
                std::iter::once(text.to_string()).chain(seeds.map(|s| format!("{s}{text}")))
            {
                for field in [
                    Field::HttpServer,
                    Field::SshServerVersion,
                    Field::DhcpVendorClass,
                ] {
                    matcher.matches(field, &value, &mut |claim| {
                        assert_eq!(rules.field(claim.rule), Some(field));
                        assert!(!claim.value.is_empty() && claim.confidence <= 100);
                        let _ = rules.product(claim.rule, &value);
                    });
                }
            }
        });
}

#[test]
fn fields_of_the_same_kind_share_rules() {
    let rules = Rules::embedded();
    let matcher = rules.matcher();
    for (field, is_heard) in [
        (Field::DhcpHostname, true),
        (Field::MdnsHostname, true),
        (Field::NbnsName, true),
        (Field::SnmpSysName, false),
    ] {
        assert_eq!(
            matcher.knows(field, "BRN008077310107"),
            is_heard,
            "{field:?}"
        );
    }
    let twice = "also = [\"http.server\", \"http.title\", \"http.title\"]\n";
    let mut loader = crate::rules::Loader::default();
    let text = format!(
        "field = \"http.server\"\n{twice}{}",
        rule(1, "exact = 'x'\nmanufacturer = 'M'")
    );
    assert!(loader.add("test", &text, Origin::Embedded).is_empty());
    let matcher = loader.finish().matcher();
    for field in [Field::HttpServer, Field::HttpTitle] {
        let mut claims = 0;
        matcher.matches(field, "x", &mut |_| claims += 1);
        assert_eq!(claims, 1, "{field:?}");
    }
    let other = "field = \"http.server\"\nalso = [\"no.such\"]\n";
    let mut loader = crate::rules::Loader::default();
    let faults = loader.add("test", other, Origin::Local);
    assert!(faults[0].to_string().contains("no.such"), "{faults:?}");
}
