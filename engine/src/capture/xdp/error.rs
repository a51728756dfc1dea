//! Why an interface can't be opened: one sentence each, with the remedy. It decides nothing.

use super::needs::WORKERS_MAX;

/// Why an interface can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there.
    #[error("there is no interface {interface}; `ip link` lists those that there are")]
    NoInterface {
        /// Its name.
        interface: String,
    },
    /// Its frames begin with something else.
    #[error("{interface} is no Ethernet interface; a mirror port is")]
    NotEthernet {
        /// Its name.
        interface: String,
    },
    /// Somebody else's program is there.
    #[error(
        "{interface} is in use: another XDP program is attached to it, perhaps of another medtapd; \
         end that, or take the program off (`ip link set {interface} xdp off`)"
    )]
    Busy {
        /// Its name.
        interface: String,
    },
    /// Somebody else's socket is on a queue.
    #[error(
        "{interface} is in use: its queue {queue} has an AF_XDP socket already, perhaps of another \
         medtapd; end the program that has it (`ss --xdp -p` names it)"
    )]
    QueueBusy {
        /// Its name.
        interface: String,
        /// The queue.
        queue: u32,
    },
    /// Rights are missing.
    #[error(
        "opening {interface} needs {missing}; run as root, or give what is missing \
         (AmbientCapabilities= of the systemd unit)"
    )]
    Privilege {
        /// Its name.
        interface: String,
        /// The rights.
        missing: String,
    },
    /// None is missing, and yet it is not permitted.
    #[error(
        "{interface} can't be opened, although no capability is missing: {cause}; a container or \
         a security module forbids it: allow bpf() and AF_XDP there, or run outside of it"
    )]
    Forbidden {
        /// Its name.
        interface: String,
        /// What the kernel said.
        cause: String,
    },
    /// It is not up.
    #[error("{interface} is down; bring it up with `ip link set {interface} up`")]
    Down {
        /// Its name.
        interface: String,
    },
    /// The memory may not be locked.
    #[error(
        "{interface} needs {mebibytes} MiB of memory for frames, which the limit of locked memory \
         does not allow; raise it (`ulimit -l`, LimitMEMLOCK=), give CAP_IPC_LOCK, or ask for \
         fewer frames"
    )]
    LockedMemory {
        /// Its name.
        interface: String,
        /// How much.
        mebibytes: u64,
    },
    /// There is not so much memory.
    #[error(
        "{interface} needs {mebibytes} MiB of memory for frames, and there is less; ask for fewer"
    )]
    Memory {
        /// Its name.
        interface: String,
        /// How much.
        mebibytes: u64,
    },
    /// More queues than the program has places for.
    #[error("{interface} has {queues} receive queues; at most 64 can be listened to")]
    TooManyQueues {
        /// Its name.
        interface: String,
        /// How many.
        queues: u32,
    },
    /// There are places for 64 workers on a queue.
    #[error("{found} workers can't share an interface; expected 1 to {WORKERS_MAX}")]
    Workers {
        /// How many.
        found: usize,
    },
    /// The numbers asked for make no sense.
    #[error("expected frames to be a power of two, and their bytes 2048 or 4096")]
    Geometry,
    /// None of the ways works.
    #[error("{interface} can't be received from by AF_XDP: {tried}")]
    NoMode {
        /// Its name.
        interface: String,
        /// What each way said.
        tried: String,
    },
}
