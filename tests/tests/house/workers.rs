use medtap_tests::{captures, replay, table_text};

/// The number of workers changes no byte: state lives in fixed shards, merges are commutative.
#[test]
fn workers_do_not_show() {
    for capture in captures() {
        let one = replay(&capture, 1).expect("a committed capture opens");
        assert!(!one.hit_a_limit(), "{}", capture.display());
        let expected = table_text(&one.reader());
        for workers in [2, 7] {
            let more = replay(&capture, workers).expect("a committed capture opens");
            let text = table_text(&more.reader());
            assert!(text == expected, "{} at {workers}", capture.display());
        }
    }
}

/// More workers than shards: those without a shard have nothing to do, and do no harm.
#[test]
fn workers_without_shards_are_idle() {
    let capture = &captures()[0];
    let one = replay(capture, 1).expect("a committed capture opens");
    let many = replay(capture, 70).expect("a committed capture opens");
    assert_eq!(table_text(&many.reader()), table_text(&one.reader()));
}
