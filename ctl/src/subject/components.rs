//! What runs on a device: its model, firmware and operating system by what it says of itself,
//! and the software that rules recognise. A hint, such as the owner of a MAC block, names nothing.

use medtap_inventory::model::{AttributeValue, Device};
use medtap_risk::subject::{Component, ComponentKind};
use medtap_rules::Rules;

use crate::render::is_hint;

/// Components of one device.
const COMPONENTS_MAX: usize = 64;

/// The components of a device, without repetition.
pub fn of(device: &Device, rules: &Rules) -> Vec<Component> {
    let mut components = own(device);
    components.extend(system(device));
    components.extend(recognised(device, rules));
    let mut kept: Vec<Component> = Vec::new();
    for component in components {
        let same = |other: &Component| {
            (other.kind, &other.vendor, &other.product, &other.version)
                == (
                    component.kind,
                    &component.vendor,
                    &component.product,
                    &component.version,
                )
        };
        if kept.len() < COMPONENTS_MAX && !kept.iter().any(same) {
            kept.push(component);
        }
    }
    kept
}

fn known<'a>(device: &'a Device, name: &str) -> Option<&'a AttributeValue> {
    let value = device.attributes.get(name)?.as_ref()?;
    (!is_hint(device, name)).then_some(value)
}

/// The model with its software's version, and its firmware where that has another.
fn own(device: &Device) -> Vec<Component> {
    let Some(model) = known(device, "model") else {
        return Vec::new();
    };
    let vendor = known(device, "manufacturer").map(|maker| maker.value.clone());
    let part =
        |kind, version: Option<&AttributeValue>| component(kind, vendor.clone(), model, version);
    let software = known(device, "software_version");
    let firmware = known(device, "firmware_version");
    match (software, firmware) {
        (Some(software), Some(firmware)) if software.value != firmware.value => vec![
            part(ComponentKind::Device, Some(software)),
            part(ComponentKind::Firmware, Some(firmware)),
        ],
        (software, firmware) => vec![part(ComponentKind::Device, software.or(firmware))],
    }
}

fn system(device: &Device) -> Option<Component> {
    let os = known(device, "os")?;
    let version = known(device, "os_version");
    Some(component(ComponentKind::OperatingSystem, None, os, version))
}

/// A component by its name's attribute and its version's, with the sources of what says more.
fn component(
    kind: ComponentKind,
    vendor: Option<String>,
    name: &AttributeValue,
    version: Option<&AttributeValue>,
) -> Component {
    let told = version.unwrap_or(name);
    let source = told.sources.first();
    let confidence = version.map_or(name.confidence, |v| v.confidence.min(name.confidence));
    Component {
        kind,
        vendor,
        product: name.value.clone(),
        version: version.map(|version| version.value.clone()),
        build: None,
        field: source.map_or("", |source| source.field).to_owned(),
        raw: source.map_or(&told.value, |source| &source.raw).clone(),
        seen: source.map_or((0, 0), |source| (source.first_seen.0, source.last_seen.0)),
        confidence,
    }
}

/// The software that wrote what rules recognise.
fn recognised(device: &Device, rules: &Rules) -> Vec<Component> {
    let found = device.recognised.iter().filter_map(|reading| {
        let source = &reading.source;
        let product = rules.product(source.rule, &source.raw)?;
        Some(Component {
            kind: match product.part {
                'o' => ComponentKind::OperatingSystem,
                'h' => ComponentKind::Device,
                _ => ComponentKind::Application,
            },
            vendor: Some(product.vendor.to_owned()),
            product: product.product.to_owned(),
            version: product.version,
            build: None,
            field: source.field.to_owned(),
            raw: source.raw.clone(),
            seen: (source.first_seen.0, source.last_seen.0),
            confidence: reading.confidence,
        })
    });
    found.collect()
}
