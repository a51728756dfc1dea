//! Whether a device's JSON matches. Null, and what is of another kind than the path's, matches
//! nothing.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use super::{Comparison, Literal, Node, Operator};

pub(super) fn matches(node: &Node, value: &Value) -> bool {
    match node {
        Node::Any(nodes) => nodes.iter().any(|node| matches(node, value)),
        Node::All(nodes) => nodes.iter().all(|node| matches(node, value)),
        Node::Not(node) => !matches(node, value),
        Node::Compare(comparison) => any_leaf(&comparison.path, value, comparison),
    }
}

/// Follows the path into the value, into every element of lists on the way.
fn any_leaf(path: &[String], value: &Value, comparison: &Comparison) -> bool {
    match (value, path) {
        (Value::Array(elements), _) => elements
            .iter()
            .any(|element| any_leaf(path, element, comparison)),
        (Value::Object(fields), [name, rest @ ..]) => fields
            .get(name)
            .is_some_and(|field| any_leaf(rest, field, comparison)),
        (leaf, []) => holds(leaf, comparison),
        _ => false,
    }
}

fn holds(leaf: &Value, comparison: &Comparison) -> bool {
    let Some(order) = order(leaf, &comparison.literal) else {
        return false;
    };
    match comparison.operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
    }
}

fn order(leaf: &Value, literal: &Literal) -> Option<Ordering> {
    match literal {
        Literal::Number(number) => leaf.as_f64()?.partial_cmp(number),
        Literal::Bool(truth) => Some(leaf.as_bool()?.cmp(truth)),
        Literal::Text(text) => Some(natural(leaf.as_str()?, text)),
        Literal::Time(time) => Some(leaf.as_str()?.parse::<Timestamp>().ok()?.cmp(time)),
        Literal::Address(address) => Some(leaf.as_str()?.parse::<IpAddr>().ok()?.cmp(address)),
    }
}

/// The order of two texts in which runs of digits count as numbers, so that version 2.10 comes
/// after 2.9. Equal only where the texts are equal.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            // Leading zeros alone may still tell them apart.
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (digits(&mut left), digits(&mut right));
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        } else {
            left = left.get(x.len_utf8()..).unwrap_or_default();
            right = right.get(y.len_utf8()..).unwrap_or_default();
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes a run of digits off the front; leading zeros are dropped.
fn digits<'a>(text: &mut &'a str) -> &'a str {
    let len = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (run, rest) = text.split_at(len);
    *text = rest;
    run.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_their_order() {
        let sorted = ["", "2", "2.9", "2.9a", "2.10", "10.0", "A", "VB10", "VB20A"];
        for (place, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                assert_eq!(natural(a, b), place.cmp(&other), "{a} {b}");
            }
        }
        assert_eq!(natural("007", "7"), natural("007", "7").reverse().reverse());
        assert_ne!(natural("007", "7"), Ordering::Equal);
        assert_eq!(natural("é1", "é01").reverse(), natural("é01", "é1"));
    }
}
