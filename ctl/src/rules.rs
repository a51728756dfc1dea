//! `medtap rules`: looks at a folder of rules, explains one, takes over recog's fingerprints. The
//! rules themselves are read and judged in `medtap-rules`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use medtap_rules::{Check, Count, Explained, Imported, RuleError, Rules};

use crate::arguments::EXIT_CODES;
use crate::failure::{Code, Exit, Failure};
use crate::render::{self, clean, several};

/// How `medtap rules check` ends.
const CHECK_CODES: &str = "\
Exit codes:
  0  the folder can be used
  1  rules get in each other's way
  2  it has faults, and nothing of it would be loaded
  5  not permitted";

/// The commands about rules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at a folder of rules: faults, conflicts, and what is covered
    #[command(after_help = CHECK_CODES)]
    Check(CheckArguments),
    /// Show a rule: what it knows and gives, where it comes from, what it replaces
    #[command(after_help = EXIT_CODES)]
    Explain(ExplainArguments),
    /// Make rules of another collection
    #[command(subcommand)]
    Import(Import),
}

/// `medtap rules check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The folder (.toml), over the rules that ship
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// `medtap rules explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The rule's number
    #[arg(value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    pub id: u32,
    /// Folder with rules of your own (.toml), over those that ship
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
}

/// What can be imported.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Recog's fingerprints (XML): runs their examples and says what is left out, and why
    #[command(after_help = EXIT_CODES)]
    Recog(Recog),
    /// TCP signatures of p0f, version 3: says which lines are left out, and why
    #[command(after_help = EXIT_CODES)]
    P0f(P0f),
}

/// `medtap rules import recog`.
#[derive(Debug, Args)]
pub struct Recog {
    /// The folder with recog's files (.xml)
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where the rules go
    #[command(flatten)]
    pub target: Target,
}

/// `medtap rules import p0f`.
#[derive(Debug, Args)]
pub struct P0f {
    /// The file with the signatures (p0f.fp)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where the rules go
    #[command(flatten)]
    pub target: Target,
}

/// What becomes of imported rules.
#[derive(Debug, Args)]
pub struct Target {
    /// Folder with rules of your own, where the rules are written, for --rules [default: nothing
    /// is written]
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// Name every fingerprint that is left out
    #[arg(long)]
    pub skipped: bool,
}

/// Runs one of them.
pub fn run(command: &Command, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        Command::Check(arguments) => check(&arguments.folder, exit),
        Command::Explain(arguments) => explain(arguments),
        Command::Import(Import::Recog(recog)) => {
            import(medtap_rules::recog(&recog.folder), &recog.target)
        }
        Command::Import(Import::P0f(p0f)) => import(medtap_rules::p0f(&p0f.file), &p0f.target),
    }
}

fn check(folder: &Path, exit: &mut Exit) -> Result<(), Failure> {
    let check = Rules::check(folder).map_err(|error| Failure::rules(&error))?;
    for fault in &check.faults {
        exit.report(&Failure::rules(fault));
    }
    if !check.conflicts.is_empty() {
        exit.note(Code::Matched);
    }
    render::print(|out| write_check(folder, &check, out))
}

fn write_check(folder: &Path, check: &Check, out: &mut dyn Write) -> std::io::Result<()> {
    for conflict in &check.conflicts {
        writeln!(out, "{}", clean(&conflict.to_string()))?;
    }
    let replaced: Vec<String> = check.replaced.iter().map(u32::to_string).collect();
    write!(out, "{} in the folder", several(check.local as u64, "rule"))?;
    match replaced.is_empty() {
        true => writeln!(out, ", none in the place of one that ships")?,
        false => writeln!(
            out,
            ", in the place of those that ship: {}",
            replaced.join(", ")
        )?,
    }
    let head = verdict(folder, check, out)?;
    let coverage = &check.coverage;
    writeln!(out, "\n{head:37} confirmed unconfirmed")?;
    line(out, "rules", coverage.rules)?;
    line(out, "of clinical devices and programs", coverage.clinical)?;
    writeln!(
        out,
        "\n{:37} {:>9}",
        "code lists, which are no rules", "codes"
    )?;
    for (name, codes) in &coverage.lists {
        writeln!(out, "  {:35} {codes:9}", clean(name))?;
    }
    let attributes = coverage
        .attributes
        .iter()
        .map(|(name, count)| (*name, *count));
    let categories = coverage
        .categories
        .iter()
        .map(|(name, count)| (&**name, *count));
    let fields = coverage.fields.iter().map(|(name, count)| (*name, *count));
    section(out, "rules that give an attribute", attributes)?;
    section(out, "rules that give a category", categories)?;
    section(out, "rules that read a field", fields)
}

/// Says whether the folder can be used; gives the head of what is in force then.
fn verdict(folder: &Path, check: &Check, out: &mut dyn Write) -> std::io::Result<&'static str> {
    if !check.faults.is_empty() {
        let faults = several(check.faults.len() as u64, "fault");
        writeln!(
            out,
            "{faults}: while there is one, nothing of the folder is loaded"
        )?;
        return Ok("in force once they are mended");
    }
    match check.conflicts.len() as u64 {
        0 => writeln!(out, "no fault, no conflict")?,
        number => writeln!(
            out,
            "no fault, {}; `medtap rules explain ID --rules {}` shows a rule",
            several(number, "conflict"),
            clean(&folder.display().to_string())
        )?,
    }
    Ok("in force with this folder")
}

fn section<'a>(
    out: &mut dyn Write,
    title: &str,
    rows: impl Iterator<Item = (&'a str, Count)>,
) -> std::io::Result<()> {
    writeln!(out, "\n{title}")?;
    for (name, count) in rows {
        line(out, name, count)?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, name: &str, count: Count) -> std::io::Result<()> {
    writeln!(
        out,
        "  {:35} {:9} {:11}",
        clean(name),
        count.confirmed,
        count.unconfirmed
    )
}

fn explain(arguments: &ExplainArguments) -> Result<(), Failure> {
    let folder = arguments.rules.as_deref();
    let id = arguments.id;
    let rule = Rules::explain(folder, id).map_err(|error| Failure::rules(&error))?;
    let Some(rule) = rule else {
        return Err(Failure::new(format!(
            "there is no rule {id}; --output json of a device names the rules behind each value"
        )));
    };
    render::print(|out| write_rule(&rule, out))
}

fn write_rule(rule: &Explained, out: &mut dyn Write) -> std::io::Result<()> {
    let mut say = |name: &str, text: &str| writeln!(out, "  {name:12} {}", clean(text));
    let (kind, key) = &rule.key;
    say("rule", &format!("{}, {}", rule.id, rule.name))?;
    say("file", &rule.file)?;
    if let Some(file) = &rule.replaces {
        say("replaces", &format!("the one that ships in {file}"))?;
    }
    say("reads", &rule.field)?;
    say(kind, key)?;
    for (attribute, text) in &rule.gives {
        say("gives", &format!("{attribute} = {text}"))?;
    }
    if let Some(cpe) = &rule.cpe {
        say("software", cpe)?;
    }
    let doubt = if rule.unconfirmed {
        ", unconfirmed"
    } else {
        ""
    };
    say("confidence", &format!("{}{doubt}", rule.confidence))?;
    say("source", &rule.source)?;
    for value in &rule.matches {
        say("knows", value)?;
    }
    for value in &rule.rejects {
        say("rejects", value)?;
    }
    Ok(())
}

fn import(imported: Result<Imported, RuleError>, target: &Target) -> Result<(), Failure> {
    let imported = imported.map_err(|it| Failure::rules(&it))?;
    if let Some(into) = &target.into {
        let fault =
            |path: &Path, error| Failure::io(format!("{}: {error}", path.display()), &error);
        std::fs::create_dir_all(into).map_err(|error| fault(into, error))?;
        for (name, text) in &imported.files {
            let path = into.join(name);
            std::fs::write(&path, text).map_err(|error| fault(&path, error))?;
        }
        let check = Rules::check(into).map_err(|error| Failure::rules(&error))?;
        if let Some(fault) = check.faults.first() {
            return Err(Failure::rules(fault));
        }
    }
    render::print(|out| write_import(&imported, target, out))
}

fn write_import(imported: &Imported, target: &Target, out: &mut dyn Write) -> std::io::Result<()> {
    let mut reasons = std::collections::BTreeMap::<&str, u64>::new();
    for skipped in &imported.skipped {
        // What stands in quotes or brackets is the one fingerprint's.
        let end = skipped
            .reason
            .find(['"', '(', ':'])
            .unwrap_or(skipped.reason.len());
        let reason = skipped.reason.get(..end).unwrap_or_default().trim_end();
        *reasons.entry(reason).or_default() += 1;
        if target.skipped {
            let (file, name, why) = (&skipped.file, &skipped.description, &skipped.reason);
            writeln!(out, "{file}: {}: {}", clean(name), clean(why))?;
        }
    }
    let rules = several(imported.used as u64, "rule");
    let examples = several(imported.examples as u64, "example");
    writeln!(out, "{rules}, proved by {examples}")?;
    for (reason, number) in reasons {
        writeln!(out, "left out {number:6}: {}", clean(reason))?;
    }
    if let Some(into) = &target.into {
        writeln!(out, "written into {}", clean(&into.display().to_string()))?;
    }
    Ok(())
}
