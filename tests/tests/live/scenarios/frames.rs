//! Frames that are not plain: long ones, tagged ones, and those that come after the MTU changed.

use medtap_table::TableReader;
use medtap_table::vocabulary::InterfaceCounter as I;

use super::Scenario;
use super::life::frames;
use crate::harness::{Engine, FAR, Lab, MONITOR, devices, eventually, ip};

pub const TESTS: &[Scenario] = &[
    ("frames::jumbo_copy", &[], || jumbo("copy")),
    ("frames::jumbo_packet", &[], || jumbo("packet")),
    ("frames::mtu_changed_copy", &[], || mtu_changed("copy")),
    ("frames::mtu_changed_packet", &[], || mtu_changed("packet")),
    ("frames::vlan_copy", &[], || vlan("copy")),
    ("frames::vlan_generic", &[], || vlan("generic")),
    ("frames::vlan_packet", &[], || vlan("packet")),
];

/// Bytes of a frame that is longer than a chunk of the UMEM.
const LONG: usize = 8_000;

fn long_frames(count: usize) -> Vec<Vec<u8>> {
    let mut frames = frames(count);
    for frame in &mut frames {
        frame.resize(LONG, 0);
    }
    frames
}

fn set_mtu(lab: &Lab, mtu: &str) {
    for (host, link) in [("switch", FAR), ("sensor", MONITOR)] {
        let namespace = lab.namespace(host);
        ip(&["-n", &namespace, "link", "set", link, "mtu", mtu]);
    }
}

/// Frames longer than a chunk of the UMEM arrive whole.
fn jumbo(mode: &str) {
    let lab = Lab::new(1);
    set_mtu(&lab, "9000");
    let mut engine = Engine::start(&lab, &["--mode", mode]);
    lab.send(&long_frames(50));
    let reading = engine.reaches(I::Delivered, 50);
    assert_eq!(reading.get(I::Delivered), 50, "{reading:?}");
    engine.stop();
    let source = TableReader::open(&engine.table).expect("a table").source();
    let source = source.expect("what was read");
    assert_eq!((source.packets, source.bytes), (50, 50 * LONG as u64));
    assert_eq!(source.truncated, 0);
    lab.assert_silent();
}

/// The MTU changes under the engine: the table tells it, and long frames arrive from then on.
fn mtu_changed(mode: &str) {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", mode]);
    lab.send(&frames(100));
    assert_eq!(engine.reaches(I::Delivered, 100).mtu, 1500);
    set_mtu(&lab, "9000");
    eventually("the new MTU", || {
        (engine.reading().mtu == 9000).then_some(())
    });
    lab.send(&long_frames(50));
    engine.reaches(I::Delivered, 150);
    set_mtu(&lab, "1500");
    eventually("the old MTU", || {
        (engine.reading().mtu == 1500).then_some(())
    });
    lab.send(&frames(100));
    engine.reaches(I::Delivered, 250);
    engine.stop();
    let reading = engine.reading();
    assert_eq!(reading.get(I::Delivered), 250, "{reading:?}");
    let source = TableReader::open(&engine.table).expect("a table").source();
    let source = source.expect("what was read");
    assert_eq!(source.bytes, 200 * 600 + 50 * LONG as u64);
    assert_eq!((source.truncated, source.malformed), (0, 0));
    lab.assert_silent();
}

/// Devices are known with their VLAN, beside those without.
fn vlan(mode: &str) {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", mode]);
    let mut mixed = frames(200);
    for frame in &mut mixed[..100] {
        frame.splice(12..12, [0x81, 0, 0x60, 100]);
    }
    // The switch's own tag before the hosts'.
    for frame in &mut mixed[..50] {
        frame.splice(12..12, [0x88, 0xa8, 0, 7]);
    }
    lab.send(&mixed);
    engine.reaches(I::Delivered, 200);
    engine.stop();
    let found = devices(&engine.table);
    let vlans = |address: &str| {
        let mut all = found["devices"].as_array().expect("devices").iter();
        let device = all.find(|it| it["addresses"][0] == address);
        let device = device.unwrap_or_else(|| panic!("no {address} in {found}"));
        device["vlans"].to_string()
    };
    assert_eq!(vlans("10.77.1.0"), vlans("10.77.2.24"));
    assert_ne!(vlans("10.77.1.0"), "[]");
    for address in ["10.77.1.25", "10.77.2.49"] {
        assert_eq!(vlans(address), "[100]");
    }
    for address in ["10.77.1.50", "10.77.2.99"] {
        assert_eq!(vlans(address), "[]");
    }
    lab.assert_silent();
}
