use std::net::IpAddr;

use super::place::within;
use super::{Authorisation, Declared, LIFECYCLES, Lifecycle, PlaceFile, day_ns, read_places};

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
    let (rows, rejected) = read_places(b"MAC;Place\n00:12:21:20:01:31;ICU\nx;y\n").unwrap();
    assert_eq!((rows.len(), rejected.len()), (1, 1));
    assert_eq!(rejected[0].line, 3);
    assert!(read_places(b"a,b\n").is_err());
    assert_eq!(day_ns("1970-01-02"), Some(86_400_000_000_000));
    assert_eq!(day_ns("soon"), None);
}
