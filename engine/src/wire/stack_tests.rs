use super::*;
use crate::wire::LinkType;
use crate::wire::samples::{INNER_MACS, ethernet, ipv4, ipv6};

/// A segment with these flags, window and options, from port 40000 to port 104.
fn segment(flags: u8, window: u16, options: &[u8]) -> Vec<u8> {
    let words = (5 + options.len() / 4) as u8;
    let ack = if flags & ACK == 0 { 0 } else { 7 };
    let mut bytes = vec![
        0x9c,
        0x40,
        0,
        104,
        1,
        2,
        3,
        4,
        0,
        0,
        0,
        ack,
        words << 4,
        flags,
    ];
    bytes.extend(window.to_be_bytes());
    bytes.extend([0xbe, 0xef, 0, 0]);
    bytes.extend(options);
    bytes
}

/// The text of the marks of a segment, in a frame that `change` was applied to.
fn marks(ip: Vec<u8>, change: impl Fn(&mut Vec<u8>)) -> Option<String> {
    let ether_type = if ip[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let mut frame = ethernet(INNER_MACS, ether_type, &ip);
    change(&mut frame);
    let headers = Headers::parse(&frame, frame.len() as u32, LinkType::Ethernet).ok()?;
    let marks = StackMarks::read(&headers, &frame)?;
    Some(String::from_utf8(marks.text().as_bytes().to_vec()).unwrap())
}

fn v4(flags: u8, window: u16, options: &[u8]) -> Option<String> {
    marks(ipv4(6, &segment(flags, window, options)), |_| {})
}

const LINUX: &[u8] = &[
    2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7,
];

#[test]
fn what_systems_send() {
    let linux = "4:64:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0";
    assert_eq!(v4(SYN, 64_240, LINUX).as_deref(), Some(linux));
    let answer = "4:64:0:1460:mss*45,7:mss,sok,ts,nop,ws:df,id+:0";
    assert_eq!(v4(SYN | ACK, 65_160, LINUX).as_deref(), Some(answer));
    let apple = [
        2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 4, 2, 0, 0,
    ];
    let text = "4:64:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0";
    assert_eq!(v4(SYN, 65_535, &apple).as_deref(), Some(text));
    let windows = [2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];
    let packet = marks(ipv4(6, &segment(SYN, 8192, &windows)), |frame| {
        frame[22] = 128
    });
    let text = "4:128:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0";
    assert_eq!(packet.as_deref(), Some(text));
    let whole = "4:64:0:1460:mtu*2,0:mss:df,id+:0";
    assert_eq!(v4(SYN, 3000, &[2, 4, 5, 0xb4]).as_deref(), Some(whole));
    let bare = "4:64:0:0:512,0::df,id+:0";
    assert_eq!(v4(SYN, 512, &[]).as_deref(), Some(bare));
}

#[test]
fn quirks_are_told_in_order() {
    let odd = |at: usize, value: u8| {
        let segment = segment(SYN, 512, LINUX);
        marks(ipv4(6, &segment), |frame| frame[at] = value).unwrap()
    };
    // Offsets: the IP header begins at 14, TCP at 34, its options at 54.
    for (at, value, quirks) in [
        (20, 0x00, ""),
        (20, 0xc0, "df,id+,0+"),
        (15, 0x02, "df,id+,ecn"),
        (47, 0xc2, "df,id+,ecn"),
        (45, 0x01, "df,id+,ack+"),
        (53, 0x01, "df,id+,uptr+"),
        (47, 0x22, "df,id+,urgf+"),
        (47, 0x0a, "df,id+,pushf+"),
        (65, 0x00, "df,id+,ts1-"),
        (69, 0x01, "df,id+,ts2+"),
        (73, 0x0f, "df,id+,exws"),
    ] {
        let text = odd(at, value);
        assert_eq!(text.split(':').nth(6), Some(quirks), "{at} {text}");
    }
    let no_id = marks(ipv4(6, &segment(SYN, 512, LINUX)), |frame| {
        frame[18..22].fill(0);
    });
    assert!(no_id.unwrap().ends_with(":id-:0"));
    let zero = marks(ipv4(6, &segment(SYN, 512, LINUX)), |frame| {
        frame[38..42].fill(0);
    });
    assert!(zero.unwrap().ends_with(":df,id+,seq-:0"));
    let trail = v4(SYN, 512, &[2, 4, 5, 0xb4, 0, 0, 7, 0]);
    let text = "4:64:0:1460:512,0:mss,eol+3:df,id+,opt+:0";
    assert_eq!(trail.as_deref(), Some(text));
    let unknown = v4(SYN, 512, &[34, 2, 1, 1]);
    assert_eq!(
        unknown.as_deref(),
        Some("4:64:0:0:512,0:?34,nop,nop:df,id+:0")
    );
    let silent = v4(SYN | ACK, 512, &[]).unwrap();
    assert!(silent.ends_with(":df,id+:0"));
}

#[test]
fn payload_and_options_of_ip_are_told() {
    let with_data = [segment(SYN, 512, &[]), b"GET".to_vec()].concat();
    assert!(marks(ipv4(6, &with_data), |_| {}).unwrap().ends_with(":+"));
    let mut packet = ipv4(6, &segment(SYN, 512, &[]));
    packet[0] = 0x46;
    packet[3] += 4;
    packet.splice(20..20, [1, 1, 1, 0]);
    let text = marks(packet, |_| {}).unwrap();
    assert_eq!(text, "4:64:4:0:512,0::df,id+:0");
}

#[test]
fn version_6_has_quirks_of_its_own() {
    let whole = |change: &dyn Fn(&mut Vec<u8>)| {
        marks(ipv6(6, &segment(SYN, 64_800, &[2, 4, 5, 0xa0])), |frame| {
            frame[21] = 64;
            change(frame);
        })
    };
    let text = whole(&|_| {});
    assert_eq!(text.as_deref(), Some("6:64:0:1440:mss*45,0:mss::0"));
    let labelled = whole(&|frame| frame[17] = 9);
    assert!(labelled.unwrap().ends_with(":flow:0"));
    let marked = whole(&|frame| frame[15] = 0x10);
    assert!(marked.unwrap().ends_with(":ecn:0"));
}

#[test]
fn what_was_passed_on_or_is_broken_has_no_marks() {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        marks(ipv4(6, &segment(SYN, 512, LINUX)), |frame| change(frame))
    };
    assert!(with(&|_| {}).is_some());
    assert_eq!(with(&|frame| frame[22] = 63), None, "a hop away");
    assert_eq!(with(&|frame| frame.truncate(60)), None, "cut options");
    assert_eq!(with(&|frame| frame[55] = 40), None, "an option too long");
    assert_eq!(v4(SYN, 512, &[1; 20]), None, "more options than are told");
    assert_eq!(v4(SYN, 512, &[2, 1, 0, 0]), None);
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(20_000)
        .with_max_len(128)
        .for_each(|bytes: &[u8]| {
            let words = (bytes.len().min(40) / 4) * 4;
            let options = &bytes[..words];
            for frame in [
                ethernet(INNER_MACS, 0x0800, &ipv4(6, &segment(SYN, 512, options))),
                ethernet(INNER_MACS, 0x0800, &ipv4(6, bytes)),
                ethernet(INNER_MACS, 0x86dd, bytes),
            ] {
                let len = frame.len() as u32;
                let Ok(headers) = Headers::parse(&frame, len, LinkType::Ethernet) else {
                    continue;
                };
                if let Some(marks) = StackMarks::read(&headers, &frame) {
                    let text = marks.text();
                    let colons = text.as_bytes().iter().filter(|byte| **byte == b':');
                    assert_eq!(colons.count(), 7);
                    assert!(text.as_bytes().len() < TEXT_BYTES_MAX);
                }
            }
        });
}
