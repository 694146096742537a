//! Attacks 6, 7, 14 and 15: another clearing price, other marks, other scenarios than the rule and the epoch give.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::shapes;
use tacit_core::field::{from_i128, pow2};
use tacit_core::params::Params;

use crate::pretence::{At, Auction, Seen, Valid, drawn};
use crate::support::Circuit::Closing;
use crate::support::scene::{Dice, Scene};
use crate::support::{Attack, bits_of};
use crate::{Mutator, tried};

pub const MUTATORS: &[Mutator] = &[
    tried(
        6,
        'a',
        "a clearing price one unit higher, all rules kept but the nearest to the mark",
        &["price rule"],
        |v, dice| feasible(v, dice, 1),
    ),
    tried(6, 'b', "the same one unit lower", &["price rule"], |v, dice| feasible(v, dice, -1)),
    tried(
        6,
        'c',
        "a clearing price one unit too high, whoever is entitled filled",
        &["net fill identity"],
        |v, dice| infeasible(v, dice, 1, Short::Nobody),
    ),
    tried(6, 'd', "the same one unit too low", &["net fill identity"], |v, dice| {
        infeasible(v, dice, -1, Short::Nobody)
    }),
    tried(6, 'e', "a clearing price one unit too high, sellers cut short", &["filled in full"], |v, dice| {
        infeasible(v, dice, 1, Short::Better)
    }),
    tried(6, 'f', "a clearing price one unit too low, buyers cut short", &["filled in full"], |v, dice| {
        infeasible(v, dice, -1, Short::Better)
    }),
    tried(6, 'g', "a clearing price one unit too high, filled by buyers who bid less", &["not filled"], |v, dice| {
        infeasible(v, dice, 1, Short::Worse)
    }),
    tried(6, 'h', "a clearing price one unit too low, filled by sellers who ask more", &["not filled"], |v, dice| {
        infeasible(v, dice, -1, Short::Worse)
    }),
    tried(6, 'i', "another price in an order's look-up than in its row", &["look-up identity"], |v, dice| {
        let seen = v.draw(dice, |x| !x.filled() && x.auction.is_some_and(|a| !x.at_price() && a.price > 0))?;
        let far = |price: u64| price != seen.order.limit && worse(&seen, price);
        let price = drawn(
            dice,
            [-1, 1]
                .into_iter()
                .map(|by| seen.auction.unwrap().price.wrapping_add_signed(by))
                .filter(|p| far(*p))
                .collect(),
        )?;
        Some(v.attacked().order(seen.at, |o| o.row.price = price))
    }),
    tried(7, 'a', "the other end of the interval of prices", &["price rule"], |v, dice| {
        other_end(v, dice).map(|(attack, ..)| attack)
    }),
    tried(7, 'b', "the same, called on the other side of the mark", &["price against the mark"], |v, dice| {
        let (mut attack, auction, price) = other_end(v, dice)?;
        let above = price <= auction.mark;
        attack.call_above(auction.row, above);
        let ordinal = closing_bits()["price against the mark"][auction.row * 42];
        let by = if above { -pow2(42) } else { pow2(42) };
        attack.recounted().map(|a| a.lie(Closing, BIT, ordinal, move |bit| bit + by))
    }),
    tried(7, 'c', "the same, called at the mark", &["price at the mark"], |v, dice| {
        let (mut attack, auction, price) = other_end(v, dice)?;
        (price > auction.mark).then_some(())?;
        attack.call_above(auction.row, false);
        let count = attack.count(auction.row);
        let attack = attack.lie(Closing, "at-price count", auction.row, move |_| from_i128(count));
        Some(attack.lie(Closing, "price at the mark", auction.row, |_| from_i128(1)))
    }),
    tried(7, 'd', "the same, with lots at the price that nobody ordered", &["net fill identity"], |v, dice| {
        let (attack, auction, _) = other_end(v, dice)?;
        let lots = 1 + i128::from(dice.below(1_000));
        Some(attack.lie(Closing, "at-price count", auction.row, move |_| from_i128(lots)))
    }),
    tried(14, 'a', "marks and values of another epoch", &["risk root"], |v, dice| {
        Attack::pretending(&v.scene, &other_epoch(v, dice)?)
    }),
    tried(14, 'b', "the same under the other epoch's root", &["contract"], |v, dice| {
        let world = other_epoch(v, dice)?;
        let mut attack = Attack::pretending(&v.scene, &world)?;
        attack.honest.risk_root = world.batch().risk.root(&world.params);
        Some(attack)
    }),
    tried(14, 'c', "an instrument of another epoch", &["risk root"], |v, _| {
        let mut world = v.scene.clone();
        let top = world.risk.keys().chain(world.settled.keys()).max().copied().unwrap_or(0);
        (world.risk.len() < v.cleared.params.rows).then_some(())?;
        world.row(top + 1, 1_000_000);
        Attack::pretending(&v.scene, &world)
    }),
    tried(14, 'd', "an order that sees other values than its row's", &["look-up identity"], |v, dice| {
        let seen =
            v.draw(dice, |x| x.auction.is_some() && v.margin_left(x.at.touch, i128::from(x.order.quantity) * 10))?;
        let s = dice.below(v.cleared.params.scenarios as u64 + 1) as usize;
        Some(v.attacked().order(seen.at, |o| o.row.weighted[s] += 1))
    }),
    tried(14, 'e', "a short that sees another minimum than its row's", &["look-up identity"], |v, dice| {
        let seen =
            v.draw(dice, |x| x.auction.is_some() && v.margin_left(x.at.touch, i128::from(x.order.quantity) * 10))?;
        Some(v.attacked().order(seen.at, |o| o.row.minimum += 1))
    }),
    tried(14, 'f', "an account's positions at another mark", &["margin identity"], |v, dice| {
        let touch = v.draw_touch(dice, |at, t| t.old.is_some() && v.margin_left(at, 10))?;
        Some(v.attacked().touch(touch, |t| t.mark_value += 1))
    }),
    tried(14, 'g', "an account's shorts under another minimum", &["margin identity"], |v, dice| {
        let touch = v.draw_touch(dice, |at, t| t.old.is_some() && v.margin_left(at, 10))?;
        let by = dice.pick(&[-1, 1]);
        Some(v.attacked().touch(touch, |t| t.short_requirement += by))
    }),
    tried(15, 'a', "the scenario in which margin fails valued higher", &["margin identity"], |v, dice| {
        let poor = Poor::of(v, dice, |s, mark| s < mark)?;
        let num = i128::from(v.cleared.context.num);
        let more = (poor.missing + num - 1) / num;
        Some(poor.attack(v)?.touch(poor.touch, |t| t.scenario_values[poor.scenario] += more))
    }),
    tried(15, 'b', "an account's scenarios permuted", &["margin identity"], |v, dice| {
        let (touch, s, other) = swappable(v, dice)?;
        Some(v.attacked().touch(touch, |t| t.scenario_values.swap(s, other)))
    }),
    tried(15, 'c', "the scenario in which margin fails called held", &["margin claim"], |v, dice| {
        let poor = Poor::of(v, dice, |_, _| true)?;
        let each = v.cleared.params.scenarios + 1;
        Some(poor.attack(v)?.touch_answer(poor.touch, "margin claim", (poor.scenario, each), 83, true))
    }),
    tried(
        15,
        'd',
        "the scenario in which margin fails called one that the orders do not touch",
        &["no loss in the scenario"],
        |v, dice| {
            let poor = Poor::of(v, dice, |_, _| true)?;
            let each = v.cleared.params.scenarios + 1;
            Some(
                poor.attack(v)?
                    .touch_lie(poor.touch, "no loss in the scenario", (poor.scenario, each), |_| from_i128(1)),
            )
        },
    ),
    tried(15, 'e', "orders that margin refuses called admitted", &["margin holds"], |v, dice| {
        let poor = Poor::of(v, dice, |_, _| true)?;
        Some(poor.attack(v)?.touch_lie(poor.touch, "margin holds", (0, 1), |_| from_i128(1)))
    }),
    tried(15, 'f', "the claim at the mark, where margin fails, raised", &["claim at the mark"], |v, dice| {
        // A table in which nothing is worth less than at the mark.
        let mut scene = v.scene.clone();
        scene.risk.values_mut().for_each(|row| row.values.iter_mut().for_each(|value| *value += row.mark));
        let v = Valid::of(scene)?;
        let poor = Poor::of(&v, dice, |s, mark| s == mark)?;
        let each = v.cleared.params.scenarios + 1;
        Some(poor.attack(&v)?.touch_lie(poor.touch, "margin claim", (poor.scenario, each), |_| from_i128(0)))
    }),
    tried(15, 'g', "a scenario dropped from the whole table, the mark in its place", &["risk root"], |v, dice| {
        let s = dice.below(v.cleared.params.scenarios as u64) as usize;
        with_values(v, |row| row.values[s] = row.mark)
    }),
    tried(15, 'h', "scenarios of the whole table permuted", &["risk root"], |v, dice| {
        let s = dice.below(v.cleared.params.scenarios as u64 - 1) as usize;
        with_values(v, |row| row.values.swap(s, s + 1))
    }),
    tried(15, 'i', "scenarios of an order permuted", &["look-up identity"], |v, dice| {
        let s = dice.below(v.cleared.params.scenarios as u64 - 1) as usize;
        let apart = |x: &Seen<'_>| {
            let weighted = &v.cleared.order_row(x.result.row).weighted;
            let apart = (weighted[s] - weighted[s + 1]).abs();
            apart > 0 && v.margin_left(x.at.touch, 2 * i128::from(x.order.quantity) * apart)
        };
        let seen = v.draw(dice, |x| x.auction.is_some() && apart(x))?;
        Some(v.attacked().order(seen.at, |o| o.row.weighted.swap(s, s + 1)))
    }),
];

/// Who is not filled as the rules say where a price does not clear.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Short {
    /// Nobody: more is bought than sold, or less.
    Nobody,
    /// Those whose limit is better than the price.
    Better,
    /// Those whose limit is worse: they are filled.
    Worse,
}

/// Bits of the closing circuit's comparisons.
fn closing_bits() -> &'static BTreeMap<&'static str, Vec<usize>> {
    static BITS: OnceLock<BTreeMap<&'static str, Vec<usize>>> = OnceLock::new();
    BITS.get_or_init(|| bits_of(&shapes(&Params::DEV).1))
}

fn worse(seen: &Seen<'_>, price: u64) -> bool {
    if seen.order.side.is_buy() { seen.order.limit < price } else { seen.order.limit > price }
}

/// Lots by place.
type Fills = Vec<(At, u32)>;
/// Sequence number of the cut, and whether it buys.
type Cut = (u32, bool);

/// The admitted orders of a row at a price, parted as the rules part them.
struct Book<'v> {
    auction: Auction,
    price: u64,
    buys: Side<'v>,
    sells: Side<'v>,
}

#[derive(Default)]
struct Side<'v> {
    better: Vec<Seen<'v>>,
    at: Vec<Seen<'v>>,
    worse: Vec<Seen<'v>>,
}

fn lots(orders: &[Seen<'_>]) -> u64 {
    orders.iter().map(|x| u64::from(x.order.quantity)).sum()
}

impl Side<'_> {
    fn least(&self) -> u64 {
        lots(&self.better)
    }

    fn most(&self) -> u64 {
        lots(&self.better) + lots(&self.at)
    }
}

impl<'v> Book<'v> {
    fn of(v: &'v Valid, auction: Auction, price: u64) -> Self {
        let mut book = Self { auction, price, buys: Side::default(), sells: Side::default() };
        for seen in v.orders().into_iter().filter(|x| x.admitted().is_some_and(|a| a.row == auction.row)) {
            let side = if seen.order.side.is_buy() { &mut book.buys } else { &mut book.sells };
            let part = if worse(&seen, price) {
                &mut side.worse
            } else if seen.order.limit == price {
                &mut side.at
            } else {
                &mut side.better
            };
            part.push(seen);
        }
        for side in [&mut book.buys, &mut book.sells] {
            [&mut side.better, &mut side.at, &mut side.worse]
                .into_iter()
                .for_each(|part| part.sort_by_key(|x| x.sequence));
        }
        book
    }

    fn feasible(&self) -> bool {
        self.buys.least() <= self.sells.most() && self.sells.least() <= self.buys.most()
    }

    /// Fills by the rules of this price, lots bought and sold at most as given; the cut with its side.
    fn fills(&self, bought: u64, sold: u64) -> (Fills, Option<Cut>) {
        let mut fills = Vec::new();
        let mut cut = None;
        for (side, most, buys) in [(&self.buys, bought, true), (&self.sells, sold, false)] {
            let mut left = most.saturating_sub(side.least());
            fills.extend(side.better.iter().map(|x| (x.at, x.order.quantity)));
            fills.extend(side.worse.iter().map(|x| (x.at, 0)));
            for x in &side.at {
                let fill = left.min(u64::from(x.order.quantity)) as u32;
                left -= u64::from(fill);
                fills.push((x.at, fill));
                if fill < x.order.quantity {
                    cut = cut.or(Some((x.sequence, buys)));
                }
            }
        }
        (fills, cut)
    }

    /// The batch with these fills at this price.
    fn attack(&self, v: &Valid, fills: Fills, cut: Option<Cut>) -> Option<Attack> {
        let (cut, buys) = cut.unwrap_or((v.cleared.active_orders + 1, true));
        let attack = fills.into_iter().fold(v.attacked(), |attack, (at, fill)| attack.order(at, |o| o.fill = fill));
        attack.repriced(self.auction.row, self.price, cut, buys).settled_again()
    }

    /// All rules kept, but for which of the feasible prices it is.
    fn cleared(&self, v: &Valid) -> Option<Attack> {
        let volume = self.buys.most().min(self.sells.most());
        let (fills, cut) = self.fills(volume, volume);
        self.attack(v, fills, cut)
    }
}

/// A price that clears one unit farther from the mark.
fn feasible(v: &Valid, dice: &mut Dice, by: i64) -> Option<Attack> {
    let auctions = (0..v.cleared.auctions.len()).filter_map(|row| v.auction(tacit_core::risk::LookupRow::Risk(row)));
    let books = auctions.filter_map(|a| Some(Book::of(v, a, a.price.checked_add_signed(by)?)));
    drawn(dice, books.filter(Book::feasible).collect())?.cleared(v)
}

/// A price one unit off that does not clear.
fn infeasible(v: &Valid, dice: &mut Dice, by: i64, short: Short) -> Option<Attack> {
    let auctions = (0..v.cleared.auctions.len()).filter_map(|row| v.auction(tacit_core::risk::LookupRow::Risk(row)));
    let books = auctions.filter_map(|a| Some(Book::of(v, a, a.price.checked_add_signed(by)?)));
    let book = drawn(dice, books.filter(|book| !book.feasible()).collect())?;
    let (mut fills, cut) = book.fills(
        book.buys.most().min(book.sells.most().max(book.buys.least())),
        book.sells.most().min(book.buys.most().max(book.sells.least())),
    );
    let too_many = if by > 0 { &book.sells } else { &book.buys };
    let too_few = if by > 0 { &book.buys } else { &book.sells };
    let over = too_many.least() - too_few.most();
    match short {
        Short::Nobody => (),
        Short::Better => spread(&mut fills, &too_many.better, over, |fill, left| fill - fill.min(left)).then_some(())?,
        Short::Worse => {
            let room: Vec<Seen<'_>> = too_few.worse.clone();
            (lots(&room) >= over).then_some(())?;
            let quantity = |at: At| room.iter().find(|x| x.at == at).map_or(0, |x| x.order.quantity);
            let mut left = over;
            for (at, fill) in fills.iter_mut().filter(|(at, _)| room.iter().any(|x| x.at == *at)) {
                let more = left.min(u64::from(quantity(*at)));
                *fill += more as u32;
                left -= more;
            }
        }
    }
    book.attack(v, fills, cut)?.recounted()
}

/// Takes lots away from the fills of some orders until none are left to take.
fn spread(fills: &mut [(At, u32)], orders: &[Seen<'_>], mut left: u64, less: fn(u32, u32) -> u32) -> bool {
    for (at, fill) in fills.iter_mut() {
        if orders.iter().any(|x| x.at == *at) {
            let rest = less(*fill, u32::try_from(left).unwrap_or(u32::MAX));
            left -= u64::from(*fill - rest);
            *fill = rest;
        }
    }
    left == 0
}

/// The feasible price farthest from the one that the rule gives, at the limit of some order.
fn other_end(v: &Valid, dice: &mut Dice) -> Option<(Attack, Auction, u64)> {
    let mut ends = Vec::new();
    for auction in (0..v.cleared.auctions.len()).filter_map(|row| v.auction(tacit_core::risk::LookupRow::Risk(row))) {
        let limits = v.orders().into_iter().filter(|x| x.admitted().is_some_and(|a| a.row == auction.row));
        let prices = limits.map(|x| x.order.limit).filter(|limit| *limit != auction.price);
        let books = prices.map(|price| Book::of(v, auction, price)).filter(Book::feasible);
        ends.extend(books.max_by_key(|book| book.price.abs_diff(auction.price)));
    }
    let book = drawn(dice, ends)?;
    Some((book.cleared(v)?, book.auction, book.price))
}

impl Attack {
    /// All orders see whether a row's price is above its mark.
    fn call_above(&mut self, row: usize, above: bool) {
        let id = self.cleared.sealed.risk.rows[row].instrument;
        for order in self.segments.iter_mut().flat_map(|s| &mut s.touches).flat_map(|t| &mut t.orders) {
            if order.row.id == id && !order.row.settled {
                order.row.above_mark = above;
            }
        }
    }
}

/// The scene with other marks and values.
fn other_epoch(v: &Valid, dice: &mut Dice) -> Option<Scene> {
    let mut world = v.scene.clone();
    (!world.risk.is_empty()).then_some(())?;
    let by = 1 + dice.below(5_000);
    for row in world.risk.values_mut() {
        row.mark += by;
        row.values.iter_mut().for_each(|value| *value += by);
    }
    Some(world)
}

/// A batch cleared under a table whose values an edit changed.
fn with_values(v: &Valid, edit: impl Fn(&mut tacit_core::risk::RiskRow)) -> Option<Attack> {
    let mut world = v.scene.clone();
    world.risk.values_mut().for_each(edit);
    (world.risk != v.scene.risk).then_some(())?;
    Attack::pretending(&v.scene, &world)
}

/// An account whose order is filled though in truth it has too little cash in one scenario.
pub struct Poor {
    pub truth: Scene,
    touch: usize,
    scenario: usize,
    /// What the claim in the scenario is short of.
    missing: i128,
    /// No other scenario fails.
    alone: bool,
}

impl Poor {
    /// Of a filled order; `wanted` is asked of the one scenario that fails and of the number of the mark among scenarios.
    fn of(v: &Valid, dice: &mut Dice, wanted: impl Fn(usize, usize) -> bool) -> Option<Self> {
        let seen = v.draw(dice, |x| x.filled() && x.touch.old.is_some() && !x.pays_out())?;
        let poor = Self::in_touch(v, seen.at.touch)?;
        (poor.alone && wanted(poor.scenario, v.cleared.params.scenarios)).then_some(poor)
    }

    /// Of a touch, by as little as margin takes to fail.
    pub fn in_touch(v: &Valid, touch: usize) -> Option<Self> {
        let result = &v.cleared.touches[touch];
        let margins = result.claims.iter().zip(&result.losses).enumerate().filter(|(_, (_, loss))| **loss != 0);
        let (scenario, claim) = margins.map(|(s, (claim, _))| (s, *claim)).min_by_key(|(_, claim)| *claim)?;
        let den = i128::from(v.cleared.context.den);
        let less = claim / den + 1;
        let short = |s: &usize| result.losses[*s] != 0 && result.claims[*s] < den * less;
        let alone = (0..result.claims.len()).filter(short).count() == 1;
        let mut truth = v.scene.clone();
        truth.leaves.get_mut(&v.index(touch))?.cash -= 10_000 * less;
        Some(Self { truth, touch, scenario, missing: den * less - claim, alone })
    }

    /// The batch as if the account had the cash.
    pub fn attack(&self, v: &Valid) -> Option<Attack> {
        Some(Attack::pretending(&self.truth, &v.scene)?.held(&self.truth))
    }
}

/// A touch and two scenarios that may change places without an order losing admission.
fn swappable(v: &Valid, dice: &mut Dice) -> Option<(usize, usize, usize)> {
    let num = i128::from(v.cleared.context.num);
    let attack = v.attacked();
    let mut choices = Vec::new();
    for (at, touch) in v.cleared.touches.iter().enumerate() {
        let values = &attack.told(at).scenario_values;
        for s in 0..values.len() {
            for other in 0..s {
                let change = num * (values[s] - values[other]);
                let left = |s: usize, change: i128| touch.claims[s] + change >= 0 || touch.losses[s] == 0;
                let held = touch.claims.iter().zip(&touch.losses).all(|(c, d)| *c >= 0 || *d == 0);
                if change != 0 && held && left(other, change) && left(s, -change) {
                    choices.push((at, s, other));
                }
            }
        }
    }
    drawn(dice, choices)
}
