//! Answers, line by line, what core and circuits make of the batches of the executable specification.
//!
//! `tests/test_agreement.py` writes a case a line: state and batch as in `docs/formats.md`, what a contract adds (header) and all randomness
//! (blinding). The answer holds every output in the form of `tests/reference/exchange.py`, and what the circuits refuse, which should be nothing.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

use serde_json::{Value, json};
use tacit_circuits::settlement::{Plan, Queues};
use tacit_core::batch::{AuctionRow, ClearedBatch, ClearedOrder, ClearedTouch, SealedBatch, Touch, clear};
use tacit_core::data::{SegmentData, data_value, words_hash};
use tacit_core::field::{self, F};
use tacit_core::json::{read_batch, read_state, write_state};
use tacit_core::order::SealedOrder;
use tacit_core::risk::LookupRow;
use tacit_core::transcript::{
    Challenges, ClosingParts, Header, SegmentDigest, Sums, auction_root, closing_digest, closing_elements,
    closing_sums, second_hash, segment_digest, segment_elements, sequence_product, theta_power,
};
use tacit_core::witness::{Segment, segment_inputs};

type Answer<T> = Result<T, Box<dyn Error>>;

/// Salts of the plan whose assignments are checked; any will do.
const SEED: [u8; 32] = [7; 32];

fn main() -> Answer<()> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let answer = answer(&serde_json::from_str(&line?)?).unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(case: &Value) -> Answer<Value> {
    let mut state = read_state(&case["state"].to_string())?;
    let (params, batch) = read_batch(&case["batch"].to_string())?;
    let cleared = clear(&params, &mut state, &batch)?;
    let header = header(&cleared, case)?;
    Ok(json!({
        "expected": outputs(&cleared, &batch),
        "settlement": settlement(&cleared, &header, &case["blinding"])?,
        "state": serde_json::from_str::<Value>(&write_state(&state))?,
        "circuits": refused_by_circuits(&cleared, &header),
    }))
}

fn element(value: &Value) -> Answer<F> {
    Ok(field::parse(value.as_str().ok_or("a field element was expected")?)?)
}

fn number(value: &Value) -> Answer<u64> {
    value.as_u64().ok_or_else(|| "a number was expected".into())
}

fn elements<'a>(values: impl IntoIterator<Item = &'a F>) -> Value {
    values.into_iter().map(field::to_hex).collect()
}

fn bytes(value: &[u8]) -> String {
    format!("0x{}", field::hex(value))
}

fn decimals(values: &[i128]) -> Value {
    values.iter().map(i128::to_string).collect()
}

fn outputs(cleared: &ClearedBatch, batch: &SealedBatch) -> Value {
    let touches: Value =
        cleared.touches.iter().zip(&batch.touches).map(|(cleared, touch)| touch_outputs(cleared, touch)).collect();
    json!({
        "start_root": field::to_hex(&cleared.start_root),
        "end_root": field::to_hex(&cleared.end_root),
        "risk_root": field::to_hex(&cleared.risk_root),
        "seal_root": bytes(&cleared.seal_root),
        "active_orders": cleared.active_orders,
        "auctions": cleared.auctions.iter().map(auction_outputs).collect::<Value>(),
        "touches": touches,
        "closing_words": elements(&cleared.closing_words),
    })
}

fn auction_outputs(auction: &AuctionRow) -> Value {
    json!({
        "price": auction.price.to_string(),
        "cut": auction.cut,
        "cut_side": auction.cut_side,
        "volume": auction.volume.to_string(),
        "count": auction.count.to_string(),
    })
}

fn touch_outputs(cleared: &ClearedTouch, touch: &Touch) -> Value {
    json!({
        "index": touch.index,
        "touch_hash": field::to_hex(&cleared.touch_hash),
        "orders": cleared.orders.iter().zip(&touch.orders).map(order_outputs).collect::<Value>(),
        "path": cleared.path.iter().map(elements).collect::<Value>(),
        "cash": cleared.cash.to_string(),
        "epoch": cleared.epoch,
        "claims": decimals(&cleared.claims),
        "losses": decimals(&cleared.losses),
        "x_mark": cleared.x_mark.to_string(),
        "expiry_value": cleared.expiry_value.to_string(),
        "expired": cleared.expired,
        "short_requirement": cleared.short_requirement.to_string(),
        "withdrawal": cleared.withdrawal.to_string(),
        "paid": cleared.paid.to_string(),
        "recipient": bytes(&field::to_be_bytes(&cleared.recipient)[12..]),
        "fee_credit": cleared.fee_credit.to_string(),
        "iv": field::to_hex(&cleared.iv),
        "cipher": elements(&cleared.cipher),
        "new": cleared.new,
        "words": elements(&cleared.words),
    })
}

fn order_outputs((cleared, sealed): (&ClearedOrder, &SealedOrder)) -> Value {
    let row = match cleared.row {
        LookupRow::Sentinel => json!({"kind": "sentinel", "index": null}),
        LookupRow::Risk(index) => json!({"kind": "risk", "index": index}),
        LookupRow::Settled(index) => json!({"kind": "settled", "index": index}),
    };
    json!({
        "sequence": sealed.sequence,
        "row": row,
        "reason": cleared.reason as u8,
        "survived": cleared.survived,
        "admitted": cleared.admitted,
        "fill": cleared.fill.to_string(),
    })
}

/// The header of r₁ for the case's randomness.
fn header(cleared: &ClearedBatch, case: &Value) -> Answer<Header> {
    let (given, blinding, cut) = (&case["header"], &case["blinding"], segment_inputs(cleared));
    let digest = |(j, segment): (usize, &Segment)| -> Answer<SegmentDigest> {
        let transcript = segment_digest(element(&blinding["segments"][j])?, &segment_elements(cleared, segment));
        let data_hash = SegmentData::of(&segment.words(), &cleared.params).hash();
        Ok(SegmentDigest { root: segment.root_out, next_index: segment.next_index_out, transcript, data_hash })
    };
    let address = field::parse_integer(given["beneficiary"].as_str().ok_or("an address was expected")?)?;
    let mut beneficiary = [0; 20];
    beneficiary.copy_from_slice(&field::to_be_bytes(&field::from_integer(address)?)[12..]);
    Ok(Header {
        domain: cleared.context.domain,
        context: cleared.context.word(),
        active_orders: cleared.active_orders,
        seal_root: cleared.seal_root,
        deposit_end: number(&given["deposit_end"])?,
        exit_end: number(&given["exit_end"])?,
        start_root: cleared.start_root,
        segments: cut.iter().enumerate().map(digest).collect::<Result<_, _>>()?,
        risk_root: cleared.risk_root,
        auction_root: auction_root(cleared, element(&blinding["auction"])?),
        closing_hash: words_hash(&cleared.closing_words),
        beneficiary,
    })
}

/// Hashes, challenges, sums and public inputs of both circuits.
fn settlement(cleared: &ClearedBatch, header: &Header, blinding: &Value) -> Answer<Value> {
    let (params, cut, r1) = (&cleared.params, segment_inputs(cleared), header.first_hash());
    let at = Challenges::of_first_hash(&r1);
    let tau = closing_digest(element(&blinding["closing"])?, &closing_elements(cleared, at.theta));
    let r2 = second_hash(&r1, tau);
    let at = at.with_second_hash(&r2);

    let (mut sums, mut opened, mut inputs) = (Sums::START, Vec::new(), Vec::new());
    let mut committed = sums.commitment(F::from(0u64));
    for (j, segment) in cut.iter().enumerate() {
        let (before, data) = (committed, SegmentData::of(&segment.words(), params));
        sums = sums.after(cleared, segment, &at);
        committed = sums.commitment(element(&blinding["sums"][j])?);
        opened.push(elements([&sums.margin, &sums.positions, &sums.trades, &sums.lookups, &sums.fees, &sums.product]));
        inputs.push(elements(&[
            header.domain,
            header.context,
            segment.root_in,
            segment.root_out,
            theta_power(segment.first_touch, at.theta),
            theta_power(segment.first_touch + params.touches, at.theta),
            F::from(segment.next_index_in),
            F::from(segment.next_index_out),
            before,
            committed,
            header.segments[j].transcript,
            at.y,
            at.theta,
            at.gamma,
            at.beta,
            at.z,
            data.open_value(at.z),
            data.encrypted_value(at.z),
        ]));
    }
    let data = cut.iter().map(|segment| segment_data(&SegmentData::of(&segment.words(), params), at.z));
    let data: Vec<Value> = data.collect();
    let closing = [
        header.domain,
        header.context,
        header.risk_root,
        header.auction_root,
        tau,
        at.y,
        at.theta,
        at.gamma,
        at.beta,
        at.z,
        data_value(&cleared.closing_words, at.z),
        committed,
        sequence_product(cleared.active_orders, at.gamma),
    ];
    Ok(json!({
        "data": data,
        "closing_hash": bytes(&header.closing_hash),
        "data_hash": bytes(&header.data_hash()),
        "r1": bytes(&r1),
        "r2": bytes(&r2),
        "challenges": {
            "y": field::to_hex(&at.y),
            "theta": field::to_hex(&at.theta),
            "gamma": field::to_hex(&at.gamma),
            "z": field::to_hex(&at.z),
            "beta": field::to_hex(&at.beta),
        },
        "segment_inputs": inputs,
        "closing_inputs": elements(&closing),
        "sums": opened,
        "balanced": closing_sums(cleared, &ClosingParts::new(cleared, at.theta), &at) == sums,
    }))
}

/// What the contract takes of a segment's words.
fn segment_data(data: &SegmentData, z: F) -> Value {
    json!({
        "hash": bytes(&data.hash()),
        "encrypted_hash": bytes(&data.encrypted_hash()),
        "encrypted_value": field::to_hex(&data.encrypted_value(z)),
    })
}

/// Builds every assignment; what a circuit refuses or derives otherwise is named.
fn refused_by_circuits(cleared: &ClearedBatch, header: &Header) -> Vec<String> {
    let queues = Queues { deposit_end: header.deposit_end, exit_end: header.exit_end };
    let plan = Plan::new(cleared, queues, header.beneficiary, SEED);
    let segments = (0..plan.segments.len()).map(|j| plan.segment_assignment(j));
    segments.chain([plan.closing_assignment()]).filter_map(|built| built.err().map(|error| error.to_string())).collect()
}
