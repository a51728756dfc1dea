//! What a measurement ran on, for its report: processor, kernel, version. It finds out nothing that
//! names a person or a place.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// The commit that the program was built from, where the build was told.
const COMMIT: Option<&str> = option_env!("MEDTAP_COMMIT");

/// The machine and the program.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// Model of the processors.
    pub processor: String,
    /// How many there are.
    pub processors: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The program's version, with its commit where that is known.
    pub version: String,
}

impl Host {
    /// This machine.
    pub fn here() -> Self {
        let text = read(Path::new("/proc/cpuinfo"));
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let model = lines.clone().find(|(name, _)| name.trim() == "model name");
        let version = env!("CARGO_PKG_VERSION");
        Self {
            processor: model
                .map_or("unknown processor", |(_, name)| name.trim())
                .to_owned(),
            processors: lines
                .by_ref()
                .filter(|(name, _)| name.trim() == "processor")
                .count(),
            kernel: read(Path::new("/proc/sys/kernel/osrelease")),
            version: match COMMIT {
                Some(commit) => format!("{version} ({commit})"),
                None => version.to_owned(),
            },
        }
    }
}

/// One line for people.
impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            processor,
            processors,
            kernel,
            version,
        } = self;
        write!(
            f,
            "{processor}, {processors} processors, Linux {kernel}, medtap {version}"
        )
    }
}

/// A file of /proc or /sys without its last newline; "unknown" where there is none.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_processors_and_a_kernel() {
        let host = Host::here();
        assert!(host.processors > 0 && host.kernel.contains('.'), "{host}");
        assert!(
            host.version.starts_with(env!("CARGO_PKG_VERSION")),
            "{host}"
        );
        assert_eq!(read(Path::new("/proc/no/such/file")), "unknown");
    }
}
