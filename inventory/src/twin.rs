//! Twins: machines of which each bears the serial number of another. It tells two machines from two
//! network cards of one by what both say in the same field; which of them the number belongs to, it
//! does not say.

use std::collections::BTreeSet;

use medtap_table::vocabulary::{Attribute, Field};

use crate::resolve::folded;

/// Fields by which a machine names itself as people set it up, and neither after who was there
/// before it nor over another's word.
pub const NAMES: [Field; 5] = [
    Field::DhcpHostname,
    Field::DhcpClientFqdn,
    Field::NbnsName,
    Field::SnmpSysName,
    Field::NtlmComputer,
];
/// Two that are seen so near each other are there at once: no card is changed so quickly.
const AT_ONCE_NS: u64 = 60 * 1_000_000_000;
/// Digits at the end of a MAC address that make a name the card's.
const CARD_DIGITS: usize = 6;
/// How sure it is that two models are two machines, and that two names are.
const BY_MODEL: u8 = 70;
const BY_NAME: u8 = 40;

/// What one that bears a serial number says of itself.
#[derive(Clone, Debug, Default)]
pub struct Twin {
    models: BTreeSet<(Field, String)>,
    names: BTreeSet<(Field, String)>,
    times: (u64, u64),
}

impl Twin {
    /// From what it said; its MAC addresses, as colons or nothing part them; and when it was seen.
    pub fn new<'a>(
        said: impl Iterator<Item = (Attribute, Field, &'a str)>,
        macs: &[String],
        times: (u64, u64),
    ) -> Self {
        let mut this = Self {
            times,
            ..Self::default()
        };
        let ends: Vec<String> = macs.iter().filter_map(|mac| card(mac)).collect();
        for (attribute, field, value) in said {
            let value = folded(value);
            if attribute == Attribute::Model {
                this.models.insert((field, value));
            } else if NAMES.contains(&field) && !ends.iter().any(|end| value.contains(end)) {
                this.names.insert((field, value));
            }
        }
        this
    }

    /// How sure it is that the other is another machine; none where nothing says so. A model tells
    /// at any time, a name while both are there: it may be changed with the card.
    pub fn differs(&self, other: &Self) -> Option<u8> {
        if are_apart(&self.models, &other.models) {
            return Some(BY_MODEL);
        }
        let (a, b) = (self.times, other.times);
        let near = |first: u64, last: u64| first <= last.saturating_add(AT_ONCE_NS);
        let at_once = near(a.0, b.1) && near(b.0, a.1);
        (at_once && are_apart(&self.names, &other.names)).then_some(BY_NAME)
    }
}

/// The end of a MAC address.
fn card(mac: &str) -> Option<String> {
    let digits: String = mac.chars().filter(char::is_ascii_hexdigit).collect();
    let end = digits.get(digits.len().checked_sub(CARD_DIGITS)?..)?;
    Some(end.to_ascii_lowercase())
}

/// True where both say something in the same field, and nothing that is the same.
fn are_apart(a: &BTreeSet<(Field, String)>, b: &BTreeSet<(Field, String)>) -> bool {
    let common = |(field, _): &(Field, String)| b.iter().any(|(other, _)| other == field);
    a.iter().any(common) && a.is_disjoint(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_NS: u64 = 60 * 1_000_000_000;

    fn twin(said: &[(Field, &str)], mac: &str, minutes: (u64, u64)) -> Twin {
        let said = said
            .iter()
            .map(|(field, text)| (field.attribute(), *field, *text));
        let times = (minutes.0 * MINUTE_NS, minutes.1 * MINUTE_NS);
        Twin::new(said, &[mac.to_owned()], times)
    }

    #[test]
    fn other_models_are_other_machines_at_any_time() {
        let a = twin(
            &[(Field::DicomModel, "Scan 64")],
            "00:12:21:00:00:01",
            (0, 1),
        );
        let b = twin(
            &[(Field::DicomModel, "Scan 128")],
            "00:12:21:00:00:02",
            (900, 901),
        );
        assert_eq!(a.differs(&b), Some(70));
        let same = twin(
            &[(Field::DicomModel, "SCAN  64")],
            "00:12:21:00:00:03",
            (0, 1),
        );
        assert_eq!(a.differs(&same), None);
        // Another field may call the same machine otherwise.
        let otherwise = twin(&[(Field::MdnsTxtModel, "S64")], "00:12:21:00:00:04", (0, 1));
        assert_eq!(a.differs(&otherwise), None);
    }

    #[test]
    fn other_names_are_other_machines_while_both_are_there() {
        let pump = |name, mac, minutes| twin(&[(Field::DhcpHostname, name)], mac, minutes);
        let a = pump("pump-01", "00:12:21:aa:00:01", (0, 60));
        let at_once = pump("pump-02", "00:12:21:aa:00:02", (30, 90));
        assert_eq!(a.differs(&at_once), Some(40));
        assert_eq!(at_once.differs(&a), Some(40));
        let later = pump("pump-02", "00:12:21:aa:00:02", (120, 180));
        assert_eq!(
            a.differs(&later),
            None,
            "the card was changed, and the name"
        );
        let card = pump("BRN00AA0002", "00:12:21:00:aa:02", (30, 90));
        let cards = pump("BRW12AA0009", "00:12:21:12:aa:09", (30, 90));
        assert_eq!(
            card.differs(&cards),
            Some(40),
            "these names are no cards' ends"
        );
        let cards = [
            ("brn00aa02", "00:12:21:00:aa:02"),
            ("brw12aa09", "00:12:21:12:aa:09"),
        ];
        let [wired, wireless] = cards.map(|(name, mac)| pump(name, mac, (30, 90)));
        assert_eq!(
            wired.differs(&wireless),
            None,
            "each is named after its card"
        );
    }
}
