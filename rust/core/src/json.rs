//! JSON of sealed batches, risk tables, leaves and states: what other programs write and read.
//!
//! `docs/formats.md` is the description. Amounts are decimal strings, field elements 0x and 64 lower-case digits, points two decimal strings; unknown
//! fields are refused. Messages give line and column and what was expected, never a value: a file may hold orders.

use serde::{Deserialize, Serialize};

use crate::account::Leaf;
use crate::batch::{BatchError, Context, SealedBatch, State, Touch};
use crate::error::CoreError;
use crate::field::F;
use crate::params::Params;
use crate::risk::{RiskRow, RiskTable, SettledRow};

const BATCH_FORMAT: &str = "tacit.batch.1";
const RISK_FORMAT: &str = "tacit.risk.1";
const STATE_FORMAT: &str = "tacit.state.1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchFile {
    format: String,
    params: String,
    context: Context,
    risk: RiskTable,
    settled: Vec<SettledRow>,
    touches: Vec<Touch>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RiskFile {
    format: String,
    params: String,
    rows: Vec<RiskRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    format: String,
    params: String,
    #[serde(with = "element")]
    root: F,
    leaves: Vec<StoredLeaf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLeaf {
    index: u32,
    leaf: Leaf,
}

/// The file of a sealed batch.
#[must_use]
pub fn write_batch(params: &Params, batch: &SealedBatch) -> String {
    let SealedBatch { context, risk, settled, touches } = batch.clone();
    text(&BatchFile { format: BATCH_FORMAT.into(), params: params.name.into(), context, risk, settled, touches })
}

/// The sealed batch of a file, and the parameter set it is for. Ranges and rules are checked where the batch is cleared.
///
/// # Errors
/// [`BatchError::Format`] for text that is not of the format, [`BatchError::UnknownParams`] for a parameter set that does not exist.
pub fn read_batch(text: &str) -> Result<(Params, SealedBatch), BatchError> {
    let file: BatchFile = parse(text, "the batch")?;
    expect_format("the batch", &file.format, BATCH_FORMAT)?;
    let BatchFile { params, context, risk, settled, touches, .. } = file;
    Ok((Params::by_name(&params)?, SealedBatch { context, risk, settled, touches }))
}

/// The file of a risk table.
#[must_use]
pub fn write_risk(params: &Params, table: &RiskTable) -> String {
    text(&RiskFile { format: RISK_FORMAT.into(), params: params.name.into(), rows: table.rows.clone() })
}

/// The risk table of a file, validated, and the parameter set it is for.
///
/// # Errors
/// [`BatchError::Format`] for text that is not of the format, and what [`RiskTable::validate`] refuses.
pub fn read_risk(text: &str) -> Result<(Params, RiskTable), BatchError> {
    let file: RiskFile = parse(text, "the risk table")?;
    expect_format("the risk table", &file.format, RISK_FORMAT)?;
    let params = Params::by_name(&file.params)?;
    let table = RiskTable { rows: file.rows };
    table.validate(&params)?;
    Ok((params, table))
}

/// The file of a state.
#[must_use]
pub fn write_state(state: &State) -> String {
    let leaves = state.leaves().map(|(index, leaf)| StoredLeaf { index, leaf: leaf.clone() }).collect();
    text(&StateFile { format: STATE_FORMAT.into(), params: state.params().name.into(), root: state.root(), leaves })
}

/// The state of a file; its leaves must hash to its root.
///
/// # Errors
/// [`BatchError::Format`] for text that is not of the format, leaves out of order or that do not hash to the root, and what
/// [`State::from_leaves`] refuses.
pub fn read_state(text: &str) -> Result<State, CoreError> {
    let file: StateFile = parse(text, "the state")?;
    expect_format("the state", &file.format, STATE_FORMAT)?;
    if let Some(pair) = file.leaves.windows(2).find(|pair| pair[0].index >= pair[1].index) {
        return Err(format("the state", &format!("account {} follows account {}", pair[1].index, pair[0].index)).into());
    }
    let leaves = file.leaves.into_iter().map(|stored| (stored.index, stored.leaf));
    let state = State::from_leaves(&Params::by_name(&file.params)?, leaves)?;
    if state.root() == file.root {
        Ok(state)
    } else {
        Err(format("the state", "its leaves do not hash to its root").into())
    }
}

fn text(file: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(file).expect("strings, numbers and lists are JSON");
    text.push('\n');
    text
}

fn parse<T: for<'a> Deserialize<'a>>(text: &str, what: &str) -> Result<T, BatchError> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("{what}, line {}, column {}", error.line(), error.column());
        format(&place, &without_values(&error))
    })
}

/// The message of a parser error, less the place and any value it quotes. Names of fields are not values.
fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    match message.split_once(", expected ") {
        Some((_, expected)) if !message.starts_with("unknown field") => format!("expected {expected}"),
        _ => message.to_owned(),
    }
}

fn expect_format(what: &str, found: &str, expected: &str) -> Result<(), BatchError> {
    if found == expected {
        return Ok(());
    }
    // Of another file of ours the name helps; what else stands there may be anybody's order.
    let found: String = found.chars().take(40).collect();
    let but = if found.starts_with("tacit.") { format!("`{found}`, ") } else { String::new() };
    Err(format(what, &format!("its format is {but}not `{expected}`")))
}

fn format(path: &str, what: &str) -> BatchError {
    BatchError::Format { path: path.into(), what: what.into() }
}

/// A number as decimal digits in a string.
pub(crate) mod decimal {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'a, T: Display + FromStr, D: Deserializer<'a>>(deserializer: D) -> Result<T, D::Error> {
        parse(&String::deserialize(deserializer)?)
    }

    pub(super) fn parse<T: Display + FromStr, E: de::Error>(text: &str) -> Result<T, E> {
        // One text a number: what does not print as it was written (+5, 05, −0) is refused.
        let number = text.parse::<T>().ok().filter(|number| number.to_string() == text);
        let bits = 8 * size_of::<T>();
        number.ok_or_else(|| {
            E::custom(format!("a number of at most {bits} bits was expected, as decimal digits in a string"))
        })
    }
}

/// A number that may be missing, as decimal digits in a string or null.
pub(crate) mod optional_decimal {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(number) => serializer.collect_str(number),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| super::decimal::parse(&text)).transpose()
    }
}

/// Numbers as a list of decimal digits in strings.
pub(crate) mod decimals {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(values: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(u64::to_string))
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        Vec::<String>::deserialize(deserializer)?.iter().map(|text| super::decimal::parse(text)).collect()
    }
}

/// A field element as 0x and 64 lower-case hexadecimal digits.
pub(crate) mod element {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::field::{self, F};

    pub(crate) fn serialize<S: Serializer>(value: &F, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&field::to_hex(value))
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<F, D::Error> {
        let text = String::deserialize(deserializer)?;
        // One text an element: what does not print as it was written (short, in capitals) is refused.
        let element = field::parse(&text).ok().filter(|element| field::to_hex(element) == text);
        element.ok_or_else(|| {
            Error::custom("a field element was expected, as 0x and 64 lower-case digits below the field's order")
        })
    }
}

/// An address as 0x and 40 lower-case hexadecimal digits.
pub(crate) mod address {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::field;

    pub(crate) fn serialize<S: Serializer>(value: &[u8; 20], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", field::hex(value)))
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<[u8; 20], D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| Error::custom("an address was expected, as 0x and 40 lower-case digits"))
    }

    fn read(text: &str) -> Option<[u8; 20]> {
        let capital = |digit: u8| digit.is_ascii_uppercase();
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40 && !digits.bytes().any(capital))?;
        let number = field::parse_integer(&format!("0x{digits}")).ok()?;
        let bytes = field::integer_to_le_bytes(&number);
        let mut address = [0; 20];
        address.copy_from_slice(&bytes[..20]);
        address.reverse();
        Some(address)
    }
}

/// A point as its two coordinates, decimal digits in strings. Whether it is on the curve is checked where it is used.
pub(crate) mod point {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::babyjub::Point;
    use crate::field;

    pub(crate) fn serialize<S: Serializer>(value: &Point, serializer: S) -> Result<S::Ok, S::Error> {
        [&value.x, &value.y].map(field::to_decimal).serialize(serializer)
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Point, D::Error> {
        let coordinates = <[String; 2]>::deserialize(deserializer)?;
        let [x, y] = coordinates.map(|text| if text.starts_with("0x") { None } else { field::parse(&text).ok() });
        let point = x.zip(y).map(|(x, y)| Point { x, y });
        point.ok_or_else(|| Error::custom("a point was expected, as two decimal strings below the field's order"))
    }
}

/// A signature as an object of R8, a point, and S, decimal digits in a string.
pub(crate) mod signature {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::babyjub::Point;
    use crate::eddsa::Signature;
    use crate::field;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parts {
        #[serde(with = "super::point")]
        r8: Point,
        s: String,
    }

    pub(crate) fn serialize<S: Serializer>(value: &Signature, serializer: S) -> Result<S::Ok, S::Error> {
        Parts { r8: value.r8, s: value.s.to_string() }.serialize(serializer)
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Signature, D::Error> {
        let Parts { r8, s } = Parts::deserialize(deserializer)?;
        let scalar = if s.starts_with("0x") { None } else { field::parse_integer(&s).ok() };
        let scalar = scalar.ok_or_else(|| Error::custom("a scalar was expected, as decimal digits in a string"))?;
        Ok(Signature { r8, s: scalar })
    }
}
