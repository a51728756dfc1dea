//! What changes about an interface while it is listened to: whether its link is up, and its MTU.
//! The files are opened before the sandbox and read again through the same descriptors.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::str::FromStr;

use super::sysfs;

/// Longer than anything that these files hold.
const READ_BYTES: usize = 32;

/// An interface's state, to be looked at again and again.
#[derive(Debug)]
pub struct Link {
    state: File,
    mtu: File,
}

impl Link {
    /// The interface's; `None` where the system shows another namespace's interfaces in `/sys`.
    pub fn open(interface: &str) -> Option<Self> {
        let folder = sysfs(interface)?;
        Some(Self {
            state: File::open(folder.join("operstate")).ok()?,
            mtu: File::open(folder.join("mtu")).ok()?,
        })
    }

    /// True when it can receive; an error when it is gone.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn is_up(&self) -> io::Result<bool> {
        // Interfaces without a state of their own, such as loopback, say "unknown" while up.
        let state: String = read(&self.state)?;
        Ok(matches!(state.as_str(), "up" | "unknown"))
    }

    /// Its MTU; an error when it is gone.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn mtu(&self) -> io::Result<u32> {
        read(&self.mtu)
    }
}

fn read<T: FromStr>(file: &File) -> io::Result<T> {
    let mut bytes = [0; READ_BYTES];
    let len = file.read_at(&mut bytes, 0)?;
    let text = std::str::from_utf8(bytes.get(..len).unwrap_or_default());
    let value = text.ok().and_then(|text| text.trim().parse().ok());
    value.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_a_state() {
        let link = Link::open("lo").unwrap();
        assert_eq!(link.mtu().unwrap(), crate::nic::mtu("lo").unwrap());
        assert!(link.is_up().is_ok());
        assert!(Link::open("nosuch0").is_none());
    }
}
