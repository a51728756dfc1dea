//! Opening an interface: the ways to receive are tried in turn, each as a whole, and each says how
//! it went. A way that fails leaves nothing behind.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use medtap_table::vocabulary::{Attach, Delivery};
use rtrb::RingBuffer;

use super::error::OpenError;
use super::needs::{self, WORKERS_MAX};
use super::port::Port;
use super::program::{COUNTERS, Program, Refusal};
use super::socket::{Filling, Home, Returning, Socket};
use super::sys::{self, RingKind, RingMap};
use super::umem::{Geometry, Umem};
use crate::capture::port::Mode;
use crate::capture::shunt::{ShuntCounts, ShuntKey};
use crate::config::XDP_BIND_WAIT_NS;
use crate::nic;

/// Bytes that the kernel keeps free before a frame in a chunk.
const HEADROOM_BYTES: u32 = 256;
/// Ethernet header and two tags, which the MTU does not count.
const LINK_BYTES: u32 = 22;

/// Who chooses the worker of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steering {
    /// The program, by the innermost addresses: every queue has a socket for each worker.
    Hash,
    /// The card: every queue has one socket, and the workers share the queues out.
    Queues,
}

/// Polling of the device by the sockets themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyPoll {
    /// How long at once, microseconds.
    pub usecs: u32,
    /// How many frames at once.
    pub budget: u16,
}

/// What is asked of an interface.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Its name.
    pub interface: &'a str,
    /// Its place in the run: what frames will say.
    pub place: u16,
    /// Workers, 1 to 64: each gets a port.
    pub workers: usize,
    /// Who chooses the worker.
    pub steering: Steering,
    /// The ways to try, in this order.
    pub modes: &'a [Mode],
    /// Chunks of memory for each queue: a power of two.
    pub frames: u32,
    /// Bytes of a chunk: 2048 or 4096.
    pub frame_bytes: u32,
    /// Addresses of the sensor that the kernel answers for.
    pub own: &'a [IpAddr],
    /// Polling by the sockets.
    pub busy_poll: Option<BusyPoll>,
    /// The program may only count some flows.
    pub shunt: bool,
}

/// A way that was tried.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which: as it was asked for, or, where it succeeded, as the kernel says it is.
    pub mode: Mode,
    /// Why not.
    pub result: Result<(), String>,
}

/// An interface that is open.
pub struct Opened {
    /// How frames come, as the kernel says.
    pub mode: Mode,
    /// Receive queues, all of them bound.
    pub queues: u32,
    /// Frames longer than a chunk come in pieces; otherwise the kernel drops them.
    pub multi_buffer: bool,
    /// The memory lies in huge pages.
    pub huge_pages: bool,
    /// A port for each worker.
    pub ports: Vec<Port>,
    /// Holds the program on the interface.
    pub attachment: Attachment,
}

/// The program on an interface. Dropped, it is there no more.
pub struct Attachment(Program);

impl Attachment {
    /// What the program counted: packets, redirected, without socket, passed, unparsed, deeper,
    /// shunted.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn counters(&self) -> io::Result<[u64; COUNTERS]> {
        self.0.counters()
    }

    /// Where the program counts the flows that it only counts, if it may.
    pub fn shunt_counts(&self) -> Option<Arc<dyn ShuntCounts>> {
        self.0.shunt_counts()
    }

    /// From now on this direction of a flow is only counted. False when there is no room for it.
    pub fn shunt(&mut self, key: &ShuntKey, place: u32) -> bool {
        self.0.shunt(key, place)
    }

    /// From now on it is handed over again; what was on its way is counted until after
    /// [`super::grace`].
    pub fn unshunt(&mut self, key: &ShuntKey) {
        self.0.unshunt(key);
    }

    /// Takes the program off the interface; the counters stay.
    pub fn detach(&mut self) {
        self.0.detach();
    }
}

/// Why one way does not work.
enum Failure {
    /// Another may.
    Mode(String),
    /// No other will.
    Fatal(OpenError),
}

/// Opens an interface in the first of the ways that works. Tells of each how it went, except of
/// one that ends the attempts: that is the error.
///
/// # Errors
///
/// Why none works: one sentence with the remedy. Nothing stays attached.
pub fn open(ask: &Ask<'_>, report: &mut dyn FnMut(Attempt)) -> Result<Opened, OpenError> {
    let opener = Opener::new(ask)?;
    let mut tried = Vec::new();
    // Ways without a program are another's.
    let by_program = ask.modes.iter().filter(|mode| mode.attach != Attach::None);
    for &mode in by_program {
        match opener.open(mode) {
            Ok(opened) => {
                report(Attempt {
                    mode: opened.mode,
                    result: Ok(()),
                });
                return Ok(opened);
            }
            Err(Failure::Mode(why)) => {
                let (attach, delivery) = (mode.attach.name(), mode.delivery.name());
                tried.push(format!("{attach} program, {delivery}: {why}"));
                report(Attempt {
                    mode,
                    result: Err(why),
                });
            }
            // The error says it; said twice it would be no clearer.
            Err(Failure::Fatal(error)) => return Err(error),
        }
    }
    Err(OpenError::NoMode {
        interface: ask.interface.to_owned(),
        tried: tried.join("; "),
    })
}

struct Opener<'a> {
    ask: &'a Ask<'a>,
    index: u32,
    queues: u32,
    mtu: u32,
    geometry: Geometry,
}

/// The sockets of one queue, with the workers that they are for.
type Crew = Vec<(usize, Socket<RingMap>)>;

/// What one queue's sockets were bound with.
struct Bound {
    crew: Crew,
    multi_buffer: bool,
    zero_copy: bool,
    huge: bool,
}

impl<'a> Opener<'a> {
    fn new(ask: &'a Ask<'a>) -> Result<Self, OpenError> {
        let no_interface = |_| OpenError::NoInterface {
            interface: ask.interface.to_owned(),
        };
        let queues = nic::rx_queues(ask.interface).map_err(no_interface)?;
        if queues > 64 {
            return Err(OpenError::TooManyQueues {
                interface: ask.interface.to_owned(),
                queues,
            });
        }
        if !nic::is_ethernet(ask.interface).map_err(no_interface)? {
            return Err(OpenError::NotEthernet {
                interface: ask.interface.to_owned(),
            });
        }
        needs::rights(ask.interface)?;
        if !(1..=WORKERS_MAX).contains(&ask.workers) {
            let found = ask.workers;
            return Err(OpenError::Workers { found });
        }
        let geometry = Geometry::new(ask.frames, ask.frame_bytes);
        Ok(Self {
            index: nic::index(ask.interface).map_err(no_interface)?,
            queues,
            mtu: nic::mtu(ask.interface).map_err(no_interface)?,
            geometry: geometry.ok_or(OpenError::Geometry)?,
            ask,
        })
    }

    /// Sockets on each queue.
    fn sharers(&self) -> usize {
        match self.ask.steering {
            Steering::Hash => self.ask.workers.max(1),
            Steering::Queues => 1,
        }
    }

    /// One way, as a whole.
    fn open(&self, mode: Mode) -> Result<Opened, Failure> {
        let sharers = self.sharers();
        let program = Program::load(sharers as u32, self.ask.own, self.ask.shunt);
        let mut program = program.map_err(|refusal| self.refused(refusal))?;
        let mut crews: Vec<Vec<Socket<RingMap>>> =
            (0..self.ask.workers).map(|_| Vec::new()).collect();
        let (mut multi_buffer, mut zero_copy, mut huge_pages) = (true, true, true);
        for queue in 0..self.queues {
            let bound = self.bind_queue(queue, mode.delivery)?;
            multi_buffer &= bound.multi_buffer;
            zero_copy &= bound.zero_copy;
            huge_pages &= bound.huge;
            for (worker, socket) in bound.crew {
                let place = if sharers == 1 { 0 } else { worker as u32 };
                let inserted = program.insert(queue, place, socket.fd());
                inserted.map_err(|refusal| self.refused(refusal))?;
                if let Some(crew) = crews.get_mut(worker) {
                    crew.push(socket);
                }
            }
        }
        // Last: until now no frame was taken off its way, from now on each finds its socket.
        let attached = program.attach(self.index, mode.attach);
        attached.map_err(|refusal| self.refused(refusal))?;
        let (place, bytes) = (self.ask.place, self.ask.frame_bytes);
        let busy_poll = self.ask.busy_poll.is_some();
        Ok(Opened {
            mode: Mode {
                attach: mode.attach,
                delivery: if zero_copy {
                    Delivery::ZeroCopy
                } else {
                    Delivery::Copy
                },
            },
            queues: self.queues,
            multi_buffer,
            huge_pages,
            ports: crews
                .into_iter()
                .map(|sockets| Port::new(sockets, place, bytes, busy_poll))
                .collect(),
            attachment: Attachment(program),
        })
    }

    /// The sockets of one queue: the owner's, with the memory and the fill ring, and those that
    /// share them.
    fn bind_queue(&self, queue: u32, delivery: Delivery) -> Result<Bound, Failure> {
        let workers = self.ask.workers.max(1);
        let owner = queue as usize % workers;
        let others = (0..workers).filter(|worker| *worker != owner);
        let others: Vec<usize> = others.take(self.sharers() - 1).collect();
        let chunks = self.geometry.chunks();
        // Half of the memory may wait in rings, so that one slow worker starves no other.
        let entries = (chunks / 2 / self.sharers().next_power_of_two() as u32).max(64);
        let entries = entries.min(chunks);

        let system = |what: &str, error: &io::Error| self.system(what, error);
        let fd = sys::socket().map_err(|error| system("socket", &error))?;
        let memory = Umem::new(self.geometry, fd.as_fd());
        let (umem, chunks_free) = memory.map_err(|error| self.memory(&error))?;
        let umem = Arc::new(umem);
        sys::size_ring(fd.as_fd(), RingKind::Fill, chunks)
            .and_then(|()| sys::size_completion(fd.as_fd()))
            .map_err(|error| system("fill ring", &error))?;
        let rx = self.receive_ring(&fd, entries)?;
        let fill = RingMap::new(fd.as_fd(), RingKind::Fill, chunks)
            .map_err(|error| system("fill ring", &error))?;
        let mut returns = Vec::new();
        let mut ends = Vec::new();
        for _ in &others {
            let (producer, consumer) = RingBuffer::new(chunks as usize);
            ends.push(producer);
            returns.push(consumer);
        }
        let filling = Filling::new(fill, &umem, chunks_free, returns);
        let multi_buffer = self.bind_owner(fd.as_fd(), queue, delivery)?;
        let zero_copy = sys::is_zero_copy(fd.as_fd()).map_err(|error| system("options", &error))?;
        let mut crew = Vec::new();
        for (worker, end) in others.into_iter().zip(ends) {
            let shared = sys::socket().map_err(|error| system("socket", &error))?;
            let rx = self.receive_ring(&shared, entries)?;
            let flags = libc::XDP_SHARED_UMEM;
            self.bind(shared.as_fd(), queue, flags, Some(fd.as_fd()))
                .map_err(|error| self.unbound(queue, &error))?;
            let home = Home::Shared(Returning::new(end));
            crew.push((worker, Socket::new(shared, rx, home, Arc::clone(&umem))));
        }
        let huge = umem.is_huge();
        let mut socket = Socket::new(fd, rx, Home::Own(filling), umem);
        // The driver may wait to be told of the first chunks.
        socket.keep_going();
        crew.push((owner, socket));
        Ok(Bound {
            crew,
            multi_buffer,
            zero_copy,
            huge,
        })
    }

    fn receive_ring(&self, fd: &OwnedFd, entries: u32) -> Result<RingMap, Failure> {
        let busy_poll = self.ask.busy_poll;
        busy_poll
            .map_or(Ok(()), |poll| {
                sys::busy_poll(fd.as_fd(), poll.usecs, poll.budget)
            })
            .and_then(|()| sys::size_ring(fd.as_fd(), RingKind::Rx, entries))
            .and_then(|()| RingMap::new(fd.as_fd(), RingKind::Rx, entries))
            .map_err(|error| self.system("RX ring", &error))
    }

    /// Binds the owner, with frames in several pieces if the kernel and the driver can. True if so.
    fn bind_owner(
        &self,
        fd: BorrowedFd<'_>,
        queue: u32,
        delivery: Delivery,
    ) -> Result<bool, Failure> {
        let flags = libc::XDP_USE_NEED_WAKEUP
            | match delivery {
                Delivery::ZeroCopy => libc::XDP_ZEROCOPY,
                _ => libc::XDP_COPY,
            };
        let whole = self.bind(fd, queue, flags | libc::XDP_USE_SG, None);
        let Err(error) = whole else { return Ok(true) };
        let refused = [libc::EINVAL, libc::EOPNOTSUPP];
        if !error
            .raw_os_error()
            .is_some_and(|code| refused.contains(&code))
        {
            return Err(self.unbound(queue, &error));
        }
        if let Err(error) = self.bind(fd, queue, flags, None) {
            return Err(match (error.raw_os_error(), delivery) {
                (Some(libc::EOPNOTSUPP), Delivery::ZeroCopy) => {
                    Failure::Mode("the driver has no zero-copy".to_owned())
                }
                _ => self.unbound(queue, &error),
            });
        }
        let room = self.ask.frame_bytes - HEADROOM_BYTES;
        if self.mtu + LINK_BYTES > room {
            return Err(Failure::Mode(format!(
                "frames of {} bytes do not fit a chunk, and the driver takes none in pieces",
                self.mtu
            )));
        }
        Ok(false)
    }

    /// Binds, and waits a little for an engine that has just ended to let go.
    fn bind(
        &self,
        fd: BorrowedFd<'_>,
        queue: u32,
        flags: u16,
        owner: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(5);
        loop {
            let bound = sys::bind(fd, self.index, queue, flags, owner);
            let Err(error) = bound else { return Ok(()) };
            let waited = begun.elapsed() > Duration::from_nanos(XDP_BIND_WAIT_NS);
            if error.raw_os_error() != Some(libc::EBUSY) || waited {
                return Err(error);
            }
            thread::sleep(pause);
            pause *= 2;
        }
    }

    fn memory(&self, error: &io::Error) -> Failure {
        match error.raw_os_error() {
            // ENOBUFS is the limit's alone; EPERM is what it was before.
            Some(libc::ENOBUFS | libc::EPERM) => Failure::Fatal(OpenError::LockedMemory {
                interface: self.ask.interface.to_owned(),
                mebibytes: (self.geometry.len() as u64 * u64::from(self.queues)) >> 20,
            }),
            Some(libc::ENOMEM) => Failure::Fatal(OpenError::Memory {
                interface: self.ask.interface.to_owned(),
                mebibytes: (self.geometry.len() as u64 * u64::from(self.queues)) >> 20,
            }),
            _ => self.system("memory", error),
        }
    }

    /// Why a queue could not be bound.
    fn unbound(&self, queue: u32, error: &io::Error) -> Failure {
        match error.raw_os_error() {
            Some(libc::EBUSY) => Failure::Fatal(OpenError::QueueBusy {
                interface: self.ask.interface.to_owned(),
                queue,
            }),
            _ => self.system("bind", error),
        }
    }

    fn system(&self, what: &str, error: &io::Error) -> Failure {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => self.refused(Refusal::Privilege(error.to_string())),
            Some(libc::ENETDOWN) => Failure::Fatal(OpenError::Down {
                interface: self.ask.interface.to_owned(),
            }),
            Some(libc::ENODEV) => Failure::Fatal(OpenError::NoInterface {
                interface: self.ask.interface.to_owned(),
            }),
            Some(libc::EOPNOTSUPP) => Failure::Mode("the driver does not support it".to_owned()),
            Some(libc::EAFNOSUPPORT) => Failure::Mode("this kernel has no AF_XDP".to_owned()),
            _ => Failure::Mode(format!("{what}: {error}")),
        }
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        let interface = self.ask.interface.to_owned();
        match refusal {
            Refusal::Busy => Failure::Fatal(OpenError::Busy { interface }),
            Refusal::Privilege(cause) => Failure::Fatal(OpenError::Forbidden { interface, cause }),
            Refusal::Other(why) => Failure::Mode(why),
        }
    }
}
