//! The risk that a model would bring, before it is bought: scored from its manufacturer's answers
//! (MDS2) and the bill of its software, once for each place in the network that it could get. It
//! knows nothing of one device: use and reach are assumed, and said to be.

use medtap_table::vocabulary::{Category, FindingId};

use crate::policy::Policy;
use crate::score::{Assessment, Case, Exploit, assess};
use crate::share::Share;
use crate::subject::{Component, Data, Fda, Finding, Nanoseconds, Reach, Sight, Subject};

/// What the manufacturer answers, as far as the model asks. `None` is no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// It keeps patient data.
    pub stores_patient_data: Option<bool>,
    /// It transmits patient data.
    pub transmits_patient_data: Option<bool>,
    /// What it transmits can be encrypted.
    pub encrypts_transmission: Option<bool>,
    /// Default credentials can be changed.
    pub changes_default_credentials: Option<bool>,
    /// Each user can have an own account.
    pub unique_users: Option<bool>,
    /// Its system and its other software are supported by their makers.
    pub supported_software: Option<bool>,
    /// Fixes can be installed.
    pub installs_fixes: Option<bool>,
    /// It can be serviced over the network.
    pub remote_service: Option<bool>,
    /// Remote service can be switched off, or asks somebody at the device.
    pub controls_remote_service: Option<bool>,
    /// It writes an audit log.
    pub audit_log: Option<bool>,
    /// There is a bill of its software.
    pub sbom: Option<bool>,
}

/// A model that might be bought.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What it is called.
    pub name: String,
    /// What kind of device it is.
    pub category: Category,
    /// What the FDA says of its product code.
    pub fda: Option<Fda>,
    /// The manufacturer's answers.
    pub answers: Answers,
    /// The bill of its software.
    pub components: Vec<Component>,
    /// The CVEs of the bill.
    pub exploits: Vec<Exploit>,
}

/// A place in the network that a device could get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A segment of its own, with its gateway alone.
    Isolated,
    /// Only approved peers.
    ApprovedPeers,
    /// The hospital's network.
    Hospital,
    /// Beside plain IT.
    BesideIt,
    /// It talks to the internet.
    TalksPublic,
    /// It answers the internet.
    AnswersPublic,
}

impl Place {
    /// Every place, the best first.
    pub const ALL: [Self; 6] = [
        Self::Isolated,
        Self::ApprovedPeers,
        Self::Hospital,
        Self::BesideIt,
        Self::TalksPublic,
        Self::AnswersPublic,
    ];

    /// The place in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Isolated => "in a segment of its own, with its gateway alone",
            Self::ApprovedPeers => "where only approved peers reach it",
            Self::Hospital => "in the hospital's network",
            Self::BesideIt => "beside plain IT",
            Self::TalksPublic => "where it talks to the internet",
            Self::AnswersPublic => "where it answers the internet",
        }
    }

    fn reach(self) -> Reach {
        let mut reach = Reach::default();
        match self {
            Self::Isolated => reach.isolated_gateway_only = true,
            Self::ApprovedPeers => reach.approved_only_30_days = true,
            Self::Hospital => {}
            Self::BesideIt => reach.shares_vlan_with_it = true,
            Self::TalksPublic => reach.talks_public = true,
            Self::AnswersPublic => reach.answered_public = true,
        }
        reach
    }
}

/// The risk that a model would bring.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRisk {
    /// Its score in each place, the best first.
    pub places: Vec<(Place, Assessment)>,
    /// What to ask for, or to settle before it is bought.
    pub concerns: Vec<&'static str>,
    /// Questions without an answer: each is taken for the worse.
    pub unanswered: usize,
}

/// The risk that a model would bring.
pub fn model_risk(model: &Model, policy: &Policy, as_of: Nanoseconds) -> ModelRisk {
    let subject = subject(model);
    let places = Place::ALL.map(|place| {
        let placed = Subject {
            reach: place.reach(),
            ..subject.clone()
        };
        let case = Case {
            subject: &placed,
            exploits: &model.exploits,
        };
        (place, assess(case, policy, as_of))
    });
    let concerns = questions(&model.answers).into_iter();
    let concerns = concerns.filter(|(answer, good, _)| *answer != Some(*good));
    ModelRisk {
        places: places.to_vec(),
        concerns: concerns.map(|(.., concern)| concern).collect(),
        unanswered: unanswered(&model.answers),
    }
}

/// A device of the model, as its manufacturer describes it. What it leaves open is the worse.
fn subject(model: &Model) -> Subject {
    let answers = &model.answers;
    let mut subject = Subject::new(model.name.clone(), model.category);
    subject.sight = Sight {
        identified: true,
        assessable: true,
        baseline: false,
        leases: false,
        coverage: Share::ZERO,
    };
    subject.components.clone_from(&model.components);
    subject.fda.clone_from(&model.fda);
    // Nobody saw its use: what is usual for its kind counts.
    subject.usage.obscured = true;
    subject.data = Data {
        transmits: answers.transmits_patient_data != Some(false),
        stores: answers.stores_patient_data == Some(true),
        obscured: answers.stores_patient_data.is_none(),
        ..Data::default()
    };
    let mut weak = |holds: bool, id: FindingId, evidence: &str| {
        if holds {
            subject.findings.push(Finding {
                id,
                confidence: 100,
                evidence: evidence.to_owned(),
                protocol: None,
            });
        }
    };
    weak(
        answers.changes_default_credentials != Some(true) || answers.unique_users != Some(true),
        FindingId::DefaultCredential,
        "the manufacturer does not say that credentials can be changed and are each user's own",
    );
    weak(
        answers.encrypts_transmission != Some(true) && subject.data.transmits,
        FindingId::CleartextClinical,
        "the manufacturer does not say that transmission can be encrypted",
    );
    weak(
        answers.supported_software != Some(true),
        FindingId::EndOfSupport,
        "the manufacturer does not say that its software is supported",
    );
    weak(
        answers.remote_service != Some(false) && answers.controls_remote_service != Some(true),
        FindingId::RemoteAccessTool,
        "the manufacturer does not say that remote service can be controlled",
    );
    subject
}

/// Each question, its good answer, and what to do about another.
fn questions(answers: &Answers) -> [(Option<bool>, bool, &'static str); 7] {
    [
        (
            answers.sbom,
            true,
            "ask for a bill of the software: without it no CVE can be matched",
        ),
        (
            answers.installs_fixes,
            true,
            "settle who installs fixes, and how soon after they are published",
        ),
        (
            answers.supported_software,
            true,
            "settle until when the software inside is supported",
        ),
        (
            answers.changes_default_credentials,
            true,
            "ask that default credentials can be changed",
        ),
        (
            answers.unique_users,
            true,
            "ask that each user can have an own account",
        ),
        (
            answers.encrypts_transmission,
            true,
            "ask that what it transmits can be encrypted",
        ),
        (answers.audit_log, true, "ask for an audit log"),
    ]
}

fn unanswered(answers: &Answers) -> usize {
    let all = [
        answers.stores_patient_data,
        answers.transmits_patient_data,
        answers.encrypts_transmission,
        answers.changes_default_credentials,
        answers.unique_users,
        answers.supported_software,
        answers.installs_fixes,
        answers.remote_service,
        answers.controls_remote_service,
        answers.audit_log,
        answers.sbom,
    ];
    all.iter().filter(|answer| answer.is_none()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Tier;

    fn good() -> Answers {
        Answers {
            stores_patient_data: Some(false),
            transmits_patient_data: Some(true),
            encrypts_transmission: Some(true),
            changes_default_credentials: Some(true),
            unique_users: Some(true),
            supported_software: Some(true),
            installs_fixes: Some(true),
            remote_service: Some(false),
            controls_remote_service: None,
            audit_log: Some(true),
            sbom: Some(true),
        }
    }

    fn pump(answers: Answers) -> Model {
        Model {
            name: "Pump 3".into(),
            category: Category::InfusionPump,
            fda: None,
            answers,
            components: Vec::new(),
            exploits: vec![Exploit {
                cve: "CVE-2020-0001".into(),
                component: 0,
                tier: Tier::Exact,
                epss: Some(Share::MAX),
                lev: None,
                in_kev: false,
                vector: None,
                service: None,
            }],
        }
    }

    fn scores(risk: &ModelRisk) -> Vec<f64> {
        let scores = risk.places.iter().filter_map(|(_, one)| one.score);
        scores.collect()
    }

    #[test]
    fn a_worse_place_is_never_safer() {
        let risk = model_risk(&pump(good()), &Policy::default(), 0);
        let scores = scores(&risk);
        assert_eq!(scores.len(), Place::ALL.len());
        assert!(scores.is_sorted());
        // Reach 0.1, exact version, safety 9.
        assert!((scores[0] - 100.0 * 0.1 * 0.95 * 0.9).abs() < 1e-9);
        assert_eq!(risk.concerns, [""; 0]);
        assert_eq!(risk.unanswered, 1);
    }

    #[test]
    fn no_answer_is_taken_for_the_worse() {
        let policy = Policy::default();
        let silent = model_risk(&pump(Answers::default()), &policy, 0);
        let open = model_risk(&pump(good()), &policy, 0);
        assert_eq!(silent.unanswered, 11);
        assert_eq!(silent.concerns.len(), 7);
        for (silent, open) in scores(&silent).iter().zip(scores(&open)) {
            assert!(*silent > open);
        }
        let mut bad = good();
        bad.changes_default_credentials = Some(false);
        assert!(scores(&model_risk(&pump(bad), &policy, 0))[0] > scores(&open)[0]);
    }
}
