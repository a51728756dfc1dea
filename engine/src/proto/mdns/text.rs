//! What the text records of services say of a device: which key of which service means what. It
//! knows no key whose value is a person's words, and no service that runs on behalf of others.

use medtap_table::vocabulary::Field;

/// A family of services whose texts have the same keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Printers and scanners: Bonjour Printing Specification 1.2.1 section 9, eSCL.
    Print,
    /// Laboratory instruments: LXI Device Specification, section 10 (mDNS).
    Instrument,
    /// Things that play, show or measure, each with a word of its own for its model.
    Thing,
    /// Web pages of a device that names maker and model in words of its own (storage, cameras).
    Web,
    /// DICOM applications: PS3.15 annex H.
    Dicom,
    /// What hardware a host is: no service, only a text.
    DeviceInfo,
}

/// Services, by their label, that belong to the device that offers them.
const SERVICES: [(&[u8], Family); 26] = [
    (b"_ipp", Family::Print),
    (b"_ipps", Family::Print),
    (b"_printer", Family::Print),
    (b"_pdl-datastream", Family::Print),
    (b"_scanner", Family::Print),
    (b"_uscan", Family::Print),
    (b"_uscans", Family::Print),
    (b"_privet", Family::Print),
    (b"_fax-ipp", Family::Print),
    (b"_lxi", Family::Instrument),
    (b"_vxi-11", Family::Instrument),
    (b"_scpi-raw", Family::Instrument),
    (b"_scpi-telnet", Family::Instrument),
    (b"_hislip", Family::Instrument),
    (b"_airplay", Family::Thing),
    (b"_raop", Family::Thing),
    (b"_googlecast", Family::Thing),
    (b"_hap", Family::Thing),
    (b"_hue", Family::Thing),
    (b"_dhnap", Family::Thing),
    (b"_http", Family::Web),
    (b"_https", Family::Web),
    (b"_dicom", Family::Dicom),
    (b"_dicom-tls", Family::Dicom),
    (b"_acr-nema", Family::Dicom),
    (b"_device-info", Family::DeviceInfo),
];

/// Keys and what they are, by family.
const KEYS: [(Family, &[u8], Field); 35] = [
    (Family::Print, b"ty", Field::MdnsTxtProduct),
    (Family::Print, b"product", Field::MdnsTxtProduct),
    (Family::Print, b"usb_mfg", Field::MdnsTxtManufacturer),
    (Family::Print, b"mfg", Field::MdnsTxtManufacturer),
    (Family::Print, b"usb_mdl", Field::MdnsTxtModel),
    (Family::Print, b"mdl", Field::MdnsTxtModel),
    (Family::Print, b"serial", Field::MdnsTxtSerial),
    (Family::Print, b"serialnumber", Field::MdnsTxtSerial),
    (Family::Print, b"fw", Field::MdnsTxtFirmware),
    (Family::Print, b"firmware", Field::MdnsTxtFirmware),
    (Family::Print, b"note", Field::MdnsTxtLocation),
    (
        Family::Instrument,
        b"manufacturer",
        Field::MdnsTxtManufacturer,
    ),
    (Family::Instrument, b"model", Field::MdnsTxtModel),
    (Family::Instrument, b"serialnumber", Field::MdnsTxtSerial),
    (
        Family::Instrument,
        b"firmwareversion",
        Field::MdnsTxtFirmware,
    ),
    (Family::Thing, b"manufacturer", Field::MdnsTxtManufacturer),
    (Family::Thing, b"mfg", Field::MdnsTxtManufacturer),
    (Family::Thing, b"model", Field::MdnsTxtModel),
    (Family::Thing, b"md", Field::MdnsTxtModel),
    (Family::Thing, b"am", Field::MdnsTxtModel),
    (Family::Thing, b"modelid", Field::MdnsTxtModel),
    (Family::Thing, b"model_number", Field::MdnsTxtModel),
    (Family::Thing, b"serialnumber", Field::MdnsTxtSerial),
    (Family::Thing, b"serial", Field::MdnsTxtSerial),
    (Family::Thing, b"fw", Field::MdnsTxtFirmware),
    (Family::Thing, b"firmware", Field::MdnsTxtFirmware),
    (Family::Thing, b"fv", Field::MdnsTxtFirmware),
    (Family::Thing, b"ty", Field::MdnsTxtProduct),
    (Family::Web, b"vendor", Field::MdnsTxtManufacturer),
    (Family::Web, b"model", Field::MdnsTxtModel),
    (Family::Web, b"serial", Field::MdnsTxtSerial),
    (Family::Web, b"version", Field::MdnsTxtFirmware),
    (Family::Dicom, b"aet", Field::MdnsTxtAeTitle),
    (
        Family::Dicom,
        b"primarydevicetype",
        Field::MdnsTxtDeviceType,
    ),
    (Family::DeviceInfo, b"model", Field::MdnsDeviceInfo),
];

/// The family of a service, where it is one that tells of its device.
pub fn family(service: &[u8]) -> Option<Family> {
    let found = SERVICES
        .iter()
        .find(|(label, _)| label.eq_ignore_ascii_case(service))?;
    Some(found.1)
}

/// A text record, RFC 6763 section 6: strings, each after its length, mostly `key=value`.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The pairs; a string without `=` is a key alone.
    fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (len, after) = rest.split_first()?;
            let (string, after) = after.split_at_checked(usize::from(*len))?;
            rest = after;
            let equals = string.iter().position(|byte| *byte == b'=');
            let (key, value) = string.split_at(equals.unwrap_or(string.len()));
            Some((key, value.get(1..).unwrap_or_default()))
        })
    }

    /// The value of a key; the first counts, and letter case does not (RFC 6763 section 6.4).
    pub fn get(&self, key: &[u8]) -> Option<&'a [u8]> {
        let pair = self.pairs().find(|pair| pair.0.eq_ignore_ascii_case(key))?;
        Some(pair.1)
    }

    /// A print queue that a host shares: then the printer is another device. CUPS and macOS
    /// name the queue's type and state, and its path begins with the kind of queue.
    pub fn is_shared_queue(&self) -> bool {
        let path = self.get(b"rp").unwrap_or_default();
        self.get(b"printer-type").is_some()
            || self.get(b"printer-state").is_some()
            || path.starts_with(b"printers/")
            || path.starts_with(b"classes/")
    }

    /// The known keys of a family, with what each is. A page that names no device, maker and
    /// model, is a program's: its version is not the device's.
    pub fn facts(&self, family: Family) -> impl Iterator<Item = (Field, &'a [u8])> + use<'a> {
        let text = *self;
        let is_device = family != Family::Web
            || (text.get(b"vendor").is_some() && text.get(b"model").is_some());
        KEYS.iter()
            .filter(move |row| row.0 == family && is_device)
            .filter_map(move |(_, key, field)| {
                let value = text.get(key)?;
                // A PostScript product stands in brackets.
                let bare = match value {
                    [b'(', bare @ .., b')'] => bare,
                    _ => value,
                };
                // A group of loudspeakers is no device.
                (bare != b"Google Cast Group").then_some((*field, bare))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_any_case() {
        let text = Text(b"\x09txtvers=1\x0ausb_MFG=HP\x04flag\x06ty=abc\x05TY=zz");
        assert_eq!(text.get(b"USB_mfg"), Some(&b"HP"[..]));
        assert_eq!(text.get(b"ty"), Some(&b"abc"[..]));
        assert_eq!(text.get(b"flag"), Some(&b""[..]));
        assert_eq!(text.get(b"fla"), None);
    }

    #[test]
    fn a_shared_queue_is_told_from_a_printer() {
        assert!(Text(b"\x0drp=printers/hp").is_shared_queue());
        assert!(Text(b"\x10printer-type=0x9").is_shared_queue());
        assert!(!Text(b"\x0crp=ipp/print").is_shared_queue());
    }

    #[test]
    fn families() {
        assert_eq!(family(b"_IPP"), Some(Family::Print));
        assert_eq!(family(b"_smb"), None);
        let facts: Vec<_> = Text(b"\x0fproduct=(AX-10)").facts(Family::Print).collect();
        assert_eq!(facts, [(Field::MdnsTxtProduct, &b"AX-10"[..])]);
        let aet: Vec<_> = Text(b"\x07AET=CT1").facts(Family::Dicom).collect();
        assert_eq!(aet, [(Field::MdnsTxtAeTitle, &b"CT1"[..])]);
    }

    #[test]
    fn a_web_page_tells_of_a_device_that_names_itself() {
        let store =
            Text(b"\x0bvendor=Acme\x0bmodel=AS-20\x0aserial=771\x0bversion=7.2\x08user=Bob");
        let facts: Vec<_> = store.facts(Family::Web).collect();
        assert_eq!(
            facts,
            [
                (Field::MdnsTxtManufacturer, &b"Acme"[..]),
                (Field::MdnsTxtModel, b"AS-20"),
                (Field::MdnsTxtSerial, b"771"),
                (Field::MdnsTxtFirmware, b"7.2"),
            ]
        );
        let program = Text(b"\x0dversion=2.440\x0bmodel=AS-20");
        assert_eq!(program.facts(Family::Web).count(), 0);
    }
}
