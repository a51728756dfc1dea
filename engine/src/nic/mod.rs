//! How an interface is set up to be listened to, and put back. It changes only what a [`Wish`]
//! asks for and what differs, and it sends nothing.

pub mod counts;
pub mod inspect;
pub mod keeper;
pub mod link;
pub mod numa;
mod request;
mod rss;
mod setting;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use request::Requests;
use rss::Rss;
pub use setting::Setting;

/// What changes frames on their way to us: merged frames, and tags taken off or filtered. Merging
/// in software too, for the generic mode and packet sockets.
const OFFLOADS: &[&str] = &[
    "rx-vlan-hw-parse",
    "rx-vlan-stag-hw-parse",
    "rx-vlan-filter",
    "rx-vlan-stag-filter",
    "rx-lro",
    "rx-gro-hw",
    "rx-gro-list",
    "rx-udp-gro-forwarding",
    "rx-gro",
];

/// What a live run wants of an interface. The default wants nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// To see frames for others. Taken back by the kernel when [`Prepared`] is dropped.
    pub promiscuous: bool,
    /// To see frames as they came: no merging, and VLAN tags where they were.
    pub bare_frames: bool,
    /// The largest payload of a frame, in bytes.
    pub mtu: Option<u32>,
    /// To be up.
    pub up: bool,
    /// How many channels receive.
    pub channels: Option<u32>,
    /// Both directions of a conversation on one queue, by the key of the card's hash.
    pub symmetric_rss: bool,
    /// Over how many queues, from the first, the card shares frames out evenly.
    pub rss_queues: Option<u32>,
    /// The processors that serve its interrupts, in turn; none: as they are.
    pub irq_cpus: Vec<u16>,
    /// `napi_defer_hard_irqs`.
    pub napi_defer_hard_irqs: Option<u32>,
    /// `gro_flush_timeout`, in nanoseconds.
    pub gro_flush_timeout_ns: Option<u64>,
}

/// A setting that was changed, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub setting: Setting,
    /// Of which interface.
    pub interface: String,
    /// Before.
    pub old: String,
    /// After.
    pub new: String,
}

/// An interface that is set up. Promiscuous until this is dropped.
#[derive(Debug)]
pub struct Prepared {
    /// What was changed, in this order. To be given to [`keeper::start`], or to [`restore`].
    pub changes: Vec<Change>,
    _promiscuous: Option<OwnedFd>,
}

/// Why an interface can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum NicError {
    /// There is none of this name.
    #[error("there is no interface {interface}; `ip link` lists those that this machine has")]
    NoInterface {
        /// The name.
        interface: String,
    },
    /// The process may not.
    #[error(
        "may not set {what} of {interface}: that needs {capability}; run as root, give the \
         program that capability, or leave the setting out of the configuration"
    )]
    Privilege {
        /// The name.
        interface: String,
        /// The setting.
        what: String,
        /// What is missing.
        capability: &'static str,
    },
    /// The system refused in another way.
    #[error("{interface} can't be made {what}: {source}; look into the kernel's log (`dmesg`)")]
    System {
        /// The name.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// True when the calling thread's network namespace has this interface.
pub fn exists(interface: &str) -> bool {
    index(interface).is_ok()
}

/// The interface's number.
///
/// # Errors
///
/// ENODEV when there is none of this name.
pub fn index(interface: &str) -> io::Result<u32> {
    Requests::new(interface)?.index()
}

/// The largest payload of its frames, in bytes.
///
/// # Errors
///
/// ENODEV when there is none of this name.
pub fn mtu(interface: &str) -> io::Result<u32> {
    Requests::new(interface)?.mtu()
}

/// True when its frames begin with an Ethernet header, as a mirror port's do; loopback's too.
///
/// # Errors
///
/// ENODEV when there is none of this name.
pub fn is_ethernet(interface: &str) -> io::Result<bool> {
    let hardware = Requests::new(interface)?.hardware()?;
    Ok([libc::ARPHRD_ETHER, libc::ARPHRD_LOOPBACK].contains(&hardware))
}

/// True when it is administratively up.
///
/// # Errors
///
/// ENODEV when there is none of this name.
pub fn is_up(interface: &str) -> io::Result<bool> {
    Requests::new(interface)?.is_up()
}

/// How many queues receive: as the driver says, else as the kernel shows them; at least one.
///
/// # Errors
///
/// ENODEV when there is none of this name.
pub fn rx_queues(interface: &str) -> io::Result<u32> {
    let requests = Requests::new(interface)?;
    requests.index()?;
    if let Ok([_, _, _, _, rx, _, _, combined]) = requests.channels()
        && rx + combined > 0
    {
        return Ok(rx + combined);
    }
    let folder = sysfs(interface).and_then(|folder| fs::read_dir(folder.join("queues")).ok());
    let is_rx = |entry: &io::Result<fs::DirEntry>| {
        entry
            .as_ref()
            .is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("rx-"))
    };
    let queues = folder.map_or(0, |entries| entries.filter(is_rx).count());
    Ok(u32::try_from(queues).unwrap_or(1).max(1))
}

/// The interface's folder in sysfs, if what is mounted there is the calling thread's network
/// namespace: in another, an interface of that name would be somebody else's.
fn sysfs(interface: &str) -> Option<PathBuf> {
    let ours = index(interface).ok()?;
    let folder = PathBuf::from("/sys/class/net").join(interface);
    let there = fs::read_to_string(folder.join("ifindex")).ok()?;
    (there.trim().parse() == Ok(ours)).then_some(folder)
}

/// The interrupts of the interface's device, the lowest first.
fn irqs(interface: &str) -> Vec<u32> {
    let Some(folder) = sysfs(interface) else {
        return Vec::new();
    };
    // Of virtio's interfaces, the interrupts are those of the device above.
    let folders = ["device/msi_irqs", "device/../msi_irqs"];
    let entries = folders
        .iter()
        .find_map(|name| fs::read_dir(folder.join(name)).ok());
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let mut irqs: Vec<u32> = entries.into_iter().flatten().filter_map(number).collect();
    irqs.sort_unstable();
    irqs
}

/// Sets an interface up as wished. What a driver refuses, and what a sensor's interface should
/// not be, is told to `report`, a sentence each.
///
/// # Errors
///
/// When there is no such interface, or the process may not; then nothing is left changed.
pub fn prepare(
    interface: &str,
    wish: &Wish,
    report: &mut dyn FnMut(&str),
) -> Result<Prepared, NicError> {
    let no_interface = |_| NicError::NoInterface {
        interface: interface.to_owned(),
    };
    let index = index(interface).map_err(no_interface)?;
    let promiscuous = wish
        .promiscuous
        .then(|| hold_promiscuous(interface, index))
        .transpose()?;
    let mut changes = Vec::new();
    for (setting, value) in settings(interface, wish, report) {
        match change(interface, setting, value, report) {
            Ok(change) => changes.extend(change),
            Err(error) => {
                restore(&changes, report);
                return Err(error);
            }
        }
    }
    warn(interface, report);
    Ok(Prepared {
        changes,
        _promiscuous: promiscuous,
    })
}

fn hold_promiscuous(interface: &str, index: u32) -> Result<OwnedFd, NicError> {
    request::promiscuous(index).map_err(|source| match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => NicError::Privilege {
            interface: interface.to_owned(),
            what: "promiscuous mode".to_owned(),
            capability: "CAP_NET_RAW",
        },
        Some(libc::ENODEV) => NicError::NoInterface {
            interface: interface.to_owned(),
        },
        _ => NicError::System {
            interface: interface.to_owned(),
            what: "promiscuous",
            source,
        },
    })
}

/// The settings that a wish names, in the order in which they are made: channels first, since
/// interrupts come and go with them.
fn settings(interface: &str, wish: &Wish, report: &mut dyn FnMut(&str)) -> Vec<(Setting, String)> {
    let mut settings = Vec::new();
    if let Some(channels) = wish.channels {
        let most_combined = Requests::new(interface)
            .and_then(|to| to.channels())
            .map(|it| it[3]);
        let combined = !matches!(most_combined, Ok(0));
        let setting = if combined {
            Setting::CombinedChannels
        } else {
            Setting::RxChannels
        };
        settings.push((setting, channels.to_string()));
    }
    settings.extend(sharing(interface, wish, report));
    if wish.bare_frames {
        let features = features(interface);
        let ours = OFFLOADS
            .iter()
            .filter(|name| features.iter().any(|known| known == *name));
        let off = |name: &&str| (Setting::Feature((*name).to_owned()), "off".to_owned());
        settings.extend(ours.map(off));
    }
    settings.extend(wish.mtu.map(|mtu| (Setting::Mtu, mtu.to_string())));
    let irqs_deferred = wish.napi_defer_hard_irqs.map(|count| count.to_string());
    settings.extend(irqs_deferred.map(|count| (Setting::NapiDeferHardIrqs, count)));
    let timeout = wish.gro_flush_timeout_ns.map(|ns| ns.to_string());
    settings.extend(timeout.map(|ns| (Setting::GroFlushTimeout, ns)));
    if wish.up {
        settings.push((Setting::Up, "on".to_owned()));
    }
    if !wish.irq_cpus.is_empty() {
        let irqs = irqs(interface);
        if irqs.is_empty() {
            report(&format!(
                "{interface} has no interrupts of its own to be pinned; irq_cpus changes nothing"
            ));
        }
        let cpus = wish.irq_cpus.iter().cycle();
        settings.extend(
            irqs.iter()
                .zip(cpus)
                .map(|(irq, cpu)| (Setting::IrqCpus(*irq), cpu.to_string())),
        );
    }
    settings
}

/// How frames are to be shared out to queues. Cards have no other way than a key to be symmetric
/// that all kernels know; of another hash than Toeplitz's a key says nothing.
fn sharing(interface: &str, wish: &Wish, report: &mut dyn FnMut(&str)) -> Vec<(Setting, String)> {
    if !wish.symmetric_rss && wish.rss_queues.is_none() {
        return Vec::new();
    }
    let answer = Requests::new(interface).and_then(|requests| requests.rss());
    let Some(rss) = answer.ok().and_then(|words| Rss::of(&words)) else {
        report(&format!(
            "{interface} does not say how it shares frames out; symmetric_rss and rss_queues \
             change nothing"
        ));
        return Vec::new();
    };
    let mut settings = Vec::new();
    if let Some(queues) = wish.rss_queues {
        let table = rss::even_table(rss.table.len(), queues);
        settings.push((Setting::RssTable, rss::table_text(&table)));
    }
    // Not by the table of now: it is another one with other channels.
    if wish.symmetric_rss && !rss.is_made_symmetric {
        if rss.is_toeplitz && !rss.key.is_empty() {
            let key = rss::symmetric_key(rss.key.len());
            settings.push((Setting::RssKey, rss::key_text(&key)));
        } else {
            report(&format!(
                "{interface} shares frames out by a hash that no key makes symmetric; steer by hash"
            ));
        }
    }
    settings
}

/// The features that this kernel knows: a name from a later or earlier one is not an error.
fn features(interface: &str) -> Vec<String> {
    Requests::new(interface)
        .and_then(|requests| requests.feature_names())
        .unwrap_or_default()
}

/// Makes one change, if the setting differs.
fn change(
    interface: &str,
    setting: Setting,
    value: String,
    report: &mut dyn FnMut(&str),
) -> Result<Option<Change>, NicError> {
    let old = match setting.read(interface) {
        Ok(old) if old == value => return Ok(None),
        Ok(old) => old,
        Err(error) => {
            report(&format!(
                "{interface} does not say its {setting}, left as it is: {error}"
            ));
            return Ok(None);
        }
    };
    let written = setting.write(interface, &value);
    // What counts is what it is now: drivers round, and decline without an error.
    let new = setting.read(interface).unwrap_or_else(|_| value.clone());
    let capability = match written.as_ref().map_err(io::Error::raw_os_error) {
        Err(Some(libc::EPERM)) => Some("CAP_NET_ADMIN"),
        // Files of sysfs and proc are root's.
        Err(Some(libc::EACCES)) => Some("CAP_DAC_OVERRIDE"),
        _ => None,
    };
    if let Some(capability) = capability {
        let (interface, what) = (interface.to_owned(), setting.to_string());
        return Err(NicError::Privilege {
            interface,
            what,
            capability,
        });
    }
    if new != value {
        let why = written
            .err()
            .map_or_else(|| "its driver declines".to_owned(), |e| e.to_string());
        report(&format!(
            "{interface} keeps {setting} at {new} where {value} was asked for: {why}"
        ));
    }
    let change = Change {
        setting,
        interface: interface.to_owned(),
        old,
        new,
    };
    Ok((change.old != change.new).then_some(change))
}

/// Tells what a sensor's interface should not be.
fn warn(interface: &str, report: &mut dyn FnMut(&str)) {
    if let Ok(addresses) = nix::ifaddrs::getifaddrs() {
        let is_ip = |address: &nix::ifaddrs::InterfaceAddress| {
            let address = address.address.as_ref();
            address
                .is_some_and(|it| it.as_sockaddr_in().is_some() || it.as_sockaddr_in6().is_some())
        };
        if addresses
            .into_iter()
            .any(|it| it.interface_name == interface && is_ip(&it))
        {
            report(&format!(
                "{interface} has an IP address, so the kernel may send there; a sensor's \
                 interface has none (`ip address flush dev {interface}`)"
            ));
        }
    }
    if matches!(is_up(interface), Ok(false)) {
        report(&format!(
            "{interface} is down and receives nothing; `ip link set {interface} up`"
        ));
    }
}

/// Puts settings back, the last change first. What is no longer as we left it is somebody
/// else's by now and stays; `report` is told of it, and of what can't be put back. True when
/// everything is as it was before.
pub fn restore(changes: &[Change], report: &mut dyn FnMut(&str)) -> bool {
    let mut whole = true;
    for Change {
        setting,
        interface,
        old,
        new,
    } in changes.iter().rev()
    {
        // An interface that is gone took its settings with it.
        if !exists(interface) {
            continue;
        }
        let result = match setting.read(interface) {
            Ok(now) if now == *old => continue,
            Ok(now) if now != *new => {
                report(&format!(
                    "{interface}: {setting} was set to {now} meanwhile, left so"
                ));
                whole = false;
                continue;
            }
            Ok(_) => setting.write(interface, old),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            report(&format!(
                "{interface}: {setting} can't be put back to {old}: {error}"
            ));
            whole = false;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_interface_is_one_sentence() {
        for name in ["nosuch0", "", "a/b", "name-longer-than-15", "with space"] {
            let mut reports = Vec::new();
            let result = prepare(name, &Wish::default(), &mut |it| {
                reports.push(it.to_owned())
            });
            let text = result.unwrap_err().to_string();
            assert!(
                text.starts_with(&format!("there is no interface {name};")),
                "{text}"
            );
            assert!(reports.is_empty());
            assert!(!exists(name));
        }
    }

    #[test]
    fn every_machine_has_a_loopback() {
        assert!(exists("lo") && index("lo").unwrap() > 0 && mtu("lo").unwrap() > 0);
        assert!(is_ethernet("lo").unwrap() && is_ethernet("nosuch0").is_err());
        assert_eq!(rx_queues("lo").unwrap(), 1);
        assert_eq!(numa::Node::of("lo"), None);
    }

    /// Loopback shares nothing out: it is told, and nothing is tried.
    #[test]
    fn where_nothing_is_shared_out_nothing_is_set() {
        let wish = Wish {
            symmetric_rss: true,
            rss_queues: Some(2),
            ..Wish::default()
        };
        let mut told = Vec::new();
        assert_eq!(sharing("lo", &wish, &mut |it| told.push(it.to_owned())), []);
        assert!(
            told.len() == 1 && told[0].starts_with("lo does not say how"),
            "{told:?}"
        );
        assert_eq!(
            sharing("lo", &Wish::default(), &mut |it| panic!("{it}")),
            []
        );
        assert!(Setting::RssKey.read("lo").is_err() && Setting::RssTable.read("lo").is_err());
    }

    /// Loopback's features can be read by everyone; names and bits belong together.
    #[test]
    fn features_are_found_by_name() {
        let names = features("lo");
        assert!(names.iter().any(|name| name == "rx-gro"), "{names:?}");
        assert_eq!(
            Setting::Feature("rx-lro".to_owned()).read("lo").unwrap(),
            "off"
        );
        let nothing = Setting::Feature("no-such-feature".to_owned()).read("lo");
        assert_eq!(nothing.unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
    }
}
