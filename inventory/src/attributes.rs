//! What is known of one device, by attribute: every one that is shown has its place, known or not.
//! It looks values up by name; which value wins is decided elsewhere.

use std::sync::LazyLock;

use medtap_table::vocabulary::Attribute;
use serde::{Serialize, Serializer};

use crate::model::AttributeValue;

/// How many attributes are shown.
const COUNT: usize = Attribute::SHOWN.len();

/// The attributes that are shown, by name.
static SHOWN: LazyLock<[(&'static str, Attribute); COUNT]> = LazyLock::new(|| {
    let mut shown: Vec<_> = Attribute::SHOWN.iter().map(|it| (it.name(), *it)).collect();
    shown.sort_unstable();
    std::array::from_fn(|place| shown[place])
});

/// The values of the attributes that are shown, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes(Box<[Option<AttributeValue>; COUNT]>);

impl Default for Attributes {
    /// Nothing is known.
    fn default() -> Self {
        Self(Box::new([const { None }; COUNT]))
    }
}

impl Attributes {
    /// Every name, in order, with the attribute.
    pub fn shown() -> &'static [(&'static str, Attribute)] {
        &*SHOWN
    }

    /// The value of an attribute, if one of this name is shown.
    pub fn get(&self, name: &str) -> Option<&Option<AttributeValue>> {
        self.0.get(place(name)?)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Option<AttributeValue>> {
        self.0.get_mut(place(name)?)
    }

    /// Every value, in the order of names.
    pub fn values(&self) -> impl Iterator<Item = &Option<AttributeValue>> {
        self.0.iter()
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Option<AttributeValue>> {
        self.0.iter_mut()
    }

    /// Every name with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Option<AttributeValue>)> {
        let names = Self::shown().iter().map(|(name, _)| *name);
        names.zip(self.values())
    }
}

/// The place of a name.
fn place(name: &str) -> Option<usize> {
    SHOWN.binary_search_by_key(&name, |(known, _)| known).ok()
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_has_a_place_by_its_name() {
        let mut attributes = Attributes::default();
        let names: Vec<&str> = attributes.iter().map(|(name, _)| name).collect();
        assert!(names.is_sorted() && names.len() == COUNT);
        for attribute in Attribute::SHOWN {
            assert_eq!(attributes.get(attribute.name()), Some(&None));
        }
        assert_eq!(attributes.get("finding"), None);
        let value = AttributeValue {
            value: "Scan 64".to_owned(),
            confidence: 90,
            sources: Vec::new(),
            conflicts: Vec::new(),
        };
        *attributes.get_mut("model").unwrap() = Some(value.clone());
        assert_eq!(attributes.get("model"), Some(&Some(value)));
        assert_eq!(attributes.values().flatten().count(), 1);
    }
}
