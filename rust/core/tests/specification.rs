//! Auctions and whole batches against vectors that the executable specification wrote (`tests/vectors`), to the last word: outcomes, leaves,
//! data words, transcripts, challenges, sums and the public inputs of both circuits.

use std::path::{Path, PathBuf};

use ark_ff::AdditiveGroup;
use serde_json::{Value, json};
use tacit_core::auction::{AuctionOrder, Mark, clear_orders};
use tacit_core::batch::{AuctionRow, ClearedBatch, ClearedTouch, State, clear};
use tacit_core::data::{SegmentData, data_value, words_hash};
use tacit_core::field::{self, F, from_u64, to_hex};
use tacit_core::json;
use tacit_core::order::Side;
use tacit_core::risk::LookupRow;
use tacit_core::transcript::{
    Challenges, ClosingParts, Header, SegmentDigest, Sums, auction_root, closing_digest, closing_sums, second_hash,
    segment_digest, segment_elements, sequence_product, theta_power,
};
use tacit_core::units::{InstrumentId, Price, Quantity, Sequence};
use tacit_core::witness::{Segment, segment_inputs};

/// The vectors of a name, from the repository or from the folder that `TACIT_VECTORS` names, which may hold many more.
fn vectors(name: &str) -> Value {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let folder = std::env::var_os("TACIT_VECTORS").map_or(kept, PathBuf::from);
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).expect("the vectors are there")).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn element(value: &Value) -> F {
    field::parse(value.as_str().expect("an element as text")).expect("an element")
}

fn amount<T: std::str::FromStr>(value: &Value) -> T {
    let number = value.as_str().expect("an amount as text").parse();
    number.unwrap_or_else(|_| panic!("{value} is no amount"))
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().expect("a number")).expect("32 bits")
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    let digits = value.as_str().expect("bytes as text").strip_prefix("0x").expect("0x");
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hexadecimal"))
}

fn hexes(elements: &[F]) -> Value {
    json!(elements.iter().map(to_hex).collect::<Vec<_>>())
}

fn side(value: &Value) -> Side {
    if value == "buy" { Side::Buy } else { Side::Sell }
}

fn side_name(side: Side) -> &'static str {
    if side.is_buy() { "buy" } else { "sell" }
}

#[test]
fn auctions_agree() {
    let vectors = vectors("clearing.json");
    let instrument = InstrumentId::new(1).expect("an id");
    for book in list(&vectors["books"]) {
        let order = |order: &Value| AuctionOrder {
            instrument,
            side: side(&order["side"]),
            quantity: Quantity::new(amount(&order["quantity"])).expect("lots"),
            limit: Price::new(amount(&order["limit"])).expect("a price"),
            sequence: Sequence::new(number(&order["sequence"])).expect("a place"),
        };
        let orders: Vec<_> = list(&book["orders"]).iter().map(order).collect();
        let mark = Mark { instrument, price: Price::new(amount(&book["mark"])).expect("a price") };
        let clearing = clear_orders(&[mark], &orders, number(&book["active_orders"])).expect("a sound book");
        let expected = AuctionRow {
            price: amount(&book["price"]),
            cut: number(&book["cut"]),
            cut_side: side(&book["cut_side"]),
            volume: amount(&book["volume"]),
            count: amount(&book["count"]),
        };
        assert_eq!(clearing.rows, [expected]);
        let fills: Vec<u32> = list(&book["orders"]).iter().map(|order| amount(&order["fill"])).collect();
        assert_eq!(clearing.fills, fills);
    }
}

#[test]
fn batches_agree_in_every_output() {
    for file in ["batches_dev.json", "batches_standard.json"] {
        let vectors = vectors(file);
        for case in list(&vectors["cases"]) {
            let (before, cleared, after) = run(case);
            assert_eq!(to_hex(&before.root()), case["expected"]["start_root"], "{}", case["name"]);
            assert_eq!(to_hex(&after.root()), case["expected"]["end_root"], "{}", case["name"]);
            assert_batch(&cleared, &case["expected"]);
            assert_settlement(&cleared, &case["settlement"]);
        }
    }
}

fn run(case: &Value) -> (State, ClearedBatch, State) {
    let before = json::read_state(&case["state"].to_string()).expect("a state");
    let (params, batch) = json::read_batch(&case["batch"].to_string()).expect("a batch");
    let mut after = before.clone();
    let cleared = clear(&params, &mut after, &batch).expect("a sound batch");
    (before, cleared, after)
}

fn assert_batch(cleared: &ClearedBatch, expected: &Value) {
    assert_eq!(to_hex(&cleared.risk_root), expected["risk_root"]);
    assert_eq!(cleared.seal_root, bytes(&expected["seal_root"]));
    assert_eq!(json!(cleared.active_orders), expected["active_orders"]);
    assert_eq!(hexes(&cleared.closing_words), expected["closing_words"]);
    let auctions = cleared.auctions.iter().map(|auction| {
        json!({
            "price": auction.price.to_string(),
            "cut": auction.cut,
            "cut_side": side_name(auction.cut_side),
            "volume": auction.volume.to_string(),
            "count": auction.count.to_string(),
        })
    });
    assert_eq!(json!(auctions.collect::<Vec<_>>()), expected["auctions"]);
    assert_eq!(cleared.touches.len(), list(&expected["touches"]).len());
    for (at, (touch, expected)) in cleared.touches.iter().zip(list(&expected["touches"])).enumerate() {
        assert_touch(cleared, at, touch, expected);
    }
}

fn assert_touch(cleared: &ClearedBatch, at: usize, touch: &ClearedTouch, expected: &Value) {
    assert_eq!(json!(cleared.sealed.touches[at].index), expected["index"]);
    assert_eq!(to_hex(&touch.touch_hash), expected["touch_hash"]);
    assert_eq!(json!(touch.epoch), expected["epoch"]);
    assert_eq!(json!(touch.claims.iter().map(i128::to_string).collect::<Vec<_>>()), texts(&expected["claims"]));
    assert_eq!(touch.x_mark, amount(&expected["x_mark"]));
    assert_eq!(touch.expiry_value, amount(&expected["expiry_value"]));
    assert_eq!(touch.short_requirement, amount(&expected["short_requirement"]));
    assert_eq!(touch.withdrawal, amount(&expected["withdrawal"]));
    assert_eq!(touch.paid, amount(&expected["paid"]));
    assert_eq!(touch.fee_credit, amount(&expected["fee_credit"]));
    assert_eq!(json!(touch.expired), expected["expired"]);
    let recipient: [u8; 20] = bytes(&expected["recipient"]);
    assert_eq!(to_hex(&touch.recipient), format!("0x{:0>64}", field::hex(&recipient)));
    assert_eq!(json!(touch.new), expected["new"]);
    assert_eq!(hexes(&touch.words), expected["words"]);
    let rates = i128::from(cleared.context.fee_rate);
    let orders = cleared.sealed.touches[at].orders.iter().zip(&touch.orders).map(|(sealed, order)| {
        let price = if let LookupRow::Risk(row) = order.row { cleared.auctions[row].price } else { 0 };
        json!({
            "sequence": sealed.sequence,
            "row": row_name(order.row),
            "reason": order.reason.code(),
            "survived": order.survived,
            "admitted": order.admitted,
            "fill": order.fill.to_string(),
            "fee": (rates * i128::from(order.fill) * i128::from(price)).to_string(),
        })
    });
    assert_eq!(json!(orders.collect::<Vec<_>>()), expected["orders"]);
}

/// A list of amounts as the strings they are written in.
fn texts(values: &Value) -> Value {
    json!(list(values).iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect::<Vec<_>>())
}

fn row_name(row: LookupRow) -> Value {
    match row {
        LookupRow::Sentinel => json!({"kind": "sentinel", "index": null}),
        LookupRow::Risk(at) => json!({"kind": "risk", "index": at}),
        LookupRow::Settled(at) => json!({"kind": "settled", "index": at}),
    }
}

fn assert_settlement(cleared: &ClearedBatch, expected: &Value) {
    let blinding = &expected["blinding"];
    let segments = segment_inputs(cleared);
    let taus = segments.iter().zip(list(&blinding["segments"]));
    let taus: Vec<F> =
        taus.map(|(segment, rho)| segment_digest(element(rho), &segment_elements(cleared, segment))).collect();
    let auction_root = auction_root(cleared, element(&blinding["auction"]));
    let header = header(cleared, &segments, &taus, auction_root, &expected["header"]);
    assert_eq!(header.closing_hash, bytes(&expected["closing_hash"]));
    assert_eq!(header.data_hash(), bytes(&expected["data_hash"]));
    let first = header.first_hash();
    assert_eq!(first, bytes(&expected["r1"]));
    let early = Challenges::of_first_hash(&first);
    let parts = ClosingParts::new(cleared, early.theta);
    let tau_closing = closing_digest(element(&blinding["closing"]), &parts.elements());
    let second = second_hash(&first, tau_closing);
    assert_eq!(second, bytes(&expected["r2"]));
    let challenges = early.with_second_hash(&second);
    assert_challenges(&challenges, &expected["challenges"]);
    for (segment, expected) in segments.iter().zip(list(&expected["data"])) {
        let data = SegmentData::of(&segment.words(), &cleared.params);
        assert_eq!(data.hash(), bytes(&expected["hash"]));
        assert_eq!(data.encrypted_hash(), bytes(&expected["encrypted_hash"]));
        assert_eq!(to_hex(&data.encrypted_value(challenges.z)), expected["encrypted_value"]);
    }

    let mut sums = Sums::START;
    let mut commitment = sums.commitment(F::ZERO);
    for (at, segment) in segments.iter().enumerate() {
        sums = sums.after(cleared, segment, &challenges);
        let Sums { margin, positions, trades, lookups, fees, product } = sums;
        assert_eq!(hexes(&[margin, positions, trades, lookups, fees, product]), expected["sums"][at]);
        let next = sums.commitment(element(&blinding["sums"][at]));
        let inputs = segment_public(cleared, segment, &challenges, [commitment, next, taus[at]]);
        assert_eq!(hexes(&inputs), expected["segment_inputs"][at]);
        commitment = next;
    }
    assert_eq!(sums, closing_sums(cleared, &parts, &challenges));
    let Challenges { y, theta, gamma, z, beta } = challenges;
    let [domain, context, risk_root] = [cleared.context.domain, cleared.context.word(), cleared.risk_root];
    let value = data_value(&cleared.closing_words, z);
    let product = sequence_product(cleared.active_orders, gamma);
    let inputs =
        [domain, context, risk_root, auction_root, tau_closing, y, theta, gamma, beta, z, value, commitment, product];
    assert_eq!(hexes(&inputs), expected["closing_inputs"]);
}

fn header(cleared: &ClearedBatch, segments: &[Segment], taus: &[F], auction_root: F, expected: &Value) -> Header {
    let digest = |(segment, tau): (&Segment, &F)| SegmentDigest {
        root: segment.root_out,
        next_index: segment.next_index_out,
        transcript: *tau,
        data_hash: SegmentData::of(&segment.words(), &cleared.params).hash(),
    };
    Header {
        domain: cleared.context.domain,
        context: cleared.context.word(),
        active_orders: cleared.active_orders,
        seal_root: cleared.seal_root,
        deposit_end: expected["deposit_end"].as_u64().expect("a number"),
        exit_end: expected["exit_end"].as_u64().expect("a number"),
        start_root: cleared.start_root,
        segments: segments.iter().zip(taus).map(digest).collect(),
        risk_root: cleared.risk_root,
        auction_root,
        closing_hash: words_hash(&cleared.closing_words),
        beneficiary: bytes(&expected["beneficiary"]),
    }
}

fn assert_challenges(challenges: &Challenges, expected: &Value) {
    let Challenges { y, theta, gamma, z, beta } = *challenges;
    for (name, value) in [("y", y), ("theta", theta), ("gamma", gamma), ("z", z), ("beta", beta)] {
        assert_eq!(to_hex(&value), expected[name], "{name}");
    }
}

fn segment_public(cleared: &ClearedBatch, segment: &Segment, challenges: &Challenges, sums_and_tau: [F; 3]) -> [F; 18] {
    let Challenges { y, theta, gamma, z, beta } = *challenges;
    let [sums_in, sums_out, tau] = sums_and_tau;
    let power = |touches| theta_power(touches, theta);
    let end = segment.first_touch + segment.touches.len();
    let index = |index: u32| from_u64(u64::from(index));
    let data = SegmentData::of(&segment.words(), &cleared.params);
    [
        cleared.context.domain,
        cleared.context.word(),
        segment.root_in,
        segment.root_out,
        power(segment.first_touch),
        power(end),
        index(segment.next_index_in),
        index(segment.next_index_out),
        sums_in,
        sums_out,
        tau,
        y,
        theta,
        gamma,
        beta,
        z,
        data.open_value(z),
        data.encrypted_value(z),
    ]
}
