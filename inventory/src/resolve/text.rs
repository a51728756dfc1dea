//! When two texts say the same: serial numbers, names of companies, hosts and stations, and what
//! stands where nothing is known. It compares texts and decides nothing about devices.

use std::borrow::Cow;

use medtap_table::vocabulary::Attribute;

/// What forms are filled with where a serial number or a name is not known; letters and digits
/// alone, in lower case.
const PLACEHOLDERS: &[&str] = &[
    "unknown",
    "none",
    "na",
    "nil",
    "null",
    "undefined",
    "default",
    "notavailable",
    "notapplicable",
    "notset",
    "noserial",
    "serial",
    "serialnumber",
    "serialno",
    "sn",
    "tbd",
    "test",
    "station",
    "stationname",
    "name",
    "hostname",
    "localhost",
    "device",
    "model",
    "manufacturer",
    "tobefilledbyoem",
    "systemserialnumber",
    "defaultstring",
    "empty",
    "anonymous",
    "0123456789",
    "abc",
    "abc123",
    "abcd1234",
];

/// AE titles that programs come with, letters and digits alone, in lower case: of dcmtk, dcm4che,
/// Orthanc, pynetdicom, Conquest, ClearCanvas, and words of the standard's own examples.
const AE_TITLES_DEFAULT: &[&str] = &[
    "storescu",
    "storescp",
    "anyscp",
    "anyscu",
    "echoscu",
    "echoscp",
    "findscu",
    "findscp",
    "movescu",
    "movescp",
    "getscu",
    "getscp",
    "qrscp",
    "qrscu",
    "dcmqrscp",
    "dcmrecv",
    "dcmtk",
    "dcmsend",
    "wlmscpfs",
    "ppsscp",
    "mppsscu",
    "mppsscp",
    "printscu",
    "printscp",
    "stgcmtscu",
    "pynetdicom",
    "orthanc",
    "dcm4chee",
    "dcm4che",
    "conquestsrv1",
    "conquest",
    "clearcanvas",
    "osirix",
    "horos",
    "weasis",
    "gdcmscu",
    "gdcm",
    "dicom",
    "dicomscu",
    "dicomscp",
    "aetitle",
    "ae",
    "client",
    "server",
    "modality",
    "pacs",
    "worklist",
    "archive",
    "scu",
    "scp",
    "mwlscp",
    "mwlscu",
    "commonstore",
    "arc",
];

/// Words at the end of a company's name that tell its legal form, not its name.
const LEGAL_FORMS: &[&str] = &[
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "ltd",
    "limited",
    "llc",
    "lp",
    "gmbh",
    "ag",
    "kg",
    "kgaa",
    "se",
    "sa",
    "sas",
    "spa",
    "srl",
    "bv",
    "nv",
    "plc",
    "pty",
    "oy",
    "oyj",
    "ab",
    "as",
    "aps",
    "kk",
    "mbh",
    "ohg",
    "ev",
    "int",
    "international",
    "group",
    "holding",
    "holdings",
    "technologies",
    "technology",
    "systems",
    "electronics",
];

/// Characters that the start of a company's name must have to stand for the whole.
const COMPANY_START_CHARS: usize = 4;
/// Characters from which a name of a station is taken for a name.
const STATION_CHARS_MIN: usize = 4;

/// Letters and digits alone, in lower case.
pub fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let kept = text.chars().filter(|c| c.is_alphanumeric());
    match text.is_ascii() {
        true => bare.extend(kept.map(|c| c.to_ascii_lowercase())),
        false => bare.extend(kept.flat_map(char::to_lowercase)),
    }
    bare
}

/// In lower case, with one space where there are several and none at the ends.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    match folded.is_ascii() {
        true => folded.make_ascii_lowercase(),
        // Some letters are others at the end of a word.
        false => folded = folded.to_lowercase(),
    }
    folded
}

/// A family of systems.
const LINUX: &str = "linux";
/// How the names of its members begin, in small letters.
const LINUXES: [&str; 25] = [
    "almalinux",
    "alpine",
    "amazon linux",
    "android",
    "arch",
    "centos",
    "chrome os",
    "cisco ios xe",
    "debian",
    "dsm",
    "fedora",
    "fortios",
    "gentoo",
    "lcos",
    "opensuse",
    "openwrt",
    "oracle linux",
    "pan-os",
    "qts",
    "raspberry pi os",
    "red hat",
    "rocky linux",
    "routeros",
    "suse",
    "ubuntu",
];

/// True where a serial number, a name or an identifier is what many machines share: nothing, one
/// character repeated, digits counted up from 0 or 1, or a word for "unknown".
pub fn is_placeholder(text: &str) -> bool {
    let bare = bare(text);
    let mut chars = bare.chars();
    let Some(first) = chars.next() else {
        return true;
    };
    let counted = ["0123456789", "1234567890"]
        .iter()
        .any(|all| all.starts_with(&bare));
    chars.all(|c| c == first) || counted || PLACEHOLDERS.contains(&&*bare)
}

/// True for an AE title that a program came with: it names no machine.
pub fn is_default_ae(text: &str) -> bool {
    is_placeholder(text) || AE_TITLES_DEFAULT.contains(&&*bare(text))
}

/// The words of a company's name that tell companies apart, in lower case.
pub fn company(text: &str) -> String {
    let lower = match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.to_lowercase()),
    };
    let mut name = String::with_capacity(lower.len());
    let words = lower.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    name.make_ascii_lowercase();
    name.truncate(without_forms(&name).len());
    name
}

/// A name without the legal forms at its end; one word stays.
fn without_forms(name: &str) -> &str {
    let is_letter = |word: &str| word.chars().nth(1).is_none();
    let mut kept = name;
    while let Some((mut rest, last)) = kept.rsplit_once(' ') {
        let mut form = Cow::Borrowed(last);
        // "S.p.A." and "B.V." fall into letters.
        while is_letter(last)
            && let Some((before, letter)) = rest.rsplit_once(' ')
            && is_letter(letter)
        {
            form.to_mut().insert_str(0, letter);
            rest = before;
        }
        if !LEGAL_FORMS.contains(&&*form) {
            break;
        }
        kept = rest;
    }
    kept
}

/// True where two names are of one company, one of them perhaps of a part of it.
pub fn same_company(a: &str, b: &str) -> bool {
    let (a, b) = (company(a), company(b));
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let rest = long.strip_prefix(&*short);
    let begins = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let chars = short.bytes().filter(|byte| *byte != b' ').count();
    !short.is_empty() && begins && (short == long || chars >= COMPANY_START_CHARS)
}

/// True where both name the same station or host: their letters and digits agree.
pub fn same_station(a: &str, b: &str) -> bool {
    let a = bare(a.split('.').next().unwrap_or_default());
    let b = bare(b.split('.').next().unwrap_or_default());
    a == b && a.chars().count() >= STATION_CHARS_MIN && !is_default_ae(&a)
}

/// What two values of an attribute have in common where they say the same.
pub fn normal(attribute: Attribute, value: &str) -> String {
    match attribute {
        Attribute::Manufacturer => company(value),
        Attribute::Hostname => {
            let name = value.trim_end_matches('.').to_lowercase();
            let first = name.split('.').next().unwrap_or_default();
            // An address is no name with a domain.
            let numeric = first.bytes().all(|byte| byte.is_ascii_digit());
            if numeric { name } else { first.to_owned() }
        }
        _ => folded(value),
    }
}

/// True for a value that names a family of others: what says "Linux" does not contradict what
/// says "Debian". The value is as [`normal`] makes it.
pub fn is_family(attribute: Attribute, normal: &str) -> bool {
    attribute == Attribute::Os && normal == LINUX
}

/// True for a member of this family; both as [`normal`] makes them.
pub fn is_of_family(normal: &str, family: &str) -> bool {
    family == LINUX && LINUXES.iter().any(|linux| normal.starts_with(linux))
}

/// A UDI that tells one machine from all others: its device identifier with its serial number,
/// comparable. GS1: application identifiers (01) and (21), in parentheses or in their fixed
/// places; HIBCC: `+…/$$+7…` or `/$+` and the like; ICCBBA: `=/` and `=,`.
pub fn udi_with_serial(udi: &str) -> Option<String> {
    let udi = udi.trim();
    let (device, serial) = if udi.starts_with('(') {
        gs1_readable(udi)?
    } else if udi.starts_with('+') {
        hibcc(udi)?
    } else if udi.starts_with("=/") {
        iccbba(udi)?
    } else {
        gs1_scanned(udi)?
    };
    let serial = folded(serial);
    (!is_placeholder(&serial)).then(|| format!("{}|{serial}", folded(device)))
}

/// `(01)device(11)date(21)serial`.
fn gs1_readable(udi: &str) -> Option<(&str, &str)> {
    let part = |identifier: &str| {
        let rest = udi.split_once(identifier)?.1;
        rest.split('(').next().filter(|text| !text.is_empty())
    };
    Some((part("(01)")?, part("(21)")?))
}

/// `01` and 14 digits, then elements without parentheses; those of variable length end with the
/// group separator or the text.
fn gs1_scanned(udi: &str) -> Option<(&str, &str)> {
    const SEPARATOR: char = '\u{1d}';
    let rest = udi.strip_prefix("01")?;
    let (device, mut rest) = (rest.get(..14)?, rest.get(14..)?);
    if !device.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    loop {
        rest = rest.trim_start_matches(SEPARATOR);
        let (identifier, value) = (rest.get(..2)?, rest.get(2..)?);
        match identifier {
            "21" => {
                let serial = value.split(SEPARATOR).next()?;
                return (!serial.is_empty()).then_some((device, serial));
            }
            // Dates have six digits.
            "11" | "13" | "15" | "16" | "17" => rest = value.get(6..)?,
            // A lot of variable length: what follows is found only behind a separator.
            "10" => rest = value.split_once(SEPARATOR)?.1,
            _ => return None,
        }
    }
}

/// `+labeler-and-product/…serial`: the secondary part holds a serial number behind `$+` (alone)
/// or `$$+` (with a date in front of it), or in a part of its own behind `S`.
fn hibcc(udi: &str) -> Option<(&str, &str)> {
    let mut parts = udi.split('/');
    let device = parts.next()?;
    for part in parts {
        let serial = if let Some(rest) = part.strip_prefix("$$+") {
            // The first digit tells the form of the date behind it, 7 that there is none; other
            // digits begin MMYY, but 8 and 9 a quantity, which no single machine has.
            let digits = match rest.bytes().next()? {
                b'2' => 7,
                b'3' => 7,
                b'4' => 9,
                b'5' => 6,
                b'6' => 8,
                b'7' => 1,
                b'8' | b'9' => return None,
                _ => 4,
            };
            rest.get(digits..)
        } else if let Some(rest) = part.strip_prefix("$+") {
            Some(rest)
        } else {
            part.strip_prefix('S')
        };
        if let Some(serial) = serial.filter(|serial| !serial.is_empty()) {
            return Some((device, serial));
        }
    }
    None
}

/// `=/device=,serial…`: the serial number has six characters.
fn iccbba(udi: &str) -> Option<(&str, &str)> {
    let (device, rest) = udi.strip_prefix("=/")?.split_once("=,")?;
    let serial = rest.split('=').next()?;
    (!device.is_empty() && !serial.is_empty()).then_some((device, serial))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_seen() {
        for text in [
            "", "0", "00000", "XXXX", "12345", "123456", "0123", "N/A", "none", "Unknown ", "---",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["SN0001", "123457", "AM-CT-001977"] {
            assert!(!is_placeholder(text), "{text}");
        }
        assert!(is_default_ae("ANY-SCP") && is_default_ae("STORESCU") && is_default_ae("ORTHANC"));
        assert!(!is_default_ae("CT_ROOM1"));
    }

    #[test]
    fn companies_are_compared_without_their_legal_form() {
        assert!(same_company("Cisco Systems, Inc", "CISCO"));
        assert!(same_company("B. Braun Melsungen AG", "B.Braun Melsungen"));
        assert!(same_company("Philips Patient Monitoring", "Philips"));
        assert!(same_company("Example Oy", "example"));
        assert!(!same_company("Hewlett Packard", "INKJOY"));
        assert!(!same_company("Esaote S.p.A.", "FABRIKAM ULTRASOUND"));
        assert!(!same_company("GE Healthcare", "GEA"));
        assert!(!same_company("", ""));
    }

    #[test]
    fn legal_forms_end_a_name() {
        for (name, told) in [
            ("Esaote S.p.A.", "esaote"),
            ("  ACME  Medical,Systems Inc.", "acme medical"),
            ("B. V.", "b v"),
            ("A B V", "a"),
            ("GmbH", "gmbh"),
            ("Group Holding AG", "group"),
            ("3M X", "3m x"),
            ("\u{130}\u{3a3} AG", "i \u{3c2}"),
            ("...", ""),
        ] {
            assert_eq!(company(name), told, "{name}");
        }
    }

    #[test]
    fn stations_are_compared_by_letters_and_digits() {
        assert!(same_station("US_CART3", "US-CART-3"));
        assert!(same_station("CTSTN01.hospital.example", "ctstn01"));
        assert!(!same_station("CT1", "CT1"), "too short to be a name");
        assert!(!same_station("STATION", "STATION"));
    }

    #[test]
    fn hosts_are_compared_without_domain() {
        let normal = |name| normal(Attribute::Hostname, name);
        assert_eq!(normal("WKS-RAD-01"), normal("wks-rad-01.hospital.example."));
        assert_ne!(normal("10.0.0.1"), normal("10.0.0.2"));
    }

    #[test]
    fn only_a_udi_with_serial_names_one_machine() {
        let gs1 = udi_with_serial("(01)09521234543213(11)210309(21)AM-CT-001977");
        assert_eq!(gs1.as_deref(), Some("09521234543213|am-ct-001977"));
        assert_eq!(
            udi_with_serial("01095212345432131121030921AM-CT-001977"),
            gs1
        );
        assert_eq!(
            udi_with_serial("010952123454321310LOT7\u{1d}21AM-CT-001977"),
            gs1
        );
        assert_eq!(udi_with_serial("(01)09521234543213(11)210309"), None);
        assert_eq!(udi_with_serial("(01)09521234543213(21)00000"), None);
        assert_eq!(
            udi_with_serial("010952123454321310LOT721X"),
            None,
            "within a lot"
        );
        assert_eq!(
            udi_with_serial("+A999MODEL1/$$+7SER99").as_deref(),
            Some("+a999model1|ser99")
        );
        assert_eq!(udi_with_serial("+A999MODEL1/$$7LOT99"), None);
        assert_eq!(
            udi_with_serial("=/A9999XYZ100T0944=,000025=A99971312345600").as_deref(),
            Some("a9999xyz100t0944|000025")
        );
        assert_eq!(udi_with_serial(""), None);
    }

    #[test]
    fn fuzz_any_text() {
        bolero::check!()
            .with_iterations(2000)
            .with_type::<(String, String)>()
            .for_each(|(a, b)| {
                let _ = (udi_with_serial(a), is_placeholder(a), same_station(a, b));
                assert_eq!(same_company(a, b), same_company(b, a));
            });
    }
}
