//! TPACKET_V3: the way to receive where AF_XDP is not to be had. It sends nothing, and shows no
//! frame that this machine sends.

mod fanout;
mod port;
mod ring;
mod sys;
#[cfg(test)]
mod tests;
mod walk;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

pub use port::Port;
use ring::Ring;
use sys::Geometry;

use crate::config::SHARDS;
use crate::nic;

/// The smallest block: what the kernel has merged before us is up to 64 KiB long, and must fit.
pub const BLOCK_BYTES_MIN: u32 = 128 * 1024;

/// Blocks are whole pages, of whatever size up to this.
const PAGE_BYTES: u32 = 64 * 1024;

/// What of a block a frame can't have: the heads of the block and of the frame, and room before it.
const BLOCK_OVERHEAD_BYTES: usize = 256;

/// A block that is not full is handed over after this. With fewer, a worker that stalls has its
/// ring filled by time and not by frames.
const BLOCK_TIMEOUT_MS: u32 = 8;

/// What is to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The interface's name.
    pub interface: &'a str,
    /// Its place in the configuration: the number that its frames carry.
    pub place: u16,
    /// How many workers share its frames.
    pub workers: usize,
    /// Bytes of a block, rounded up to whole pages and [`BLOCK_BYTES_MIN`].
    pub block_bytes: u32,
    /// Blocks of each worker's ring.
    pub blocks: u32,
}

/// An interface that is listened to.
#[derive(Debug)]
pub struct Opened {
    /// One for each worker, in order.
    pub ports: Vec<Port>,
    /// The largest payload of the interface's frames, in bytes.
    pub mtu: u32,
}

/// Why an interface can't be listened to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none of this name.
    #[error("there is no interface {interface}; `ip link` lists those that this machine has")]
    NoInterface {
        /// The name.
        interface: String,
    },
    /// Its frames begin with something else.
    #[error("{interface} is no Ethernet interface; a mirror port is")]
    NotEthernet {
        /// The name.
        interface: String,
    },
    /// Nothing to be opened, or too much.
    #[error("{workers} workers can't listen to {interface}; 1 to {SHARDS} can")]
    Workers {
        /// The name.
        interface: String,
        /// How many were asked for.
        workers: usize,
    },
    /// The process may not.
    #[error(
        "may not listen to {interface}: a packet socket needs CAP_NET_RAW; run as root or give \
         the program that capability"
    )]
    Privilege {
        /// The name.
        interface: String,
    },
    /// No memory for the rings.
    #[error(
        "no memory for {mib} MiB of rings on {interface}; ask for fewer or smaller blocks, or \
         fewer workers"
    )]
    Memory {
        /// The name.
        interface: String,
        /// All rings together.
        mib: u64,
    },
    /// The kernel's steering can't be had.
    #[error(
        "frames of {interface} can't be shared among workers: {cause}; with one worker that is \
         not needed"
    )]
    Fanout {
        /// The name.
        interface: String,
        /// What the loader or the system said.
        cause: String,
    },
    /// The system refused in another way.
    #[error("can't listen to {interface}: {step} is refused: {source}; Linux 5.15 or later can")]
    System {
        /// The name.
        interface: String,
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens a ring for each worker. With one worker no BPF is needed, and no other capability than
/// CAP_NET_RAW.
///
/// # Errors
///
/// A sentence with a remedy; then nothing is left open.
pub fn open(ask: Ask<'_>) -> Result<Opened, OpenError> {
    let interface = ask.interface;
    if !(1..=SHARDS).contains(&ask.workers) {
        return Err(OpenError::Workers {
            interface: interface.to_owned(),
            workers: ask.workers,
        });
    }
    let no_interface = |_| OpenError::NoInterface {
        interface: interface.to_owned(),
    };
    let index = nic::index(interface).map_err(no_interface)?;
    let mtu = nic::mtu(interface).map_err(no_interface)?;
    if !nic::is_ethernet(interface).map_err(no_interface)? {
        return Err(OpenError::NotEthernet {
            interface: interface.to_owned(),
        });
    }
    let geometry = Geometry {
        block_bytes: ask
            .block_bytes
            .clamp(BLOCK_BYTES_MIN, 1 << 30)
            .next_multiple_of(PAGE_BYTES),
        blocks: ask.blocks.max(2),
        timeout_ms: BLOCK_TIMEOUT_MS,
    };
    let opener = Opener {
        ask,
        index,
        geometry,
    };
    if opener.ring_bytes() > room_bytes() {
        return Err(opener.no_memory());
    }
    // First all sockets, each of which sees nothing yet: else frames of the first moments would
    // come to every worker.
    let made: Result<Vec<_>, _> = (0..ask.workers).map(|_| opener.socket()).collect();
    let made = made?;
    if ask.workers > 1 {
        opener.share(&made)?;
    }
    let port = |(ring, socket)| Port::new(ring, socket, ask.place);
    for (_, socket) in &made {
        sys::unblock(socket.as_fd()).map_err(|error| opener.error("the first frame", error))?;
    }
    Ok(Opened {
        ports: made.into_iter().map(port).collect(),
        mtu,
    })
}

/// The memory that rings may take: half of what the machine has left. The kernel reserves rings
/// page by page, and would end other programs before it said that there is no more.
fn room_bytes() -> u64 {
    let list = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    available_bytes(&list).map_or(u64::MAX, |bytes| bytes / 2)
}

fn available_bytes(list: &str) -> Option<u64> {
    let line = list
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

/// What all sockets of an interface have in common.
struct Opener<'a> {
    ask: Ask<'a>,
    index: u32,
    geometry: Geometry,
}

impl Opener<'_> {
    /// A socket with its ring, bound, that sees nothing yet.
    fn socket(&self) -> Result<(Ring, OwnedFd), OpenError> {
        let step = |step| move |error| self.error(step, error);
        let socket = sys::open().map_err(step("a packet socket"))?;
        let to = socket.as_fd();
        sys::ignore_outgoing(to).map_err(step("to ignore what is sent"))?;
        sys::ring(to, self.geometry, walk::TAG_BYTES as u32).map_err(step("a ring"))?;
        let ring = Ring::map(to, self.geometry).map_err(step("to map the ring"))?;
        sys::block(to).map_err(step("a filter"))?;
        sys::bind(to, self.index).map_err(step("to bind"))?;
        Ok((ring, socket))
    }

    /// Joins the sockets in one group, in the order of the workers: the program's result is the
    /// place in that order.
    fn share(&self, made: &[(Ring, OwnedFd)]) -> Result<(), OpenError> {
        let fanout = |cause| OpenError::Fanout {
            interface: self.ask.interface.to_owned(),
            cause,
        };
        let refused = |error: io::Error| fanout(format!("the kernel refuses the group: {error}"));
        let Some(((_, first), others)) = made.split_first() else {
            return Ok(());
        };
        let program = fanout::Program::load(made.len()).map_err(fanout)?;
        let group = sys::found_group(first.as_fd()).map_err(refused)?;
        for (_, socket) in others {
            sys::join_group(socket.as_fd(), group).map_err(refused)?;
        }
        // The group keeps the program from here on.
        program.choose_for(first.as_fd()).map_err(fanout)
    }

    /// All rings together.
    fn ring_bytes(&self) -> u64 {
        let Geometry {
            block_bytes,
            blocks,
            ..
        } = self.geometry;
        u64::from(block_bytes)
            .saturating_mul(u64::from(blocks))
            .saturating_mul(self.ask.workers as u64)
    }

    fn no_memory(&self) -> OpenError {
        let interface = self.ask.interface.to_owned();
        OpenError::Memory {
            interface,
            mib: self.ring_bytes() >> 20,
        }
    }

    fn error(&self, step: &'static str, source: io::Error) -> OpenError {
        let interface = self.ask.interface.to_owned();
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => OpenError::Privilege { interface },
            Some(libc::ENODEV | libc::ENXIO) => OpenError::NoInterface { interface },
            Some(libc::ENOMEM | libc::ENOBUFS) => self.no_memory(),
            _ => OpenError::System {
                interface,
                step,
                source,
            },
        }
    }
}
