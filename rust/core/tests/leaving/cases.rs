//! The cases of `tests/vectors/leaving.json`, which the executable specification wrote: exit requests and escapes with what they prove.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tacit_core::account::Leaf;
use tacit_core::babyjub::Point;
use tacit_core::eddsa::Signature;
use tacit_core::escape::Escape;
use tacit_core::exit::ExitRequest;
use tacit_core::field::{self, F};
use tacit_core::params::Params;
use tacit_core::risk::{RiskRow, RiskTable};
use tacit_core::tree::StateTree;

/// An exit request with its holder, signature and expected public inputs.
pub struct ExitCase {
    pub name: String,
    pub request: ExitRequest,
    pub holder: tacit_core::account::Holder,
    pub signature: Signature,
    pub message: F,
    pub inputs: Vec<F>,
}

/// An escape with its expected worth and public inputs.
pub struct EscapeCase {
    pub name: String,
    pub params: Params,
    pub escape: Escape,
    pub message: F,
    pub worth: i128,
    pub inputs: Vec<F>,
}

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|folder| folder.join("tests/vectors").is_dir());
    let path = path.expect("the vectors are in the repository").join("tests/vectors/leaving.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors are in the repository")).expect("JSON")
}

/// The secret of every case's key.
pub fn secret() -> [u8; 32] {
    bytes(&vectors()["secret"])
}

pub fn exits() -> Vec<ExitCase> {
    list(&vectors()["exits"]).iter().map(exit).collect()
}

pub fn escapes() -> Vec<EscapeCase> {
    list(&vectors()["escapes"]).iter().map(escape).collect()
}

fn exit(case: &Value) -> ExitCase {
    ExitCase {
        name: text(&case["name"]),
        request: ExitRequest {
            domain: element(&case["domain"]),
            index: small(&case["index"]),
            recipient: bytes(&case["recipient"]),
            amount: number(&case["amount"]),
            number: small(&case["number"]),
        },
        holder: parsed(&case["holder"]),
        signature: signature(&case["signature"]),
        message: element(&case["message"]),
        inputs: list(&case["inputs"]).iter().map(element).collect(),
    }
}

fn escape(case: &Value) -> EscapeCase {
    let params = Params::by_name(&text(&case["params"])).expect("a parameter set");
    let index = small(&case["index"]);
    let leaves = list(&case["leaves"]).iter().map(|leaf| (small(&leaf["index"]), element(&leaf["value"])));
    let mut tree = StateTree::new(u8::try_from(params.depth).expect("a few levels")).expect("a tree");
    tree.update(&leaves.collect::<Vec<_>>()).expect("indices in range");
    let rows: Vec<RiskRow> = parsed(&case["rows"]);
    let settled = list(&case["settled"]).iter().map(|row| (small(&row["instrument"]), number(&row["value"])));
    EscapeCase {
        name: format!("{}, {}", params.name, text(&case["name"])),
        params,
        escape: Escape {
            domain: element(&case["domain"]),
            index,
            recipient: bytes(&case["recipient"]),
            holder: parsed(&case["holder"]),
            signature: signature(&case["signature"]),
            leaf: parsed::<Leaf>(&case["leaf"]),
            path: tree.path(index).expect("an index in range"),
            risk: RiskTable { rows },
            settled: settled.collect::<BTreeMap<_, _>>(),
        },
        message: element(&case["message"]),
        worth: text(&case["worth"]).parse().expect("a number"),
        inputs: list(&case["inputs"]).iter().map(element).collect(),
    }
}

fn signature(value: &Value) -> Signature {
    let r8 = list(&value["r8"]);
    let s = field::parse_integer(&text(&value["s"])).expect("a number");
    Signature { r8: Point { x: element(&r8[0]), y: element(&r8[1]) }, s }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn element(value: &Value) -> F {
    field::parse(&text(value)).expect("an element")
}

fn number(value: &Value) -> u64 {
    text(value).parse().expect("a number")
}

fn small(value: &Value) -> u32 {
    u32::try_from(value.as_u64().expect("a number")).expect("at most 32 bits")
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    let digits = text(value);
    let digits = digits.strip_prefix("0x").expect("0x");
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hexadecimal"))
}

fn parsed<T: for<'a> serde::Deserialize<'a>>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("the documented form")
}
