//! What can't be opened: one sentence with the remedy, and nothing left behind.

use caps::{CapSet, Capability};
use libtest_mimic::Failed;
use nix::sys::resource::{Resource, getrlimit};

use super::*;

/// What the system says of the interface.
fn link(lab: &Lab) -> String {
    ip(&["-n", &lab.sensor, "-j", "link", "show", SENSOR])
}

fn is_attached(lab: &Lab) -> bool {
    link(lab).contains("\"xdp\"")
}

fn refused(lab: &Lab, ask: &Ask<'_>) -> String {
    match open(lab, ask) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

const ATTACHED: &str = "mirror0 is in use: another XDP program is attached to it, perhaps of \
     another medtapd; end that, or take the program off (`ip link set mirror0 xdp off`)";

/// The one that was there first goes on.
pub fn second_open() -> Result<(), Failed> {
    let lab = Lab::new();
    for first in [NATIVE, GENERIC] {
        let mut opened = open(
            &lab,
            &Ask {
                modes: &[first],
                ..ask(2)
            },
        )?;
        for second in [NATIVE, GENERIC] {
            let modes = [second];
            assert_eq!(
                refused(
                    &lab,
                    &Ask {
                        modes: &modes,
                        ..ask(1)
                    }
                ),
                ATTACHED
            );
        }
        assert_eq!(
            refused(
                &lab,
                &Ask {
                    modes: &Mode::ALL,
                    ..ask(1)
                }
            ),
            ATTACHED
        );
        let sent = flows(2);
        lab.send(&sent);
        let got = drain(&mut opened.ports, sent.len());
        are_steered(&got);
        assert_eq!(losses(&opened.ports), Losses::default());
    }
    Ok(())
}

pub fn nothing_stays_attached() -> Result<(), Failed> {
    let lab = Lab::new();
    assert!(!is_attached(&lab));
    let mut opened = open(&lab, &ask(2))?;
    assert!(is_attached(&lab));
    lab.send(&mixed(20));
    // What was redirected before can still be taken, and the counters read.
    opened.attachment.detach();
    assert!(!is_attached(&lab));
    assert_eq!(drain(&mut opened.ports, 20).concat(), mixed(20));
    assert_eq!(opened.attachment.counters()?[0], 20);
    opened.attachment.detach();
    drop(opened);
    // In the other order: the program without its sockets, then neither.
    let opened = open(&lab, &ask(1))?;
    let Opened {
        ports, attachment, ..
    } = opened;
    drop(ports);
    assert!(is_attached(&lab));
    lab.send(&mixed(20));
    assert_eq!(attachment.counters()?[..3], [20, 0, 20]);
    drop(attachment);
    assert!(!is_attached(&lab));
    // No way works.
    let error = refused(
        &lab,
        &Ask {
            modes: &[ZERO_COPY],
            ..ask(1)
        },
    );
    assert_eq!(
        error,
        "mirror0 can't be received from by AF_XDP: native program, zero-copy: the driver has no \
         zero-copy"
    );
    assert!(!is_attached(&lab));
    ip(&["-n", &lab.sensor, "link", "set", SENSOR, "mtu", "1500"]);
    let error = refused(
        &lab,
        &Ask {
            modes: &[ZERO_COPY],
            ..ask(1)
        },
    );
    assert_eq!(
        error,
        "mirror0 can't be received from by AF_XDP: native program, zero-copy: the driver has no \
         zero-copy"
    );
    assert!(!is_attached(&lab));
    // And it can be opened again.
    open(&lab, &ask(1))?;
    assert!(!is_attached(&lab));
    Ok(())
}

pub fn bad_input() -> Result<(), Failed> {
    let lab = Lab::new();
    let cases = [
        (
            Ask {
                interface: "none0",
                ..ask(1)
            },
            "there is no interface none0; `ip link` lists those that there are",
        ),
        (
            ask(0),
            "0 workers can't share an interface; expected 1 to 64",
        ),
        (
            ask(65),
            "65 workers can't share an interface; expected 1 to 64",
        ),
        (
            Ask {
                frames: 100,
                ..ask(1)
            },
            "expected frames to be a power of two, and their bytes 2048 or 4096",
        ),
        (
            Ask {
                frame_bytes: 1024,
                ..ask(1)
            },
            "expected frames to be a power of two, and their bytes 2048 or 4096",
        ),
        (
            Ask {
                modes: &Mode::ALL[3..],
                ..ask(1)
            },
            "mirror0 can't be received from by AF_XDP: ",
        ),
    ];
    for (ask, expected) in cases {
        assert_eq!(refused(&lab, &ask), expected);
    }
    assert!(!is_attached(&lab));
    Ok(())
}

/// An interface that is down is opened all the same, and received when it is up.
pub fn down_and_up() -> Result<(), Failed> {
    let lab = Lab::new();
    let set = |state| ip(&["-n", &lab.sensor, "link", "set", SENSOR, state]);
    set("down");
    let mut opened = open(&lab, &ask(2))?;
    for _ in 0..3 {
        set("up");
        let sent = flows(1);
        lab.send(&sent);
        let got = drain(&mut opened.ports, sent.len());
        are_steered(&got);
        set("down");
        assert!(!take(&mut opened.ports[0], &mut Vec::new()));
    }
    assert_eq!(losses(&opened.ports), Losses::default());
    Ok(())
}

/// Opens in the sensor's namespace, without these rights.
fn refused_without(lab: &Lab, rights: &[Capability], ask: &Ask<'_>) -> String {
    lab.sensor(|| {
        for right in rights {
            caps::drop(None, CapSet::Effective, *right).unwrap();
        }
        match xdp::open(ask, &mut |_| ()) {
            Ok(_) => panic!("it opened"),
            Err(error) => error.to_string(),
        }
    })
}

pub fn few_rights() -> Result<(), Failed> {
    let lab = Lab::new();
    let admin = Capability::CAP_SYS_ADMIN;
    let remedy = "run as root, or give what is missing (AmbientCapabilities= of the systemd unit)";
    let cases = [
        (vec![Capability::CAP_NET_RAW], "CAP_NET_RAW"),
        (vec![Capability::CAP_NET_ADMIN], "CAP_NET_ADMIN"),
        (vec![admin, Capability::CAP_BPF], "CAP_BPF"),
        (vec![admin, Capability::CAP_PERFMON], "CAP_PERFMON"),
        (
            vec![admin, Capability::CAP_PERFMON, Capability::CAP_BPF],
            "CAP_BPF and CAP_PERFMON",
        ),
    ];
    for (rights, missing) in cases {
        let expected = format!("opening mirror0 needs {missing}; {remedy}");
        assert_eq!(refused_without(&lab, &rights, &ask(1)), expected);
    }
    // The limit is the process's; where there is none, nothing is refused.
    let (limit, _) = getrlimit(Resource::RLIMIT_MEMLOCK)?;
    let frames = (limit / 2048 + 1).next_power_of_two();
    if frames <= 1 << 17 {
        let large = Ask {
            frames: frames.max(4096) as u32,
            ..ask(1)
        };
        let error = refused_without(&lab, &[Capability::CAP_IPC_LOCK], &large);
        assert!(
            error.contains("the limit of locked memory does not allow; raise it"),
            "{error}"
        );
    }
    assert!(!is_attached(&lab));
    Ok(())
}

/// A thread that gave all rights away goes on receiving, and reads what was counted.
pub fn without_rights_afterwards() -> Result<(), Failed> {
    let lab = Lab::new();
    let sent = mixed(100);
    let mut opened = open(&lab, &ask(1))?;
    thread::scope(|scope| {
        let receive = || {
            caps::clear(None, CapSet::Effective).unwrap();
            caps::clear(None, CapSet::Permitted).unwrap();
            assert!(drain(&mut opened.ports, sent.len()).concat() == sent);
            assert_eq!(opened.attachment.counters().unwrap()[..2], [100, 100]);
            assert_eq!(losses(&opened.ports), Losses::default());
        };
        let receiver = scope.spawn(receive);
        thread::sleep(Duration::from_millis(100));
        lab.send(&sent);
        receiver.join().unwrap();
    });
    Ok(())
}
