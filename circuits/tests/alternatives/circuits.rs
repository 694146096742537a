//! Alternatives of the circuits' own chapters: witnesses of one segment, or of the closing circuit, that read a
//! packed word otherwise, divide otherwise, answer a comparison or a test for zero falsely, with all that follows
//! recomputed.
//!
//! A word that the owner signed, or that a root binds, stays the same in every carry: what has another reading is its
//! fields.

use ark_ff::{AdditiveGroup, Field};
use tacit_circuits::builder::Builder;
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::Plan;
use tacit_circuits::statement::{ClosingPrivate, ClosingPublic, SegmentPrivate, SegmentPublic};
use tacit_circuits::{closing, segment};
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::poseidon;
use tacit_core::units::TOP;

use crate::parts::{ONE, n, some};
use crate::support::scene::{BATCH, LAST_VOID, QUOTE, Scene, order, withdrawal};
use crate::support::{self, QUEUES, SEED, market, segment_bits};
use crate::{Alternative, Kind, Witness};

type Replace = Box<dyn Fn(F) -> F + Send + Sync>;
type EditSegment = Box<dyn Fn(&mut SegmentPublic, &mut SegmentPrivate)>;
type EditClosing = Box<dyn Fn(&ClosingPublic, &mut ClosingPrivate)>;

/// Labels of the terms of which the closing circuit's sum of look-ups is made.
const LOOKUPS: [&str; 2] = ["look-ups of the row", "sentinel look-ups"];

/// One circuit of a batch and the lies that are told to it.
pub struct Told {
    scene: Scene,
    /// Its segment; the closing circuit if none.
    segment: Option<usize>,
    /// What both the honest and the lying witness are given.
    setting: Vec<EditSegment>,
    segments: Vec<EditSegment>,
    closings: Vec<EditClosing>,
    lies: Vec<(&'static str, usize, std::sync::Arc<Replace>)>,
    /// The sum of look-ups is what the lying rows make of it, as if segments had claimed so.
    lookups_follow: bool,
}

impl Told {
    fn of(scene: Scene, segment: Option<usize>) -> Self {
        let (setting, segments, closings, lies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { scene, segment, setting, segments, closings, lies, lookups_follow: false }
    }

    fn set(self, label: &'static str, occurrence: usize, value: F) -> Self {
        self.lie(label, occurrence, move |_| value)
    }

    /// The value under a label becomes larger by `by`.
    fn plus(self, label: &'static str, occurrence: usize, by: F) -> Self {
        self.lie(label, occurrence, move |honest| honest + by)
    }

    fn lie(mut self, label: &'static str, occurrence: usize, replace: impl Fn(F) -> F + Send + Sync + 'static) -> Self {
        self.lies.push((label, occurrence, std::sync::Arc::new(Box::new(replace))));
        self
    }

    /// The `at`-th bit of a check's decompositions becomes larger by `by`.
    fn bit(self, check: &'static str, at: usize, by: F) -> Self {
        let ordinal = if self.segment.is_some() { segment_bits()[check][at] } else { closing_bits()[check][at] };
        self.plus(BIT, ordinal, by)
    }

    /// The `group`-th comparison of `n` bits under a check is answered `claim`, though the contrary is true.
    fn claim(self, check: &'static str, group: usize, n: u32, claim: bool) -> Self {
        let by = if claim { -pow2(n - 1) } else { pow2(n - 1) };
        self.bit(check, group * (n as usize - 1), by)
    }

    /// A carry from one field of a word to the next, which takes up `2^width` of it.
    fn carry(self, (from, width): (&'static str, u32), to: &'static str, occurrence: usize) -> Self {
        self.plus(from, occurrence, pow2(width)).plus(to, occurrence, -ONE)
    }

    fn edit(mut self, edit: impl Fn(&mut SegmentPublic, &mut SegmentPrivate) + 'static) -> Self {
        self.segments.push(Box::new(edit));
        self
    }

    fn close(mut self, edit: impl Fn(&ClosingPublic, &mut ClosingPrivate) + 'static) -> Self {
        self.closings.push(Box::new(edit));
        self
    }

    fn lookups_follow(mut self) -> Self {
        self.lookups_follow = true;
        self
    }

    /// Padding in the place of the second touch, whose path would have to follow a new leaf of the first.
    fn alone(mut self) -> Self {
        let cleared = market().clear();
        let padding = Plan::new(&cleared, QUEUES, [9; 20], SEED).segments[3].1.touches[1].clone();
        self.setting.push(Box::new(move |_, private| private.touches[1] = padding.clone()));
        self
    }

    /// The circuit with its honest witness, and with the other.
    pub fn both(&self) -> [Builder; 2] {
        let cleared = self.scene.clear();
        let plan = Plan::new(&cleared, QUEUES, [9; 20], SEED);
        [false, true].map(|lies| match self.segment {
            Some(at) => {
                let (mut public, mut private) = plan.segments[at].clone();
                self.setting.iter().for_each(|edit| edit(&mut public, &mut private));
                if lies {
                    self.segments.iter().for_each(|edit| edit(&mut public, &mut private));
                }
                let write = |b: &mut Builder| segment::synthesize(b, &cleared.params, &public, &private);
                self.told(Builder::assignment(), lies, write)
            }
            None => {
                let (public, mut private) = plan.closing.clone();
                if lies {
                    self.closings.iter().for_each(|edit| edit(&public, &mut private));
                }
                let write = |b: &mut Builder, private: &ClosingPrivate| {
                    closing::synthesize(b, &cleared.params, &public, private);
                };
                if lies && self.lookups_follow {
                    let b = self.told(Builder::rows(), lies, |b| write(b, &private));
                    let wires = 1..b.values().len();
                    let terms = wires.filter(|wire| LOOKUPS.contains(&b.label(*wire).unwrap().0));
                    private.sums.sums.lookups = terms.map(|wire| b.values()[wire]).sum();
                }
                self.told(Builder::assignment(), lies, |b| write(b, &private))
            }
        })
    }

    fn told(&self, mut b: Builder, lies: bool, synthesize: impl Fn(&mut Builder)) -> Builder {
        let told = if lies { self.lies.as_slice() } else { &[] };
        for (label, at, replace) in told {
            let replace = std::sync::Arc::clone(replace);
            b.override_witness(label, *at, move |honest| replace(honest));
        }
        synthesize(&mut b);
        for (label, at, _) in told {
            assert!(b.occurrences(label) > *at, "there is no `{label}` number {at}");
        }
        b
    }
}

pub fn closing_bits() -> &'static std::collections::BTreeMap<&'static str, Vec<usize>> {
    static BITS: std::sync::OnceLock<std::collections::BTreeMap<&'static str, Vec<usize>>> = std::sync::OnceLock::new();
    BITS.get_or_init(|| support::bits_of(&tacit_circuits::settlement::shapes(&Params::DEV).1))
}

fn in_segment(
    what: (Kind, &'static str, &'static str),
    refused_by: &[(&'static str, usize)],
    told: impl Fn() -> Told + 'static,
) -> Alternative {
    Alternative::new(what, refused_by, Witness::Segment(Box::new(told)))
}

fn in_closing(
    what: (Kind, &'static str, &'static str),
    refused_by: &[(&'static str, usize)],
    told: impl Fn() -> Told + 'static,
) -> Alternative {
    Alternative::new(what, refused_by, Witness::Closing(Box::new(told)))
}

pub fn table() -> Vec<Alternative> {
    let lists = [
        signed_fields(),
        order_tests(),
        rows_looked_up(),
        packed_words(),
        epochs(),
        ranges(),
        just_outside(),
        funds(),
        exits_and_withdrawals(),
        margins(),
        fills(),
        leaves(),
        touches(),
        contexts(),
        rows_of_the_table(),
        prices_of_the_table(),
    ];
    lists.into_iter().flatten().collect()
}

/// A segment of the market.
fn market_segment(segment: usize) -> Told {
    Told::of(market(), Some(segment))
}

/// Account 1 bids for 1,000 of instrument 10, whose mark is 1; nobody sells. Its order is number 2 of the segment,
/// its touch number 1.
fn bid(cash: i128, edit: impl Fn(&mut Order)) -> Scene {
    let mut s = Scene::new(Params::DEV);
    s.row(10, 1_000_000).short_minimum = 5;
    s.account(1, cash, &[]);
    let mut bid = order(1, 10, Side::Buy, 1_000, 900_000);
    edit(&mut bid);
    s.order(bid);
    s
}

fn bidding(edit: impl Fn(&mut Order)) -> Told {
    Told::of(bid(1_000 * QUOTE, edit), Some(0))
}

/// Carries between the fields that an owner signs, all of one word. The order is refused or not filled, unless said.
fn signed_fields() -> Vec<Alternative> {
    let order = "order";
    vec![
        in_segment((Kind::Carry, order, "a buy of 10 read as a sell of 10 + 2²⁷"), &[("instrument", 1)], || {
            bidding(|_| ()).carry(("instrument", 27), "side", 2).set("row next", 2, pow2(27) + n(11))
        }),
        in_segment((Kind::Carry, order, "a side of 2, a lot less"), &[("side", 1)], || {
            let sell = bidding(|o| (o.side, o.max_fee_rate) = (Side::Sell, 4));
            sell.plus("side", 2, n(2)).plus("quantity", 2, -ONE)
        }),
        in_segment(
            (Kind::Carry, order, "1,005 lots filled of 1,000, the quantity borrowed from the limit"),
            &[("quantity", 1)],
            || {
                let rich = Told::of(bid(1_000_000 * QUOTE, |_| ()), Some(0)).carry(("quantity", 32), "limit", 2);
                let cut = rich.set("row price", 2, n(899_999)).set("row cut", 2, ONE).set("row cut side", 2, ONE);
                let filled = cut.set("fill", 2, n(1_005));
                filled.set("new position id", 7, n(10)).set("new position quantity", 7, n(1_005))
            },
        ),
        in_segment((Kind::Carry, order, "a limit of 2⁴² more for a basis point"), &[("limit", 1)], || {
            bidding(|_| ()).carry(("limit", 42), "highest fee rate", 2)
        }),
        in_segment(
            (Kind::Carry, order, "a fee rate accepted that was not, for an epoch"),
            &[("highest fee rate", 1)],
            || {
                let told = bidding(|o| (o.max_fee_rate, o.epoch) = (4, 4));
                told.carry(("highest fee rate", 14), "order epoch", 2).set("touch epoch", 1, n(3))
            },
        ),
        in_segment(
            (Kind::Carry, order, "a cancelled order young again, for a nonce slot"),
            &[("order epoch", 1)],
            || {
                let mut s = bid(1_000 * QUOTE, |o| (o.epoch, o.slot) = (4, 9));
                s.leaves.get_mut(&1).unwrap().epoch = 1 << 31;
                let told = Told::of(s, Some(0)).plus("order epoch", 2, pow2(32)).bit("nonce slot", 12, -ONE);
                told.set("touch epoch", 1, pow2(32) + n(4))
            },
        ),
        in_segment((Kind::Carry, order, "a nonce slot of 64 more, for a batch"), &[("nonce slot", 1)], || {
            let told = bidding(|o| (o.slot, o.first_batch) = (9, BATCH - 1));
            told.bit("nonce slot", 12 + 5, n(2)).plus("first batch", 2, -ONE)
        }),
        in_segment((Kind::Carry, order, "a first batch far ahead"), &[("first batch", 1)], || {
            let told = bidding(|o| (o.first_batch, o.last_batch) = (LAST_VOID - 1, BATCH + 1));
            told.carry(("first batch", 32), "last batch", 2)
        }),
        in_segment((Kind::Carry, order, "an order that is over, good for ever"), &[("last batch", 1)], || {
            let told = bidding(|o| (o.first_batch, o.last_batch, o.survives_void) = (BATCH - 1, BATCH - 1, true));
            told.carry(("last batch", 32), "survives", 2)
        }),
        in_segment(
            (Kind::Carry, order, "a withdrawal read as a trade"),
            &[("survives", 1), ("instrument only in trades", 1)],
            || {
                let mut s = Scene::new(Params::DEV);
                s.row(10, 1_000_000);
                s.account(1, 1_000 * QUOTE, &[]);
                s.order(Order { max_fee_rate: 4, ..withdrawal(1, 5_000_000) });
                Told::of(s, Some(0)).plus("survives", 2, n(2)).plus("withdraw", 2, -ONE)
            },
        )
        .because("a withdrawal names no instrument, a trade must"),
    ]
}

/// Tests 2 to 7, answered falsely where they are closest.
fn order_tests() -> Vec<Alternative> {
    type Edit = fn(&mut Order);
    let compared = |means, check: &'static str, bits: u32, claim: bool, edit: Edit| {
        in_segment((Kind::Boundary, "order", means), &[(check, 1)], move || bidding(edit).claim(check, 2, bits, claim))
    };
    // Account 1 holds as many positions as it may and bids for another instrument.
    let crowded = || {
        let mut s = Scene::new(Params::DEV);
        for id in [10, 20, 30, 40, 50] {
            s.row(id, 1_000_000);
        }
        s.account(1, 1_000 * QUOTE, &[(20, 1), (30, 1), (40, 1), (50, 1)]);
        s.order(order(1, 10, Side::Buy, 1_000, 900_000));
        Told::of(s, Some(0))
    };
    let used = |bitmap: u64, epoch: u32| {
        let mut s = bid(1_000 * QUOTE, |_| ());
        let leaf = s.leaves.get_mut(&1).unwrap();
        (leaf.bitmap, leaf.epoch) = (bitmap, epoch);
        Told::of(s, Some(0))
    };
    vec![
        compared("begun in this batch, called not begun", "first ≤ batch", 33, false, |_| ()),
        compared("begins in the next batch, called begun", "first ≤ batch", 33, true, |o| {
            (o.first_batch, o.last_batch) = (BATCH + 1, BATCH + 1);
        }),
        compared("open in this batch, called over", "batch ≤ last", 33, false, |_| ()),
        compared("over since the last batch, called open", "batch ≤ last", 33, true, |o| {
            (o.first_batch, o.last_batch) = (BATCH - 1, BATCH - 1);
        }),
        compared("first after the void, called before", "first > last void", 33, false, |o| {
            o.first_batch = LAST_VOID + 1
        }),
        compared("first in the void batch, called after", "first > last void", 33, true, |o| o.first_batch = LAST_VOID),
        compared("the fee rate itself, called too low", "fee rate accepted", 15, false, |o| o.max_fee_rate = 5),
        compared("a basis point below the fee rate, called accepted", "fee rate accepted", 15, true, |o| {
            o.max_fee_rate = 4
        }),
        in_segment(
            (Kind::ZeroTest, "order", "an epoch that stays, called risen: used slots are free"),
            &[("epoch unchanged", 1)],
            move || used(1, 0).set("epoch unchanged", 1, F::ZERO),
        ),
        in_segment(
            (Kind::ZeroTest, "order", "an order of an older epoch, called current"),
            &[("order epoch current", 2)],
            move || used(0, 1).set("order epoch current", 2, ONE),
        ),
        in_segment(
            (Kind::NotABit, "order", "a used slot, called free: 2 in the bit below"),
            &[("bitmap byte", 1)],
            move || {
                // Slot 1 is used and the order's.
                let mut s = bid(1_000 * QUOTE, |o| o.slot = 1);
                s.leaves.get_mut(&1).unwrap().bitmap = 2;
                Told::of(s, Some(0)).bit("bitmap byte", 14, n(2)).bit("bitmap byte", 15, -ONE)
            },
        ),
        in_segment(
            (Kind::ZeroTest, "order", "an instrument that is not held, called held"),
            &[("instrument held", 2)],
            move || crowded().set("instrument held", 2, ONE),
        ),
        in_segment((Kind::ZeroTest, "order", "no room, called room"), &[("positions full", 1)], move || {
            crowded().set("positions full", 2, F::ZERO)
        }),
        in_segment(
            (Kind::ZeroTest, "margin", "a position not counted, to make room"),
            &[("position expired or empty", 2)],
            move || crowded().set("position expired or empty", 4, ONE),
        ),
    ]
}

/// The row that an order looks up.
fn rows_looked_up() -> Vec<Alternative> {
    let sentinel = || {
        bidding(|_| ()).edit(|_, private| private.touches[1].orders[0].row = private.touches[0].orders[0].row.clone())
    };
    vec![
        in_segment(
            (Kind::Boundary, "order", "a listed instrument called unknown by the sentinel, which points at it"),
            &[("row next above the instrument", 1)],
            sentinel,
        ),
        in_segment(
            (Kind::Boundary, "order", "called unknown by the row above"),
            &[("row id at or below the instrument", 1)],
            || bidding(|_| ()).set("row id", 2, n(11)),
        ),
        in_segment(
            (Kind::ZeroTest, "order", "an instrument's own row, called a neighbour's"),
            &[("row known", 1)],
            || bidding(|_| ()).set("row known", 2, F::ZERO),
        ),
        in_segment(
            (Kind::Carry, "order", "a direction of 2 in the row's word, the minimum one less"),
            &[("row direction", 1)],
            || bidding(|_| ()).plus("row direction", 2, n(2)).plus("row minimum", 2, -ONE),
        ),
        in_segment(
            (Kind::Wrap, "order", "a negative minimum: shorts that bring margin"),
            &[("row minimum", 1)],
            || bidding(|_| ()).set("row minimum", 2, n(-1)),
        ),
    ]
}

/// Carries in the words by which a transcript binds what an order looked up, what a touch expired and claimed: the
/// digest stays the same.
fn packed_words() -> Vec<Alternative> {
    // An order that its fee rate keeps out, so that nothing follows from its row.
    let kept_out = || bidding(|o| o.max_fee_rate = 4);
    let carry = move |means, check: &'static str, (from, width): (&'static str, u32), to: &'static str| {
        in_segment((Kind::Carry, "order", means), &[(check, 1)], move || kept_out().carry((from, width), to, 2))
    };
    let not_worse = "limit no worse than the clearing price";
    vec![
        carry("a row's id of 2³⁶ more", "row id at or below the instrument", ("row id", 36), "row next"),
        carry("a row's next id of 2³⁶ more", "row next above the instrument", ("row next", 36), "row price"),
        carry("a row's price of 2⁴⁶ more", not_worse, ("row price", 46), "row cut"),
        carry(
            "a row's cut of 2³⁶ more, on the other side",
            "sequence against the cut",
            ("row cut", 36),
            "row cut side",
        ),
        in_segment(
            (Kind::Carry, "order", "a settled row read as an open one, the cut's side 2"),
            &[("row cut side", 1)],
            || {
                // Account 6 of the market sells what is settled.
                market_segment(3).plus("row cut side", 1, n(2)).plus("row settled", 1, -ONE)
            },
        ),
        in_segment(
            (Kind::Carry, "order", "a price above the mark read as one below, settled 2"),
            &[("row settled", 1)],
            || market_segment(2).plus("row settled", 2, n(2)).plus("row direction", 2, -ONE),
        ),
        in_segment(
            (Kind::Carry, "margin", "a scenario's W of 2⁵⁰ more"),
            &[("scenario value against the limit", 1)],
            move || kept_out().plus("row W", 10, pow2(50)).plus("row W", 11, -ONE),
        ),
        in_segment((Kind::Carry, "margin", "a claim of 2⁸⁴ more"), &[("margin claim", 1)], move || {
            kept_out().plus("margin claim", 5, pow2(84)).plus("margin claim", 6, -ONE)
        }),
        in_segment(
            (Kind::Carry, "account", "an expired position kept, an open one held backwards"),
            &[("expired", 1)],
            || {
                let told = market_segment(0).set("expired", 5, n(2)).set("expired", 6, F::ZERO);
                [(5, 10, 900), (6, 15, 500), (7, 20, -500)].into_iter().fold(told, |told, (at, id, lots)| {
                    told.set("new position id", at, n(id)).set("new position quantity", at, n(lots))
                })
            },
        ),
    ]
}

fn epochs() -> Vec<Alternative> {
    let at_epoch = |leaf: u32, order: u32| {
        let mut s = bid(1_000 * QUOTE, |o| o.epoch = order);
        s.leaves.get_mut(&1).unwrap().epoch = leaf;
        Told::of(s, Some(0)).set("touch epoch", 1, n(3))
    };
    vec![
        in_segment(
            (Kind::Boundary, "order", "an epoch set back by one, to that of an old order"),
            &[("epoch does not fall", 1)],
            move || at_epoch(4, 3),
        ),
        in_segment(
            (Kind::Boundary, "order", "an order of the next epoch that does not raise it"),
            &[("epoch at least each live order's", 1)],
            move || at_epoch(3, 4),
        ),
        in_segment(
            (Kind::OtherInput, "order", "an epoch that no order asked for"),
            &[("epoch attained", 1)],
            move || at_epoch(0, 0),
        ),
    ]
}

/// A ranged value in a place where nothing depends on it, and its width.
type Quiet = (&'static str, usize, u32);

/// 2ⁿ and −1 under every label that is ranged to n bits by itself, all else consistent.
fn just_outside() -> Vec<Alternative> {
    // Slot 0 of account 0 holds no order; slot 2 of segment 2 holds one of an account that does not exist.
    let inactive: [Quiet; 6] = [
        ("limit", 0, 42),
        ("highest fee rate", 0, 14),
        ("order epoch", 0, 32),
        ("first batch", 0, 32),
        ("last batch", 0, 32),
        ("row minimum", 0, 42),
    ];
    let unused_rows: [Quiet; 3] = [("cut", 5, 33), ("short minimum", 5, 42), ("scenario value", 4 * 5 + 1, 42)];
    let settled: [Quiet; 1] = [("settlement value", 3, 42)];
    let mut list = Vec::new();
    for (label, at, bits) in inactive {
        for (value, text) in [(pow2(bits), "2ⁿ"), (-ONE, "−1")] {
            let told = move || market_segment(0).set(label, at, value);
            list.push(in_segment((Kind::Wrap, "order", outside(label, text)), &[(label, 1)], told));
        }
    }
    for (label, at, bits) in unused_rows.into_iter().chain(settled) {
        for (value, text) in [(pow2(bits), "2ⁿ"), (-ONE, "−1")] {
            let told = move || table_told().set(label, at, value);
            list.push(in_closing((Kind::Wrap, "closing", outside(label, text)), &[(label, 1)], told));
        }
    }
    let single = [
        ("touch", "deposit or request", "−1", market_segment as fn(usize) -> Told, 0, -ONE),
        ("order", "sequence", "−1", market_segment, 2, -ONE),
    ];
    for (part, label, text, segment, at, value) in single {
        let told = move || {
            // The account that does not exist has its order in slot 2 of its segment.
            let told = segment(at).set(label, at, value);
            if label == "sequence" { told } else { told.alone() }
        };
        list.push(in_segment((Kind::Wrap, part, outside(label, text)), &[(label, 1)], told));
    }
    list.extend(outside_with_others());
    list
}

fn outside(label: &str, value: &str) -> &'static str {
    format!("{label}: {value}").leak()
}

/// A price outside in a row that is not used, where nothing stands at the price and so the mark is it.
fn unused_price(means: &'static str, value: F) -> Alternative {
    in_closing((Kind::Wrap, "closing", means), &[("clearing price", 1), ("mark", 1)], move || {
        table_told().set("clearing price", 5, value).set("mark", 5, value)
    })
    .because("nothing stands at the price of an unused row, so that it is the mark")
}

/// Values just outside that a second range meets too.
fn outside_with_others() -> Vec<Alternative> {
    let inactive = || market_segment(0);
    vec![
        in_segment((Kind::Wrap, "order", "instrument: 2ⁿ, above a row below it"), &[("instrument", 1)], move || {
            inactive().set("instrument", 0, pow2(27)).set("row next", 0, pow2(27) + ONE)
        }),
        in_segment((Kind::Wrap, "order", "instrument: −1, in a row of its own"), &[("instrument", 1)], move || {
            inactive().set("instrument", 0, -ONE).set("row id", 0, -ONE)
        }),
        in_segment(
            (Kind::Wrap, "order", "quantity: 2ⁿ"),
            &[("quantity", 1), ("fill within quantity", 1)],
            move || inactive().set("quantity", 0, pow2(32)),
        )
        .because("what is left unfilled of it is as large"),
        in_segment(
            (Kind::Wrap, "order", "quantity: −1"),
            &[("quantity", 1), ("fill within quantity", 1)],
            move || inactive().set("quantity", 0, -ONE),
        )
        .because("what is left unfilled of it is negative"),
        in_segment(
            (Kind::Wrap, "margin", "exit amount: 2ⁿ"),
            &[("exit amount", 1), ("exit pays at most what was asked", 1)],
            || market_segment(0).alone().set("exit amount", 0, pow2(64)),
        )
        .because("nobody can ask for as much"),
        in_segment((Kind::Wrap, "margin", "exit remainder: −1"), &[("exit remainder", 1)], move || {
            inactive().set("exit remainder", 0, -ONE)
        }),
        in_segment(
            (Kind::Wrap, "margin", "exit remainder: 2ⁿ"),
            &[("exit remainder", 1), ("exit remainder below 10⁸", 1)],
            move || inactive().set("exit remainder", 0, pow2(27)),
        )
        .because("2²⁷ is above 10⁸ too"),
        unused_price("price and mark: −1", -ONE),
        unused_price("price and mark: 2ⁿ", pow2(42)),
        in_closing((Kind::Wrap, "closing", "next id: below an unused row's"), &[("next id above id", 1)], || {
            table_told().set("row next id", 5, -ONE)
        }),
        in_closing((Kind::Wrap, "closing", "next id: 2ⁿ in an unused row"), &[("next id above id", 1)], || {
            table_told().set("row next id", 5, pow2(27))
        }),
    ]
}

/// What is left of ranges that the lists above do not name.
fn ranges() -> Vec<Alternative> {
    let (account, margin) = ("account", "margin");
    let aged = || {
        let mut s = market();
        s.leaves.get_mut(&6).unwrap().epoch = 7;
        Told::of(s, Some(3))
    };
    let used = || {
        let mut s = market();
        let leaf = s.leaves.get_mut(&4).unwrap();
        (leaf.epoch, leaf.bitmap) = (3, 1);
        Told::of(s, Some(2))
    };
    vec![
        in_segment((Kind::Carry, account, "cash of 2⁹² more, an epoch earlier"), &[("old cash", 1)], move || {
            // A claim to an expiry takes it back, so that only the word's reading is wrong.
            let told = aged().plus("old cash", 0, pow2(92)).plus("old epoch", 0, -ONE).set("touch epoch", 0, n(6));
            told.set("expiry value", 0, -pow2(92) * n(10_000).inverse().unwrap())
        }),
        in_segment(
            (Kind::Carry, account, "an epoch of 2³² more, a used slot free"),
            &[("old epoch", 1)],
            move || {
                let told = used().plus("old epoch", 0, pow2(32)).bit("old bitmap", 0, -ONE);
                told.plus("touch epoch", 0, pow2(32))
            },
        ),
        in_segment(
            (Kind::Carry, account, "a used slot read as two uses of the one before"),
            &[("old bitmap", 1)],
            || {
                let mut s = bid(1_000 * QUOTE, |_| ());
                s.leaves.get_mut(&1).unwrap().bitmap = 2;
                Told::of(s, Some(0)).bit("old bitmap", 64, n(2)).bit("old bitmap", 65, -ONE)
            },
        ),
        in_segment(
            (Kind::Wrap, account, "cash of 2⁹² more, which the next touch reads as an epoch"),
            &[("new cash in range", 1)],
            || market_segment(0).alone().plus("fee credit", 0, pow2(92)),
        ),
        in_segment(
            (Kind::Wrap, account, "a position of 2³⁵, which is −2³⁵"),
            &[("balances in range", 1), ("new position quantity", 1)],
            || {
                let mut s = bid(1_000 * QUOTE, |o| o.quantity = 1);
                s.leaves
                    .get_mut(&1)
                    .unwrap()
                    .positions
                    .push(tacit_core::account::Position { instrument: 10, quantity: (1 << 35) - 1 });
                let told = Told::of(s, Some(0)).claim("balances in range", 1, 84, true);
                let cut = told.set("row price", 2, n(900_000)).set("row cut", 2, ONE).set("row cut side", 2, ONE);
                cut.set("fill", 2, ONE).set("new position quantity", 7, pow2(35))
            },
        )
        .because("test 8 keeps every position that may grow far below 2³⁵"),
        in_segment(
            (Kind::Wrap, "order", "a sequence number of 2³² more, behind every cut"),
            &[("sequence", 1)],
            || market_segment(2).plus("sequence", 2, pow2(32)),
        ),
        in_segment(
            (Kind::Carry, "order", "2³² of a sequence number for the next one's 1"),
            &[("sequence", 1), ("sequence numbers increase", 1)],
            || market_segment(0).plus("sequence", 2, pow2(32)).plus("sequence", 3, -ONE),
        )
        .because("the numbers of a touch increase"),
        in_segment(
            (Kind::Boundary, "auction", "filled with one lot more than was ordered"),
            &[("fill within quantity", 1)],
            || market_segment(1).alone().set("fill", 0, n(1_201)).set("new position quantity", 2, n(-1_201)),
        ),
        in_segment(
            (Kind::Boundary, margin, "an exit that pays one token unit more than asked"),
            &[("exit pays at most what was asked", 1)],
            || {
                let mut s = market();
                s.leaves.get_mut(&4).unwrap().positions.clear();
                s.leaves.get_mut(&4).unwrap().cash = 7_000_001 * 100_000_000;
                Told::of(s, Some(2)).alone().plus("exit amount", 0, ONE)
            },
        ),
        in_segment(
            (Kind::Remainder, margin, "a fee reserve that is a fraction, without remainder"),
            &[("fee reserve", 1)],
            || {
                // 1,800.5 for 1,801; the values W beside it move by as much.
                let half = n(2).inverse().unwrap();
                let told = bidding(|o| o.limit = 900_250).plus("fee reserve", 2, -half);
                (10..15).fold(told, |told, at| told.plus("row W", at, -half))
            },
        ),
    ]
}

/// Account 1's bid with so much cash beyond 1,000 quote units, in cash units.
fn funded(cash: i128) -> Told {
    Told::of(bid(cash, |_| ()), Some(0))
}

/// ⌊cash/10⁴⌋ and the fee reserve.
fn funds() -> Vec<Alternative> {
    let margin = "margin";
    let divided = |means, check: &'static str, cash: i128, quotient: i128| {
        in_segment((Kind::Remainder, margin, means), &[(check, 1)], move || {
            funded(cash).plus("cash floor", 1, n(quotient)).plus("cash remainder", 1, n(-10_000 * quotient))
        })
    };
    let (below, range) = ("cash remainder below 10⁴", "cash remainder");
    // 20 · 900,250 is 1,800.5 · 10⁴: the reserve is 1,801, its remainder half of the divisor.
    let reserved = |limit: u64| bidding(move |o| o.limit = limit);
    vec![
        divided("cash floor (q − 1, r + d)", below, QUOTE + 5_000, -1),
        divided("cash floor (q + 1, r − d)", range, QUOTE + 5_000, 1),
        divided("cash floor whose remainder is the divisor", below, QUOTE, -1),
        divided("negative cash rounded towards zero", range, -5_000, 1),
        in_segment((Kind::SignFlipped, margin, "negative cash, called not negative"), &[("cash floor", 1)], || {
            funded(-5_000).claim("cash floor", 1, 79, true)
        }),
        in_segment((Kind::Boundary, margin, "no cash, called negative"), &[("cash floor", 1)], || {
            funded(0).claim("cash floor", 1, 79, false)
        }),
        in_segment((Kind::Remainder, margin, "fee reserve (q − 1, r + d)"), &[("fee remainder", 1)], move || {
            reserved(900_250).plus("fee reserve", 2, -ONE)
        }),
        in_segment(
            (Kind::Remainder, margin, "fee reserve (q + 1, r − d)"),
            &[("fee remainder below 10⁴", 1)],
            move || reserved(900_250).plus("fee reserve", 2, ONE),
        ),
        in_segment(
            (Kind::Remainder, margin, "fee reserve whose remainder is the divisor"),
            &[("fee remainder below 10⁴", 1)],
            move || reserved(900_000).plus("fee reserve", 2, ONE),
        ),
        in_segment(
            (Kind::Remainder, margin, "fee reserve rounded down to nothing"),
            &[("fee remainder", 1)],
            move || reserved(1).set("fee reserve", 2, F::ZERO),
        ),
    ]
}

/// Account 4 of the market asks for more than it has.
fn exiting(cash: i128) -> Told {
    let mut s = market();
    s.plans.get_mut(&4).unwrap().exit = Some(1_000_000_000_000);
    s.leaves.get_mut(&4).unwrap().cash = cash;
    s.leaves.get_mut(&4).unwrap().positions.clear();
    Told::of(s, Some(2)).alone()
}

fn exits_and_withdrawals() -> Vec<Alternative> {
    let margin = "margin";
    let withdrawing = |cash: i128| {
        let mut s = Scene::new(Params::DEV);
        s.account(1, cash, &[]);
        s.order(withdrawal(1, 5_000_000));
        Told::of(s, Some(0))
    };
    vec![
        in_segment((Kind::Remainder, margin, "exit (q − 1, r + d)"), &[("exit remainder below 10⁸", 1)], || {
            exiting(50 * QUOTE + 5).plus("exit amount", 0, -ONE).set("exit remainder", 0, n(100_000_005))
        }),
        in_segment(
            (Kind::Remainder, margin, "exit whose remainder is the divisor"),
            &[("exit remainder below 10⁸", 1)],
            || exiting(50 * QUOTE).plus("exit amount", 0, -ONE).set("exit remainder", 0, n(100_000_000)),
        ),
        in_segment(
            (Kind::Remainder, margin, "exit (q + 1, r − d)"),
            &[("exit pays at most cash", 1), ("exit remainder", 1)],
            || {
                // Half of the divisor, so that only the remainder's sign is wrong.
                let told = exiting(50 * QUOTE + 90_000_000);
                told.plus("exit amount", 0, ONE).set("exit remainder", 0, n(-10_000_000))
            },
        )
        .because("what is paid beyond the cash is refused for itself, and leaves a negative remainder"),
        in_segment((Kind::ZeroTest, margin, "less than all was paid, called all"), &[("exit paid in full", 2)], || {
            exiting(50 * QUOTE).set("exit amount", 0, ONE).set("exit paid in full", 0, ONE)
        }),
        in_segment(
            (Kind::Wrap, margin, "a touch without an exit that pays −1 token unit"),
            &[("exit amount", 1)],
            || market_segment(0).alone().set("exit amount", 0, -ONE),
        ),
        in_segment(
            (Kind::Boundary, margin, "a withdrawal of all cash, called not covered"),
            &[("withdrawal covered", 1)],
            move || withdrawing(5 * QUOTE).claim("withdrawal covered", 1, 103, false),
        ),
        in_segment(
            (Kind::Boundary, margin, "a withdrawal that lacks one cash unit, called covered"),
            &[("withdrawal covered", 1)],
            move || withdrawing(5 * QUOTE - 1).claim("withdrawal covered", 1, 103, true),
        ),
    ]
}

fn margins() -> Vec<Alternative> {
    let margin = "margin";
    // |⌊cash/10⁴⌋| + 2⁴³ · 1,000 lots.
    let loaded = |load: i128| funded(10_000 * (load - (1_000 << 43)));
    // The least cash by which margin admits the bid, and with it a step less, which only the worst scenario refuses.
    let short_of_margin = || {
        let refused = |cash: i128| bid(cash, |_| ()).clear().touches[1].orders[0].reason.code() == 10;
        let step = QUOTE / 1_000;
        let enough = (0..).map(|i| i * step).find(|cash| !refused(*cash)).unwrap();
        funded(enough - step)
    };
    vec![
        in_segment(
            (Kind::Boundary, margin, "balances of 2⁷⁷ − 1, called out of range"),
            &[("balances in range", 1)],
            move || loaded((1 << 77) - 1).claim("balances in range", 1, 84, false),
        ),
        in_segment((Kind::Boundary, margin, "balances of 2⁷⁷, called in range"), &[("balances in range", 1)], {
            move || loaded(1 << 77).claim("balances in range", 1, 84, true)
        }),
        in_segment((Kind::SignFlipped, margin, "a claim below zero, called not below"), &[("margin claim", 1)], {
            move || short_of_margin().claim("margin claim", 5, 83, true)
        }),
        in_segment(
            (Kind::ZeroTest, margin, "a loss that is none, where the claim is below zero"),
            &[("no loss in the scenario", 2)],
            move || short_of_margin().set("no loss in the scenario", 5, ONE),
        ),
        in_segment((Kind::ZeroTest, margin, "a scenario that refuses, called none"), &[("margin holds", 2)], {
            move || short_of_margin().set("margin holds", 1, ONE)
        }),
        in_segment(
            (Kind::Boundary, margin, "a loss of one price unit a lot, called a gain"),
            &[("scenario value against the limit", 1)],
            || {
                // At 1/1 and no fee the threshold is the limit: one above the third scenario's value.
                let mut s = bid(1_000 * QUOTE, |o| o.limit = 1_000_001);
                (s.context.num, s.context.den, s.context.fee_rate) = (1, 1, 0);
                Told::of(s, Some(0)).claim("scenario value against the limit", 2 * 5 + 2, 47, true)
            },
        ),
    ]
}

/// Fills against limit, cut and sequence.
fn fills() -> Vec<Alternative> {
    let auction = "auction";
    vec![
        in_segment(
            (Kind::Boundary, auction, "filled one price unit past its limit"),
            &[("limit no worse than the clearing price", 1)],
            || {
                let told = bidding(|o| o.limit = 999_999);
                let told = told.claim("limit no worse than the clearing price", 2, 44, true).set("fill", 2, n(1_000));
                told.set("new position id", 7, n(10)).set("new position quantity", 7, n(1_000))
            },
        ),
        in_segment(
            (Kind::Boundary, auction, "at the price, called worse"),
            &[("limit no worse than the clearing price", 1)],
            || {
                let told = bidding(|o| (o.limit, o.max_fee_rate) = (1_000_000, 4));
                told.claim("limit no worse than the clearing price", 2, 44, false)
            },
        ),
        in_segment(
            (Kind::SwappedTie, auction, "an order behind the cut filled as if before it"),
            &[("sequence against the cut", 1)],
            || {
                // Account 3 of the market, which sold nothing of 300 at the price.
                let told = market_segment(1).claim("sequence against the cut", 2, 34, true).set("fill", 2, n(300));
                let told = told.set("new position id", 6, n(10)).set("new position quantity", 6, n(-300));
                told.set("new position id", 7, n(20)).set("new position quantity", 7, n(200))
            },
        ),
        in_segment(
            (Kind::SwappedTie, auction, "a second cut at the price, filled in part"),
            &[("order is the cut", 2), ("sequence against the cut", 1)],
            || {
                let told = market_segment(1).set("order is the cut", 2, ONE).set("fill", 2, n(7));
                let told = told.claim("sequence against the cut", 2, 34, true);
                let told = told.set("new position id", 6, n(10)).set("new position quantity", 6, n(-7));
                told.set("new position id", 7, n(20)).set("new position quantity", 7, n(200))
            },
        )
        .because("the distance to the cut is tested for zero and for its sign: one alone entitles it twice"),
        in_segment(
            (Kind::ZeroTest, auction, "a better limit, called at the price, where it is not its turn"),
            &[("limit at the clearing price", 2)],
            || {
                let told = bidding(|o| o.limit = 999_000).set("limit at the clearing price", 2, ONE);
                told.set("row price", 2, n(999_001))
            },
        ),
        in_segment(
            (Kind::ZeroTest, auction, "a filled order called unfilled: its slot stays free"),
            &[("unfilled", 2)],
            || market_segment(0).set("unfilled", 2, ONE),
        ),
        in_segment((Kind::Wrap, auction, "a sale of −1 lots"), &[("fill", 1)], || {
            market_segment(1).alone().set("fill", 0, n(-1)).set("new position quantity", 2, ONE)
        }),
    ]
}

/// Old and new leaves.
fn leaves() -> Vec<Alternative> {
    let account = "account";
    vec![
        in_segment(
            (Kind::SignFlipped, account, "a short of 300 counted as a long of −300"),
            &[("old position quantity", 1)],
            || market_segment(0).claim("old position quantity", 7, 36, true),
        ),
        in_segment(
            (Kind::Carry, account, "a position of id + 2²⁷, one lot less"),
            &[("old position id", 1)],
            || {
                let told = market_segment(1).alone();
                let told = told.carry(("old position id", 27), "old position quantity", 3).set("expired", 3, ONE);
                let told = told.set("new position id", 2, F::ZERO).set("new position quantity", 2, F::ZERO);
                told.set("new position id", 3, n(10)).set("new position quantity", 3, n(-1_000))
            },
        ),
        in_segment(
            (Kind::Wrap, account, "2³² updates: the liquidation's start read as part of them"),
            &[("old updates", 1)],
            || old_updates(1 << 32),
        ),
        in_segment(
            (Kind::EmptyInDisguise, account, "an empty place with an id"),
            &[("no id without quantity", 1)],
            || market_segment(3).set("new position id", 3, n(9)),
        ),
        in_segment(
            (Kind::EmptyInDisguise, account, "an empty place behind positions"),
            &[("ids strictly increasing", 1)],
            || {
                [(1, 10, -1_000), (2, 30, 40), (3, 0, 0)].into_iter().fold(
                    market_segment(1).alone(),
                    |told, (at, id, lots)| {
                        told.set("new position id", at, n(id)).set("new position quantity", at, n(lots))
                    },
                )
            },
        ),
        in_segment(
            (Kind::EmptyInDisguise, account, "a position in two places"),
            &[("ids strictly increasing", 1)],
            || {
                [(1, 10, -999), (2, 10, -1)].into_iter().fold(market_segment(1).alone(), |told, (at, id, lots)| {
                    told.set("new position id", at, n(id)).set("new position quantity", at, n(lots))
                })
            },
        ),
        in_segment(
            (Kind::ZeroTest, account, "a position called empty"),
            &[("new position empty", 2), ("no id without quantity", 1)],
            || market_segment(1).alone().set("new position empty", 3, ONE),
        )
        .because("what is empty has no id; without its id netting would miss the position"),
        in_segment(
            (Kind::MovedNumerator, account, "two positions exchanged between their ids"),
            &[("positions net", 1)],
            || {
                let told = market_segment(1).alone();
                told.set("new position quantity", 2, n(40)).set("new position quantity", 3, n(-1_000))
            },
        ),
    ]
}

/// Account 2 of the market under a root that holds its leaf with that many updates.
fn old_updates(updates: u64) -> Told {
    let told = market_segment(1).alone();
    told.set("old updates", 0, from_u64(updates)).edit(move |public, private| {
        let touch = &mut private.touches[0];
        let mut words = touch.old.as_ref().unwrap().words(&Params::DEV);
        words[2] = from_u64(updates);
        let mut node = poseidon::sponge(1, &words);
        for (level, children) in touch.path.iter_mut().enumerate() {
            children[(touch.index >> (3 * level) & 7) as usize] = node;
            node = poseidon::hash(children);
        }
        public.root_in = node;
    })
}

fn touches() -> Vec<Alternative> {
    let touch = "touch";
    vec![
        in_segment(
            (Kind::BeyondTheTree, touch, "an account opened at index + 8³"),
            &[("index", 1), ("indices strictly increasing", 1)],
            || {
                // In the second eighth of the tree, where the halves that the topmost bit chooses between are equal.
                let mut s = Scene::new(Params::DEV);
                s.plans.entry(67).or_default().deposit = 1_000_000;
                Told::of(s, Some(0)).bit("index", 9 + 8, n(2))
            },
        )
        .because("the step from the index before is ranged to the tree's size too"),
        in_segment((Kind::Boundary, touch, "leaf 0 a second time"), &[("indices strictly increasing", 1)], || {
            market_segment(0).edit(|public, _| public.index_in = ONE)
        }),
        in_segment(
            (Kind::SwappedTie, touch, "two orders of a touch with each other's place in the queue"),
            &[("sequence numbers increase", 1)],
            || market_segment(0).set("sequence", 2, n(2)).set("sequence", 3, ONE),
        ),
        in_segment(
            (Kind::Boundary, touch, "two orders under one sequence number"),
            &[("sequence numbers increase", 1)],
            || market_segment(0).set("sequence", 3, ONE),
        ),
        in_segment((Kind::ZeroTest, touch, "an account opened without a deposit"), &[("no deposit", 1)], || {
            market_segment(2).set("no deposit", 1, F::ZERO)
        }),
        in_segment(
            (Kind::Carry, touch, "a deposit of 2⁶⁴ more for the amount paid out"),
            &[("deposit or request", 1)],
            || market_segment(0).alone().set("deposit or request", 0, pow2(64)),
        ),
        in_segment(
            (Kind::SwappedSiblings, touch, "two leaves exchanged on the way to the root"),
            &[("old leaf under the root", 1)],
            || {
                market_segment(3).edit(|_, private| {
                    let touch = &mut private.touches[0];
                    touch.path[0].swap(1, 2);
                    let mut node = poseidon::hash(&touch.path[0]);
                    for children in &mut touch.path[1..] {
                        children[0] = node;
                        node = poseidon::hash(children);
                    }
                })
            },
        ),
    ]
}

fn contexts() -> Vec<Alternative> {
    // A batch in which nobody does anything, and no fee is taken.
    let quiet = || {
        let mut s = Scene::new(Params::DEV);
        s.context.fee_rate = 0;
        Told::of(s, Some(0))
    };
    let part = "context part";
    let carry = move |means, from: usize, bits: u32| {
        in_segment((Kind::Carry, "context", means), &[(part, 1)], move || {
            quiet().plus(part, from, pow2(bits)).plus(part, from + 1, -ONE)
        })
    };
    vec![
        carry("a fee rate that borrows from the margin ratio", 3, 14),
        carry("a numerator that borrows from the denominator", 4, 3),
        in_segment((Kind::Carry, "context", "a time that takes the fee rate's basis point"), &[(part, 1)], || {
            market_segment(2).plus(part, 2, pow2(40)).plus(part, 3, -ONE)
        }),
    ]
}

/// Rows of the market: 10 (above its mark), 20 (below), 30 (quiet), settled 15 and 40.
const ABOVE: usize = 0;
const BELOW: usize = 1;
const QUIET: usize = 2;
const SCENARIOS: usize = Params::DEV.scenarios;

fn table_told() -> Told {
    Told::of(market(), None)
}

/// A change of the sum of margins: `by` times y to a power, for each long and short of a row.
fn owed(private: &mut ClosingPrivate, long: F, short: F) {
    let num = from_u64(private.context.num.into());
    private.sums.sums.margin += num * (long + short);
}

fn rows_of_the_table() -> Vec<Alternative> {
    let part = "closing";
    vec![
        in_closing((Kind::EmptyInDisguise, part, "a row of id 0, the id of empty places"), &[("first id", 1)], || {
            let told = table_told().close(|_, private| {
                let row = tacit_core::risk::SettledRow { instrument: 0, value: 7 };
                let mut first = private.settled[0].clone();
                (first.row, first.next, first.multiplicity) = (row, private.first, 0);
                (first.group_long, first.group_short) = (F::ZERO, F::ZERO);
                private.settled.insert(0, first);
                private.first = 0;
            });
            told.lookups_follow()
        }),
        in_closing((Kind::Wrap, part, "an id below 0"), &[("row id", 1), ("first id", 1)], || {
            let told = table_told().close(|_, private| private.risk[ABOVE].next = 15);
            let told = told.set("row id", ABOVE, n(-5)).set("first id", 0, n(-5)).set("row next id", ABOVE, n(15));
            told.edit_groups()
        })
        .because("the chain starts at the least id, which is ranged too"),
        in_closing(
            (Kind::Carry, part, "a scenario's value of 2⁴² more, the next one's 1 less"),
            &[("scenario value", 1)],
            || {
                let told = table_told().carry_values(4 * QUIET);
                told.close(|public, private| {
                    let row = &private.risk[QUIET];
                    let by = pow2(42) - public.y;
                    let (long, short) = (row.group_long * by, row.group_short * by);
                    owed(private, long, short);
                })
            },
        ),
        in_closing((Kind::Carry, part, "a mark of 2⁴² more, the short minimum 1 less"), &[("mark", 1)], || {
            let told = table_told().carry(("mark", 42), "short minimum", ABOVE).close(|public, private| {
                let row = &private.risk[ABOVE];
                let mark = pow2(42) * public.y.pow([SCENARIOS as u64]);
                let minimum = public.y.pow([SCENARIOS as u64 + 2]);
                let (long, short) = (row.group_long * mark, row.group_short * (mark + minimum));
                owed(private, long, short);
            });
            told.lookups_follow()
        }),
        in_closing((Kind::Wrap, part, "a settlement value of 2⁴² more"), &[("settlement value", 1)], || {
            table_told().plus("settlement value", 0, pow2(42)).close(|public, private| {
                let row = &private.settled[0];
                let by = pow2(42) * public.y.pow([SCENARIOS as u64 + 1]);
                let (long, short) = (row.group_long * by, row.group_short * by);
                owed(private, long, short);
            })
        }),
        in_closing((Kind::Wrap, part, "a short minimum of 2⁴² more"), &[("short minimum", 1)], || {
            let told = table_told().plus("short minimum", BELOW, pow2(42)).close(|public, private| {
                let by = pow2(42) * public.y.pow([SCENARIOS as u64 + 2]);
                let short = -private.risk[BELOW].group_short * by;
                assert_ne!(short, F::ZERO, "somebody is short");
                owed(private, F::ZERO, short);
            });
            told.lookups_follow()
        }),
        in_closing(
            (Kind::MovedNumerator, part, "a look-up counted under another row"),
            &[("look-up identity", 1)],
            || table_told().plus("multiplicity", ABOVE, -ONE).plus("multiplicity", BELOW, ONE),
        ),
        in_closing(
            (Kind::MovedNumerator, part, "a lot at the price counted under another row"),
            &[("net fill identity", 1)],
            || table_told().plus("at-price count", ABOVE, ONE).plus("at-price count", QUIET, -ONE),
        ),
        in_closing(
            (Kind::MovedNumerator, part, "longs counted as shorts, to charge the minimum"),
            &[("group-by identity", 1), ("margin identity", 1)],
            || table_told().plus("group long", ABOVE, -ONE).plus("group short", ABOVE, ONE),
        )
        .because("a short is charged its minimum: what the sums say of positions is priced with the same numbers"),
    ]
}

impl Told {
    /// The first of four values of a hashed word borrows from the second.
    fn carry_values(self, at: usize) -> Self {
        self.plus("scenario value", at, pow2(42)).plus("scenario value", at + 1, -ONE)
    }

    /// Sums over the first row's keys follow the id it is given.
    fn edit_groups(self) -> Self {
        self.close(|public, private| {
            let row = private.risk[ABOVE].clone();
            let moved = |numerator: F, offset: F| {
                let term = |id: F| numerator * (public.beta - id - offset).inverse().unwrap();
                term(n(-5)) - term(n(10))
            };
            private.sums.sums.positions += moved(row.group_long, F::ZERO) + moved(row.group_short, pow2(32));
            private.sums.sums.trades += moved(from_u64(row.count), pow2(34)) + moved(from_u64(row.volume), pow2(35));
        })
        .lookups_follow()
    }
}

fn prices_of_the_table() -> Vec<Alternative> {
    let part = "closing";
    vec![
        in_closing(
            (Kind::Carry, part, "a clearing price of 2⁴² more, the cut 1 less"),
            &[("clearing price", 1)],
            || table_told().carry(("clearing price", 42), "cut", BELOW).lookups_follow(),
        ),
        in_closing((Kind::Carry, part, "a cut of 2³³ more, on the other side"), &[("cut", 1)], || {
            table_told().carry(("cut", 33), "cut side", QUIET)
        }),
        in_closing(
            (Kind::Boundary, part, "a price at the mark, called below"),
            &[("price against the mark", 1)],
            || table_told().claim("price against the mark", QUIET, 43, false),
        ),
        in_closing(
            (Kind::SignFlipped, part, "a price below the mark, called above"),
            &[("price against the mark", 1)],
            || table_told().claim("price against the mark", BELOW, 43, true).lookups_follow(),
        ),
        in_closing(
            (Kind::ZeroTest, part, "a price off the mark, called at it: the price rule asks nothing"),
            &[("price at the mark", 2)],
            || table_told().set("price at the mark", ABOVE, ONE).lookups_follow(),
        ),
        in_closing(
            (Kind::ZeroTest, part, "an instrument that traded, called quiet: its price is not shown"),
            &[("traded", 2)],
            || table_told().set("traded", ABOVE, ONE),
        ),
        in_closing((Kind::OtherInput, part, "a price held by nobody at it"), &[("price rule", 1)], || {
            table_told().set("count inverse", ABOVE, some(3))
        }),
        in_closing(
            (Kind::OtherPosition, part, "two settled rows that point at each other"),
            &[("next id above id", 1)],
            || {
                // 15 points at 40 and 40 at 15 instead of on to the top, to which 20 now points.
                table_told()
                    .close(|_, private| private.settled[1].next = 15)
                    .close(|_, private| {
                        assert_eq!(private.settled[0].next, 20, "what 15 pointed at");
                        private.settled[0].next = 40;
                        private.risk[ABOVE].next = 20;
                        private.risk[QUIET].next = TOP;
                    })
                    .lookups_follow()
            },
        ),
    ]
}
