//! What may be typed after `medtapd`. It says what was typed and judges nothing but its form.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::capture::port::Mode;

/// The command line.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "medtapd",
    version,
    about = "Learns which devices are on a network from a mirror port, and never sends a frame",
    after_help = "What the command line says goes before what the configuration file says."
)]
pub struct Arguments {
    /// An interface to listen on; may be given more than once
    #[arg(long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// How many workers, 1 to 64 [default: one for each cpu of --cpus, else 1]
    #[arg(long, value_name = "N")]
    pub workers: Option<u64>,
    /// Flows that each worker keeps at once; their memory is taken at the start [default: 1048576]
    #[arg(long, value_name = "N")]
    pub flows: Option<u32>,
    /// The cpus of the workers, such as 2-5,8
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,
    /// Settings as TOML; packaging/medtapd.toml shows all of them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to publish the table [default: /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
    /// How many devices the table has room for, 1024 to 4194304: one of each network card and
    /// address, and those that others report [default: 65536]
    #[arg(long, value_name = "N")]
    pub subjects: Option<u64>,
    /// A folder of rules [default: those built in]
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// How to receive, for all interfaces [default: auto, the best that each can]
    #[arg(long)]
    pub mode: Option<ModeWord>,
    /// Who chooses the worker of a frame, for all interfaces [default: hash]
    #[arg(long)]
    pub steering: Option<Steering>,
    /// Let the steering program only count heavy flows of which nothing more can be learnt
    #[arg(long)]
    pub shunt: bool,
    /// Begin with an empty table: do not take over what an earlier run left
    #[arg(long)]
    pub fresh: bool,
    /// Read the settings, say what would be done, and end
    #[arg(long)]
    pub check: bool,
    /// Wait for the end of standard input, then put back the interfaces' settings: the keeper
    #[arg(long, hide = true, exclusive = true)]
    pub restore_when_closed: bool,
}

/// How to receive, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeWord {
    /// The best that the interface can
    Auto,
    /// AF_XDP, the driver writes into our memory
    ZeroCopy,
    /// AF_XDP in the driver, the kernel copies
    Copy,
    /// AF_XDP behind the driver, the kernel copies
    Generic,
    /// A packet socket (TPACKET_V3): no XDP at all
    Packet,
}

impl ModeWord {
    const NAMED: [Self; 4] = [Self::ZeroCopy, Self::Copy, Self::Generic, Self::Packet];

    /// The mode, or `None` when the engine shall choose.
    pub fn mode(self) -> Option<Mode> {
        let place = Self::NAMED.iter().position(|word| *word == self)?;
        Mode::ALL.get(place).copied()
    }

    /// The word itself.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::ZeroCopy => "zero-copy",
            Self::Copy => "copy",
            Self::Generic => "generic",
            Self::Packet => "packet",
        }
    }
}

impl From<Option<Mode>> for ModeWord {
    fn from(mode: Option<Mode>) -> Self {
        let word = Self::NAMED.into_iter().find(|word| word.mode() == mode);
        word.unwrap_or(Self::Auto)
    }
}

/// Who chooses the worker of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Steering {
    /// Our program, by the innermost addresses: both directions meet, in tunnels too
    #[default]
    Hash,
    /// The network card: each worker serves queues of its own
    Queues,
}
