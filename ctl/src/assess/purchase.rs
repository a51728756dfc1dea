//! `medtap risk model`: the risk that a model would bring, before it is bought, from its
//! manufacturer's answers (MDS2) and the bill of its software. It knows no device.

use std::path::PathBuf;

use medtap_risk::feeds::Feeds;
use medtap_risk::matching::Matcher;
use medtap_risk::model::{Model, ModelRisk, model_risk};
use medtap_risk::score::Exploit;
use medtap_risk::subject::{Component, ComponentKind};
use medtap_table::vocabulary::Category;

use super::Basis;
use crate::arguments::RiskModel;
use crate::failure::{Exit, Failure};
use crate::live;
use crate::render::{self, Cell, Grid, GridOutput, Look, several};

/// CVEs that are told of one model.
const CVES_MAX: usize = 20;

/// Judges a model.
pub fn run(command: &RiskModel, exit: &mut Exit) -> Result<(), Failure> {
    let basis = Basis::read(&command.judging, exit)?;
    let files: Vec<PathBuf> = [&command.mds2, &command.sbom]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if files.is_empty() {
        return Err(Failure::new(
            "nothing is known of the model; expected --mds2 FILE, --sbom FILE or both",
        ));
    }
    let told = Feeds::read(&files).map_err(|error| Failure::new(error.to_string()))?;
    if let Some(refused) = told.refused.first() {
        let fault = format!("{}: {}", refused.path, refused.refusal);
        return Err(Failure::new(fault));
    }
    check(command, &told)?;
    let model = model(command, &told, &basis);
    let as_of = command.as_of.unwrap_or_else(live::now_ns);
    let risk = model_risk(&model, &basis.policy, as_of);
    show(command, &model, &risk)
}

/// Each file must be what its option says.
fn check(command: &RiskModel, told: &Feeds) -> Result<(), Failure> {
    let fault = |path: &PathBuf, what: &str| {
        let name = path.display();
        Err(Failure::new(format!("{name}: is no {what}")))
    };
    match (&command.mds2, &command.sbom) {
        (Some(path), _) if told.mds2.is_empty() => fault(path, "MDS2 form (CSV or JSON)"),
        (_, Some(path)) if told.sboms.is_empty() => fault(path, "bill (CycloneDX or SPDX JSON)"),
        _ => Ok(()),
    }
}

fn model(command: &RiskModel, told: &Feeds, basis: &Basis) -> Model {
    let (form, bill) = (told.mds2.first(), told.sboms.first());
    let vendor = form
        .map(|form| form.manufacturer.clone())
        .or_else(|| bill?.of.vendor.clone());
    let product = form
        .map(|form| form.model.clone())
        .or_else(|| bill.map(|bill| bill.of.name.clone()))
        .unwrap_or_default();
    let version = bill.and_then(|bill| bill.of.version.clone());
    let mut components = vec![Component {
        kind: ComponentKind::Device,
        vendor: vendor.clone(),
        product: product.clone(),
        version,
        build: None,
        field: "model".to_owned(),
        raw: product.clone(),
        seen: (0, 0),
        confidence: 100,
    }];
    components.extend(bill.iter().flat_map(|bill| bill.components((0, 0))));
    let found = Matcher::new(&basis.feeds).matches(&components);
    let exploits: Vec<Exploit> = found.iter().filter_map(|found| found.exploit()).collect();
    let mut answers = form.map(|form| form.to_answers()).unwrap_or_default();
    if bill.is_some() {
        answers.sbom = Some(true);
    }
    let name = [vendor.unwrap_or_default(), product].join(" ");
    Model {
        name: name.trim().to_owned(),
        category: command.category.unwrap_or(Category::MedicalOther),
        fda: None,
        answers,
        components,
        exploits,
    }
}

fn show(command: &RiskModel, model: &Model, risk: &ModelRisk) -> Result<(), Failure> {
    let rows = risk.places.iter().map(|(place, assessment)| -> Vec<Cell> {
        let driver = assessment.drivers.first();
        vec![
            place.words().into(),
            assessment.score.into(),
            assessment.low.into(),
            assessment.high.into(),
            assessment.band.map(|band| band.name()).into(),
            driver.map(|driver| driver.name.as_str()).into(),
        ]
    });
    let grid = Grid {
        name: "model",
        columns: vec!["place", "score", "low", "high", "band", "driver"],
        rows: rows.collect(),
    };
    let look = Look::of_stdout();
    render::print(|out| {
        if command.output == GridOutput::Table {
            let kind = model.category.name().replace('_', " ");
            writeln!(out, "{} ({kind})\n", render::clean(&model.name))?;
        }
        grid.write(command.output, look, out)?;
        if command.output == GridOutput::Table {
            writeln!(out)?;
            notes(model, risk)
                .iter()
                .try_for_each(|note| writeln!(out, "{}", render::clean(note)))?;
        }
        Ok(())
    })
}

fn notes(model: &Model, risk: &ModelRisk) -> Vec<String> {
    let bill = model.components.len().saturating_sub(1) as u64;
    let mut cves: Vec<&str> = model
        .exploits
        .iter()
        .map(|exploit| exploit.cve.as_str())
        .collect();
    cves.sort_unstable();
    cves.dedup();
    let mut notes = vec![format!(
        "{} in the bill, {} matched",
        several(bill, "component"),
        several(cves.len() as u64, "CVE")
    )];
    let exploited: Vec<&str> = model
        .exploits
        .iter()
        .filter(|exploit| exploit.in_kev)
        .map(|exploit| exploit.cve.as_str())
        .take(CVES_MAX)
        .collect();
    if !exploited.is_empty() {
        notes.push(format!("known to be exploited: {}", exploited.join(", ")));
    }
    if risk.unanswered > 0 {
        let questions = several(risk.unanswered as u64, "question");
        notes.push(format!(
            "{questions} without an answer, each taken for the worse"
        ));
    }
    notes.extend(
        risk.concerns
            .iter()
            .map(|concern| format!("before buying: {concern}")),
    );
    notes
}
