//! Niagara Fox (Tridium; port 1911): the greeting in which a station or a workplace of a building
//! says what it runs. It reads nothing after it: no user, no point and no schedule.
//!
//! ```text
//! fox a <number> -1 fox hello LF { LF (key=type:value LF)* };; LF
//! ```

use std::net::IpAddr;

use medtap_table::vocabulary::{Field, Protocol};

use super::reported;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict, ports};
use crate::config::FOX_HELLO_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Fox,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &[START[0]],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const PORTS: &[u16] = &[1911, 3011];

const START: &[u8] = b"fox a ";
const HELLO: &[u8] = b" -1 fox hello\n{\n";
const DIGITS_MAX: usize = 5;
const END: &[u8] = b"\n};;";
/// A value that is a text.
const TEXT: &[u8] = b"s:";

/// What stands behind the first line of a greeting. `Some(None)`: the bytes so far are a beginning.
fn hello(bytes: &[u8]) -> Option<Option<&[u8]>> {
    if !START.iter().zip(bytes).all(|(a, b)| a == b) {
        return None;
    }
    let Some(rest) = bytes.get(START.len()..) else {
        return Some(None);
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > DIGITS_MAX {
        return None;
    }
    let rest = rest.get(digits..)?;
    match rest.strip_prefix(HELLO) {
        Some(body) => (digits > 0).then_some(Some(body)),
        None => HELLO.starts_with(rest).then_some(None),
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match hello(segment.bytes) {
        Some(Some(_)) => Verdict::Match(ports::role_of_sender(segment, PORTS)),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// Which ends have greeted.
#[derive(Default)]
struct Session {
    greeted: [bool; 2],
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let body = match hello(segment.bytes) {
            Some(Some(body)) => body,
            Some(None) if !segment.cut => return Progress::consumed(0),
            _ => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        let end = body.windows(END.len()).position(|window| window == END);
        if end.is_none() && segment.bytes.len() < FOX_HELLO_BYTES_MAX && !segment.cut {
            return Progress::consumed(0);
        }
        if let Some(greeted) = self
            .greeted
            .get_mut(usize::from(segment.from == Role::Server))
        {
            *greeted = true;
        }
        let both = self.greeted == [true; 2];
        if both {
            emit(Observation::Confirmed);
        }
        for line in body
            .get(..end.unwrap_or(body.len()))
            .unwrap_or_default()
            .split(|b| *b == b'\n')
        {
            tell(line, emit);
        }
        Progress {
            consumed: segment.bytes.len(),
            then: if both {
                Then::Done
            } else {
                Then::DoneDirection
            },
        }
    }
}

/// One line of a greeting; keys that are not here are stepped over.
fn tell(line: &[u8], emit: Emit<'_>) {
    let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
        return;
    };
    let (key, value) = line.split_at(equals);
    let field = match key {
        b"hostName" => Field::FoxHostName,
        b"app.name" => Field::FoxApplication,
        b"app.version" => Field::FoxVersion,
        b"vm.name" => Field::FoxMachineName,
        b"vm.version" => Field::FoxMachineVersion,
        b"os.name" => Field::FoxOs,
        b"os.version" => Field::FoxOsVersion,
        b"hostId" => Field::FoxHostId,
        b"brandId" => Field::FoxBrand,
        _ => return,
    };
    let value = value.get(1..).and_then(|value| value.strip_prefix(TEXT));
    let Some(value) = value.and_then(reported::text) else {
        return;
    };
    let is_address = std::str::from_utf8(value).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
    let unfit = is_address || reported::names_person(value);
    if field != Field::FoxHostName || !unfit {
        says(field, value, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS as PLAYED, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const WORKPLACE: &[u8] = b"fox a 1 -1 fox hello\n{\nfox.version=s:1.0\nid=i:1\n\
        hostName=s:10.0.0.7\napp.name=s:Workbench\napp.version=s:3.7.44\nos.name=s:Windows XP\n\
        os.version=s:5.1\n};;\n";
    const STATION: &[u8] = b"fox a 0 -1 fox hello\n{\nfox.version=s:1.0.1\nid=i:122\n\
        hostName=s:ahu-station\nhostAddress=s:10.0.0.9\napp.name=s:Station\n\
        app.version=s:3.8.213\nvm.name=s:Java HotSpot(TM) Client VM\nvm.version=s:1.5.0_81-b06\n\
        os.name=s:QNX\nos.version=s:6.4.1\nstation.name=s:CANARY\nlang=s:en\n\
        hostId=s:Qnx-NPM6-0000-16A3-8210\nvmUuid=s:11e8e9a6-0b40-571a-0000-00000000a096\n\
        brandId=s:vykon\n};;\n";

    #[test]
    fn both_ends_say_what_they_run() {
        let conversation = [(Role::Client, WORKPLACE), (Role::Server, STATION)];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "sender fox.app.name=Workbench",
                "sender fox.app.version=3.7.44",
                "sender fox.os.name=Windows XP",
                "sender fox.os.version=5.1",
                "confirmed",
                "sender fox.host_name=ahu-station",
                "sender fox.app.name=Station",
                "sender fox.app.version=3.8.213",
                "sender fox.vm.name=Java HotSpot(TM) Client VM",
                "sender fox.vm.version=1.5.0_81-b06",
                "sender fox.os.name=QNX",
                "sender fox.os.version=6.4.1",
                "sender fox.host_id=Qnx-NPM6-0000-16A3-8210",
                "sender fox.brand_id=vykon",
            ]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn probes() {
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, STATION, (1911, 50_000)), server);
        assert_eq!(probe(&CLASSIFIER, b"fox a 1", PLAYED), Verdict::NeedMore);
        for bytes in [
            &b"fox a  -1 fox hello\n{\n"[..],
            b"fox a 1 -1 fox goodbye",
            b"fox b",
            b"fox a 123456 -1",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX);
            let greeting = [&STATION[..40], bytes, END].concat();
            run(&CLASSIFIER, &[(Role::Server, &greeting)]);
        });
    }
}
