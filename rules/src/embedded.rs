//! The rule files that ship, as they stand in `data`. It holds no knowledge of its own; a test
//! compares the list with the folder.

/// Lists files of `data` with their contents.
macro_rules! embed {
    ($($field:literal,)+) => {
        /// Name and text of every rule file.
        pub const FILES: &[(&str, &str)] =
            &[$((concat!($field, ".toml"), include_str!(concat!("../data/", $field, ".toml"))),)+];
    };
}

embed! {
    "http.login",
    "smtp.login",
    "imap.login",
    "pop.login",
    "smtp.banner",
    "imap.banner",
    "pop.banner",
    "browser.os_version",
    "browser.server.type",
    "ntp.ctrl.system",
    "ntp.ctrl.version",
    "winrm.product_version",
    "lldp.tlv.system.desc",
    "lldp.tlv.system.desc.network",
    "lldp.tlv.system_cap",
    "cdp.platform",
    "cdp.platform.model",
    "cdp.software_version",
    "cdp.software_version.system",
    "cdp.capabilities",
    "dhcp.option.vendor_class_id",
    "dhcp.option.request_list",
    "dhcp.option.hostname",
    "mdns.service",
    "mdns.txt.product",
    "mdns.device_info.model",
    "http.server",
    "http.user_agent",
    "http.www_authenticate.realm",
    "contacted.name",
    "tcp.syn.signature",
    "tcp.syn_ack.signature",
    "tls.handshake.version",
    "x509af.self_signed",
    "x509af.algorithm_id",
    "x509af.public_key",
    "x509sat.subject",
    "ssh.server.version",
    "ssh.kex_algorithms",
    "ssh.server_host_key_algorithms",
    "ssh.encryption_algorithms_client_to_server",
    "ssh.client.version",
    "ssdp.server",
    "ssdp.nt",
    "nbns.service",
    "dicom.userinfo.uid",
    "dicom.userinfo.version",
    "dicom.role",
    "dicom.sop_class",
    "dicom.modality",
    "dicom.manufacturer",
    "dicom.manufacturer_model_name",
    "dicomweb.role",
    "fhir.device.type",
    "hl7.device.type",
    "hl7.device.id",
    "hl7.device.model",
    "hl7.msh.application",
    "hl7.msh.profile",
    "poct1.dev.device_id",
    "poct1.dev.vendor_id",
    "poct1.dev.model_id",
    "poct1.role",
    "astm.sender",
    "ascomalarm.role",
    "astm.role",
    "snmp.community",
    "snmp.sysobjectid",
    "smb.administration",
    "smb.dialect",
    "smb.native_os",
    "ntlmssp.version",
    "ftp.banner",
    "ftp.banner.device",
    "ftp.banner.printer",
    "ftp.login",
    "telnet.banner",
    "telnet.login",
    "vnc.security",
    "mqtt.login",
    "ldap.bind",
    "mysql.version",
    "pgsql.login",
    "redis.login",
    "amqp.login",
    "rtsp.login",
    "ipmi.login",
    "tacplus.protection",
    "pgsql.server_version",
    "redis.version",
    "redis.os",
    "tds.version",
    "kerberos.role",
    "ipmi.role",
    "ipmi.manufacturer_id",
    "rtsp.server",
    "rtsp.realm",
    "rpc.program",
    "rsh.login",
    "rlogin.login",
    "stp.role",
    "skinny.deviceType",
    "skinny.deviceName",
    "dhcpv6.vendorclass.data",
    "isakmp.vendor_id",
    "igmp.role",
    "bacnet.device_instance",
    "bacnet.vendor_id",
    "enip.device_type",
    "enip.vendor_id",
    "wsd.type",
    "wsd.onvif.name",
    "wsd.device_type",
    "dpws.manufacturer",
    "dpws.model_name",
    "sdc.type",
    "sdc.manufacturer",
    "sdc.model_name",
    "sdc.role",
    "upnp.device_type",
    "intellivue.manufacturer",
    "intellivue.model",
    "intellivue.system_type",
    "ieee11073.role",
    "ieee11073.manufacturer",
    "ieee11073.specialisation",
    "medibus.device",
    "alaris.role",
    "alaris_disc.role",
    "wacp.model",
    "unity.role",
    "dri.role",
    "lantronix.role",
    "addp.role",
    "addp.hardware_name",
    "moxa.role",
    "masimo.role",
    "s7comm.szl.order_number",
    "opcua.session",
    "kip.medium",
    "dnp3.src",
    "iec60870_104.role",
    "fox.app.name",
    "fox.host_id",
    "pn_dcp.vendor_id",
    "pn_dcp.role",
    "omron.controller.model",
    "slmp.cpu.model",
    "melsoft.cpu.model",
    "gwmp.gateway_eui",
    "snmp.sysdescr.printer",
    "snmp.sysdescr.thing",
    "snmp.sysdescr.facility",
    "snmp.sysdescr.cisco",
    "snmp.sysdescr.juniper",
    "snmp.sysdescr.network",
    "snmp.sysdescr.network2",
    "snmp.sysdescr.network3",
    "snmp.sysdescr.gateway",
    "snmp.sysdescr.power",
    "snmp.sysdescr.server",
    "snmp.sysdescr.storage",
    "snmp.sysdescr.system",
    "sip.user_agent",
    "sip.user_agent.phone",
    "sip.server",
    "snmp.hrdevicedescr",
    "ipp.printer_device_id",
    "ipp.printer_make_and_model",
    "pjl.id",
    "bacnet.model_name",
    "fox.brand_id",
    "modbus.vendor_name",
    "modbus.product_code",
    "http.title",
    "enip.product_name",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{self, Origin};
    use crate::examples;
    use crate::matcher::Matcher;
    use crate::rules::{Rules, parse};
    use crate::tables::TABLES;
    use medtap_table::vocabulary::{Attribute, Field};
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;
    use std::sync::Arc;

    /// Every rule, checked as strictly as a site's own, with its text; and the matcher of all.
    fn all() -> (Vec<(compile::Rule, crate::schema::Rule)>, Matcher) {
        let mut rules = Vec::new();
        for (file, text) in FILES {
            let parsed = parse(file, text).unwrap_or_else(|error| panic!("{error}"));
            let field = Field::from_name(&parsed.field).expect(file);
            let rest = file.strip_prefix(field.name()).unwrap_or(file);
            let area = rest.strip_suffix("toml").unwrap_or(rest);
            assert!(
                area.starts_with('.') && area.matches('.').count() <= 2,
                "{file} is named by its field, and by an area where the field has several files"
            );
            for text in parsed.rule {
                let rule = compile::rule(file, (field, &Arc::default()), &text, Origin::Local)
                    .unwrap_or_else(|e| panic!("{e}"));
                rules.push((rule, text));
            }
        }
        (rules, Rules::embedded().matcher())
    }

    #[test]
    fn every_file_of_data_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let names = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let found: BTreeSet<String> = names.collect();
        let rules = FILES.iter().map(|(name, _)| (*name).to_owned());
        let tables = TABLES.iter().map(|(name, _)| format!("{name}.tsv"));
        let listed: BTreeSet<String> = rules.chain(tables).collect();
        assert_eq!(found, listed);
        assert_eq!(listed.len(), FILES.len() + TABLES.len());
    }

    #[test]
    fn examples_prove_every_rule() {
        let (rules, matcher) = all();
        let mut faults = Vec::new();
        for (rule, text) in &rules {
            if let Err(reason) = examples::check(rule, text) {
                faults.push(format!("{} rule {}: {reason}", rule.field.name(), rule.id));
            }
            for example in &text.matches {
                if !is_heard(&matcher, rule, &example.value) {
                    faults.push(format!(
                        "rule {} is silenced on {:?}",
                        rule.id, example.value
                    ));
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// True when the matcher, all rules together, lets this rule speak about a value.
    fn is_heard(matcher: &Matcher, rule: &compile::Rule, value: &str) -> bool {
        let mut heard = false;
        matcher.matches(rule.field, value, &mut |claim| {
            heard |= claim.rule == rule.id
        });
        heard
    }

    /// Two rules of the same confidence may agree on an example or speak of other attributes.
    #[test]
    fn no_two_rules_contradict_each_other_with_equal_confidence() {
        let (rules, matcher) = all();
        let mut faults = Vec::new();
        for (rule, text) in &rules {
            for example in &text.matches {
                let mut claims: BTreeMap<(Attribute, u8), (u32, String)> = BTreeMap::new();
                matcher.matches(rule.field, &example.value, &mut |claim| {
                    if claim.attribute == Attribute::Observed {
                        return;
                    }
                    let key = (claim.attribute, claim.confidence);
                    let new = (claim.rule, claim.value.to_owned());
                    let (other, value) = claims.entry(key).or_insert_with(|| new.clone());
                    if *value != claim.value {
                        faults.push(format!("{:?}: {} and {other} differ", key, claim.rule));
                    }
                });
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// The number tells the field, so that two people who add rules do not take the same.
    #[test]
    fn numbers_lie_in_the_block_of_their_field() {
        let (rules, _) = all();
        let mut seen = BTreeSet::new();
        for (rule, _) in &rules {
            assert_eq!(
                rule.id / 1_000,
                u32::from(rule.field.number()),
                "rule {}",
                rule.id
            );
            assert!(seen.insert(rule.id), "rule {} is there twice", rule.id);
        }
    }

    /// Whoever adds a rule sees both that it is loaded and that nobody else is any more certain.
    #[test]
    fn hypotheses_say_so() {
        let (rules, _) = all();
        for (rule, text) in &rules {
            let doubtful = text.source.contains("recalled") || text.source.contains("not seen");
            assert!(
                !doubtful || rule.unconfirmed,
                "rule {} is a hypothesis",
                rule.id
            );
        }
    }
}
