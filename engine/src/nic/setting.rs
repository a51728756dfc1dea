//! The settings of an interface that a live run may change: each is read and written as text.
//! It neither chooses values nor remembers them.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use super::request::Requests;
use super::rss::{self, Rss};

/// Longest name of a feature that is believed.
const FEATURE_NAME_BYTES_MAX: usize = 31;

/// One setting of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// An offload, by ethtool's name: `on` or `off`.
    Feature(String),
    /// The largest payload of a frame, in bytes.
    Mtu,
    /// Whether it is administratively up: `on` or `off`.
    Up,
    /// How many channels receive and send.
    CombinedChannels,
    /// How many channels only receive.
    RxChannels,
    /// How often NAPI polls an idle queue before it turns interrupts on again.
    NapiDeferHardIrqs,
    /// How long that lasts, in nanoseconds.
    GroFlushTimeout,
    /// The processors that serve the interrupt of this number, as a list of ranges.
    IrqCpus(u32),
    /// The key of the hash that shares frames out, in hexadecimal.
    RssKey,
    /// The queue of each place of the table that shares frames out, with commas between.
    RssTable,
}

impl Setting {
    /// True when the value has the form that this setting takes.
    pub(super) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Feature(_) | Self::Up => matches!(value, "on" | "off"),
            Self::Mtu => matches!(value.parse(), Ok(68..=0x7fff_ffff_u32)),
            Self::CombinedChannels | Self::RxChannels => {
                matches!(value.parse(), Ok(1..=65_535_u32))
            }
            Self::NapiDeferHardIrqs => value.parse::<u32>().is_ok(),
            Self::GroFlushTimeout => value.parse::<u64>().is_ok(),
            Self::IrqCpus(_) => is_cpu_list(value),
            Self::RssKey => rss::key_of(value).is_some(),
            Self::RssTable => rss::table_of(value).is_some(),
        }
    }

    fn file(&self, interface: &str) -> Option<PathBuf> {
        let sys = |name| super::sysfs(interface).map(|folder| folder.join(name));
        match self {
            Self::NapiDeferHardIrqs => sys("napi_defer_hard_irqs"),
            Self::GroFlushTimeout => sys("gro_flush_timeout"),
            Self::IrqCpus(number) => Some(PathBuf::from(format!(
                "/proc/irq/{number}/smp_affinity_list"
            ))),
            _ => None,
        }
    }

    /// The present value. A setting that the interface doesn't have is EOPNOTSUPP.
    pub(super) fn read(&self, interface: &str) -> io::Result<String> {
        let requests = || Requests::new(interface);
        match self {
            Self::Feature(name) => {
                let requests = requests()?;
                let (bit, count) = place(&requests, name)?;
                let words = requests.features(count)?;
                let word = words.get(bit / 32).copied().unwrap_or_default();
                Ok(switch(word.active & (1 << (bit % 32)) != 0))
            }
            Self::Mtu => Ok(requests()?.mtu()?.to_string()),
            Self::Up => Ok(switch(requests()?.is_up()?)),
            Self::CombinedChannels => Ok(requests()?.channels()?[7].to_string()),
            Self::RxChannels => Ok(requests()?.channels()?[4].to_string()),
            Self::RssKey => Ok(rss::key_text(&sharing(&requests()?)?.key)),
            Self::RssTable => Ok(rss::table_text(&sharing(&requests()?)?.table)),
            Self::NapiDeferHardIrqs | Self::GroFlushTimeout | Self::IrqCpus(_) => {
                let file = self.file(interface).ok_or_else(unsupported)?;
                Ok(fs::read_to_string(file)?.trim().to_owned())
            }
        }
    }

    /// Writes a value of the right form.
    pub(super) fn write(&self, interface: &str, value: &str) -> io::Result<()> {
        if !self.accepts(value) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| io::ErrorKind::InvalidInput)
        };
        let requests = || Requests::new(interface);
        match self {
            Self::Feature(name) => {
                let requests = requests()?;
                let (bit, count) = place(&requests, name)?;
                requests.set_feature(bit, count, value == "on")
            }
            Self::Mtu => requests()?.set_mtu(number()?),
            Self::Up => requests()?.set_up(value == "on"),
            Self::CombinedChannels | Self::RxChannels => {
                let requests = requests()?;
                let mut channels = requests.channels()?;
                channels[if *self == Self::RxChannels { 4 } else { 7 }] = number()?;
                requests.set_channels(&channels)
            }
            Self::RssKey => {
                let requests = requests()?;
                let key = rss::key_of(value).ok_or(io::ErrorKind::InvalidInput)?;
                requests.set_rss(&mut rss::key_request(&requests.rss()?, &key))
            }
            Self::RssTable => {
                let requests = requests()?;
                let mut table = rss::table_of(value).ok_or(io::ErrorKind::InvalidInput)?;
                // The kernel's own table is asked for as such: while it holds another one to be
                // somebody's choice, it takes no channel away that is in it.
                if rss::is_default(&table, super::rx_queues(interface)?) {
                    table.clear();
                }
                requests.set_rss(&mut rss::table_request(&requests.rss()?, &table))
            }
            Self::NapiDeferHardIrqs | Self::GroFlushTimeout | Self::IrqCpus(_) => {
                fs::write(self.file(interface).ok_or_else(unsupported)?, value)
            }
        }
    }
}

/// How the card shares frames out now.
fn sharing(requests: &Requests) -> io::Result<Rss> {
    Rss::of(&requests.rss()?).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn unsupported() -> io::Error {
    io::Error::from_raw_os_error(libc::EOPNOTSUPP)
}

/// The bit of a feature, and how many there are.
fn place(requests: &Requests, name: &str) -> io::Result<(usize, usize)> {
    let names = requests.feature_names()?;
    let bit = names
        .iter()
        .position(|known| known == name)
        .ok_or_else(unsupported)?;
    Ok((bit, names.len()))
}

/// True for `0`, `0-3`, `0,2-3` …
fn is_cpu_list(value: &str) -> bool {
    let cpu = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok();
    let range = |text: &str| match text.split_once('-') {
        Some((first, last)) => cpu(first) && cpu(last),
        None => cpu(text),
    };
    value.split(',').all(range)
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feature(name) => write!(f, "feature:{name}"),
            Self::Mtu => f.write_str("mtu"),
            Self::Up => f.write_str("up"),
            Self::CombinedChannels => f.write_str("combined_channels"),
            Self::RxChannels => f.write_str("rx_channels"),
            Self::NapiDeferHardIrqs => f.write_str("napi_defer_hard_irqs"),
            Self::GroFlushTimeout => f.write_str("gro_flush_timeout"),
            Self::IrqCpus(number) => write!(f, "irq_cpus:{number}"),
            Self::RssKey => f.write_str("rss_key"),
            Self::RssTable => f.write_str("rss_table"),
        }
    }
}

impl FromStr for Setting {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let setting = match (name, argument) {
            ("feature", Some(feature)) => {
                let legal =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                let fits = (1..=FEATURE_NAME_BYTES_MAX).contains(&feature.len());
                if !fits || !feature.bytes().all(legal) {
                    return Err(());
                }
                Self::Feature(feature.to_owned())
            }
            ("mtu", None) => Self::Mtu,
            ("up", None) => Self::Up,
            ("combined_channels", None) => Self::CombinedChannels,
            ("rx_channels", None) => Self::RxChannels,
            ("napi_defer_hard_irqs", None) => Self::NapiDeferHardIrqs,
            ("gro_flush_timeout", None) => Self::GroFlushTimeout,
            ("rss_key", None) => Self::RssKey,
            ("rss_table", None) => Self::RssTable,
            ("irq_cpus", Some(number)) => Self::IrqCpus(number.parse().map_err(|_| ())?),
            _ => return Err(()),
        };
        // One spelling each: no sign, no leading zero.
        if setting.to_string() == text {
            Ok(setting)
        } else {
            Err(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written() {
        let settings = [
            Setting::Feature("rx-gro-hw".to_owned()),
            Setting::Mtu,
            Setting::Up,
            Setting::CombinedChannels,
            Setting::RxChannels,
            Setting::NapiDeferHardIrqs,
            Setting::GroFlushTimeout,
            Setting::IrqCpus(34),
            Setting::RssKey,
            Setting::RssTable,
        ];
        for setting in settings {
            assert_eq!(setting.to_string().parse(), Ok(setting));
        }
        for wrong in [
            "",
            "mtu:1",
            "feature:",
            "feature:../x",
            "irq_cpus:+3",
            "irq_cpus:03",
            "rx",
        ] {
            assert_eq!(wrong.parse::<Setting>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn values_have_a_form() {
        assert!(Setting::Mtu.accepts("9000") && !Setting::Mtu.accepts("60"));
        assert!(Setting::Up.accepts("on") && !Setting::Up.accepts("1"));
        assert!(Setting::RssKey.accepts("6d5a") && !Setting::RssKey.accepts("6d5"));
        assert!(Setting::RssTable.accepts("0,1,0") && !Setting::RssTable.accepts("0,-1"));
        let irq = Setting::IrqCpus(1);
        assert!(irq.accepts("0") && irq.accepts("0,2-3"));
        for wrong in ["", "0-", "-", "a", "0,,1", "+1", "0\n", "99999"] {
            assert!(!irq.accepts(wrong), "{wrong}");
        }
    }
}
