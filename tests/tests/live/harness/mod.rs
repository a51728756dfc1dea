//! What the scenarios stand on: namespaces with real links, programs that end with their test,
//! and the engine as a user starts it. It tests nothing itself.

mod comparison;
mod engine;
mod lab;
mod process;

pub use comparison::same_devices;
pub use engine::{Engine, Reading, analyze, devices, reader};
pub use lab::{FAR, Lab, MONITOR, ip, run};
pub use process::{Process, eventually};

/// What is missing on this machine of what a test needs: the reason why it is not run.
pub fn missing(programs: &[&str]) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root".to_owned());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&folders).collect();
    folders.extend(["/usr/sbin".into(), "/sbin".into()]);
    let is_there = |program: &str| folders.iter().any(|folder| folder.join(program).is_file());
    let always = ["ip", "ethtool"];
    let absent = always.iter().chain(programs).filter(|it| !is_there(it));
    let absent: Vec<&str> = absent.copied().collect();
    (!absent.is_empty()).then(|| format!("needs {}", absent.join(" ")))
}
