//! The numbers of the risk model: every weight, factor and limit, by name. It computes nothing;
//! the defaults are `data/policy.toml`, and a hospital's own file overrides them one by one.

mod load;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Category, FindingId};
use sha2::{Digest, Sha256};

pub use load::{POLICY_BYTES_MAX, PolicyError};

/// Where a number may lie, and whether it is a weight that could as well be a little different.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// A judgement of how much something counts, and no date, switch or threshold: the
    /// [sensitivity](crate::sensitivity) of the order to it is worth knowing.
    pub weight: bool,
}

const fn bounds(min: f64, max: f64, weight: bool) -> Bounds {
    Bounds { min, max, weight }
}

const SHARE: Bounds = bounds(0.0, 1.0, true);
const GRADE: Bounds = bounds(0.0, 10.0, true);
const THRESHOLD: Bounds = bounds(0.0, 1.0, false);
const GRADE_THRESHOLD: Bounds = bounds(0.0, 10.0, false);
const SWITCH: Bounds = bounds(0.0, 1.0, false);
const DAYS: Bounds = bounds(1.0, 3_650.0, false);
const DECADES: Bounds = bounds(0.5, 6.0, true);

/// What is called for every number: its name as `section.key`, itself, and where it may lie.
type Visit<'a> = dyn FnMut(&str, &mut f64, Bounds) + 'a;

/// Declares a section of the policy: numbers, each with its bounds.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $bounds:expr;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$of])* pub $field: f64,)+ }

        impl $name {
            /// No number is there yet.
            const UNSET: Self = Self { $($field: f64::NAN,)+ };

            fn visit(&mut self, section: &str, visit: &mut Visit<'_>) {
                $(visit(&format!("{section}.{}", stringify!($field)), &mut self.$field, $bounds);)+
            }
        }
    };
}

section! {
    /// How likely a CVE is exploited somewhere.
    Exploitation {
        /// Of one that CISA's catalogue lists.
        kev: SHARE;
        /// 1: NIST's LEV counts too.
        use_lev: SWITCH;
    }
}

section! {
    /// What an attack needs.
    Vector {
        /// A network.
        network: SHARE;
        /// The same link.
        adjacent: SHARE;
        /// An account, or a user who opens something.
        local: SHARE;
        /// A hand on the device.
        physical: SHARE;
        /// Times this for a service that was never seen answering.
        service_not_seen: SHARE;
    }
}

section! {
    /// How surely a CVE applies.
    Applicability {
        /// Stated for this exact version.
        affected: SHARE;
        /// The exact version lies in a range.
        exact: SHARE;
        /// The model matches; the version is unknown.
        model: SHARE;
        /// The build matches; the patch level is unknown.
        build: SHARE;
        /// The family matches.
        family: SHARE;
        /// From here on a match counts in the low score.
        low_from: THRESHOLD;
        /// From here on a match counts in the score.
        score_from: THRESHOLD;
    }
}

section! {
    /// From where a device can be reached.
    ReachWeights {
        /// It answered a connection from a public address.
        answered_public: SHARE;
        /// It talks to the internet.
        talks_public: SHARE;
        /// It was reached from a guest or user segment.
        from_user_segment: SHARE;
        /// It shares a VLAN with plain IT.
        shares_vlan_with_it: SHARE;
        /// Declared isolated, and only its gateway was seen.
        isolated: SHARE;
        /// Only approved peers for 30 days.
        approved_only: SHARE;
        /// None of these.
        other: SHARE;
        /// At least this where too little was seen.
        unknown: SHARE;
    }
}

section! {
    /// What each key property weighs in the impact.
    ImpactWeights {
        /// Safety of patients.
        safety: SHARE;
        /// Effectiveness of care.
        effectiveness: SHARE;
        /// Confidentiality of patient data.
        data: SHARE;
    }
}

section! {
    /// Safety of patients by what the FDA says.
    Safety {
        /// Class I.
        class_1: GRADE;
        /// Class II.
        class_2: GRADE;
        /// Class III.
        class_3: GRADE;
        /// At least, for what sustains or supports life.
        life_sustaining: GRADE;
        /// At least, for what programs implants.
        programs_implants: GRADE;
        /// At least, for what delivers therapy.
        delivers_therapy: GRADE;
        /// At least, for what raises alarms about a patient.
        alarms: GRADE;
        /// At least, for the ventilation of a critical room.
        critical_room: GRADE;
    }
}

section! {
    /// How much care depends on a device.
    Effectiveness {
        /// What the service weighs.
        service: SHARE;
        /// What the utilisation weighs.
        utilisation: SHARE;
        /// What it weighs that nothing else could take over.
        slack: SHARE;
        /// Tenfold increases of dependants until a server's service is 1.
        dependants_decades: DECADES;
        /// Utilisation out of sight.
        unseen_utilisation: SHARE;
        /// Slack out of sight.
        unseen_slack: SHARE;
        /// At least, for the ventilation of a critical room.
        critical_room_service: SHARE;
        /// At least, where the site calls the device critical.
        critical_service: SHARE;
        /// At least, where the site calls its criticality high.
        high_service: SHARE;
        /// At least, where the site calls its criticality medium.
        medium_service: SHARE;
    }
}

section! {
    /// How sensitive the patient data of a device is.
    DataWeights {
        /// No protocol that carries any was seen.
        none: GRADE;
        /// It transmits some.
        transmits: GRADE;
        /// It stores and transmits some.
        stores: GRADE;
        /// In addition, where somebody logged on with privileges over the domain.
        privileged_logon: GRADE;
    }
}

section! {
    /// What is assumed of a device of which too little is known.
    NotAssessed {
        /// Its likelihood in the high score.
        likelihood: SHARE;
    }
}

section! {
    /// What compensating controls change.
    ControlFactors {
        /// Reach is at most this.
        segmentation: SHARE;
        /// Exploitation of the listed CVEs times this.
        virtual_patch: SHARE;
        /// The vector of the service is at most this.
        proxy: SHARE;
    }
}

section! {
    /// Where the levels of likelihood begin.
    LikelihoodLevels {
        /// Low.
        low: THRESHOLD;
        /// Moderate.
        moderate: THRESHOLD;
        /// High.
        high: THRESHOLD;
        /// Very high.
        very_high: THRESHOLD;
    }
}

section! {
    /// Where the levels of impact begin.
    ImpactLevels {
        /// Low.
        low: GRADE_THRESHOLD;
        /// Moderate.
        moderate: GRADE_THRESHOLD;
        /// High.
        high: GRADE_THRESHOLD;
        /// Very high.
        very_high: GRADE_THRESHOLD;
    }
}

section! {
    /// Days of the clocks.
    ClockDays {
        /// The shortest.
        urgent_days: DAYS;
        /// The middle one.
        soon_days: DAYS;
        /// The longest.
        later_days: DAYS;
    }
}

section! {
    /// Where SSVC's levels of impact begin.
    SsvcLevels {
        /// Safety: marginal.
        marginal: GRADE_THRESHOLD;
        /// Safety: critical.
        critical: GRADE_THRESHOLD;
        /// Safety: catastrophic.
        catastrophic: GRADE_THRESHOLD;
        /// Mission: support is crippled.
        support_crippled: GRADE_THRESHOLD;
        /// Mission: an essential function fails.
        essential_function: GRADE_THRESHOLD;
        /// Mission: it fails.
        mission_failure: GRADE_THRESHOLD;
    }
}

section! {
    /// What is known of a device by its kind.
    Kind {
        /// Safety of patients.
        safety: GRADE;
        /// How much care hangs on its service.
        service: SHARE;
        /// Sensitivity of its data.
        data: GRADE;
    }
}

/// The findings that are signs of an attack. All others are weaknesses.
pub const THREATS: &[FindingId] = &[
    FindingId::IndicatorContact,
    FindingId::LateralAdministration,
    FindingId::Scanning,
    FindingId::NewPeer,
];

/// Findings that show one cause, where they show it in the same protocol: the largest counts.
pub const CAUSES: &[&[FindingId]] = &[
    &[
        FindingId::CleartextCredential,
        FindingId::DefaultCredential,
        FindingId::TelnetLogin,
        FindingId::FtpLogin,
    ],
    &[FindingId::GatewayAnomaly, FindingId::AddressConflict],
];

/// The weight of every finding.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingWeights {
    /// By number.
    weights: Vec<f64>,
    threats: bool,
}

impl FindingWeights {
    fn unset(threats: bool) -> Self {
        let numbers = FindingId::ALL.iter().map(|id| usize::from(id.number()));
        let mut weights = vec![0.0; numbers.max().map_or(0, |last| last + 1)];
        for id in Self::ids(threats) {
            if let Some(weight) = weights.get_mut(usize::from(id.number())) {
                *weight = f64::NAN;
            }
        }
        Self { weights, threats }
    }

    fn ids(threats: bool) -> impl Iterator<Item = FindingId> {
        let all = FindingId::ALL.iter().copied();
        all.filter(move |id| THREATS.contains(id) == threats)
    }

    /// The weight of a finding, 0–1.
    pub fn of(&self, id: FindingId) -> f64 {
        let weight = self.weights.get(usize::from(id.number()));
        weight.copied().unwrap_or_default()
    }

    fn visit(&mut self, section: &str, visit: &mut Visit<'_>) {
        for id in Self::ids(self.threats) {
            if let Some(weight) = self.weights.get_mut(usize::from(id.number())) {
                visit(&format!("{section}.{}", id.name()), weight, SHARE);
            }
        }
    }
}

/// What is known of devices by their kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Kinds(Vec<Kind>);

impl Kinds {
    fn unset() -> Self {
        let numbers = Category::ALL.iter().map(|one| usize::from(one.number()));
        Self(vec![Kind::UNSET; numbers.max().map_or(0, |last| last + 1)])
    }

    /// What is known of a kind.
    pub fn of(&self, category: Category) -> &Kind {
        /// Of a kind that the table does not hold: the worst.
        const WORST: Kind = Kind {
            safety: 10.0,
            service: 1.0,
            data: 10.0,
        };
        self.0
            .get(usize::from(category.number()))
            .unwrap_or(const { &WORST })
    }

    fn visit(&mut self, section: &str, visit: &mut Visit<'_>) {
        for category in Category::ALL {
            if let Some(kind) = self.0.get_mut(usize::from(category.number())) {
                kind.visit(&format!("{section}.{}", category.name()), visit);
            }
        }
    }
}

/// Every number of the risk model.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Policy {
    pub exploitation: Exploitation,
    pub vector: Vector,
    pub applicability: Applicability,
    pub reach: ReachWeights,
    pub posture: FindingWeights,
    pub threat: FindingWeights,
    /// Days in which half of the weight of a closed threat is gone.
    pub half_life_days: f64,
    pub impact: ImpactWeights,
    pub safety: Safety,
    pub effectiveness: Effectiveness,
    pub data: DataWeights,
    pub not_assessed: NotAssessed,
    pub control: ControlFactors,
    pub likelihood_level: LikelihoodLevels,
    pub impact_level: ImpactLevels,
    pub clock: ClockDays,
    pub ssvc: SsvcLevels,
    pub category: Kinds,
}

impl Policy {
    fn unset() -> Self {
        Self {
            exploitation: Exploitation::UNSET,
            vector: Vector::UNSET,
            applicability: Applicability::UNSET,
            reach: ReachWeights::UNSET,
            posture: FindingWeights::unset(false),
            threat: FindingWeights::unset(true),
            half_life_days: f64::NAN,
            impact: ImpactWeights::UNSET,
            safety: Safety::UNSET,
            effectiveness: Effectiveness::UNSET,
            data: DataWeights::UNSET,
            not_assessed: NotAssessed::UNSET,
            control: ControlFactors::UNSET,
            likelihood_level: LikelihoodLevels::UNSET,
            impact_level: ImpactLevels::UNSET,
            clock: ClockDays::UNSET,
            ssvc: SsvcLevels::UNSET,
            category: Kinds::unset(),
        }
    }

    /// Goes through every number. What `visit` sets must lie within the bounds.
    fn visit(&mut self, visit: &mut Visit<'_>) {
        self.exploitation.visit("exploitation", visit);
        self.vector.visit("vector", visit);
        self.applicability.visit("applicability", visit);
        self.reach.visit("reach", visit);
        self.posture.visit("posture", visit);
        self.threat.visit("threat", visit);
        visit("threat.half_life_days", &mut self.half_life_days, DAYS);
        self.impact.visit("impact", visit);
        self.safety.visit("safety", visit);
        self.effectiveness.visit("effectiveness", visit);
        self.data.visit("data", visit);
        self.not_assessed.visit("not_assessed", visit);
        self.control.visit("control", visit);
        self.likelihood_level.visit("likelihood_level", visit);
        self.impact_level.visit("impact_level", visit);
        self.clock.visit("clock", visit);
        self.ssvc.visit("ssvc", visit);
        self.category.visit("category", visit);
    }

    /// Every number with its name, in the order of the file.
    pub fn numbers(&self) -> Vec<(String, f64, Bounds)> {
        let mut numbers = Vec::new();
        let mut own = self.clone();
        own.visit(&mut |name, number, bounds| numbers.push((name.to_owned(), *number, bounds)));
        numbers
    }

    /// What tells it from others: a hash of every number.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (name, number, _) in self.numbers() {
            hash.update(format!("{name} = {number}\n"));
        }
        let digest = hash.finalize();
        digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The same policy with one number times `factor`, held within its bounds; `None` where there
    /// is no such number.
    pub fn scaled(&self, name: &str, factor: f64) -> Option<Self> {
        let mut other = self.clone();
        let mut found = false;
        other.visit(&mut |key, number, bounds| {
            if key == name {
                *number = (*number * factor).clamp(bounds.min, bounds.max);
                found = true;
            }
        });
        found.then_some(other)
    }
}
