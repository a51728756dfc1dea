use std::net::IpAddr;

use super::place::within;
use super::{
    Authorisation, Declared, LIFECYCLES, Lifecycle, PlaceColumns, PlaceFile, day_ns,
    read_mac_table, read_places,
};

#[test]
fn subnets_hold_their_addresses() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(within(ip("10.1.2.3"), "10.1.2.0/24"), Some(true));
    assert_eq!(within(ip("10.1.3.3"), "10.1.2.0/24"), Some(false));
    assert_eq!(within(ip("10.1.3.3"), "0.0.0.0/0"), Some(true));
    assert_eq!(within(ip("2001:db8::1"), "2001:db8::/32"), Some(true));
    assert_eq!(within(ip("2001:db8::1"), "10.0.0.0/8"), Some(false));
    assert_eq!(within(ip("10.1.2.3"), "10.1.2.0"), None);
    assert_eq!(within(ip("10.1.2.3"), "10.1.2.0/33"), None);
}

#[test]
fn steps_are_those_of_people() {
    use Authorisation as A;
    assert!(A::New.leads_to(A::Approved));
    assert!(A::Retired.leads_to(A::Approved));
    assert!(!A::Approved.leads_to(A::New));
    assert!(!A::New.leads_to(A::Retired));
    assert!(A::ALL.iter().all(|state| !state.leads_to(A::New)));
    for state in A::ALL {
        assert_eq!(A::from_name(state.name()), Some(state));
        assert!(!state.leads_to(state));
    }
    assert_eq!(Lifecycle::ALL.map(Lifecycle::name).as_slice(), LIFECYCLES);
}

#[test]
fn files_of_people_say_what_is_wrong() {
    assert!(
        Declared::parse("subnets = [\"10.0.0.0\"]")
            .unwrap_err()
            .contains("10.1.2.0/24")
    );
    assert!(Declared::parse("subnetz = []").is_err());
    assert!(
        PlaceFile::parse("[[places]]\nplace = \"A\"\n")
            .unwrap_err()
            .contains("vlan")
    );
    assert!(PlaceFile::parse("[[places]]\nplace = \"A\"\nvlan = 7\n").is_ok());
    let plain = PlaceColumns::default();
    let bytes = b"MAC;Place\n00:12:21:20:01:31;ICU\nx;y\n";
    let (rows, rejected) = read_places(bytes, &plain).unwrap();
    assert_eq!((rows.len(), rejected.len()), (1, 1));
    assert_eq!(rejected[0].line, 3);
    assert!(read_places(b"a,b\n", &plain).is_err());
    assert_eq!(day_ns("1970-01-02"), Some(86_400_000_000_000));
    assert_eq!(day_ns("soon"), None);
}

/// An export of a controller in UTF-16, as spreadsheets write it, under its own heads.
#[test]
fn exports_bear_their_own_heads() {
    let text = "Client MAC Address,Floor,AP Name\r\n0012.2120.0131,\"Main, 3\",AP-ICU-2\r\n";
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let columns = PlaceColumns {
        mac: "client mac address".to_owned(),
        place: vec!["Floor".to_owned(), "AP Name".to_owned()],
    };
    let (rows, rejected) = read_places(&bytes, &columns).unwrap();
    assert!(rejected.is_empty());
    assert_eq!(rows[0].mac, "00:12:21:20:01:31");
    assert_eq!(rows[0].place, "Main, 3 > AP-ICU-2");
    let columns = PlaceColumns {
        place: vec!["Room".to_owned()],
        ..columns
    };
    let error = read_places(&bytes, &columns).unwrap_err();
    assert_eq!(error, "expected a column named Room");
}

#[test]
fn a_switch_prints_where_it_heard_whom() {
    let text = "          Mac Address Table\n\
        Vlan    Mac Address       Type        Ports\n\
        ----    -----------       --------    -----\n\
         10    0012.2120.0131    DYNAMIC     Gi1/0/7\n\
         All    0100.0ccc.cccc    STATIC      CPU\n\
        v10  00:12:21:20:01:32   D  -  ge-0/0/3.0\n\
        Total Mac Addresses for this criterion: 2\n";
    let rows = read_mac_table(text.as_bytes(), "sw-icu3");
    let rows: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row.mac.as_str(), row.place.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            ("00:12:21:20:01:31", "sw-icu3 Gi1/0/7"),
            ("00:12:21:20:01:32", "sw-icu3 ge-0/0/3.0"),
        ]
    );
}
