//! Recog's fingerprints (rapid7/recog, XML) as local rules: read from a folder that the user
//! names, proved by their own examples, and left out with a reason where they cannot be used. It
//! ships none of them.

mod pattern;
#[cfg(test)]
mod tests;

use crate::error::RuleError;
use crate::expression;
use crate::imported::Imported;
use crate::limits::{
    EXAMPLES_MAX, PATTERN_BYTES_MAX, RECOG_FILE_BYTES_MAX, RECOG_FILES_MAX, RECOG_ID_MIN,
    RECOG_NODES_MAX, RECOG_RULES_MAX, TEXT_BYTES_MAX,
};
use crate::outline;
use crate::rules::{file_name, list, read_up_to};
use crate::schema;
use medtap_table::vocabulary::{Attribute, Category, Field};
use regex::bytes::Regex;
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeMap;
use std::path::Path;

/// Recog's keys and the fields that hold the same text.
const FIELDS: [(&str, Field); 15] = [
    ("dhcp_vendor_class", Field::DhcpVendorClass),
    ("ftp.banner", Field::FtpBanner),
    ("html_title", Field::HttpTitle),
    ("http_header.server", Field::HttpServer),
    ("http_header.x-powered-by", Field::HttpPoweredBy),
    ("mysql.banners", Field::MysqlVersion),
    ("sip_header.server", Field::SipServer),
    ("sip_header.user_agent", Field::SipUserAgent),
    ("smb.native_lm", Field::SmbNativeLanManager),
    ("smb.native_os", Field::SmbNativeOs),
    ("snmp.sys_description", Field::SnmpSysDescr),
    ("snmp.sys_object_id", Field::SnmpSysObjectId),
    ("ssh.banner", Field::SshServerVersion),
    ("x509.issuer", Field::TlsCertificateIssuer),
    ("x509.subject", Field::TlsCertificateSubject),
];

/// Recog's parameters of a device or its system, and the attributes that they are.
const ATTRIBUTES: [(&str, Attribute); 7] = [
    ("hw.vendor", Attribute::Manufacturer),
    ("hw.product", Attribute::Model),
    ("hw.version", Attribute::HardwareVersion),
    ("hw.serial_number", Attribute::SerialNumber),
    ("os.product", Attribute::Os),
    ("os.version", Attribute::OsVersion),
    ("host.name", Attribute::Hostname),
];

/// Recog's kinds of devices that are one of our categories.
const CATEGORIES: [(&str, Category); 30] = [
    ("Access Control", Category::BuildingController),
    ("Broadband Router", Category::Router),
    ("Building Automation", Category::BuildingController),
    ("DVR", Category::Camera),
    ("Desktop", Category::Workstation),
    ("Firewall", Category::Firewall),
    ("IP Camera", Category::Camera),
    ("Laptop", Category::Workstation),
    ("Lights Out Management", Category::Server),
    ("Media Player", Category::Media),
    ("Media Server", Category::Media),
    ("Mobile Phone", Category::Mobile),
    ("Multifunction Device", Category::Printer),
    ("NAS", Category::Nas),
    ("Network Audio", Category::Media),
    ("Power Device", Category::Ups),
    ("Print Server", Category::Printer),
    ("Printer", Category::Printer),
    ("Router", Category::Router),
    ("SIP Device", Category::VoipPhone),
    ("Security Appliance", Category::Firewall),
    ("Smart TV", Category::Media),
    ("Storage", Category::Nas),
    ("Storage Appliance", Category::Nas),
    ("Switch", Category::Switch),
    ("Tablet", Category::Mobile),
    ("Video Conferencing", Category::Media),
    ("VoIP", Category::VoipPhone),
    ("WAP", Category::AccessPoint),
    ("Web Cam", Category::Camera),
];

/// How sure an imported rule is, in percent: a collection of many hands.
const CONFIDENCE: u8 = 60;

/// Reads the `.xml` files of a folder.
///
/// # Errors
/// The folder or a file cannot be read, or a file is no XML of fingerprints.
pub fn import(folder: &Path) -> Result<Imported, RuleError> {
    let mut imported = Imported::default();
    let mut rules: BTreeMap<Field, Vec<schema::Rule>> = BTreeMap::new();
    let mut id = RECOG_ID_MIN;
    for path in list(folder, "xml", RECOG_FILES_MAX)? {
        let text = read_up_to(&path, RECOG_FILE_BYTES_MAX)?;
        let name = file_name(&path);
        for found in file(&name, &text, &mut imported)? {
            let (field, mut rule) = found;
            if imported.used >= RECOG_RULES_MAX {
                imported.skip(&name, &rule.name, "more rules than are allowed".to_owned());
                continue;
            }
            // Numbers follow the order of the files: the same folder gives the same.
            rule.id = id;
            id += 1;
            imported.used += 1;
            rules.entry(field).or_default().push(rule);
        }
    }
    imported.write("recog", rules)?;
    Ok(imported)
}

/// The rules of one file.
fn file(
    name: &str,
    text: &str,
    imported: &mut Imported,
) -> Result<Vec<(Field, schema::Rule)>, RuleError> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: RECOG_NODES_MAX,
        ..ParsingOptions::default()
    };
    let fault = |cause: String| RuleError::File {
        file: name.to_owned(),
        cause,
    };
    let document =
        Document::parse_with_options(text, options).map_err(|error| fault(error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name("fingerprints") {
        return Err(fault("not a list of recog's fingerprints".to_owned()));
    }
    let key = root.attribute("matches").unwrap_or("");
    let field = FIELDS.iter().find(|(known, _)| *known == key);
    let mut rules = Vec::new();
    for node in root
        .children()
        .filter(|node| node.has_tag_name("fingerprint"))
    {
        let description = child_text(node, "description");
        let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some((_, field)) = field else {
            let reason = format!("no field holds what it reads ({key})");
            imported.skip(name, &description, reason);
            continue;
        };
        match rule(name, &description, node) {
            Ok((rule, examples)) => {
                imported.examples += examples;
                rules.push((*field, rule));
            }
            Err(reason) => imported.skip(name, &description, reason),
        }
    }
    Ok(rules)
}

fn child_text(node: Node<'_, '_>, tag: &str) -> String {
    let child = node.children().find(|child| child.has_tag_name(tag));
    child
        .and_then(|child| child.text())
        .unwrap_or("")
        .to_owned()
}

/// A parameter: a text, or the number of a group.
struct Parameter<'a> {
    name: &'a str,
    group: usize,
    value: &'a str,
}

/// One fingerprint as a rule, and how many examples held.
fn rule(
    file: &str,
    description: &str,
    node: Node<'_, '_>,
) -> Result<(schema::Rule, usize), String> {
    let source = node.attribute("pattern").ok_or("it has no pattern")?;
    let flags = node.attribute("flags").unwrap_or("");
    let parameters = parameters(node)?;
    let groups: Vec<usize> = parameters.iter().map(|parameter| parameter.group).collect();
    let pattern = pattern::whole(source, &groups)?;
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!(
            "its pattern has {} bytes; allowed are {PATTERN_BYTES_MAX}",
            pattern.len()
        ));
    }
    let mut rule = schema::Rule::default();
    rule.ignore_case = flags.contains("ICASE");
    rule.name = match description {
        "" => format!("recog, {file}"),
        description => description.chars().take(200).collect(),
    };
    rule.confidence = CONFIDENCE;
    rule.source = format!("recog, {file}");
    let regex = expression::build(&outline::whole(&pattern, rule.ignore_case))
        .map_err(|error| expression::fault(&error))?;
    rule.pattern = Some(pattern);
    give(&mut rule, &parameters);
    if rule.attributes().next().is_none() && rule.cpe.is_none() {
        return Err("it says nothing of a device or its software that is kept".to_owned());
    }
    let mut held = 0;
    for example in node
        .children()
        .filter(|child| child.has_tag_name("example"))
    {
        if example.has_attribute("_encoding") || example.has_attribute("_filename") {
            continue;
        }
        let value = example.text().unwrap_or("");
        check(example, value, &regex, &parameters)?;
        held += 1;
        let is_line = !value.chars().any(char::is_control) && value.len() <= TEXT_BYTES_MAX;
        if is_line && !value.is_empty() && rule.matches.len() < EXAMPLES_MAX {
            let expected = expected(value, &rule, &regex);
            rule.matches.push(expected);
        }
    }
    match rule.matches.is_empty() {
        true => Err("it has no example in plain text of one line".to_owned()),
        false => Ok((rule, held)),
    }
}

fn parameters<'a>(node: Node<'a, '_>) -> Result<Vec<Parameter<'a>>, String> {
    node.children()
        .filter(|child| child.has_tag_name("param"))
        .map(|child| {
            let group = child.attribute("pos").and_then(|pos| pos.parse().ok());
            Ok(Parameter {
                name: child.attribute("name").unwrap_or(""),
                group: group.ok_or("a parameter has no position")?,
                value: child.attribute("value").unwrap_or(""),
            })
        })
        .collect()
}

/// What the parameters give, by our words. A group's text stands as `${cN}`.
fn give(rule: &mut schema::Rule, parameters: &[Parameter<'_>]) {
    let text = |parameter: &Parameter<'_>| match parameter.group {
        0 => parameter.value.to_owned(),
        group => format!("${{c{group}}}"),
    };
    let fits = |text: &str| !text.is_empty() && text != "-" && text.len() <= TEXT_BYTES_MAX;
    for parameter in parameters {
        let known = ATTRIBUTES.iter().find(|(name, _)| *name == parameter.name);
        let text = text(parameter);
        // A value that is made of others is not taken apart.
        if let Some((_, attribute)) = known
            && fits(&text)
            && !(parameter.group == 0 && text.contains('{'))
        {
            rule.set(*attribute, text);
        }
    }
    let device = parameters
        .iter()
        .find(|parameter| parameter.name == "hw.device");
    let device = device.or_else(|| parameters.iter().find(|it| it.name == "os.device"));
    let category = device.and_then(|device| {
        CATEGORIES
            .iter()
            .find(|(name, _)| *name == device.value && device.group == 0)
    });
    if let Some((_, category)) = category {
        rule.set(Attribute::Category, category.name().to_owned());
    }
    let cpe = parameters.iter().find(|it| it.name == "service.cpe23");
    let version = parameters.iter().find(|it| it.name == "service.version");
    rule.cpe = cpe.and_then(|cpe| product(cpe.value, version.map(text)));
}

/// `cpe:/a:vendor:product…`; the version is the parameter's.
fn product(text: &str, version: Option<String>) -> Option<schema::Cpe> {
    let mut parts = text.strip_prefix("cpe:/")?.split(':');
    let (part, vendor, product) = (parts.next()?, parts.next()?, parts.next()?);
    let is_word = |word: &str| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.\\".contains(c);
        !word.is_empty() && word.chars().all(good)
    };
    let part = part
        .chars()
        .next()
        .filter(|part| matches!(part, 'a' | 'o' | 'h'))?;
    (is_word(vendor) && is_word(product)).then(|| schema::Cpe {
        part,
        vendor: vendor.to_owned(),
        product: product.to_owned(),
        version: version.filter(|version| !version.trim().is_empty() && !version.contains("{s")),
    })
}

/// Recog's own example: it matches, and gives what it says.
fn check(
    example: Node<'_, '_>,
    value: &str,
    regex: &Regex,
    parameters: &[Parameter<'_>],
) -> Result<(), String> {
    let shown: String = value.chars().take(80).collect();
    let captures = regex
        .captures(value.as_bytes())
        .ok_or_else(|| format!("its example \"{shown}\" does not match"))?;
    for expected in example
        .attributes()
        .filter(|it| !it.name().starts_with('_'))
    {
        let parameter = parameters.iter().find(|it| it.name == expected.name());
        let found = parameter.map(|parameter| match parameter.group {
            0 => parameter.value.as_bytes(),
            group => captures
                .name(&format!("c{group}"))
                .map_or(&b""[..], |group| group.as_bytes()),
        });
        let is_made = found.is_some_and(|found| found.contains(&b'{'));
        if !is_made && found != Some(expected.value().as_bytes()) {
            return Err(format!(
                "its example \"{shown}\" does not give {} \"{}\"",
                expected.name(),
                expected.value()
            ));
        }
    }
    Ok(())
}

/// The example with all that our rule makes of it.
fn expected(value: &str, rule: &schema::Rule, regex: &Regex) -> schema::Example {
    let mut example = schema::Example::default();
    example.value = value.to_owned();
    let captures = regex.captures(value.as_bytes());
    let text = |template: &str| -> Option<String> {
        let name = template.strip_prefix("${")?.strip_suffix('}')?;
        let range = captures.as_ref()?.name(name)?.range();
        let text = value.get(range)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let given: Vec<(Attribute, String)> = rule
        .attributes()
        .filter_map(|(attribute, template)| Some((attribute, text(template)?)))
        .collect();
    for (attribute, text) in given {
        example.set(attribute, text);
    }
    let version = rule.cpe.as_ref().and_then(|cpe| cpe.version.as_deref());
    example.version = version.and_then(text);
    example
}
