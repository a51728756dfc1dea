//! What a compromise would do: to patients' safety, to care, to data. The worst wins; nothing is
//! averaged away, and what is out of sight is never taken for absent.

use medtap_table::vocabulary::Category;

use super::flag::Flag;
use crate::policy::Policy;
use crate::share::{Grade, Share};
use crate::subject::{Criticality, Subject};

/// A key property of IEC 80001-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    /// Safety of patients.
    Safety,
    /// Effectiveness of care.
    Effectiveness,
    /// Confidentiality of patient data.
    Data,
}

impl Property {
    /// The name that people and JSON see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Effectiveness => "effectiveness",
            Self::Data => "data",
        }
    }
}

/// The impact of a compromise, each number 0–10.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impact {
    /// On the safety of patients.
    pub safety: f64,
    /// On the effectiveness of care.
    pub effectiveness: f64,
    /// On patient data.
    pub data: f64,
    /// The worst of the three, weighed.
    pub total: f64,
    /// Which one that is.
    pub worst: Property,
}

impl Impact {
    /// The impact of a device.
    pub fn of(subject: &Subject, policy: &Policy, flags: &mut Vec<Flag>) -> Self {
        let safety = safety(subject, policy);
        let effectiveness = effectiveness(subject, policy, flags);
        let data = data(subject, policy, flags);
        Self::combine(safety, effectiveness, data, policy)
    }

    fn combine(safety: f64, effectiveness: f64, data: f64, policy: &Policy) -> Self {
        let weighed = [
            (Property::Safety, policy.impact.safety * safety),
            (
                Property::Effectiveness,
                policy.impact.effectiveness * effectiveness,
            ),
            (Property::Data, policy.impact.data * data),
        ];
        let mut worst = (Property::Safety, 0.0);
        for (property, weighed) in weighed {
            if weighed > worst.1 {
                worst = (property, weighed);
            }
        }
        Self {
            safety,
            effectiveness,
            data,
            total: worst.1,
            worst: worst.0,
        }
    }
}

/// Its kind delivers therapy.
const fn delivers_therapy(category: Category) -> bool {
    use Category as C;
    matches!(
        category,
        C::Ventilator
            | C::Anesthesia
            | C::Defibrillator
            | C::Dialysis
            | C::InfusionPump
            | C::Incubator
            | C::Radiotherapy
            | C::MedicalGas
    )
}

/// Its kind raises alarms about a patient's state.
const fn raises_alarms(category: Category) -> bool {
    use Category as C;
    matches!(
        category,
        C::PatientMonitor | C::Telemetry | C::CentralStation | C::NurseCall
    )
}

/// How much care hangs on it is measured by who depends on it.
const fn is_server(category: Category) -> bool {
    use Category as C;
    matches!(
        category,
        C::Pacs | C::Worklist | C::Ris | C::Lis | C::Emr | C::InterfaceEngine | C::Server | C::Nas
    )
}

/// `S`, 0–10.
fn safety(subject: &Subject, policy: &Policy) -> f64 {
    let by_kind = policy.category.of(subject.category).safety;
    let weights = &policy.safety;
    let mut safety = by_kind;
    if let Some(fda) = &subject.fda {
        safety = match fda.class {
            Some(1) => weights.class_1,
            Some(2) => weights.class_2,
            Some(3) => weights.class_3,
            _ => by_kind,
        };
        let therapy = fda.delivers_therapy || delivers_therapy(subject.category);
        let alarms = fda.alarms || raises_alarms(subject.category);
        for (holds, least) in [
            (fda.life_sustaining, weights.life_sustaining),
            (fda.programs_implants, weights.programs_implants),
            (therapy, weights.delivers_therapy),
            (alarms, weights.alarms),
        ] {
            if holds {
                safety = safety.max(least);
            }
        }
    }
    match subject.serves_critical_room {
        true => safety.max(weights.critical_room),
        false => safety,
    }
}

/// `E`, 0–10.
fn effectiveness(subject: &Subject, policy: &Policy, flags: &mut Vec<Flag>) -> f64 {
    let (weights, usage) = (&policy.effectiveness, &subject.usage);
    let grade = |service: f64, utilisation: f64, slack: f64| {
        let parts = weights.service * service
            + weights.utilisation * utilisation
            + weights.slack * (1.0 - slack);
        10.0 * parts
    };
    let room = match subject.serves_critical_room {
        true => weights.critical_room_service,
        false => 0.0,
    };
    // What the site says of a device raises it, and never lowers it.
    let said = match usage.criticality {
        Some(Criticality::Critical) => weights.critical_service,
        Some(Criticality::High) => weights.high_service,
        Some(Criticality::Medium) => weights.medium_service,
        Some(Criticality::Low) | None => 0.0,
    };
    let least = room.max(said);
    let usual = policy.category.of(subject.category).service.max(least);
    let service = match usage.dependants {
        Some(dependants) if is_server(subject.category) => {
            let decades = (1.0 + f64::from(dependants)).log10() / weights.dependants_decades;
            decades.min(1.0).max(least)
        }
        _ => usual,
    };
    let utilisation = (usage.utilisation).map_or(weights.unseen_utilisation, Share::get);
    let slack = match &usage.alternatives {
        None => weights.unseen_slack,
        Some(others) => {
            let free: f64 = others.iter().map(|other| 1.0 - other.get()).sum();
            free.min(1.0)
        }
    };
    let seen = grade(service, utilisation, slack);
    let out_of_sight = usage.obscured
        || subject.reach.coverage_low
        || usage.utilisation.is_none()
        || usage.alternatives.is_none();
    if !out_of_sight {
        return seen;
    }
    flags.push(Flag::UseOutOfSight);
    let last = usage.last_effectiveness.map_or(0.0, Grade::get);
    let default = grade(usual, weights.unseen_utilisation, weights.unseen_slack);
    seen.max(last).max(default)
}

/// `D`, 0–10.
fn data(subject: &Subject, policy: &Policy, flags: &mut Vec<Flag>) -> f64 {
    let (weights, seen) = (&policy.data, &subject.data);
    let mut data = match (seen.stores, seen.transmits) {
        (true, _) => weights.stores,
        (false, true) => weights.transmits,
        (false, false) => weights.none,
    };
    if seen.obscured || subject.reach.coverage_low {
        flags.push(Flag::DataOutOfSight);
        data = data.max(policy.category.of(subject.category).data);
    }
    if seen.privileged_logon {
        data += weights.privileged_logon;
    }
    if seen.obscured || subject.reach.coverage_low {
        data = data.max(seen.last_sensitivity.map_or(0.0, Grade::get));
    }
    data.min(10.0)
}
