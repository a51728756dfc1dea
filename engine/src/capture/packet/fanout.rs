//! The kernel program that chooses which worker's socket gets a frame: the same steering as
//! everywhere, on the innermost address pair. It is needed by more than one worker alone.

use std::error::Error;
use std::io;
use std::os::fd::BorrowedFd;

use aya::programs::{ProgramError, SocketFilter};
use aya::{Ebpf, EbpfLoader};

use super::sys;
use crate::capture::xdp::OBJECT;

/// The program's name in the object.
const NAME: &str = "medtap_fanout";

/// The program, in the kernel as long as this or a group that uses it.
pub(super) struct Program {
    object: Ebpf,
}

impl Program {
    /// Loads the program for so many workers. The error says what the kernel said.
    pub(super) fn load(workers: usize) -> Result<Self, String> {
        let workers = u32::try_from(workers).unwrap_or(u32::MAX);
        let mut loader = EbpfLoader::new();
        let loaded = loader
            .override_global("workers", &workers, true)
            .load(OBJECT);
        let mut object = loaded.map_err(|error| told(&error))?;
        let program = object
            .program_mut(NAME)
            .ok_or("the object lacks the program")?;
        let program: &mut SocketFilter = program
            .try_into()
            .map_err(|error: ProgramError| told(&error))?;
        program.load().map_err(|error| told(&error))?;
        Ok(Self { object })
    }

    /// Lets the program choose in the group of this socket.
    pub(super) fn choose_for(&self, socket: BorrowedFd<'_>) -> Result<(), String> {
        let program = self
            .object
            .program(NAME)
            .ok_or("the object lacks the program")?;
        let program: &SocketFilter = program
            .try_into()
            .map_err(|error: ProgramError| told(&error))?;
        let program = program.fd().map_err(|error| told(&error))?;
        let refused = |error| format!("the kernel refuses the steering program: {error}");
        sys::choose_by(socket, program).map_err(refused)
    }
}

/// What went wrong, down to its ground. Most often a right is missing.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(ground) = last.source() {
        last = ground;
    }
    let system = last
        .downcast_ref::<io::Error>()
        .and_then(io::Error::raw_os_error);
    if matches!(system, Some(libc::EPERM | libc::EACCES)) {
        let needs = "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN";
        return format!("loading the steering program needs {needs}");
    }
    format!("loading the steering program: {last}")
}
