//! How well the departments keep their books: owner, location, approval, maintenance, MDS2, and
//! nothing overdue. It says nothing about attacks, and enters no score of a device.

use std::collections::BTreeMap;

use jiff::civil::Date;
use medtap_table::vocabulary::Class;

use crate::date::day;
use crate::subject::Subject;

/// What is asked of every device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Somebody answers for it.
    Owner,
    /// It is known where it stands.
    Location,
    /// It may be on the network.
    Approval,
    /// It is known when its maintenance is due, and that is not past.
    Maintenance,
    /// The manufacturer's MDS2 is at hand; asked of medical devices alone.
    Mds2,
    /// No work on it is overdue.
    NothingOverdue,
}

impl Question {
    /// Every question.
    pub const ALL: [Self; 6] = [
        Self::Owner,
        Self::Location,
        Self::Approval,
        Self::Maintenance,
        Self::Mds2,
        Self::NothingOverdue,
    ];

    /// The name that people and JSON see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Location => "location",
            Self::Approval => "approval",
            Self::Maintenance => "maintenance",
            Self::Mds2 => "mds2",
            Self::NothingOverdue => "nothing_overdue",
        }
    }

    /// The answer for a device; `None` where it is not asked.
    fn answer(self, subject: &Subject, overdue: bool, as_of: Date) -> Option<bool> {
        let upkeep = &subject.upkeep;
        let entered = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        match self {
            Self::Owner => Some(entered(&upkeep.owner)),
            Self::Location => Some(entered(&upkeep.location)),
            Self::Approval => Some(upkeep.approved == Some(true)),
            Self::Maintenance => Some(upkeep.maintenance_due.is_some_and(|due| day(due) >= as_of)),
            Self::Mds2 if subject.category.class() == Class::Medical => {
                Some(upkeep.mds2 == Some(true))
            }
            Self::Mds2 => None,
            Self::NothingOverdue => Some(!overdue),
        }
    }
}

/// How well a department keeps its books.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hygiene {
    /// The department; `None` holds the devices of which nobody entered it.
    pub unit: Option<String>,
    /// Its devices.
    pub devices: usize,
    /// Incidents with them that were reported, where anybody counts them. They enter no score.
    pub incidents: Option<u64>,
    /// For each question: yes, and asked.
    pub answers: BTreeMap<Question, (usize, usize)>,
}

impl Hygiene {
    /// 0–100: the share of questions whose answer is yes; `None` where nothing was asked.
    pub fn score(&self) -> Option<f64> {
        let asked: usize = self.answers.values().map(|(_, asked)| asked).sum();
        let yes: usize = self.answers.values().map(|(yes, _)| yes).sum();
        (asked > 0).then(|| 100.0 * yes as f64 / asked as f64)
    }
}

/// The departments, by name; `overdue` tells of a device whether work on it is overdue.
pub fn departments<'a>(
    subjects: impl IntoIterator<Item = &'a Subject>,
    overdue: impl Fn(&Subject) -> bool,
    as_of: Date,
) -> Vec<Hygiene> {
    let mut units: BTreeMap<Option<&str>, Hygiene> = BTreeMap::new();
    for subject in subjects {
        let unit = subject.unit.as_deref();
        let hygiene = units.entry(unit).or_insert_with(|| Hygiene {
            unit: unit.map(str::to_owned),
            ..Hygiene::default()
        });
        hygiene.devices += 1;
        if let Some(incidents) = subject.upkeep.incidents {
            *hygiene.incidents.get_or_insert(0) += u64::from(incidents);
        }
        for question in Question::ALL {
            if let Some(yes) = question.answer(subject, overdue(subject), as_of) {
                let counted = hygiene.answers.entry(question).or_default();
                counted.0 += usize::from(yes);
                counted.1 += 1;
            }
        }
    }
    units.into_values().collect()
}
