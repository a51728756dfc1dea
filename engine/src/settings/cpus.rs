//! Lists of cpus (`2-5,8`), and which of them this process may use. It pins nothing.

use std::path::Path;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use super::error::{Place, SettingsError};
use crate::nic::numa::spell;

/// More than Linux counts on any machine of today; bounds what a list may grow to.
const CPUS_MAX: u16 = 8192;

/// The cpus that this process may run on.
#[derive(Clone, Debug)]
pub struct Allowed {
    cpus: Vec<u16>,
}

impl Allowed {
    /// Asks the kernel.
    pub fn of_this_process() -> Result<Self, SettingsError> {
        let set =
            sched_getaffinity(Pid::from_raw(0)).map_err(|error| SettingsError::NoAffinity {
                cause: error.desc(),
            })?;
        let cpus = (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false));
        Ok(Self::new(
            cpus.filter_map(|cpu| u16::try_from(cpu).ok()).collect(),
        ))
    }

    /// A machine as a test wants it.
    pub fn new(cpus: Vec<u16>) -> Self {
        Self { cpus }
    }

    /// The first of `cpus` that may not be used is an error; `key` is where they were given.
    ///
    /// # Errors
    ///
    /// Which one, and those that may be used.
    pub fn check(&self, cpus: &[u16], key: &'static str) -> Result<(), SettingsError> {
        let Some(&cpu) = cpus.iter().find(|cpu| !self.cpus.contains(cpu)) else {
            return Ok(());
        };
        let allowed = spell(&self.cpus);
        let exists = Path::new(&format!("/sys/devices/system/cpu/cpu{cpu}")).exists();
        Err(if exists {
            SettingsError::ForbiddenCpu { key, cpu, allowed }
        } else {
            SettingsError::NoSuchCpu { key, cpu, allowed }
        })
    }
}

/// Reads `2-5,8`. An empty list is an error: leaving the key out says the same more clearly.
pub(super) fn parse(
    list: &str,
    key: &'static str,
    place: &Place,
) -> Result<Vec<u16>, SettingsError> {
    let malformed = || SettingsError::CpuList {
        place: place.clone(),
        key,
        list: list.chars().take(80).collect(),
    };
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first = number(first).ok_or_else(malformed)?;
        let last = number(last).ok_or_else(malformed)?;
        if first > last {
            return Err(malformed());
        }
        for cpu in first..=last {
            push(&mut cpus, cpu, key, place)?;
        }
    }
    Ok(cpus)
}

/// Adds one cpu, unless it is there.
pub(super) fn push(
    cpus: &mut Vec<u16>,
    cpu: u16,
    key: &'static str,
    place: &Place,
) -> Result<(), SettingsError> {
    if cpus.contains(&cpu) {
        let place = place.clone();
        return Err(SettingsError::DuplicateCpu { place, key, cpu });
    }
    cpus.push(cpu);
    Ok(())
}

fn number(text: &str) -> Option<u16> {
    let text = text.trim();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|cpu| *cpu < CPUS_MAX);
    number.filter(|_| digits)
}
