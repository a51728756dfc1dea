//! One signature of p0f (version 3) as a pattern over the marks that the engine tells, and as an
//! example of them. What cannot be told by a pattern, or is never told, is refused with a reason.
//!
//! ```text
//! version : initial TTL : length of IP options : MSS : window , scale : options : quirks : payload
//! ```

/// Initial TTLs that are told.
const TTLS: [u32; 4] = [32, 64, 128, 255];
/// Quirks in the order of the marks.
const QUIRKS: [&str; 16] = [
    "df", "id+", "id-", "ecn", "0+", "flow", "seq-", "ack+", "ack-", "uptr+", "urgf+", "pushf+",
    "ts1-", "ts2+", "opt+", "exws",
];
/// Quirks that only packets of version 4, or of version 6, have.
const QUIRKS_V4: [&str; 4] = ["df", "id+", "id-", "0+"];
const QUIRKS_V6: [&str; 1] = ["flow"];
/// The quirk of a network, not of a system.
const QUIRK_OF_PATH: &str = "ecn";
/// An MSS that is seen on networks, bytes.
const MSS_USUAL: std::ops::RangeInclusive<u32> = 536..=9216;
/// The MSS of examples, bytes.
const MSS_EXAMPLE: u32 = 1460;
/// Bytes of a segment that timestamps take, and the shortest headers of a packet.
const TIMESTAMP_LEN: u32 = 12;
const HEADERS_V4: u32 = 40;
const HEADERS_V6: u32 = 60;

/// A window as a signature says it.
#[derive(Clone, Copy)]
enum Window {
    Any,
    Bytes(u32),
    Segments(u32),
    Packets(u32),
}

/// A signature, taken apart.
struct Parts<'a> {
    versions: &'static [u32],
    ttls: Vec<u32>,
    ip_options: u32,
    mss: Option<u32>,
    window: Window,
    scale: Option<u32>,
    options: &'a str,
    quirks: Vec<&'a str>,
    payload: &'static str,
}

/// The pattern of a signature, and a text that it knows.
pub fn translate(text: &str) -> Result<(String, String), String> {
    let parts = parts(text)?;
    let heads: Vec<String> = parts
        .versions
        .iter()
        .map(|version| parts.pattern(*version))
        .collect();
    let pattern = match &*heads {
        [only] => format!("{only}:{}", parts.payload),
        several => format!("(?:{}):{}", several.join("|"), parts.payload),
    };
    Ok((pattern, parts.example()))
}

fn parts(text: &str) -> Result<Parts<'_>, String> {
    let fields: Vec<&str> = text.split(':').map(str::trim).collect();
    let [
        version,
        ttl,
        ip_options,
        mss,
        window,
        options,
        quirks,
        payload,
    ] = *fields
    else {
        return Err(format!("it has {} parts; expected are 8", fields.len()));
    };
    let (window, scale) = window
        .split_once(',')
        .ok_or("its window has no scale; expected is window,scale")?;
    Ok(Parts {
        versions: match version {
            "*" => &[4, 6],
            "4" => &[4],
            "6" => &[6],
            other => return Err(format!("its version \"{other}\" is none of 4, 6 and *")),
        },
        ttls: ttls(ttl)?,
        ip_options: number("length of IP options", ip_options)?,
        mss: number_or_any("MSS", mss)?,
        window: read_window(window)?,
        scale: number_or_any("window scale", scale)?,
        options: checked_options(options)?,
        quirks: checked_quirks(quirks)?,
        payload: match payload {
            "0" => "0",
            "+" => r"\+",
            "*" => "[0+]",
            other => return Err(format!("its payload \"{other}\" is none of 0, + and *")),
        },
    })
}

fn number(what: &str, text: &str) -> Result<u32, String> {
    let number = text.parse::<u32>().ok().filter(|number| *number <= 65_535);
    number.ok_or_else(|| format!("its {what} \"{text}\" is no number up to 65535"))
}

fn number_or_any(what: &str, text: &str) -> Result<Option<u32>, String> {
    match text {
        "*" => Ok(None),
        text => number(what, text).map(Some),
    }
}

/// `64`; `64-`, at most that; `59+5`, that and hops on the way.
fn ttls(text: &str) -> Result<Vec<u32>, String> {
    let (wanted, or_less) = match text.strip_suffix('-') {
        Some(most) => (number("TTL", most)?, true),
        None => {
            let parts = text.split('+').map(|part| number("TTL", part));
            (parts.sum::<Result<u32, String>>()?, false)
        }
    };
    let fits = |ttl: &u32| *ttl == wanted || or_less && *ttl < wanted;
    let told: Vec<u32> = TTLS.into_iter().filter(fits).collect();
    match told.is_empty() {
        true => Err(format!(
            "its initial TTL {wanted} is never told; told are {TTLS:?}"
        )),
        false => Ok(told),
    }
}

fn read_window(text: &str) -> Result<Window, String> {
    Ok(match text {
        "*" => Window::Any,
        text if text.starts_with('%') => {
            return Err("its window is any multiple of a number, which no pattern can tell".into());
        }
        text => match text.split_once('*') {
            Some(("mss", times)) => Window::Segments(number("window", times)?),
            Some(("mtu", times)) => Window::Packets(number("window", times)?),
            Some(_) => {
                return Err(format!(
                    "its window \"{text}\" is a multiple of neither mss nor mtu"
                ));
            }
            None => Window::Bytes(number("window", text)?),
        },
    })
}

fn checked_options(text: &str) -> Result<&str, String> {
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let counted = option.strip_prefix("eol+").or(option.strip_prefix('?'));
        let is_known = match counted {
            Some(number) => number.parse::<u8>().is_ok(),
            None => matches!(option, "nop" | "mss" | "ws" | "sok" | "sack" | "ts"),
        };
        if !is_known {
            return Err(format!("its option \"{option}\" is not known"));
        }
    }
    Ok(text)
}

fn checked_quirks(text: &str) -> Result<Vec<&str>, String> {
    let quirks: Vec<&str> = text.split(',').filter(|quirk| !quirk.is_empty()).collect();
    if quirks.contains(&"bad") {
        return Err("it has broken options, which are never told".into());
    }
    match quirks.iter().find(|quirk| !QUIRKS.contains(quirk)) {
        Some(other) => Err(format!("its quirk \"{other}\" is not known")),
        None => Ok(quirks),
    }
}

impl Parts<'_> {
    fn has_timestamps(&self) -> bool {
        self.options.split(',').any(|option| option == "ts")
    }

    fn pattern(&self, version: u32) -> String {
        let ttls: Vec<String> = self.ttls.iter().map(u32::to_string).collect();
        let scale = self
            .scale
            .map_or(r"\d+".to_owned(), |scale| scale.to_string());
        let options = self.options.replace('+', r"\+").replace('?', r"\?");
        format!(
            "{version}:(?:{}):{}:{},{scale}:{options}:{}",
            ttls.join("|"),
            self.ip_options,
            self.sizes(version),
            self.quirk_pattern(version)
        )
    }

    /// MSS and window: a number of bytes is told as a multiple where it is one.
    fn sizes(&self, version: u32) -> String {
        let any = r"\d+".to_owned();
        let mss = self.mss.map_or(any, |mss| mss.to_string());
        match (self.window, self.mss) {
            (Window::Any, _) => format!(r"{mss}:(?:mss\*|mtu\*|)\d+"),
            (Window::Segments(times), _) => format!(r"{mss}:mss\*{times}"),
            (Window::Packets(times), _) => format!(r"{mss}:mtu\*{times}"),
            (Window::Bytes(bytes), Some(mss)) => {
                format!(
                    "{mss}:{}",
                    told(bytes, mss, version, self.has_timestamps()).replace('*', r"\*")
                )
            }
            (Window::Bytes(bytes), None) => {
                let mut ways = vec![format!(r"\d+:{bytes}")];
                for mss in MSS_USUAL {
                    let text = told(bytes, mss, version, self.has_timestamps());
                    if text.contains('*') {
                        ways.push(format!("{mss}:{}", text.replace('*', r"\*")));
                    }
                }
                format!("(?:{})", ways.join("|"))
            }
        }
    }

    /// The quirks that a packet of this version can have, in order.
    fn quirks_of(&self, version: u32) -> impl Iterator<Item = &'static str> {
        let other: &[&str] = if version == 4 { &QUIRKS_V6 } else { &QUIRKS_V4 };
        let wanted = |quirk: &&str| self.quirks.contains(quirk) && !other.contains(quirk);
        QUIRKS.into_iter().filter(wanted)
    }

    /// With and without what a path, or any sender of version 6, may add.
    fn quirk_pattern(&self, version: u32) -> String {
        let extra: &[&str] = if version == 4 {
            &[QUIRK_OF_PATH]
        } else {
            &[QUIRK_OF_PATH, "flow"]
        };
        let mut ways: Vec<String> = Vec::new();
        for chosen in 0..1_u32 << extra.len() {
            let added = |quirk: &&str| {
                let place = extra.iter().position(|it| it == quirk);
                place.is_some_and(|place| chosen & (1 << place) != 0)
            };
            let own: Vec<&str> = self.quirks_of(version).collect();
            let all = QUIRKS
                .into_iter()
                .filter(|it| own.contains(it) || added(it));
            let text = all.collect::<Vec<&str>>().join(",").replace('+', r"\+");
            if !ways.contains(&text) {
                ways.push(text);
            }
        }
        format!("(?:{})", ways.join("|"))
    }

    fn example(&self) -> String {
        let version = self.versions.first().copied().unwrap_or(4);
        let mss = self.mss.unwrap_or(MSS_EXAMPLE);
        let window = match self.window {
            Window::Any => told(1, mss, version, false),
            Window::Bytes(bytes) => told(bytes, mss, version, self.has_timestamps()),
            Window::Segments(times) => format!("mss*{times}"),
            Window::Packets(times) => format!("mtu*{times}"),
        };
        let quirks: Vec<&str> = self.quirks_of(version).collect();
        format!(
            "{version}:{}:{}:{mss}:{window},{}:{}:{}:{}",
            self.ttls.first().copied().unwrap_or_default(),
            self.ip_options,
            self.scale.unwrap_or_default(),
            self.options,
            quirks.join(","),
            if self.payload == r"\+" { "+" } else { "0" }
        )
    }
}

/// How the engine tells a window of so many bytes.
fn told(bytes: u32, mss: u32, version: u32, timestamps: bool) -> String {
    let times = |of: u32| (of != 0 && bytes != 0 && bytes.is_multiple_of(of)).then(|| bytes / of);
    if mss < 100 {
        return bytes.to_string();
    }
    let stamped = || times(mss - TIMESTAMP_LEN).filter(|_| timestamps);
    if let Some(times) = times(mss).or_else(stamped) {
        return format!("mss*{times}");
    }
    let headers = if version == 4 { HEADERS_V4 } else { HEADERS_V6 };
    match times(mss + headers) {
        Some(times) => format!("mtu*{times}"),
        None => bytes.to_string(),
    }
}
