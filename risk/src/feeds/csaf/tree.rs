//! The product tree of a CSAF document: which product each `product_id` means, by vendor, name and
//! versions, and on what else it must stand. It judges no status.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::feeds::claims::{Claims, NONE, Part, Platform, Product};
use crate::feeds::cpe::Cpe;
use crate::feeds::limits::{PRODUCTS_MAX, TEXT_BYTES_MAX};
use crate::feeds::refusal::Refusal;

/// The tree as it is written.
#[derive(Deserialize, Default)]
pub struct ProductTree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<FullProduct>,
    #[serde(default)]
    relationships: Vec<Relationship>,
    #[serde(default)]
    product_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Branch {
    category: String,
    name: String,
    #[serde(default)]
    branches: Vec<Branch>,
    product: Option<FullProduct>,
}

#[derive(Deserialize)]
struct FullProduct {
    name: String,
    product_id: String,
    product_identification_helper: Option<Helper>,
}

#[derive(Deserialize)]
struct Helper {
    cpe: Option<String>,
}

#[derive(Deserialize)]
struct Relationship {
    category: String,
    full_product_name: FullProduct,
    product_reference: String,
    relates_to_product_reference: String,
}

#[derive(Deserialize)]
struct Group {
    group_id: String,
    product_ids: Vec<String>,
}

/// What a `product_id` means: one of several ways to name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The product.
    pub product: u32,
    /// Its versions.
    pub versions: u32,
    /// What it must stand on, or [`NONE`].
    pub condition: u32,
    /// It holds under a condition that can't be evaluated.
    pub conditional: bool,
}

/// What every `product_id` and `group_id` means.
#[derive(Default)]
pub struct Targets {
    products: BTreeMap<String, Vec<Target>>,
    groups: BTreeMap<String, Vec<String>>,
}

impl Targets {
    /// The ways to name a product.
    pub fn of(&self, product_id: &str) -> Option<&[Target]> {
        self.products.get(product_id).map(Vec::as_slice)
    }

    /// True where one of the groups holds the product.
    pub fn in_groups(&self, groups: &[String], product_id: &str) -> bool {
        groups.iter().any(|group| {
            let members = self.groups.get(group);
            members.is_some_and(|members| members.iter().any(|member| member == product_id))
        })
    }
}

/// What the branches above a product say.
#[derive(Clone, Default)]
struct Above<'a> {
    vendor: Option<&'a str>,
    family: Option<&'a str>,
    name: Option<&'a str>,
    versions: Option<&'a str>,
    is_range: bool,
    additions: String,
    architecture: Option<&'a str>,
    conditional: bool,
}

/// Reads the tree. `publisher` is the vendor where the document's publisher is one.
pub fn read(
    tree: &ProductTree,
    publisher: Option<&str>,
    claims: &mut Claims,
) -> Result<Targets, Refusal> {
    let mut reader = Reader {
        claims,
        targets: Targets::default(),
    };
    let top = Above {
        vendor: publisher,
        ..Above::default()
    };
    for branch in &tree.branches {
        reader.branch(branch, &top)?;
    }
    for full in &tree.full_product_names {
        reader.product(full, &top)?;
    }
    // A relationship may refer to the product of another one that stands before it.
    for relationship in &tree.relationships {
        reader.relationship(relationship)?;
    }
    for group in &tree.product_groups {
        let members = group.product_ids.clone();
        reader
            .targets
            .groups
            .insert(group.group_id.clone(), members);
    }
    Ok(reader.targets)
}

struct Reader<'a> {
    claims: &'a mut Claims,
    targets: Targets,
}

impl Reader<'_> {
    fn branch<'a>(&mut self, branch: &'a Branch, above: &Above<'a>) -> Result<(), Refusal> {
        if branch.name.len() > TEXT_BYTES_MAX {
            return Err(Refusal::of_file(
                "a branch of its product tree has too long a name",
            ));
        }
        let mut here = above.clone();
        let name = branch.name.as_str();
        match branch.category.as_str() {
            "vendor" => here.vendor = Some(name.trim()),
            "product_family" => here.family = Some(name),
            "product_name" => here.name = Some(name),
            "legacy" if here.name.is_none() => here.name = Some(name),
            "product_version" => (here.versions, here.is_range) = (Some(name), false),
            "product_version_range" => (here.versions, here.is_range) = (Some(name), true),
            "service_pack" | "patch_level" => {
                here.additions.push(' ');
                here.additions.push_str(name);
            }
            "architecture" => here.architecture = Some(name),
            "language" => {}
            _ => here.conditional = true,
        }
        if let Some(full) = &branch.product {
            self.product(full, &here)?;
        }
        for child in &branch.branches {
            self.branch(child, &here)?;
        }
        Ok(())
    }

    fn product(&mut self, full: &FullProduct, above: &Above<'_>) -> Result<(), Refusal> {
        if self.targets.products.len() >= PRODUCTS_MAX {
            let reason = format!("its product tree has more than {PRODUCTS_MAX} products");
            return Err(Refusal::of_file(reason));
        }
        if full.name.len() > TEXT_BYTES_MAX {
            return Err(Refusal::of_file(
                "a product of its tree has too long a name",
            ));
        }
        let mut found = Vec::new();
        let name = above
            .name
            .or(above.family)
            .unwrap_or(full.name.as_str())
            .trim();
        if let Some(vendor) = above.vendor.filter(|vendor| !vendor.is_empty()) {
            self.named(vendor, name, above, &mut found);
        }
        let helper = full.product_identification_helper.as_ref();
        let cpe = helper.and_then(|helper| Cpe::parse(helper.cpe.as_deref()?));
        if let Some(cpe) = cpe {
            let product = self.claims.product(cpe.to_product());
            let versions = match found.first() {
                Some(target) if above.versions.is_some() => target.versions,
                _ => self.claims.versions_of_cpe(&cpe),
            };
            found.push(Target {
                product,
                versions,
                condition: NONE,
                conditional: above.conditional,
            });
        }
        let id = full.product_id.clone();
        if self.targets.products.insert(id, found).is_some() {
            let id = super::super::refusal::quoted(&full.product_id);
            return Err(Refusal::of_file(format!(
                "its product tree defines {id} twice"
            )));
        }
        Ok(())
    }

    /// The product by the names of the branches.
    fn named(&mut self, vendor: &str, name: &str, above: &Above<'_>, found: &mut Vec<Target>) {
        let mut product = Product {
            part: Part::Any,
            vendor: vendor.into(),
            name: name.into(),
            target_software: None,
            target_hardware: above.architecture.map(|name| name.to_lowercase().into()),
        };
        let text = format!("{}{}", above.versions.unwrap_or_default(), above.additions);
        let mut add = |claims: &mut Claims, product: Product, text: &str| {
            let product = claims.product(product);
            let versions = claims.versions_of_text(text.trim());
            found.push(Target {
                product,
                versions,
                condition: NONE,
                conditional: above.conditional,
            });
        };
        let models = match above.is_range {
            true => Vec::new(),
            false => models(&text),
        };
        if models.is_empty() {
            add(self.claims, product, &text);
            return;
        }
        // What stands in the place of a version names models: `24950 | 24952`.
        for model in models {
            product.name = format!("{name} {model}").into();
            add(self.claims, product.clone(), "");
            if model.len() >= 4 {
                product.name = model.into();
                add(self.claims, product.clone(), "");
            }
        }
    }

    fn relationship(&mut self, relationship: &Relationship) -> Result<(), Refusal> {
        let lookup = |targets: &Targets, id: &str| targets.of(id).unwrap_or_default().to_vec();
        let part = lookup(&self.targets, &relationship.product_reference);
        let whole = lookup(&self.targets, &relationship.relates_to_product_reference);
        let installed = relationship.category.starts_with("installed_");
        let optional = relationship.category != "default_component_of";
        let mut found = Vec::new();
        if installed {
            let platforms = whole.iter().map(|target| Platform {
                product: target.product,
                versions: target.versions,
            });
            let mut platforms: Vec<_> = platforms.collect();
            platforms.sort_unstable();
            for target in &part {
                // `Firmware 1.2 installed on X` is X with the versions of its firmware.
                let generic = self.claims.products().get(target.product as usize);
                if generic.is_some_and(|product| is_generic(&product.name)) {
                    found.extend(whole.iter().map(|whole| Target {
                        versions: target.versions,
                        ..*whole
                    }));
                } else if !platforms.is_empty() {
                    let condition = self.claims.condition(vec![platforms.clone()]);
                    found.push(Target {
                        condition,
                        ..*target
                    });
                }
            }
        } else {
            found.extend(whole.iter().map(|target| Target {
                conditional: target.conditional || optional,
                ..*target
            }));
        }
        let id = relationship.full_product_name.product_id.clone();
        if self.targets.products.insert(id.clone(), found).is_some() {
            let id = super::super::refusal::quoted(&id);
            return Err(Refusal::of_file(format!(
                "its product tree defines {id} twice"
            )));
        }
        Ok(())
    }
}

/// A name that says nothing without the device that it runs on.
fn is_generic(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    [
        "firmware",
        "software",
        "operating system",
        "system software",
        "bios",
    ]
    .contains(&name.as_str())
}

/// The models that stand where versions are expected; none where they are versions.
fn models(text: &str) -> Vec<&str> {
    let pieces: Vec<_> = text
        .split('|')
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
        .collect();
    match pieces.iter().all(|piece| is_model(piece)) {
        true => pieces,
        false => Vec::new(),
    }
}

/// Words that belong to versions, however long.
const VERSION_WORDS: &[&str] = &[
    "version",
    "versions",
    "build",
    "release",
    "service",
    "pack",
    "below",
    "prior",
    "earlier",
    "later",
    "above",
    "all",
    "rev",
    "firmware",
    "software",
    "and",
    "patch",
    "edition",
    "any",
    "beta",
    "alpha",
    "vers",
    "with",
    "operating",
    "running",
    "under",
    "up",
    "before",
    "through",
];

fn is_model(piece: &str) -> bool {
    let lower = piece.to_lowercase();
    if lower.contains(['.', '*', '<', '>', '(', ')', ',']) {
        return false;
    }
    let words: Vec<_> = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words.iter().any(|word| VERSION_WORDS.contains(word)) {
        return false;
    }
    let letters = |word: &&str| word.chars().filter(char::is_ascii_alphabetic).count() >= 3;
    let long_number =
        |word: &&str| word.len() >= 4 && word.chars().filter(char::is_ascii_digit).count() >= 4;
    words.iter().any(letters) || words.iter().any(long_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_versions_are_told_apart() {
        for text in [
            "24950 | 24952",
            "Accu-Chek Inform II",
            "MMT-1715 | MMT-1754",
            "3120",
            "2490C",
        ] {
            assert!(!models(text).is_empty(), "{text}");
        }
        for text in [
            "",
            "vers:all/*",
            "9.7",
            "1.1.7.333 | 2.1.1.3069",
            "B.02",
            "HD 16 | HD23",
            "2.X",
            "8",
            "BT03 | BT04",
            "1.3.1 Build 13",
            "2.3.6 and  below",
            "2nd Edition",
            "Rev J-M",
            "* (end-of-life 2011)",
            "J.3",
            "4.20 SR1",
        ] {
            assert!(models(text).is_empty(), "{text}");
        }
    }
}
