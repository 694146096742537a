//! Encodings against vectors that the executable specification wrote (`tests/vectors/encodings.json`).

use std::path::Path;

use serde_json::Value;
use tacit_core::account::{Holder, Leaf};
use tacit_core::babyjub::BASE8;
use tacit_core::batch::{State, Touch};
use tacit_core::eddsa;
use tacit_core::field::{self, F, to_hex};
use tacit_core::order::Order;
use tacit_core::params::Params;
use tacit_core::risk::{RiskRow, RiskTable};
use tacit_core::seal;

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/encodings.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors are in the repository")).expect("JSON")
}

fn cases<'a>(vectors: &'a Value, name: &str) -> &'a [Value] {
    vectors[name].as_array().expect("a list of cases")
}

fn element(value: &Value) -> F {
    field::parse(value.as_str().expect("an element as text")).expect("an element")
}

fn elements(value: &Value) -> Vec<F> {
    value.as_array().expect("a list").iter().map(element).collect()
}

fn parsed<T: for<'a> serde::Deserialize<'a>>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("the documented form")
}

fn params(case: &Value) -> Params {
    Params::by_name(case["params"].as_str().expect("a name")).expect("a parameter set")
}

fn index(value: &Value) -> u32 {
    u32::try_from(value.as_u64().expect("a number")).expect("an index")
}

fn bytes32(value: &Value) -> [u8; 32] {
    let digits = value.as_str().expect("bytes as text").strip_prefix("0x").expect("0x");
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hexadecimal"))
}

#[test]
fn domain_of_a_contract() {
    let vector = &vectors()["domain"];
    let contract = vector["contract"].as_str().expect("an address").strip_prefix("0x").expect("0x").to_owned();
    let contract: [u8; 20] = std::array::from_fn(|i| u8::from_str_radix(&contract[2 * i..2 * i + 2], 16).expect("hex"));
    let chain = vector["chain_id"].as_u64().expect("a chain");
    assert_eq!(seal::domain(chain, &contract), element(&vector["domain"]));
}

#[test]
fn owner_of_a_holder() {
    let vector = &vectors()["owner"];
    assert_eq!(parsed::<Holder>(&vector["holder"]).owner(), element(&vector["owner"]));
}

#[test]
fn leaves_words_and_sealed_readings() {
    for case in cases(&vectors(), "leaves") {
        let (params, leaf) = (params(case), parsed::<Leaf>(&case["leaf"]));
        assert_eq!(leaf.words(&params), elements(&case["words"]));
        assert_eq!(leaf.hash(&params), element(&case["hash"]));
        let reading = &case["reading"];
        let holder = Holder { key: BASE8, viewing_key: element(&reading["viewing_key"]), subaccount: 0 };
        let (outcomes, domain) = (elements(&reading["outcomes"]), element(&reading["domain"]));
        let sealed = seal::seal_touch(&holder, index(&reading["index"]), &leaf, &outcomes, &params, domain);
        assert_eq!(sealed.iv, element(&reading["iv"]));
        assert_eq!(sealed.cipher, elements(&reading["cipher"]));
        assert_eq!(sealed.salt, element(&reading["salt"]));
    }
}

#[test]
fn genesis_states() {
    let vectors = vectors();
    let domain = element(&vectors["domain"]["domain"]);
    let holder: Holder = parsed(&vectors["owner"]["holder"]);
    for case in cases(&vectors, "genesis") {
        let params = params(case);
        let state = State::genesis(&params, &holder, domain).expect("a state");
        assert_eq!(state.leaf(0), Some(&parsed::<Leaf>(&case["leaf"])));
        assert_eq!(state.leaf(0).map(|leaf| leaf.hash(&params)), Some(element(&case["hash"])));
        assert_eq!(state.root(), element(&case["root"]));
    }
}

#[test]
fn orders_hashes_and_signatures() {
    let vectors = vectors();
    let domain = element(&vectors["domain"]["domain"]);
    let secret = bytes32(&vectors["order_secret"]);
    for case in cases(&vectors, "orders") {
        let order: Order = parsed(&case["order"]);
        assert_eq!(order.fields(), element(&case["fields"]));
        assert_eq!(order.hash(domain), element(&case["hash"]));
        let signature = eddsa::sign(&secret, order.hash(domain));
        assert_eq!(signature.s.to_string(), case["signature"]["s"].as_str().expect("a scalar"));
    }
}

#[test]
fn touches_and_seals() {
    let vectors = vectors();
    let domain = element(&vectors["domain"]["domain"]);
    for case in cases(&vectors, "touches") {
        let touch: Touch = parsed(&case["touch"]);
        let hash = seal::touch_hash(&touch, &params(case), domain, index(&case["batch"]));
        assert_eq!(hash, element(&case["touch_hash"]));
        assert_eq!(seal::seal_leaf(touch.index, hash), bytes32(&case["seal_leaf"]));
    }
    for case in cases(&vectors, "seals") {
        let leaf = |touch: &Value| seal::seal_leaf(index(&touch["index"]), element(&touch["touch_hash"]));
        let leaves: Vec<_> = cases(case, "touches").iter().map(leaf).collect();
        assert_eq!(seal::seal_root(&leaves), bytes32(&case["root"]));
    }
}

#[test]
fn risk_rows_and_roots() {
    for case in cases(&vectors(), "risk") {
        let params = params(case);
        let table = RiskTable { rows: parsed::<Vec<RiskRow>>(&case["rows"]) };
        table.validate(&params).expect("a good table");
        let hashes: Vec<String> = table.rows.iter().map(|row| to_hex(&row.hash(&params))).collect();
        assert_eq!(hashes, parsed::<Vec<String>>(&case["hashes"]));
        assert_eq!(table.root(&params), element(&case["root"]));
    }
}
