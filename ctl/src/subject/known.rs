//! What is known of devices besides one table's traffic: memory, the site's systems, and what the
//! site declares of its network. It passes on what they say, and believes none against traffic.

use std::collections::{BTreeSet, HashMap};

use medtap_inventory::context::Asset;
use medtap_inventory::model::Device;
use medtap_inventory::people::{Authorisation, EpssDays, Judgement, Memory, Remembered, day_ns};
use medtap_risk::Grade;
use medtap_risk::declared::{Declared, SegmentKind};
use medtap_risk::subject::{
    Component, ComponentKind, Control, ControlKind, Criticality, Fda, Upkeep,
};

use super::exposure::is_public;
use crate::render::{attribute, label};
use crate::report::words::segments;

/// What is known of devices besides the traffic.
#[derive(Debug, Default)]
pub struct Known {
    /// The history.
    pub memory: Memory,
    /// What a spreadsheet says, by device.
    pub assets: HashMap<String, Asset>,
    /// What the site declares.
    pub declared: Declared,
    /// How devices were judged on the days before.
    pub days: Vec<Judgement>,
    /// What EPSS said of CVEs on the days before, where that counts.
    pub epss: EpssDays,
}

impl Known {
    /// What memory knows of a device.
    pub fn remembered(&self, device: &Device) -> Option<&Remembered> {
        self.memory.get(&device.id)
    }

    /// A grade of a device, as it was when what it rests on was last in sight.
    pub fn last(
        &self,
        device: &Device,
        grade: impl Fn(&Remembered) -> Option<f64>,
    ) -> Option<Grade> {
        Grade::new(grade(self.remembered(device)?)?).ok()
    }

    /// What the site's systems say of a device: the spreadsheet that was given, else memory's.
    pub fn asset(&self, device: &Device) -> Option<&Asset> {
        let given = self.assets.get(&device.id);
        given.or_else(|| self.remembered(device)?.asset.as_ref())
    }

    /// Every name that a declaration may use for a device.
    pub fn names(&self, device: &Device) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = BTreeSet::from([device.id.clone(), label(device)]);
        names.extend(device.addresses.iter().map(ToString::to_string));
        names.extend(device.macs.iter().cloned());
        names.extend(segments(device));
        names.extend(self.segments(device).map(|(name, _)| name.to_owned()));
        names
    }

    /// The declared segments that a device is in.
    pub fn segments<'a>(
        &'a self,
        device: &'a Device,
    ) -> impl Iterator<Item = (&'a str, SegmentKind)> {
        let found = self.declared.segments_of(&device.vlans, &device.addresses);
        found.map(|segment| (segment.name.as_str(), segment.kind))
    }

    /// True for a device that has public addresses alone: it is on the internet.
    pub fn is_outside(&self, device: &Device) -> bool {
        let outside = |address| is_public(&self.declared, address);
        !device.addresses.is_empty() && device.addresses.iter().all(outside)
    }

    /// The controls that are declared for a device.
    pub fn controls(&self, device: &Device) -> Vec<Control> {
        if self.declared.controls.is_empty() {
            return Vec::new();
        }
        let names = self.names(device);
        let own = self.declared.controls.iter();
        own.filter(|one| one.devices.iter().any(|name| names.contains(name)))
            .map(|one| one.control.clone())
            .collect()
    }

    /// True for building equipment that the site declares to serve operating or isolation rooms.
    pub fn serves_critical_room(&self, device: &Device) -> bool {
        let declared = &self.declared.serve_critical_rooms;
        if declared.is_empty() || device.class != "building" {
            return false;
        }
        let names = self.names(device);
        declared.iter().any(|name| names.contains(name))
    }

    /// True for what is declared to stand as a proxy before a device.
    pub fn is_proxy_of(&self, other: &Device, controls: &[Control]) -> bool {
        let mut through = controls.iter().filter_map(|control| match &control.kind {
            ControlKind::Proxy { through, .. } => Some(through),
            _ => None,
        });
        through.any(|name| self.names(other).contains(name))
    }

    /// What people entered about its upkeep.
    pub fn upkeep(&self, device: &Device) -> Upkeep {
        let asset = self.asset(device);
        let text = |name: &str| asset.and_then(|asset| asset.get(name)).map(str::to_owned);
        let approved = self.remembered(device).map(|known| known.authorisation);
        Upkeep {
            owner: text("technical_owner").or_else(|| text("owner")),
            location: attribute(device, "location").map(str::to_owned),
            approved: approved.map(|state| state == Authorisation::Approved),
            maintenance_due: text("next_maintenance").and_then(|day| day_ns(&day)),
            mds2: text("mds2_on_file").map(|flag| flag == "true"),
            sbom: None,
            incidents: text("incidents").and_then(|count| count.parse().ok()),
        }
    }

    /// What its failure would do, by the site's word.
    pub fn criticality(&self, device: &Device) -> Option<Criticality> {
        Criticality::from_name(self.asset(device)?.get("criticality")?)
    }

    /// What the site's systems say of its class. A class without a word on whether it sustains
    /// life says too little: the kind of device says more.
    pub fn fda(&self, device: &Device) -> Option<Fda> {
        let asset = self.asset(device)?;
        let class = match asset.get("fda_class")? {
            "1" | "i" => 1,
            "2" | "ii" => 2,
            "3" | "iii" => 3,
            _ => return None,
        };
        let life = asset.get("life_supporting")?;
        Some(Fda {
            class: Some(class),
            life_sustaining: life == "true",
            programs_implants: asset.get("implantable") == Some("true"),
            ..Fda::default()
        })
    }

    /// Moves the beginning of what runs on a device back to when memory first saw it there.
    pub fn date(&self, device: &Device, components: &mut [Component]) {
        let Some(known) = self.remembered(device) else {
            return;
        };
        for component in components {
            let attributes: &[&str] = match (component.kind, &component.version) {
                (ComponentKind::OperatingSystem, Some(_)) => &["os_version"],
                (ComponentKind::OperatingSystem, None) => &["os"],
                (ComponentKind::Application, _) => &[],
                (_, Some(_)) => &["software_version", "firmware_version"],
                (_, None) => &["model"],
            };
            let value = component.version.as_ref().unwrap_or(&component.product);
            let since = attributes.iter().filter_map(|name| {
                let key = ((*name).to_owned(), value.clone());
                known.since.get(&key).map(|time| time.0)
            });
            let seen = Some(component.seen.0).filter(|time| *time != 0);
            component.seen.0 = since.chain(seen).min().unwrap_or(0);
        }
    }
}
