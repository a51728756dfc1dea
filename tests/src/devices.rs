//! The devices of a table as text: what the inventory concludes, short enough to be read and
//! approved. The table itself, below it in an expected text, shows what it concludes from.

use std::fmt::Write;

use medtap_inventory::model::{Device, Inventory};
use medtap_inventory::{Options, resolve};
use medtap_table::TableReader;

/// Every device: category and sureness, addresses, values with confidence and fields, what
/// contradicts them, protocols by role, peers by bytes.
pub fn devices_text(table: &TableReader) -> String {
    let inventory = resolve(table, &Options::default());
    let mut out = String::new();
    let Inventory { devices, .. } = &inventory;
    let _ = writeln!(out, "{} devices", devices.len());
    for device in devices {
        device_text(&mut out, device);
    }
    out
}

fn device_text(out: &mut String, device: &Device) {
    let _ = write!(
        out,
        "\n{} {} {} ({})",
        device.id, device.class, device.category, device.category_confidence
    );
    for mac in &device.macs {
        let _ = write!(out, " {mac}");
    }
    for address in &device.addresses {
        let _ = write!(out, " {address}");
    }
    for vlan in &device.vlans {
        let _ = write!(out, " vlan {vlan}");
    }
    for reporter in &device.reported_by {
        let _ = write!(out, " by {reporter}");
    }
    let _ = writeln!(
        out,
        "\n  sent {}/{} received {}/{}",
        device.packets_sent, device.bytes_sent, device.packets_received, device.bytes_received
    );
    let known = device.attributes.iter();
    for (name, value) in known.filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        let mut fields = value.sources.iter().map(|s| s.field).collect::<Vec<_>>();
        fields.dedup();
        let _ = write!(
            out,
            "  {name} {:?} ({}) {}",
            value.value,
            value.confidence,
            fields.join(" ")
        );
        for conflict in &value.conflicts {
            let _ = write!(
                out,
                " against {:?} ({})",
                conflict.value, conflict.confidence
            );
        }
        out.push('\n');
    }
    for protocol in &device.protocols {
        let _ = write!(out, "  {} {}", protocol.name, protocol.role);
        if let Some(port) = protocol.port {
            let _ = write!(out, " {port}");
        }
        out.push_str(if protocol.encrypted {
            " encrypted\n"
        } else {
            "\n"
        });
    }
    for peer in &device.peers {
        let line = format!(
            "  peer {} {} {}",
            peer.id,
            peer.bytes,
            peer.protocols.join(" ")
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    for (event, activity) in &device.activity {
        let _ = writeln!(out, "  {event} {}", activity.total);
    }
}
