//! What systemd is told: ready, alive, reloading, stopping. It opens its socket before the sandbox
//! closes the door, reads nothing, and stays silent where nobody asked.
//!
//! The protocol is [sd_notify(3)]: datagrams of `KEY=value` lines to the socket that
//! `NOTIFY_SOCKET` names.
//!
//! [sd_notify(3)]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Longest status that is sent, in bytes.
const STATUS_BYTES_MAX: usize = 512;

/// Tells the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Connects to the socket of `NOTIFY_SOCKET`. Without one, or when it cannot be reached, all
    /// that follows does nothing: an engine that was started by hand is none the worse.
    pub fn from_env() -> Self {
        let address = env::var_os("NOTIFY_SOCKET");
        Self {
            socket: address.and_then(|address| connect(&address).ok()),
            watchdog: watchdog(
                env::var("WATCHDOG_USEC").ok().as_deref(),
                env::var("WATCHDOG_PID").ok().as_deref(),
                std::process::id(),
            ),
        }
    }

    /// True when there is someone to tell.
    pub fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// How often to say [`Self::alive`]: half of what the service manager waits. `None`: it does
    /// not watch.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Set-up is done, or a reload is.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// Every worker's heart beats.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// Rules are being read again; [`Self::ready`] ends it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        // systemd tells by the time whether this answers its latest wish.
        let now_us = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now_us}"));
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", one_line(text)));
    }

    fn send(&self, message: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        // Nobody could be told that telling failed; and a full socket must not stop the engine.
        let _ = socket.send(message.as_bytes());
    }
}

fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(address)?,
        // vsock, for instance: of no use to a service.
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// A line feed would begin another assignment.
fn one_line(text: &str) -> String {
    let line = text.replace(|c: char| c.is_control(), " ");
    let end = line.floor_char_boundary(STATUS_BYTES_MAX);
    line.get(..end).unwrap_or_default().to_owned()
}

/// Half the interval, unless another process is meant.
fn watchdog(interval_us: Option<&str>, pid: Option<&str>, own_pid: u32) -> Option<Duration> {
    let interval_us: u64 = interval_us?.parse().ok().filter(|us| *us > 1)?;
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(own_pid));
    is_meant.then(|| Duration::from_micros(interval_us / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 2048];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn notifier(address: &OsStr) -> Notifier {
        Notifier {
            socket: Some(connect(address).unwrap()),
            watchdog: None,
        }
    }

    #[test]
    fn says_each_thing_as_systemd_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(path.as_os_str());
        notifier.ready("2 workers\nREADY=0");
        assert_eq!(received(&systemd), "READY=1\nSTATUS=2 workers READY=0");
        notifier.alive();
        assert_eq!(received(&systemd), "WATCHDOG=1");
        notifier.status("1,000,000 packets");
        assert_eq!(received(&systemd), "STATUS=1,000,000 packets");
        notifier.reloading();
        let text = received(&systemd);
        let time = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(time.parse::<u64>().unwrap() > 0, "{text}");
        notifier.stopping();
        assert_eq!(received(&systemd), "STOPPING=1");
        notifier.status(&"ä".repeat(2000));
        assert_eq!(received(&systemd).len(), "STATUS=".len() + STATUS_BYTES_MAX);
    }

    #[test]
    fn abstract_addresses_begin_with_an_at_sign() {
        let name = format!("medtap-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        notifier(OsStr::new(&format!("@{name}"))).alive();
        assert_eq!(received(&systemd), "WATCHDOG=1");
    }

    #[test]
    fn a_full_or_absent_listener_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(path.as_os_str());
        for _ in 0..10_000 {
            notifier.alive();
        }
        drop(systemd);
        notifier.alive();
        Notifier::default().ready("nobody listens");
        assert!(connect(OsStr::new("vsock:2:1234")).is_err());
        assert!(connect(OsStr::new("")).is_err());
    }

    #[test]
    fn the_watchdog_is_fed_twice_an_interval() {
        let half = Some(Duration::from_secs(15));
        assert_eq!(watchdog(Some("30000000"), None, 7), half);
        assert_eq!(watchdog(Some("30000000"), Some("7"), 7), half);
        assert_eq!(watchdog(Some("30000000"), Some("8"), 7), None);
        for interval in [None, Some("0"), Some("1"), Some("-5"), Some("soon")] {
            assert_eq!(watchdog(interval, None, 7), None, "{interval:?}");
        }
    }
}
