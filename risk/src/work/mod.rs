//! What to do first: work lists by role, each thing to do once for all devices that it helps,
//! with what it closes and by when. It keeps nothing between runs: what became of an item is
//! [`state`]'s to say and the caller's to keep.

mod fix;
pub mod hygiene;
pub mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use medtap_table::vocabulary::FindingId;

use crate::clock::Deadline;
use crate::clock::remedy::Plan;
use crate::clock::window::Window;
use crate::role::Role;
use crate::score::{Assessment, Case, DriverKind};
use crate::subject::Subject;

pub use fix::{Fix, advice};

/// What is known of one device and its CVEs.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// The device and the CVEs.
    pub case: Case<'a>,
    /// Its score.
    pub assessment: &'a Assessment,
    /// The clocks of its CVEs.
    pub deadlines: &'a [Deadline],
    /// What can be done about each of its components, by place.
    pub plans: &'a BTreeMap<usize, Plan>,
}

/// What a fix does for one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The device.
    pub device: String,
    /// What people call it.
    pub name: String,
    /// Its unit.
    pub unit: Option<String>,
    /// Its score now; of a device that is not assessed, its high score.
    pub before: f64,
    /// Its score after the fix.
    pub after: f64,
    /// By when, by the shortest clock; `None` where no clock runs.
    pub due: Option<Date>,
    /// When it is needed least.
    pub window: Option<Window>,
    /// The CVEs that it closes.
    pub cves: Vec<String>,
}

/// One thing to do, for all devices that it helps.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What.
    pub fix: Fix,
    /// The same in words.
    pub words: String,
    /// Whose work it is, the foremost first.
    pub roles: Vec<Role>,
    /// Who answers for the devices.
    pub owners: BTreeSet<String>,
    /// Points that it closes, over all devices.
    pub closes: f64,
    /// The earliest day on which it is due.
    pub due: Option<Date>,
    /// The devices, the one that gains most first.
    pub tasks: Vec<Task>,
}

impl Item {
    /// It is due and not done.
    pub fn is_overdue(&self, as_of: Date) -> bool {
        self.due.is_some_and(|due| due < as_of)
    }
}

/// Everything that there is to do, what closes most first.
pub fn items<'a>(devices: impl IntoIterator<Item = Device<'a>>, as_of: Date) -> Vec<Item> {
    // The same fix is other work on a medical device than on a desktop.
    let mut items: BTreeMap<(Fix, Vec<Role>), Item> = BTreeMap::new();
    for device in devices {
        for (fix, plan, task) in tasks(&device, as_of) {
            let subject = device.case.subject;
            let roles = fix.roles(subject.category, plan);
            let key = (fix, roles);
            let item = items.entry(key.clone()).or_insert_with(|| Item {
                words: key.0.words(plan),
                fix: key.0,
                roles: key.1,
                owners: BTreeSet::new(),
                closes: 0.0,
                due: None,
                tasks: Vec::new(),
            });
            item.owners.extend(subject.upkeep.owner.clone());
            item.closes += task.before - task.after;
            item.due = item.due.into_iter().chain(task.due).min();
            item.tasks.push(task);
        }
    }
    let mut items: Vec<Item> = items.into_values().collect();
    for item in &mut items {
        let gain = |task: &Task| task.before - task.after;
        item.tasks.sort_by(|a, b| {
            let by_gain = gain(b).total_cmp(&gain(a));
            by_gain.then_with(|| a.device.cmp(&b.device))
        });
    }
    items.sort_by(|a, b| {
        let by_gain = b.closes.total_cmp(&a.closes);
        by_gain.then_with(|| (&a.fix, &a.roles).cmp(&(&b.fix, &b.roles)))
    });
    items
}

/// The items that a role has work with.
pub fn of_role(items: &[Item], role: Role) -> impl Iterator<Item = &Item> {
    items.iter().filter(move |item| item.roles.contains(&role))
}

/// What there is to do on one device.
fn tasks<'a>(device: &Device<'a>, as_of: Date) -> Vec<(Fix, Option<&'a Plan>, Task)> {
    let (subject, assessment) = (device.case.subject, device.assessment);
    let task = |after: f64, due, cves| Task {
        device: subject.id.clone(),
        name: subject.name.clone(),
        unit: subject.unit.clone(),
        before: assessment.score.unwrap_or(assessment.high),
        after,
        due,
        window: Window::of(&subject.usage),
        cves,
    };
    if !assessment.assessed {
        // What was hidden may be anything from nothing on.
        return vec![(Fix::Identify, None, task(0.0, None, Vec::new()))];
    }
    let mut tasks = Vec::new();
    for driver in &assessment.drivers {
        match &driver.kind {
            DriverKind::Component(place) => {
                let cves = cves_of(device, *place);
                let due = due_of(device, &cves);
                let plan = device.plans.get(place);
                let fix = Fix::Patch(product_of(device, *place));
                tasks.push((fix, plan, task(driver.without, due, cves)));
            }
            DriverKind::Finding(id) => {
                let fix = Fix::Harden(*id);
                tasks.push((fix, None, task(driver.without, None, Vec::new())));
            }
            // A person holds it to be over; what is left of its weight fades by itself.
            DriverKind::Threat(id) if is_over(subject, *id) => {}
            DriverKind::Threat(id) => {
                let fix = Fix::Contain(*id);
                tasks.push((fix, None, task(driver.without, Some(as_of), Vec::new())));
            }
            DriverKind::Reach => {
                tasks.push((Fix::Segment, None, task(driver.without, None, Vec::new())));
            }
            // Part of its component's.
            DriverKind::Cve(..) => {}
        }
    }
    tasks
}

/// Every sign of an attack of this kind was closed.
fn is_over(subject: &Subject, id: FindingId) -> bool {
    let mut own = subject.threats.iter().filter(|threat| threat.id == id);
    own.all(|threat| threat.closed.is_some())
}

/// The CVEs of a component, in order.
fn cves_of(device: &Device<'_>, component: usize) -> Vec<String> {
    let of = device.case.exploits.iter();
    let own = of.filter(|exploit| exploit.component == component && exploit.is_scored());
    let cves: BTreeSet<&String> = own.map(|exploit| &exploit.cve).collect();
    cves.into_iter().cloned().collect()
}

fn due_of(device: &Device<'_>, cves: &[String]) -> Option<Date> {
    let own = (device.deadlines.iter()).filter(|deadline| cves.contains(&deadline.cve));
    own.filter_map(Deadline::due).min()
}

/// `microsoft Windows 7 6.1.7601`, as far as it is known.
fn product_of(device: &Device<'_>, component: usize) -> String {
    let Some(component) = device.case.subject.components.get(component) else {
        return "unknown component".to_owned();
    };
    let parts = [
        component.vendor.as_deref(),
        Some(component.product.as_str()),
        component.version.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
