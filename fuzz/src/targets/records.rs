//! JSON of orders, touches, leaves, tables, batches and states: read exactly if it says what would have been written, and a refusal never
//! quotes a value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tacit_core::account::{Holder, Leaf};
use tacit_core::batch::{Context, Touch, clear};
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::json;
use tacit_core::order::{Order, SealedOrder};
use tacit_core::params::Params;
use tacit_core::risk::{RiskRow, SettledRow};

use super::{says_why, seed};
use crate::material::full_scene;

/// Names of formats and parameter sets may be quoted; shorter texts stand in messages by chance.
const SHOWN: [&str; 2] = ["format", "params"];
const SHORT: usize = 8;

pub(super) fn run(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match choice % 11 {
        0 => record::<Order>(text).iter().for_each(order),
        1 => drop(record::<SealedOrder>(text)),
        2 => drop(record::<Holder>(text)),
        3 => record::<Leaf>(text).iter().for_each(leaf),
        4 => record::<Context>(text).iter().for_each(|context| drop(context.check())),
        5 => drop(record::<Touch>(text)),
        6 => drop(record::<RiskRow>(text)),
        7 => drop(record::<SettledRow>(text)),
        8 => batch(text),
        9 => file(text, json::read_risk(text).map(|(params, table)| json::write_risk(&params, &table))),
        _ => state(text),
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("it was read as JSON")
}

/// A record as the extension reads it.
fn record<T: Serialize + DeserializeOwned>(text: &str) -> Option<T> {
    let record: T = serde_json::from_str(text).ok()?;
    assert_eq!(serde_json::to_value(&record).expect("it is JSON"), value(text), "a record has two encodings");
    Some(record)
}

/// The word of an order holds each of its numbers in its own bits.
fn order(order: &Order) {
    if order.check().is_err() || order.account >= 1 << 21 {
        return;
    }
    let parts = [
        (u64::from(order.account), 21),
        (order.instrument.into(), 27),
        (order.side.bit(), 1),
        (order.quantity.into(), 32),
        (order.limit, 42),
        (order.max_fee_rate.into(), 14),
        (order.epoch.into(), 32),
        (order.slot.into(), 6),
        (order.first_batch.into(), 32),
        (order.last_batch.into(), 32),
        (order.survives_void.into(), 1),
        (order.kind.code(), 2),
    ];
    let mut offset = 0;
    let mut word = F::from(0u64);
    for (part, bits) in parts {
        assert!(part < 1 << bits, "a part of a checked order is out of its bits");
        word += from_u64(part) * pow2(offset);
        offset += bits;
    }
    assert_eq!(order.fields(), word);
}

fn leaf(leaf: &Leaf) {
    if leaf.check(1, &Params::DEV).is_ok() {
        assert_eq!(leaf.slots(&Params::DEV).len(), Params::DEV.positions);
        assert_ne!(leaf.hash(&Params::DEV), Leaf { updates: leaf.updates ^ 1, ..leaf.clone() }.hash(&Params::DEV));
    }
}

/// A file that was read is what would be written, in other white space; one that was not is refused without quoting it.
fn file(text: &str, result: Result<String, impl std::fmt::Display>) {
    match result {
        Ok(written) => assert_eq!(value(&written), value(text), "a file has two encodings"),
        Err(error) => {
            says_why(&error);
            quotes_nothing(text, &error.to_string());
        }
    }
}

fn quotes_nothing(text: &str, message: &str) {
    let Ok(document) = serde_json::from_str(text) else { return };
    strings(&document, &mut |value| {
        assert!(value.len() < SHORT || !message.contains(value), "the refusal quotes a value: {message}");
    });
}

fn strings(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, visit)),
        Value::Object(items) => {
            items.iter().filter(|(name, _)| !SHOWN.contains(&name.as_str())).for_each(|(_, item)| strings(item, visit));
        }
        _ => {}
    }
}

/// A batch that can be read is cleared on a state it may belong to, or refused, and then the state is what it was.
fn batch(text: &str) {
    let result = json::read_batch(text);
    if let Ok((params, sealed)) = &result {
        let before = full_scene().state();
        let mut state = before.clone();
        match clear(params, &mut state, sealed) {
            Ok(cleared) => {
                assert_eq!((cleared.start_root, cleared.end_root), (before.root(), state.root()));
                assert_eq!(cleared.sealed, *sealed);
            }
            Err(error) => {
                says_why(&error);
                assert_eq!(state.to_bytes(), before.to_bytes(), "a refused batch changed the state");
            }
        }
    }
    file(text, result.map(|(params, sealed)| json::write_batch(&params, &sealed)));
}

/// The leaves of a state file may stand in any order that the root allows: there is none but by index.
fn state(text: &str) {
    file(text, json::read_state(text).map(|state| json::write_state(&state)));
}

fn compact(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("records are JSON")
}

pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let scene = full_scene();
    let batch = scene.batch();
    let sealed = &batch.touches[1].orders[0];
    let withdrawal = &batch.touches[2].orders[1];
    let mut small = scene.clone();
    small.plans.retain(|index, _| *index < 2);
    small.risk.retain(|id, _| *id == 10);
    let mut one = small.clone();
    one.leaves.retain(|index, _| *index < 2);
    let state = json::write_state(&one.state());
    vec![
        seed("order", 0, compact(&sealed.order).as_bytes()),
        seed("withdrawal", 0, compact(&withdrawal.order).as_bytes()),
        seed("sealed order", 1, compact(sealed).as_bytes()),
        seed("holder", 2, compact(&batch.touches[0].holder).as_bytes()),
        seed("leaf", 3, compact(&scene.leaves[&1]).as_bytes()),
        seed("context", 4, compact(&batch.context).as_bytes()),
        seed("touch with orders", 5, compact(&batch.touches[1]).as_bytes()),
        seed("touch that exits", 5, compact(&batch.touches[3]).as_bytes()),
        seed("risk row", 6, compact(&batch.risk.rows[0]).as_bytes()),
        seed("settled row", 7, compact(&batch.settled[0]).as_bytes()),
        seed("batch of one order", 8, json::write_batch(&Params::DEV, &small.batch()).as_bytes()),
        seed("risk table", 9, json::write_risk(&Params::DEV, &batch.risk).as_bytes()),
        seed("state", 10, state.as_bytes()),
        seed("state of another root", 10, state.replacen("\"root\": \"0x0", "\"root\": \"0x1", 1).as_bytes()),
    ]
}
