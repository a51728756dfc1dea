//! Code lists: what a code of a standard means, one row a code, as they stand in `data/*.tsv`.
//! A rule names a table; the table reads no field and knows no protocol.

use std::collections::HashMap;
use std::sync::LazyLock;

use medtap_table::vocabulary::{Attribute, Category};

use crate::limits::CONFIDENCE_MAX;

/// Name and text of every table.
pub const TABLES: &[(&str, &str)] = &[
    ("mdc", include_str!("../data/mdc.tsv")),
    ("bacnet_vendor", include_str!("../data/bacnet_vendor.tsv")),
    ("enip_vendor", include_str!("../data/enip_vendor.tsv")),
    (
        "snmp_enterprise",
        include_str!("../data/snmp_enterprise.tsv"),
    ),
    ("snmp_product", include_str!("../data/snmp_product.tsv")),
];

/// Numbers of makers, by ASHRAE, ODVA and IANA.
static BACNET_VENDOR: LazyLock<Table> =
    LazyLock::new(|| makers(include_str!("../data/bacnet_vendor.tsv")));
static ENIP_VENDOR: LazyLock<Table> =
    LazyLock::new(|| makers(include_str!("../data/enip_vendor.tsv")));
static SNMP_ENTERPRISE: LazyLock<Table> =
    LazyLock::new(|| makers(include_str!("../data/snmp_enterprise.tsv")));

fn makers(text: &'static str) -> Table {
    Table::makers(text).expect("a test of every build parses the table")
}

/// Products by the objects that their makers' MIBs give them.
static SNMP_PRODUCT: LazyLock<Table> = LazyLock::new(|| {
    Table::products(include_str!("../data/snmp_product.tsv"))
        .expect("a test of every build parses the table")
});

/// Where private enterprises' objects begin: a value of SNMP may be such an object.
const ENTERPRISES: &str = "1.3.6.1.4.1.";

/// IEEE 11073-10101: terms of devices, as HL7 (OBX-3), SDC and IntelliVue name them.
static MDC: LazyLock<Table> = LazyLock::new(|| {
    Table::parse(include_str!("../data/mdc.tsv")).expect("a test of every build parses the table")
});

/// The level of a row that names a manufacturer.
const MAKER: &str = "maker";
/// The level of a row that names a product.
const PRODUCT: &str = "product";

/// One code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The number; 0 where only the name is known.
    pub code: u32,
    /// The reference identifier.
    pub name: &'static str,
    /// Where the code stands in a device: `mds` (the device), `vmd` (a module), `channel`, or
    /// `profile` (a device specialisation); `maker` for the number of a manufacturer, `product`
    /// for one of its products.
    pub level: &'static str,
    /// Whose number it is, or who makes the product.
    pub manufacturer: Option<&'static str>,
    /// The product's series.
    pub model: Option<&'static str>,
    /// What a device of this kind is, where the code alone tells it.
    pub category: Option<Category>,
    /// How sure the category is, 0–100.
    pub confidence: u8,
    /// Where the row comes from.
    pub source: &'static str,
}

/// A code list.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Row>,
    by_code: HashMap<u32, usize>,
    by_name: HashMap<&'static str, usize>,
}

impl Table {
    /// The table of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        match name {
            "mdc" => Some(&MDC),
            "bacnet_vendor" => Some(&BACNET_VENDOR),
            "enip_vendor" => Some(&ENIP_VENDOR),
            "snmp_enterprise" => Some(&SNMP_ENTERPRISE),
            "snmp_product" => Some(&SNMP_PRODUCT),
            _ => None,
        }
    }

    /// What rules call it.
    pub fn known_as(&self) -> &'static str {
        let mut names = TABLES.iter().map(|(name, _)| *name);
        let is_this = |name: &&str| Self::named(name).is_some_and(|it| std::ptr::eq(it, self));
        names.find(is_this).unwrap_or_default()
    }

    /// The terms of IEEE 11073-10101.
    pub fn mdc() -> &'static Self {
        &MDC
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of a number.
    pub fn code(&self, code: u32) -> Option<&Row> {
        self.rows.get(*self.by_code.get(&code)?)
    }

    /// The row of a reference identifier.
    pub fn name(&self, name: &str) -> Option<&Row> {
        self.rows.get(*self.by_name.get(name)?)
    }

    /// The row of a value: a number, a name, or both as HL7 writes them (`69965^MDC_…^MDC`).
    /// Where number and name are of different rows the sender knows one of them wrong: nothing.
    /// An object below an enterprise (`1.3.6.1.4.1.9.1.516`) is a product's, or else that
    /// enterprise's.
    pub fn find(&self, value: &str) -> Option<&Row> {
        if let Some(object) = value.strip_prefix(ENTERPRISES) {
            let number = object.split('.').next()?;
            let maker = || self.code(number.parse().ok()?);
            return self.name(object).or_else(maker);
        }
        let mut parts = value.split('^').map(str::trim);
        let first = parts.next()?;
        let second = parts.next().unwrap_or_default();
        match first.parse::<u32>() {
            Ok(code) => match (self.code(code), self.name(second)) {
                (Some(row), Some(other)) => (row == other).then_some(row),
                (row, other) => row.or(other),
            },
            Err(_) => self.name(first),
        }
    }

    /// What the row of a value says.
    pub fn says(row: &Row) -> impl Iterator<Item = (Attribute, &'static str)> {
        [
            (Attribute::Manufacturer, row.manufacturer),
            (Attribute::Model, row.model),
            (Attribute::Category, row.category.map(Category::name)),
        ]
        .into_iter()
        .filter_map(|(attribute, text)| Some((attribute, text?)))
    }

    /// True where each row knows one whole value: as specific as an exact rule.
    pub fn is_exact(&self) -> bool {
        self.rows.iter().all(|row| row.level == PRODUCT)
    }

    /// Reads a list of products: object below the enterprises, the maker's descriptor,
    /// manufacturer, series, category, confidence and source.
    fn products(text: &'static str) -> Result<Self, String> {
        let mut table = Self {
            rows: Vec::new(),
            by_code: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let row = product(line).ok_or_else(|| {
                format!(
                    "line {number} is no row; expected object, descriptor, manufacturer, model, \
                     category, confidence and source"
                )
            })?;
            if table.by_name.insert(row.name, table.rows.len()).is_some() {
                return Err(format!("line {number} is there twice"));
            }
            table.rows.push(row);
        }
        Ok(table)
    }

    /// Reads a list of makers: number and name. Several numbers may be of one maker.
    fn makers(text: &'static str) -> Result<Self, String> {
        let mut table = Self {
            rows: Vec::new(),
            by_code: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells = line.split_once('\t');
            let row = cells.and_then(|(code, name)| {
                let code = code.parse().ok()?;
                (!name.trim().is_empty()).then_some(Row {
                    code,
                    name,
                    level: MAKER,
                    manufacturer: Some(name),
                    model: None,
                    category: None,
                    confidence: CONFIDENCE_MAX,
                    source: "",
                })
            });
            let Some(row) = row else {
                return Err(format!("line {number} is no row; expected code and name"));
            };
            if table.by_code.insert(row.code, table.rows.len()).is_some() {
                return Err(format!("line {number} is there twice"));
            }
            table.rows.push(row);
        }
        Ok(table)
    }

    /// Reads the rows; an error names the line.
    fn parse(text: &'static str) -> Result<Self, String> {
        let mut table = Self {
            rows: Vec::new(),
            by_code: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let row = row(line).ok_or_else(|| {
                format!(
                    "line {number} is no row; expected code, name, level, category, confidence \
                     and source"
                )
            })?;
            let at = table.rows.len();
            let known = (row.code != 0 && table.by_code.insert(row.code, at).is_some())
                || table.by_name.insert(row.name, at).is_some();
            if known {
                return Err(format!("line {number} is there twice"));
            }
            table.rows.push(row);
        }
        Ok(table)
    }
}

fn row(line: &'static str) -> Option<Row> {
    let mut cells = line.split('\t');
    let mut cell = || cells.next().filter(|cell| !cell.is_empty());
    let (code, name, level, category, confidence, source) =
        (cell()?, cell()?, cell()?, cell()?, cell()?, cell()?);
    let category = match category {
        "-" => None,
        name => Some(Category::from_name(name).filter(|one| *one != Category::Unknown)?),
    };
    Some(Row {
        code: code.parse().ok()?,
        name,
        level: ["mds", "vmd", "channel", "profile"]
            .into_iter()
            .find(|known| *known == level)?,
        manufacturer: None,
        model: None,
        category,
        confidence: confidence.parse().ok().filter(|c| *c <= CONFIDENCE_MAX)?,
        source,
    })
}

fn product(line: &'static str) -> Option<Row> {
    let mut cells = line.split('\t');
    let mut cell = || cells.next().filter(|cell| !cell.is_empty());
    let (name, _, manufacturer, model) = (cell()?, cell()?, cell()?, cell()?);
    let (category, confidence, source) = (cell()?, cell()?, cell()?);
    let is_object = name.split('.').all(|part| part.parse::<u32>().is_ok());
    is_object.then_some(Row {
        code: 0,
        name,
        level: PRODUCT,
        manufacturer: Some(manufacturer),
        model: Some(model),
        category: Some(Category::from_name(category).filter(|it| *it != Category::Unknown)?),
        confidence: confidence.parse().ok().filter(|c| *c <= CONFIDENCE_MAX)?,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_parses_and_has_its_name() {
        for (name, text) in TABLES {
            let parsed = match *name {
                "mdc" => Table::parse(text),
                "snmp_product" => Table::products(text),
                _ => Table::makers(text),
            };
            let table = parsed.unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let known = Table::named(name).unwrap();
            assert_eq!((known.rows(), known.known_as()), (table.rows(), *name));
        }
        assert!(Table::named("other").is_none());
    }

    #[test]
    fn a_value_is_found_by_number_or_name() {
        let mdc = Table::mdc();
        let category = |value: &str| mdc.find(value).and_then(|row| row.category);
        for value in [
            "69965",
            "69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC",
            "69965^local name",
            "0^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS",
            "MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS",
            "MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^x",
        ] {
            assert_eq!(category(value), Some(Category::PatientMonitor), "{value}");
        }
        assert_eq!(category("70001"), Some(Category::Ventilator));
        // A number that circulates with a wrong name.
        assert_eq!(mdc.find("69985^MDC_DEV_PUMP_INFUS_SYRINGE_VMD"), None);
        for value in ["", "^", "0", "4429", "-69965", "MDC_DEV_X", "699651"] {
            assert_eq!(mdc.find(value), None, "{value}");
        }
    }

    /// In the block of device terms the last two bits of a number are its level.
    #[test]
    fn numbers_and_names_agree_on_the_level() {
        for row in Table::mdc().rows() {
            let by_name = match row.name.rsplit('_').next() {
                Some("MDS") => Some("mds"),
                Some("VMD") => Some("vmd"),
                Some("CHAN") => Some("channel"),
                _ => None,
            };
            assert!(by_name.is_none_or(|level| level == row.level), "{row:?}");
            if by_name.is_some() && (69_632..70_800).contains(&row.code) {
                let by_number = ["base", "mds", "vmd", "channel"][(row.code % 4) as usize];
                assert_eq!(by_number, row.level, "{row:?}");
            }
        }
    }

    /// What is measured does not say what kind of device measures it.
    #[test]
    fn only_devices_have_categories_that_are_sure() {
        for row in Table::mdc().rows() {
            let module = matches!(row.level, "vmd" | "channel");
            assert!(!module || row.confidence <= 60, "{row:?}");
        }
    }

    #[test]
    fn makers_are_found_by_number_and_by_object() {
        let maker = |table: &str, value: &str| {
            let row = Table::named(table)?.find(value)?;
            Table::says(row).next()
        };
        let cisco = Some((Attribute::Manufacturer, "Cisco"));
        assert_eq!(maker("snmp_enterprise", "1.3.6.1.4.1.9.1.516"), cisco);
        assert_eq!(maker("snmp_enterprise", "9"), cisco);
        assert_eq!(maker("snmp_enterprise", "1.3.6.1.2.1.1"), None);
        assert_eq!(maker("snmp_enterprise", "1.3.6.1.4.1."), None);
        let trane = Some((Attribute::Manufacturer, "Trane"));
        assert_eq!(maker("bacnet_vendor", "2"), trane);
        assert_eq!(maker("enip_vendor", "99999999999"), None);
    }

    /// A product's object is known as a whole; what lies below it is only its maker's.
    #[test]
    fn products_are_found_by_their_whole_object() {
        let products = Table::named("snmp_product").unwrap();
        assert!(products.is_exact() && !Table::named("snmp_enterprise").unwrap().is_exact());
        let row = products.find("1.3.6.1.4.1.9.1.212").unwrap();
        let said: Vec<_> = Table::says(row).collect();
        let expected = [
            (Attribute::Manufacturer, "Cisco"),
            (Attribute::Model, "801"),
            (Attribute::Category, "router"),
        ];
        assert_eq!(said, expected);
        for value in [
            "1.3.6.1.4.1.9.1.99999",
            "1.3.6.1.4.1.9.1.212.1",
            "1.3.6.1.4.1.9",
        ] {
            assert_eq!(products.find(value), None);
        }
        assert!(Table::products("9.1.212\tx\tCisco\t801\trouter\t101\tMIB").is_err());
        assert!(Table::products("9.x.212\tx\tCisco\t801\trouter\t85\tMIB").is_err());
    }
}
