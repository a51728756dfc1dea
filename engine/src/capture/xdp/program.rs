//! The kernel's half: loaded, set, attached to an interface, asked what it counted. What it
//! decides is in `xdp-prog/`.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;

use aya::maps::{HashMap, Map, MapData, MapError, PerCpuArray, XskMap};
use aya::programs::xdp::{XdpLinkId, XdpMode};
use aya::programs::{ProgramError, Xdp};
use aya::{Ebpf, EbpfLoader};
use medtap_table::vocabulary::Attach;

use super::shunt::Counts;
use crate::capture::shunt::{SHUNT_KEY_BYTES, ShuntCounts, ShuntKey};

/// The object with the programs.
pub(in crate::capture) static OBJECT: &[u8] =
    aya::include_bytes_aligned!("../../../../xdp-prog/medtap.bpf.o");

/// The program's name in the object.
const NAME: &str = "medtap_xdp";

/// Sockets that a queue has places for in the map.
const SOCKETS_PER_QUEUE: u32 = 64;

/// What the program counts, in the order of its array.
pub const COUNTERS: usize = 7;

/// Why the program can't be had on an interface.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A program is attached there already.
    Busy,
    /// A right is missing.
    Privilege(String),
    /// Something else: what the kernel said.
    Other(String),
}

/// The program, loaded and perhaps attached. Dropped, it is on no interface any more.
pub(super) struct Program {
    object: Ebpf,
    xsks: XskMap<MapData>,
    counters: PerCpuArray<MapData, u64>,
    /// Flows that it only counts, by place; `None` where it may not.
    shunts: Option<Shunts>,
    link: Option<XdpLinkId>,
}

struct Shunts {
    keys: HashMap<MapData, [u8; SHUNT_KEY_BYTES], u32>,
    counts: Arc<Counts>,
    /// What is counted lies in its values.
    _values: MapData,
}

impl Program {
    /// Loads it for so many workers a queue. Frames for these addresses of the sensor's own, if
    /// there are any, go on to the kernel. With `shunt` it may only count some flows.
    pub(super) fn load(workers: u32, own: &[IpAddr], shunt: bool) -> Result<Self, Refusal> {
        let pass_own = u32::from(!own.is_empty());
        let may_shunt = u32::from(shunt);
        let mut loader = EbpfLoader::new();
        let loaded = loader
            .override_global("workers", &workers, true)
            .override_global("pass_own", &pass_own, true)
            .override_global("shunt", &may_shunt, true)
            .load(OBJECT);
        let mut object = loaded.map_err(|error| refusal(&error))?;
        let program = program(&mut object)?;
        program.load().map_err(|error| refusal(&error))?;
        let mut take = |name: &str| -> Result<Map, Refusal> {
            let map = object.take_map(name);
            map.ok_or_else(|| Refusal::Other(format!("the object lacks the map {name}")))
        };
        let fault = |error: MapError| refusal(&error);
        let xsks = XskMap::try_from(take("xsks")?).map_err(fault)?;
        let counters = PerCpuArray::try_from(take("counters")?).map_err(fault)?;
        let mut addresses: HashMap<MapData, [u8; 16], u8> =
            HashMap::try_from(take("own")?).map_err(fault)?;
        for address in own {
            let key = match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            addresses.insert(key, 1, 0).map_err(fault)?;
        }
        let shunts = match shunt {
            false => None,
            true => {
                let keys = HashMap::try_from(take("shunts")?).map_err(fault)?;
                let Map::Array(values) = take("shunted")? else {
                    return Err(Refusal::Other("the map shunted is no array".into()));
                };
                let counts = Counts::new(values.fd().as_fd()).map_err(|error| refusal(&error))?;
                Some(Shunts {
                    keys,
                    counts: Arc::new(counts),
                    _values: values,
                })
            }
        };
        Ok(Self {
            object,
            xsks,
            counters,
            shunts,
            link: None,
        })
    }

    /// Where it counts the flows that it only counts, if it may.
    pub(super) fn shunt_counts(&self) -> Option<Arc<dyn ShuntCounts>> {
        let shunts = self.shunts.as_ref()?;
        Some(Arc::clone(&shunts.counts) as Arc<dyn ShuntCounts>)
    }

    /// From now on it only counts this direction of a flow. False when it has no room for it.
    pub(super) fn shunt(&mut self, key: &ShuntKey, place: u32) -> bool {
        let shunts = self.shunts.as_mut();
        shunts.is_none_or(|it| it.keys.insert(key.0, place, 0).is_ok())
    }

    /// It hands this direction over again. What runs at this moment may still count.
    pub(super) fn unshunt(&mut self, key: &ShuntKey) {
        if let Some(shunts) = &mut self.shunts {
            // What is not there needs no taking out.
            let _ = shunts.keys.remove(&key.0);
        }
    }

    /// Lets it redirect to this socket what is for this worker of this queue.
    pub(super) fn insert(
        &mut self,
        queue: u32,
        worker: u32,
        socket: BorrowedFd<'_>,
    ) -> Result<(), Refusal> {
        let key = queue * SOCKETS_PER_QUEUE + worker;
        let set = self.xsks.set(key, socket.as_raw_fd(), 0);
        set.map_err(|error| refusal(&error))
    }

    /// Attaches it: in the driver, or behind it.
    pub(super) fn attach(&mut self, index: u32, attach: Attach) -> Result<(), Refusal> {
        let mode = match attach {
            Attach::Native => XdpMode::Driver,
            Attach::Generic => XdpMode::Skb,
            Attach::None => return Ok(()),
        };
        let link = program(&mut self.object)?.attach_to_if_index(index, mode);
        self.link = Some(link.map_err(|error| refusal(&error))?);
        Ok(())
    }

    /// Takes it off the interface. What it counted can still be read.
    pub(super) fn detach(&mut self) {
        if let (Some(link), Ok(program)) = (self.link.take(), program(&mut self.object)) {
            // The link closes with its descriptor, whatever is said here.
            let _ = program.detach(link);
        }
    }

    /// What it counted, of all processors.
    pub(super) fn counters(&self) -> io::Result<[u64; COUNTERS]> {
        let mut counters = [0; COUNTERS];
        for (sum, place) in counters.iter_mut().zip(0..) {
            let values = self.counters.get(&place, 0).map_err(io::Error::other)?;
            *sum = values.iter().sum();
        }
        Ok(counters)
    }
}

fn program(object: &mut Ebpf) -> Result<&mut Xdp, Refusal> {
    let program = object.program_mut(NAME);
    let program = program.ok_or_else(|| Refusal::Other("the object lacks its program".into()))?;
    let program: Result<&mut Xdp, ProgramError> = program.try_into();
    program.map_err(|error| refusal(&error))
}

/// What went wrong, down to its ground.
fn refusal(error: &(dyn Error + 'static)) -> Refusal {
    let mut last = error;
    let mut code = None;
    loop {
        if let Some(error) = last.downcast_ref::<io::Error>() {
            code = error.raw_os_error();
        }
        match last.source() {
            Some(source) => last = source,
            None => break,
        }
    }
    match code {
        Some(libc::EBUSY | libc::EEXIST) => Refusal::Busy,
        Some(libc::EPERM | libc::EACCES) => Refusal::Privilege(last.to_string()),
        // Of all that is asked of it, a program in the driver alone depends on the interface.
        Some(libc::EOPNOTSUPP) => Refusal::Other("the driver runs no XDP program".to_owned()),
        _ => Refusal::Other(last.to_string()),
    }
}
