//! Attacks 4, 5, 8, 10 to 12 and 17: fills that the auction does not give, or gives to somebody else.

use tacit_core::field::from_i128;
use tacit_core::order::{Kind, Side};

use crate::pretence::{At, Seen, Valid, drawn, rewritten};
use crate::support::Attack;
use crate::support::Circuit::Segment;
use crate::support::scene::{BATCH, Dice, key_of};
use crate::{Mutator, inexpressible, tried};

pub const MUTATORS: &[Mutator] = &[
    tried(4, 'a', "a marginal order filled above its quantity", &["fill within quantity"], |v, dice| {
        let seen = v.draw(dice, |x| x.is_cut() && x.result.fill > 1)?;
        let truth =
            rewritten(&v.scene, seen.at, |o| o.quantity = 1 + dice.below(u64::from(seen.result.fill) - 1) as u32);
        Attack::pretending(&truth, &v.scene)?.signed(&truth).recounted()
    }),
    tried(
        4,
        'b',
        "an order that is to be filled in full filled above its quantity",
        &["fill within quantity", "filled in full"],
        |v, dice| {
            let seen = v.draw(dice, |x| x.admitted().is_some() && !x.is_cut() && x.result.fill > 1)?;
            let truth =
                rewritten(&v.scene, seen.at, |o| o.quantity = 1 + dice.below(u64::from(seen.result.fill) - 1) as u32);
            Attack::pretending(&truth, &v.scene)?.signed(&truth).recounted()
        },
    )
    .because("its rest must be nothing, and is less than nothing"),
    tried(5, 'a', "an order filled past its limit", &["not filled"], |v, dice| past_its_limit(v, dice, |_| true)),
    tried(
        5,
        'b',
        "the same, the limit called no worse than the price",
        &["limit no worse than the clearing price"],
        |v, dice| {
            let (attack, at) = past_its_limit_at(v, dice, |x| x.result.fill == x.order.quantity)?;
            Some(attack.order_answer(at, "limit no worse than the clearing price", 44, true))
        },
    ),
    inexpressible(
        8,
        'a',
        "an order that crosses is left out before the seal",
        "a proof is about what was sealed: receipts, which show it, come with the vault",
    ),
    tried(8, 'b', "a sealed order left out, its slot called inactive", &["contract", "sequence product"], |v, dice| {
        let (_, at, attack) = unheard(v, dice)?;
        Some(attack.order(at, |o| (o.active, o.sealed.sequence) = (false, 0)))
    })
    .because("the seal holds the order and its number among all numbers"),
    tried(8, 'c', "the same, the others numbered anew", &["contract"], |v, dice| {
        let (truth, at, attack) = unheard(v, dice)?;
        let gone = truth.plans.values().nth(at.touch)?.orders[at.slot].sequence;
        let mut attack = attack.order(at, |o| (o.active, o.sealed.sequence) = (false, 0));
        for order in attack.segments.iter_mut().flat_map(|s| &mut s.touches).flat_map(|t| &mut t.orders) {
            order.sealed.sequence -= u32::from(order.sealed.sequence > gone);
        }
        let mut attack = attack.cuts_lowered(gone);
        attack.honest.active_orders -= 1;
        Some(attack)
    }),
    tried(8, 'd', "a sealed order called outside its window", &["batch ≤ last"], |v, dice| {
        let (truth, world, at) = refused_in_the_world(v, dice, |o| o.last_batch = BATCH - 1)?;
        let attack = Attack::pretending(&truth, &world)?.signed(&truth);
        Some(attack.order_answer(at, "batch ≤ last", 33, false))
    }),
    tried(8, 'e', "a sealed order's nonce called used", &["bitmap byte"], |v, dice| {
        let (truth, mut world, at) = refused_in_the_world(v, dice, |_| ())?;
        let index = v.index(at.touch);
        let slot = truth.plans[&index].orders[at.slot].order.slot;
        let others = truth.plans[&index].orders.iter().filter(|o| o.order.slot == slot).count();
        (others == 1 && v.orders().iter().all(|x| x.at.touch != at.touch || x.order.kind == Kind::Trade))
            .then_some(())?;
        let leaf = world.leaves.get_mut(&index)?;
        (leaf.epoch == v.cleared.touches[at.touch].epoch).then_some(())?;
        leaf.bitmap |= 1 << slot;
        Some(Attack::pretending(&truth, &world)?.held(&truth).signed(&truth).nonce_answer(at, slot, true))
    }),
    tried(8, 'f', "a sealed order's instrument called unknown", &["row known"], |v, dice| {
        let (truth, world, at) = refused_in_the_world(v, dice, |o| o.max_fee_rate = 0)?;
        let attack = Attack::pretending(&truth, &world)?.signed(&truth);
        Some(attack.order_lie(at, "row known", from_i128(0)))
    }),
    tried(8, 'g', "a sealed order's instrument called settled", &["look-up identity"], |v, dice| {
        let (truth, world, at) = refused_in_the_world(v, dice, |o| o.max_fee_rate = 0)?;
        Some(Attack::pretending(&truth, &world)?.signed(&truth).order(at, |o| o.row.settled = true))
    }),
    tried(8, 'h', "a sealed order's highest fee called too low", &["fee rate accepted"], |v, dice| {
        let (truth, world, at) = refused_in_the_world(v, dice, |o| o.max_fee_rate = 0)?;
        let attack = Attack::pretending(&truth, &world)?.signed(&truth);
        Some(attack.order_answer(at, "fee rate accepted", 15, false))
    }),
    tried(8, 'i', "an account's positions called full", &["positions full"], |v, dice| {
        let (truth, world, at) = refused_in_the_world(v, dice, |o| o.max_fee_rate = 0)?;
        let sealed = &truth.plans[&v.index(at.touch)].orders;
        let id = sealed[at.slot].order.instrument;
        let held = v.cleared.touches[at.touch].old.iter().flat_map(|leaf| &leaf.positions).any(|p| p.instrument == id);
        let traded = sealed[..at.slot].iter().any(|o| o.order.instrument == id);
        (!held && !traded).then_some(())?;
        let attack = Attack::pretending(&truth, &world)?.signed(&truth);
        Some(attack.order_lie(at, "positions full", from_i128(1)))
    }),
    tried(8, 'j', "an account called out of range", &["balances in range"], |v, dice| {
        let (truth, world, touch) = refused_touch(v, dice)?;
        let attack = Attack::pretending(&truth, &world)?.signed(&truth);
        Some(attack.touch_answer(touch, "balances in range", (0, 1), 84, false))
    }),
    tried(8, 'k', "an account's margin called short", &["margin holds"], |v, dice| {
        let (truth, world, touch) = refused_touch(v, dice)?;
        let attack = Attack::pretending(&truth, &world)?.signed(&truth);
        Some(attack.touch_lie(touch, "margin holds", (0, 1), |_| from_i128(0)))
    }),
    tried(
        8,
        'l',
        "an account's positions called worth less, so that margin is short",
        &["margin identity"],
        |v, dice| {
            let (truth, world, touch) = refused_touch(v, dice)?;
            let attack = Attack::pretending(&truth, &world)?.signed(&truth);
            let less = v.cleared.touches[touch].claims[0] + 1;
            (v.cleared.touches[touch].losses[0] != 0).then_some(())?;
            Some(attack.touch(touch, |t| t.scenario_values[0] -= less))
        },
    ),
    tried(8, 'm', "an admitted order that crosses left unfilled", &["filled in full"], left_unfilled),
    tried(10, 'a', "a marginal fill to a later order", &["not filled"], |v, dice| {
        let (early, late) = at_the_margin(v, dice, |early, _| early.is_cut() && early.filled())?;
        let lots = 1 + dice.below(u64::from(early.result.fill.min(late.order.quantity - late.result.fill))) as u32;
        moved(v, early.at, late.at, lots)
    }),
    tried(10, 'b', "a fill before the margin to the marginal order", &["filled in full"], |v, dice| {
        let (early, late) = at_the_margin(v, dice, |early, late| late.is_cut() && early.filled())?;
        let lots = 1 + dice.below(u64::from(early.result.fill.min(late.order.quantity - late.result.fill))) as u32;
        moved(v, early.at, late.at, lots)
    }),
    tried(
        10,
        'c',
        "a marginal fill to a later order that is called earlier",
        &["sequence against the cut"],
        |v, dice| {
            let fits = |early: &Seen<'_>, late: &Seen<'_>| {
                early.is_cut() && early.result.fill >= late.order.quantity - late.result.fill
            };
            let (early, late) = at_the_margin(v, dice, fits)?;
            let attack = moved(v, early.at, late.at, late.order.quantity - late.result.fill)?;
            Some(attack.order_answer(late.at, "sequence against the cut", 34, true))
        },
    ),
    tried(10, 'd', "places in the queue exchanged after the seal", &["contract"], |v, dice| {
        let (early, late) = at_the_margin(v, dice, |early, late| early.at.touch != late.at.touch)?;
        let mut world = v.scene.clone();
        for (at, sequence) in [(early.at, late.sequence), (late.at, early.sequence)] {
            world.plans.get_mut(&v.index(at.touch))?.orders[at.slot].sequence = sequence;
        }
        Attack::pretending(&v.scene, &world)
    }),
    tried(11, 'a', "the position of a fill booked on another leaf", &["positions net"], |v, dice| {
        let seen = v.draw(dice, |x| x.filled())?;
        let other = v.draw_touch(dice, |at, touch| at != seen.at.touch && touch.new.is_some())?;
        let lots = seen.order.side.sign() * i64::from(seen.result.fill);
        shifted(v.attacked(), seen.at.touch, seen.order.instrument, -lots)
            .and_then(|a| shifted(a, other, seen.order.instrument, lots))
    }),
    tried(11, 'b', "an order booked in the touch of another leaf", &["signature equation"], |v, dice| {
        let seen = v.draw(dice, |x| x.filled())?;
        let signature = v.cleared.sealed.touches[seen.at.touch].orders[seen.at.slot].signature;
        let other = v.draw(dice, |x| x.at.touch != seen.at.touch && x.result.admitted)?;
        let world = rewritten(&v.scene, other.at, |o| {
            *o = tacit_core::order::Order { account: o.account, epoch: o.epoch, slot: o.slot, ..seen.order.clone() };
        });
        let world = Valid::of(world)?;
        Some(world.attacked().order(other.at, |o| o.sealed.signature = signature))
    }),
    tried(
        12,
        'a',
        "one side of an instrument filled more or less than the other",
        &["net fill identity"],
        |v, dice| {
            let (attack, _) = one_sided(v.attacked(), v, dice, None)?;
            attack.settled_again()?.recounted()
        },
    ),
    tried(12, 'b', "the same, made up for in another instrument", &["net fill identity"], |v, dice| {
        let (attack, (row, by)) = one_sided(v.attacked(), v, dice, None)?;
        let (attack, _) = one_sided(attack, v, dice, Some((row, -by)))?;
        attack.settled_again()?.recounted()
    }),
    tried(17, 'a', "a position with the other sign", &["positions net"], |v, dice| {
        let touch = v.draw_touch(dice, |_, t| t.new.as_ref().is_some_and(|leaf| !leaf.positions.is_empty()))?;
        Some(v.attacked().touch(touch, |t| t.new.as_mut().unwrap().positions[0].quantity *= -1))
    }),
    tried(
        17,
        'b',
        "a fill of p − x lots, that lets an order before it have more than there is",
        &["fill"],
        negative_fill,
    ),
];

fn past_its_limit(v: &Valid, dice: &mut Dice, wanted: impl Fn(&Seen<'_>) -> bool) -> Option<Attack> {
    past_its_limit_at(v, dice, wanted).map(|(attack, _)| attack)
}

/// An order that is filled has truly a limit beyond the price.
fn past_its_limit_at(v: &Valid, dice: &mut Dice, wanted: impl Fn(&Seen<'_>) -> bool) -> Option<(Attack, At)> {
    let seen = v.draw(dice, |x| x.filled() && wanted(x))?;
    let (price, beyond) = (seen.auction?.price, 1 + dice.below(1_000));
    let limit = match seen.order.side {
        Side::Buy => price.checked_sub(beyond)?,
        Side::Sell => price + beyond,
    };
    let truth = rewritten(&v.scene, seen.at, |o| o.limit = limit);
    let attack = Attack::pretending(&truth, &v.scene)?.signed(&truth).recounted()?;
    Some((attack, seen.at))
}

/// An order that takes part in truth and nothing comes of in the world; the operator's witness still holds it.
fn unheard(v: &Valid, dice: &mut Dice) -> Option<(crate::support::scene::Scene, At, Attack)> {
    let (truth, world, at) = refused_in_the_world(v, dice, |o| o.last_batch = BATCH - 1)?;
    let last = truth.plans[&v.index(at.touch)].orders.len() - 1;
    (at.slot == last).then_some(())?;
    let attack = Attack::pretending(&truth, &world)?.signed(&truth);
    Some((truth, at, attack))
}

/// A filled order, and the world in which an edit of it makes the core refuse it.
fn refused_in_the_world(
    v: &Valid,
    dice: &mut Dice,
    edit: fn(&mut tacit_core::order::Order),
) -> Option<(crate::support::scene::Scene, crate::support::scene::Scene, At)> {
    let rate = v.cleared.context.fee_rate;
    let seen = v.draw(dice, |x| x.filled() && rate > 0 && !x.pays_out() && x.order.max_fee_rate >= rate)?;
    Some((v.scene.clone(), rewritten(&v.scene, seen.at, edit), seen.at))
}

/// A touch with a filled order, and the world in which the core refuses all of its orders.
fn refused_touch(
    v: &Valid,
    dice: &mut Dice,
) -> Option<(crate::support::scene::Scene, crate::support::scene::Scene, usize)> {
    let rate = v.cleared.context.fee_rate;
    let seen = v.draw(dice, |x| x.filled() && rate > 0 && !x.pays_out())?;
    let mut world = v.scene.clone();
    let index = v.index(seen.at.touch);
    for sealed in &mut world.plans.get_mut(&index)?.orders {
        sealed.order.max_fee_rate = 0;
        sealed.signature = key_of(index).sign(sealed.order.hash(world.context.domain));
    }
    Some((v.scene.clone(), world, seen.at.touch))
}

/// An order whose limit the operator would like to be worse than what trades.
fn left_unfilled(v: &Valid, dice: &mut Dice) -> Option<Attack> {
    let seen = v.draw(dice, |x| x.filled() && !x.pays_out())?;
    let world = rewritten(&v.scene, seen.at, |o| o.limit = if o.side.is_buy() { 0 } else { o.limit + (1 << 40) });
    let attack = Attack::pretending(&v.scene, &world)?;
    let touch = &attack.cleared.touches[seen.at.touch];
    let row = attack.told(seen.at.touch).orders[seen.at.slot].row.price;
    let better = if seen.order.side.is_buy() { seen.order.limit > row } else { seen.order.limit < row };
    // Those beside it are filled as before, and margin holds in truth as the valid batch shows.
    (touch.orders[seen.at.slot].fill == 0 && touch.admitted && better).then_some(())?;
    attack.signed(&v.scene).recounted()
}

/// Two orders of one side at the price of an instrument, the earlier first, of which the later is not filled in full.
fn at_the_margin<'v>(
    v: &'v Valid,
    dice: &mut Dice,
    wanted: impl Fn(&Seen<'v>, &Seen<'v>) -> bool,
) -> Option<(Seen<'v>, Seen<'v>)> {
    let orders: Vec<Seen<'v>> = v.orders().into_iter().filter(|x| x.admitted().is_some() && x.at_price()).collect();
    let side = |x: &Seen<'_>| (x.order.instrument, x.order.side.is_buy());
    let pairs = orders.iter().flat_map(|a| orders.iter().map(move |b| (*a, *b)));
    let pairs = pairs.filter(|(a, b)| side(a) == side(b) && a.sequence < b.sequence);
    drawn(dice, pairs.filter(|(a, b)| b.result.fill < b.order.quantity && wanted(a, b)).collect())
}

/// Lots of one order's fill go to another's.
fn moved(v: &Valid, from: At, to: At, lots: u32) -> Option<Attack> {
    let attack = v.attacked().order(from, |o| o.fill -= lots).order(to, |o| o.fill += lots);
    attack.settled_again()?.recounted()
}

/// A touch's new leaf holds so many lots more of an instrument. None if it has no room.
pub fn shifted(attack: Attack, touch: usize, instrument: u32, lots: i64) -> Option<Attack> {
    let held = attack.told(touch).new.as_ref()?.positions.clone();
    let positions = tacit_core::netting::net(held, [(instrument, lots)]);
    (positions.len() <= attack.cleared.params.positions).then(|| attack.positions(touch, positions))
}

/// The marginal order of an instrument filled otherwise than the other side; which instrument, and by how many lots bought.
fn one_sided(
    attack: Attack,
    v: &Valid,
    dice: &mut Dice,
    makes_up: Option<(usize, i64)>,
) -> Option<(Attack, (usize, i64))> {
    let mut choices = Vec::new();
    for seen in v.orders().into_iter().filter(|x| x.is_cut()) {
        let (row, sign) = (seen.auction?.row, seen.order.side.sign());
        for by in [-1, 1, 2, 5] {
            let fill = i64::from(seen.result.fill) + by;
            let fits = (0..=i64::from(seen.order.quantity)).contains(&fill);
            let wanted = makes_up.is_none_or(|(other, lots)| row != other && sign * by == lots);
            if fits && wanted {
                choices.push((seen.at, row, fill, sign * by));
            }
        }
    }
    let (at, row, fill, by) = drawn(dice, choices)?;
    Some((attack.order(at, |o| o.fill = fill as u32), (row, by)))
}

/// The order behind the marginal one becomes the cut: the former is filled in full, and the latter by what is then too much.
fn negative_fill(v: &Valid, dice: &mut Dice) -> Option<Attack> {
    let (early, late) = at_the_margin(v, dice, |early, late| early.is_cut() && late.result.fill == 0)?;
    // Nobody stands between them.
    let between = |x: &Seen<'_>| {
        let same = x.admitted().is_some() && x.at_price() && x.order.side == early.order.side;
        same && x.order.instrument == early.order.instrument
            && x.sequence > early.sequence
            && x.sequence < late.sequence
    };
    let over = i128::from(early.order.quantity - early.result.fill);
    let apart = early.at.touch != late.at.touch;
    let sign = i128::from(early.order.side.sign());
    (apart && !v.orders().iter().any(between)).then_some(())?;
    let auction = early.auction?;
    let (early_at, quantity) = (early.at, early.order.quantity);
    let attack = v.attacked().order(early_at, |o| o.fill = quantity).settled_again()?;
    let attack = attack.repriced(auction.row, auction.price, late.sequence, auction.cut_buys);
    let attack = shifted(attack, late.at.touch, late.order.instrument, -(sign * over) as i64)?;
    negative(attack, v, late, over, auction.row)
}

fn negative(mut attack: Attack, v: &Valid, late: Seen<'_>, over: i128, row: usize) -> Option<Attack> {
    let auction = late.auction?;
    let size = v.cleared.params.touches;
    let ordinal = late.at.touch % size * v.cleared.params.orders + late.at.slot;
    attack = attack.lie(Segment(late.at.touch / size), "fill", ordinal, move |_| from_i128(-over));
    // What he is filled, and pays fees for, is negative everywhere it is counted.
    let fees = i128::from(v.cleared.context.fee_rate) * i128::from(auction.price) * over;
    attack.segments[0].touches[0].credit -= fees;
    let counted = late.order.side.is_buy() == (auction.price > auction.mark);
    let count = attack.count(row) + if counted { over } else { -over };
    (count != 0 || auction.price == auction.mark).then_some(())?;
    let volume = i128::from(v.cleared.auctions[row].volume);
    let attack = attack.lie(crate::support::Circuit::Closing, "at-price count", row, move |_| from_i128(count));
    Some(attack.lie(crate::support::Circuit::Closing, "buy volume", row, move |_| from_i128(volume)))
}

impl Attack {
    /// Cuts behind a sequence number that is gone move up by one.
    fn cuts_lowered(mut self, gone: u32) -> Self {
        for order in self.segments.iter_mut().flat_map(|s| &mut s.touches).flat_map(|t| &mut t.orders) {
            order.row.cut -= u32::from(order.row.cut > gone);
        }
        self.closing(move |c| c.risk.iter_mut().for_each(|row| row.cut -= u64::from(row.cut > u64::from(gone))))
    }
}
