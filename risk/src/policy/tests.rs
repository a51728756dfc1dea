use super::*;
use crate::policy::load::PolicyError;

fn refusal(text: &str) -> String {
    match Policy::parse(text, "own.toml") {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_default_holds_every_number_within_its_bounds() {
    for (name, number, bounds) in Policy::default().numbers() {
        assert!(
            (bounds.min..=bounds.max).contains(&number),
            "{name} = {number}"
        );
    }
    assert_eq!(
        Policy::parse("", "own.toml"),
        Ok(Policy::default()),
        "the defaults contradict each other"
    );
}

/// A finding that the vocabulary gained needs a weight, even if it is 0.
#[test]
fn every_finding_has_one_weight() {
    let numbers = Policy::default().numbers();
    for id in FindingId::ALL {
        let of = |section: &str| {
            let name = format!("{section}.{}", id.name());
            numbers.iter().filter(|(key, ..)| *key == name).count()
        };
        assert_eq!(of("posture") + of("threat"), 1, "{}", id.name());
    }
}

#[test]
fn a_hospital_overrides_what_differs() {
    let text = "[posture]\nsmbv1 = 0.5\n[category.ct]\nservice = 1\n";
    let policy = Policy::parse(text, "own.toml").expect("accepted");
    assert_eq!(policy.posture.of(FindingId::Smbv1), 0.5);
    assert_eq!(policy.category.of(Category::Ct).service, 1.0);
    assert_eq!(policy.category.of(Category::Ct).safety, 5.0);
    let changed = policy.numbers();
    let before = Policy::default().numbers();
    let differences = changed.iter().zip(&before).filter(|(a, b)| a != b);
    assert_eq!(differences.count(), 2);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known() {
    assert_eq!(
        refusal("[posture]\nsmbv1 = 0.3\nsmb1 = 0.3\n"),
        "policy own.toml, line 3: unknown key `posture.smb1`; did you mean `posture.smbv1`?"
    );
    assert_eq!(
        refusal("\nqqqqqqq = 1\n"),
        "policy own.toml, line 2: unknown key `qqqqqqq`; \
         the default policy lists all that there are"
    );
    // A threat has no weight among the weaknesses.
    assert!(refusal("[posture]\nscanning = 0.4\n").contains("did you mean"));
    assert!(refusal("[a.b.c.d]\ne = 1\n").contains("unknown key `a.b.c`"));
}

#[test]
fn what_is_out_of_range_or_no_number_is_refused() {
    let cases = [
        ("[reach]\nother = 1.5\n", "line 2: reach.other = 1.5: must"),
        (
            "[reach]\nother = -0.1\n",
            "line 2: reach.other = -0.1: must",
        ),
        ("[reach]\nother = nan\n", "line 2: reach.other = nan: must"),
        ("[reach]\nother = inf\n", "line 2: reach.other = inf: must"),
        ("[reach]\nother = 1e999\n", "must be a number from 0 to 1"),
        ("[reach]\nother = \"0.1\"\n", "line 2: reach.other must be"),
        ("[reach]\nother = 0x1\n", "must be a decimal number"),
        ("[reach]\nother = [0.1]\n", "must be a decimal number"),
        ("[threat]\nhalf_life_days = 0\n", "from 1 to 3650"),
        ("[reach\n", "line 1: "),
        ("[reach]\nother = 0.1\nother = 0.2\n", "line 3: "),
    ];
    for (text, part) in cases {
        let refusal = refusal(text);
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    assert_eq!(
        refusal("[impact_level]\nlow = 5\n"),
        "policy own.toml: impact_level must ascend"
    );
    assert!(refusal("[effectiveness]\nservice = 0.6\n").contains("at most 1 is allowed"));
    assert!(refusal("[applicability]\nlow_from = 0.3\n").contains("low_from"));
}

#[test]
fn a_policy_that_is_no_file_says_so() {
    let error = Policy::read(std::path::Path::new("/nonexistent/policy.toml"));
    assert!(matches!(error, Err(PolicyError::File { .. })));
}

#[test]
fn one_number_is_scaled_and_stays_in_bounds() {
    let policy = Policy::default();
    let half = policy.scaled("posture.smbv1", 0.5).expect("known");
    assert!((half.posture.of(FindingId::Smbv1) - 0.175).abs() < 1e-12);
    let more = policy.scaled("reach.answered_public", 1.5).expect("known");
    assert_eq!(more.reach.answered_public, 1.0);
    assert!(policy.scaled("reach.nothing", 0.5).is_none());
}

/// Any text: no panic; what is accepted is in bounds.
#[test]
fn fuzz_parse() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(policy) = Policy::parse(&text, "own.toml") {
            for (_, number, bounds) in policy.numbers() {
                assert!((bounds.min..=bounds.max).contains(&number));
            }
        }
    });
}
