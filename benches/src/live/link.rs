//! The interface that the load test runs on: a veth pair in a network namespace without a name,
//! which the calling thread enters and which is gone with it. It touches no other interface.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, unshare};

use super::sender::index_of;

/// The end of an own pair where the sockets are.
pub const NEAR: &str = "mtload0";

/// The other end.
pub const FAR: &str = "mtload1";

/// An interface to receive on.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Index of an interface that the maker may be parked on.
    pub parking: Option<u32>,
}

impl Link {
    /// A new pair in a new namespace. The threads that the calling thread makes afterwards are in
    /// it, too.
    ///
    /// # Errors
    ///
    /// No right to do so, or no `ip` (iproute2).
    pub fn own() -> Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET)
            .context("cannot make a network namespace; run it as root")?;
        // Without IPv6 an interface sends nothing by itself. A kernel without it has no such file.
        let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        ip(&["link", "add", NEAR, "type", "veth", "peer", "name", FAR])?;
        ip(&["link", "set", NEAR, "up"])?;
        ip(&["link", "set", FAR, "up"])?;
        Ok(Self {
            name: NEAR.to_owned(),
            index: index(NEAR)?,
            parking: Some(index(FAR)?),
        })
    }

    /// Lets frames of so many bytes through, headers not counted; for an own pair.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    pub fn widen(&self, mtu: u32) -> Result<()> {
        for end in [NEAR, FAR] {
            ip(&["link", "set", end, "mtu", &mtu.to_string()])?;
        }
        Ok(())
    }

    /// One that there is. Frames that arrive on it by themselves disturb the test, and without
    /// a parking place the maker is slower.
    ///
    /// # Errors
    ///
    /// When there is none of this name.
    pub fn existing(name: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            index: index(name)?,
            parking: None,
        })
    }
}

fn index(name: &str) -> Result<u32> {
    index_of(name).with_context(|| format!("no interface {name} in this network namespace"))
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .context("cannot start ip; install iproute2")?;
    ensure!(
        output.status.success(),
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
