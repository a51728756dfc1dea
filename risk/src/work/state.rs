//! What became of an item of work: it closes when traffic shows the fix, and opens again when the
//! fix does not hold. It trusts no silence: of a device that was not seen nothing is closed.

use std::collections::BTreeMap;

use jiff::civil::Date;

/// Somebody took a risk upon themselves, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    approver: String,
    reason: String,
    expires: Date,
}

/// Why a risk is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptanceError {
    /// Nobody approved it.
    #[error("an acceptance names who approved it")]
    Approver,
    /// There is no reason.
    #[error("an acceptance gives a reason")]
    Reason,
    /// It would never begin.
    #[error("an acceptance ends on {expires}, which is not after {as_of}")]
    Expired {
        /// When it would end.
        expires: Date,
        /// Today.
        as_of: Date,
    },
}

impl Acceptance {
    /// An acceptance, if somebody approved it for a reason and for a time.
    pub fn new(
        approver: &str,
        reason: &str,
        expires: Date,
        as_of: Date,
    ) -> Result<Self, AcceptanceError> {
        let (approver, reason) = (approver.trim(), reason.trim());
        if approver.is_empty() {
            return Err(AcceptanceError::Approver);
        }
        if reason.is_empty() {
            return Err(AcceptanceError::Reason);
        }
        if expires <= as_of {
            return Err(AcceptanceError::Expired { expires, as_of });
        }
        Ok(Self {
            approver: approver.to_owned(),
            reason: reason.to_owned(),
            expires,
        })
    }

    /// One that was made before, whether or not it holds.
    pub fn kept(approver: &str, reason: &str, expires: Date) -> Self {
        Self {
            approver: approver.to_owned(),
            reason: reason.to_owned(),
            expires,
        }
    }

    /// Who approved it.
    pub fn approver(&self) -> &str {
        &self.approver
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The day on which it holds no more.
    pub fn expires(&self) -> Date {
        self.expires
    }
}

/// What became of a task so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was first there.
    pub opened: Date,
    /// When traffic showed the fix; `None` while it is open.
    pub closed: Option<Date>,
    /// How often it was there again after that.
    pub reopened: u32,
    /// Who took it upon themselves.
    pub acceptance: Option<Acceptance>,
}

/// What is to be said of a task today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// To be done.
    Open,
    /// To be done again: the fix did not hold.
    Reopened,
    /// Somebody took it upon themselves.
    Accepted,
    /// Traffic shows that it is done.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Reopened, Self::Accepted, Self::Closed];

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The name that people and JSON see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reopened => "reopened",
            Self::Accepted => "accepted",
            Self::Closed => "closed",
        }
    }
}

impl Record {
    /// A task that is there for the first time.
    pub fn new(opened: Date) -> Self {
        Self {
            opened,
            closed: None,
            reopened: 0,
            acceptance: None,
        }
    }

    /// What is to be said of it.
    pub fn state(&self, as_of: Date) -> State {
        let accepted = (self.acceptance.as_ref()).is_some_and(|one| one.expires > as_of);
        match (self.closed, accepted, self.reopened) {
            (Some(_), ..) => State::Closed,
            (None, true, _) => State::Accepted,
            (None, false, 0) => State::Open,
            (None, false, _) => State::Reopened,
        }
    }
}

/// The name of a task: its device and its fix.
pub type TaskKey = (String, String);

/// A task whose state changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which one.
    pub task: TaskKey,
    /// What it was; `None` for a new one.
    pub from: Option<State>,
    /// What it is.
    pub to: State,
}

/// Takes the tasks that are there today into the records. `well_seen` tells whether enough of a
/// device was seen since for its silence to mean that the fix works.
pub fn advance(
    records: &mut BTreeMap<TaskKey, Record>,
    there: &[TaskKey],
    well_seen: impl Fn(&str) -> bool,
    before: Date,
    as_of: Date,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut changed = |task: &TaskKey, from: Option<State>, to: State| {
        if from != Some(to) {
            changes.push(Change {
                task: task.clone(),
                from,
                to,
            });
        }
    };
    let there: std::collections::BTreeSet<&TaskKey> = there.iter().collect();
    for task in &there {
        match records.get_mut(*task) {
            None => {
                let record = Record::new(as_of);
                changed(task, None, record.state(as_of));
                records.insert((*task).clone(), record);
            }
            Some(record) => {
                let from = record.state(before);
                if record.closed.take().is_some() {
                    record.reopened = record.reopened.saturating_add(1);
                }
                changed(task, Some(from), record.state(as_of));
            }
        }
    }
    for (task, record) in records.iter_mut() {
        if !there.contains(task) && record.closed.is_none() {
            let from = record.state(before);
            if well_seen(&task.0) {
                record.closed = Some(as_of);
            }
            changed(task, Some(from), record.state(as_of));
        }
    }
    changes
}
