use super::*;
use crate::observe::Observation;
use crate::observe::Subject;
use crate::proto::http::known::Known;

const HEAD: &str = "<?xml version='1.0' encoding='UTF-8'?>\
    <s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
    xmlns:a=\"http://www.w3.org/2005/08/addressing\" \
    xmlns:x=\"http://schemas.xmlsoap.org/ws/2004/09/mex\" \
    xmlns:d=\"http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
    xmlns:m=\"http://standards.ieee.org/downloads/11073/11073-10207-2017/message\" \
    xmlns:p=\"http://standards.ieee.org/downloads/11073/11073-10207-2017/participant\">";

fn envelope(action: &str, body: &str) -> String {
    format!(
        "{HEAD}<s:Header><a:Action>http://example/{action}</a:Action></s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn mds(serial: &str) -> String {
    format!(
        "<p:Mds Handle=\"m\"><p:Type Code=\"69965\"><p:ConceptDescription>CANARY\
         </p:ConceptDescription></p:Type>\
         <p:ProductionSpecification><p:SpecType Code=\"531975\"/><p:ProductionSpec>4.2\
         </p:ProductionSpec></p:ProductionSpecification>\
         <p:ProductionSpecification><p:SpecType Code=\"1\"/><p:ProductionSpec>CANARY\
         </p:ProductionSpec></p:ProductionSpecification>\
         <p:MetaData><p:Udi><p:DeviceIdentifier>01</p:DeviceIdentifier>\
         <p:HumanReadableForm>(01)01(21)7</p:HumanReadableForm></p:Udi>\
         <p:Manufacturer Lang=\"en\">ACME</p:Manufacturer><p:Manufacturer>ACME GmbH\
         </p:Manufacturer><p:ModelName>Vent 5</p:ModelName><p:ModelNumber>V5</p:ModelNumber>\
         <p:SerialNumber>{serial}</p:SerialNumber></p:MetaData>\
         <p:Vmd><p:Type Code=\"2\"/><p:MetaData><p:Manufacturer>CANARY</p:Manufacturer>\
         </p:MetaData></p:Vmd></p:Mds>"
    )
}

const STATES: &str = "<p:MdState>\
    <p:State xsi:type=\"p:PatientContextState\" ContextAssociation=\"Assoc\"><p:CoreData>\
    <p:Givenname>CANARY</p:Givenname></p:CoreData><p:LocationDetail Bed=\"CANARY\"/></p:State>\
    <p:State xsi:type=\"p:LocationContextState\" ContextAssociation=\"Dis\">\
    <p:LocationDetail Bed=\"CANARY\"/></p:State>\
    <p:State xsi:type=\"p:LocationContextState\" ContextAssociation=\"Assoc\">\
    <p:Identification Root=\"CANARY\" Extension=\"CANARY\"/>\
    <p:LocationDetail Facility=\"H1\" PoC=\"CU2\" Bed=\"B 7\" Room=\"CANARY, Anna\"/></p:State>\
    <p:State xsi:type=\"p:MdsState\" OperatingMode=\"Dmo\"/></p:MdState>";

fn mdib(systems: &str) -> String {
    let body = format!(
        "<m:GetMdibResponse><m:Mdib><p:MdDescription>{systems}</p:MdDescription>{STATES}</m:Mdib>\
         </m:GetMdibResponse>"
    );
    envelope("GetService/GetMdibResponse", &body)
}

const SYSTEM: [&str; 8] = [
    "sender sdc.type=69965",
    "sender sdc.software=4.2",
    "sender sdc.udi.di=01",
    "sender sdc.udi=(01)01(21)7",
    "sender sdc.manufacturer=ACME",
    "sender sdc.model_name=Vent 5",
    "sender sdc.model_number=V5",
    "sender sdc.serial_number=SN-1",
];

fn say(text: &str, size: usize) -> Vec<String> {
    let mut said = Vec::new();
    let mut body = Body {
        reader: Reader::new(&SCHEMA),
        document: Document::default(),
    };
    for piece in text.as_bytes().chunks(size) {
        let wants = body.read(piece, &mut |seen| {
            said.push(match seen {
                Observation::Fact {
                    subject,
                    field,
                    value,
                } => {
                    let subject = match subject {
                        Subject::Sender => "sender".to_owned(),
                        Subject::Receiver => "receiver".to_owned(),
                        Subject::Reported(id) => id.escape_ascii().to_string(),
                        Subject::Mac(_) | Subject::Station(_) => unreachable!(),
                    };
                    format!("{subject} {}={}", field.name(), value.escape_ascii())
                }
                Observation::Event { event, .. } => event.name().to_owned(),
                other => format!("{other:?}"),
            });
        });
        if wants == Wants::Nothing {
            break;
        }
    }
    said
}

#[test]
fn one_system_is_the_sender() {
    let text = mdib(&mds("SN-1"));
    for size in [1, 100, 100_000] {
        let said = say(&text, size);
        assert_eq!(
            said[..2],
            ["sender sdc.role=provider", "receiver sdc.role=consumer"]
        );
        assert_eq!(said[2..10], SYSTEM);
        assert_eq!(
            said[10..],
            [
                "sender sdc.facility=H1",
                "sender sdc.location=CU2/B 7",
                "sender sdc.operating_mode=demonstration",
            ]
        );
    }
}

#[test]
fn several_systems_are_reported_by_a_gateway() {
    let said = say(&mdib(&(mds("SN-1") + &mds("SN-2") + &mds("0000"))), 999);
    assert_eq!(said.len(), 2 + 16);
    assert!(said[2].starts_with("sdc|acme|vent 5|sn-1 sdc.type="));
    assert!(said[10].starts_with("sdc|acme|vent 5|sn-2 sdc.type="));
}

#[test]
fn metadata_say_model_and_device() {
    let body = "<x:Metadata><x:MetadataSection><d:ThisModel><d:Manufacturer>ACME</d:Manufacturer>\
        <d:ModelName>Vent</d:ModelName><d:ModelNumber>5</d:ModelNumber></d:ThisModel>\
        </x:MetadataSection><x:MetadataSection><d:ThisDevice><d:FriendlyName>CANARY\
        </d:FriendlyName><d:FirmwareVersion>9.1</d:FirmwareVersion>\
        <d:SerialNumber>S1</d:SerialNumber></d:ThisDevice></x:MetadataSection>\
        <x:MetadataSection><d:Relationship><d:Host><c:Computer \
        xmlns:c=\"http://schemas.microsoft.com/windows/pub/2005/07\">WKS1/Workgroup:CANARY\
        </c:Computer></d:Host></d:Relationship></x:MetadataSection></x:Metadata>";
    // A computer that publishes itself has the maker of the service that does it.
    assert_eq!(
        say(&envelope("2004/09/transfer/GetResponse", body), 50),
        ["sender dpws.computer=WKS1"]
    );
    let body = body.replace("c:Computer", "c:Other");
    assert_eq!(
        say(&envelope("2004/09/transfer/GetResponse", &body), 50),
        [
            "sender dpws.manufacturer=ACME",
            "sender dpws.model_name=Vent",
            "sender dpws.model_number=5",
            "sender dpws.firmware_version=9.1",
            "sender dpws.serial_number=S1",
        ]
    );
}

const INFORMATION: &str = "<t:GetDeviceInformationResponse \
    xmlns:t=\"http://www.onvif.org/ver10/device/wsdl\"><t:Manufacturer>ACME</t:Manufacturer>\
    <t:Model>Dome 4</t:Model><t:FirmwareVersion>5.6.3</t:FirmwareVersion>\
    <t:SerialNumber>DM-0042</t:SerialNumber><t:HardwareId>88</t:HardwareId>\
    <t:Extension><t:Model>CANARY</t:Model></t:Extension></t:GetDeviceInformationResponse>";

#[test]
fn a_camera_says_what_it_is() {
    const ACTION: &str = "ver10/device/wsdl/GetDeviceInformationResponse";
    let told = [
        "sender onvif.manufacturer=ACME",
        "sender onvif.model=Dome 4",
        "sender onvif.firmware_version=5.6.3",
        "sender onvif.serial_number=DM-0042",
        "sender onvif.hardware_id=88",
    ];
    let text = envelope(ACTION, INFORMATION);
    // Most cameras send no header.
    let bare = format!("{HEAD}<s:Body>{INFORMATION}</s:Body></s:Envelope>");
    for size in 1..text.len() {
        assert_eq!(say(&text, size), told, "{size}");
        assert_eq!(say(&bare, size), told, "{size}");
    }
    let filler = INFORMATION.replace("DM-0042", "123456");
    assert_eq!(say(&envelope(ACTION, &filler), 50).len(), 4);
    for other in [
        INFORMATION.replace("ver10/device", "ver10/media"),
        INFORMATION.replace("GetDeviceInformationResponse", "GetUsersResponse"),
        INFORMATION.replace("DeviceInformationResponse ", "DeviceInformation "),
    ] {
        let other = other.replace("ACME", "CANARY");
        let bare = format!("{HEAD}<s:Body>{other}</s:Body></s:Envelope>");
        assert!(!say(&bare, 50).concat().contains("onvif"), "{other}");
    }
    let person = INFORMATION.replace("Dome 4", "Dr. Anna Canary");
    assert_eq!(say(&envelope(ACTION, &person), 50).len(), 4);
}

#[test]
fn an_alert_that_is_present_is_counted() {
    let report = |kind: &str, presence: &str| {
        let body = format!(
            "<m:EpisodicAlertReport><m:ReportPart><m:AlertState xsi:type=\"p:{kind}\" \
             Presence=\"{presence}\"/></m:ReportPart></m:EpisodicAlertReport>"
        );
        let said = say(
            &envelope("StateEventService/EpisodicAlertReport", &body),
            99,
        );
        said.contains(&"sdc_alert".to_owned())
    };
    assert!(report("AlertConditionState", "true"));
    assert!(report("LimitAlertConditionState", "true"));
    assert!(!report("AlertConditionState", "false"));
    assert!(!report("AlertSignalState", "true"));
}

#[test]
fn other_messages_are_left_at_their_action() {
    let text = envelope("WaveformService/WaveformStream", &mds("SN-1"));
    let mut body = Body {
        reader: Reader::new(&SCHEMA),
        document: Document::default(),
    };
    let action = text.find("</s:Header>").unwrap();
    let wants = body.read(&text.as_bytes()[..action], &mut |_| panic!());
    assert_eq!(wants, Wants::Nothing);
    assert!(say("<html><body/></html>", 9).is_empty());
    assert_eq!(say("<!DOCTYPE x>", 99), ["Malformed"]);
}

#[test]
fn bodies_of_soap_alone_are_claimed() {
    let soap = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml; charset=utf-8\r\n\r\n";
    assert!(claim(&Head::of_answer(200, &Known::of(soap)), &mut |_| {}).is_some());
    assert!(
        claim(
            &Head::of_request(b"POST", b"/x", &Known::of(soap)),
            &mut |_| {}
        )
        .is_some()
    );
    assert!(
        claim(
            &Head::of_request(b"GET", b"/x", &Known::of(soap)),
            &mut |_| {}
        )
        .is_none()
    );
    let html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    assert!(claim(&Head::of_answer(200, &Known::of(html)), &mut |_| {}).is_none());
}

/// Whatever is thrown in, nothing of a patient's state comes out.
#[test]
fn fuzz_documents() {
    let text = mdib(&mds("SN-1"));
    bolero::check!()
        .with_iterations(2_000)
        .with_max_len(128)
        .for_each(|bytes: &[u8]| {
            let at = match bytes {
                [a, b, ..] => usize::from(u16::from_be_bytes([*a, *b])) % text.len(),
                _ => 0,
            };
            let mut mixed = text.as_bytes()[..at].to_vec();
            mixed.extend_from_slice(bytes);
            mixed.extend_from_slice(&text.as_bytes()[at..]);
            let said = say(&String::from_utf8_lossy(&mixed), 200);
            assert!(!said.concat().contains("CANARY"));
        });
}
