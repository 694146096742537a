//! Attacks 9, 16 and 24, and of 17 and 22 what concerns leaves: accounts that are not what the state says, positions that move.

use tacit_circuits::gadgets::range::BIT;
use tacit_core::account::Leaf;
use tacit_core::batch::ClearedTouch;
use tacit_core::field::{from_i128, pow2};
use tacit_core::netting::net;
use tacit_core::transcript::{Challenges, theta_power};

use crate::fills::shifted;
use crate::pretence::{Valid, drawn, without_orders};
use crate::support::Circuit::{Closing, Segment};
use crate::support::scene::{Dice, QUOTE};
use crate::support::{Attack, segment_bits, tree_of};
use crate::{Mutator, later, tried};

pub const MUTATORS: &[Mutator] = &[
    tried(9, 'a', "orders refused since their account is called empty", &["child at the index"], |v, dice| {
        let seen = v.draw(dice, |x| x.filled() && x.touch.old.is_some())?;
        let mut world = v.scene.clone();
        let index = v.index(seen.at.touch);
        world.leaves.remove(&index);
        world.plans.get_mut(&index)?.deposit = 0;
        let mut truth = v.scene.clone();
        truth.plans.get_mut(&index)?.deposit = 0;
        Attack::pretending(&truth, &world)
    }),
    tried(9, 'b', "orders refused by the balances of another leaf", &["child at the index"], |v, dice| {
        let other = v.draw_touch(dice, |_, t| t.old.is_some())?;
        let taken = v.cleared.touches[other].old.clone()?;
        wrong_leaf(v, dice, other, |leaf| *leaf = Leaf { owner: leaf.owner, ..taken })
    }),
    tried(9, 'c', "orders refused by the leaf as it once was", &["child at the index"], |v, dice| {
        wrong_leaf(v, dice, usize::MAX, |leaf| (leaf.cash, leaf.updates) = (1, leaf.updates.saturating_sub(1)))
    }),
    tried(9, 'd', "an account with cash that it does not have", &["child at the index"], |v, dice| {
        wrong_leaf(v, dice, usize::MAX, |leaf| leaf.cash += QUOTE)
    }),
    tried(9, 'e', "a path of the operator's own making", &["old leaf under the root"], |v, dice| {
        let touch = v.draw_touch(dice, |_, t| t.old.is_some())?;
        let mut world = v.scene.clone();
        world.leaves.get_mut(&v.index(touch))?.cash += QUOTE;
        let mut attack = Attack::pretending(&v.scene, &world)?;
        // Up to the touch the true tree; from there on one in which the leaf stands.
        let mut tree = tree_of(&world);
        for before in 0..touch {
            tree.set(v.index(before), attack.cleared.touches[before].words[2]).unwrap();
        }
        attack.forks.insert(touch, tree);
        Some(attack)
    }),
    tried(16, 'a', "a fill netted into another instrument", &["positions net"], |v, dice| {
        let seen = v.draw(dice, |x| x.filled())?;
        let lots = seen.order.side.sign() * i64::from(seen.result.fill);
        renamed(v, dice, seen.at.touch, seen.order.instrument, lots)
    }),
    tried(16, 'b', "a position netted into another instrument", &["positions net"], |v, dice| {
        let touch = v.draw_touch(dice, |_, t| t.new.as_ref().is_some_and(|leaf| !leaf.positions.is_empty()))?;
        let position = drawn(dice, v.cleared.touches[touch].new.as_ref()?.positions.clone())?;
        renamed(v, dice, touch, position.instrument, position.quantity)
    }),
    tried(16, 'c', "one position in two places of a leaf", &["ids strictly increasing"], |v, dice| {
        let places = v.cleared.params.positions;
        let fits = |t: &ClearedTouch| {
            t.new.as_ref().is_some_and(|l| l.positions.len() < places && l.positions.iter().any(|p| p.quantity > 1))
        };
        let touch = v.draw_touch(dice, |_, t| fits(t))?;
        let mut positions = v.cleared.touches[touch].new.as_ref()?.positions.clone();
        let at = positions.iter().position(|p| p.quantity > 1)?;
        let mut split = positions[at];
        split.quantity = 1;
        positions[at].quantity -= 1;
        positions.insert(at, split);
        Some(v.attacked().positions(touch, positions))
    }),
    tried(17, 'c', "a short called long, so that no short minimum is asked", &["old position quantity"], short_as_long),
    tried(22, 'c', "a settled position paid out and kept", &["positions net"], |v, dice| {
        let (touch, place) = expired(v, dice)?;
        let position = v.cleared.touches[touch].old.as_ref()?.slots(&v.cleared.params)[place];
        shifted(v.attacked(), touch, position.instrument, position.quantity)
    }),
    tried(22, 'd', "a settled position kept, its expiry denied", &["group-by identity"], |v, dice| {
        let (touch, place) = expired(v, dice)?;
        let position = v.cleared.touches[touch].old.as_ref()?.slots(&v.cleared.params)[place];
        let value = i128::from(position.quantity) * i128::from(v.scene.settled[&position.instrument]);
        // Cash falls by what is not paid; orders are admitted as before.
        let den = i128::from(v.cleared.context.den);
        let pays = v.cleared.touches[touch].withdrawal > 0;
        (v.margin_left(touch, den * (value.abs() + 1)) && !pays && roomy(v, touch)).then_some(())?;
        let attack = shifted(v.attacked(), touch, position.instrument, position.quantity)?;
        Some(attack.touch(touch, |t| (t.expired[place], t.expiry_value) = (false, t.expiry_value - value)))
    }),
    tried(22, 'e', "an open position called expired, and worth nothing", &["group-by identity"], |v, dice| {
        let open = |t: &ClearedTouch| {
            let held = t.old.iter().flat_map(|leaf| leaf.slots(&v.cleared.params)).zip(&t.expired);
            held.clone().position(|(p, expired)| p.instrument != 0 && !expired)
        };
        let touch = v.draw_touch(dice, |_, t| open(t).is_some())?;
        // Without orders, so that nothing depends on its margin.
        let mut scene = without_orders(&v.scene, v.index(touch));
        scene.plans.get_mut(&v.index(touch))?.exit = None;
        let v = &Valid::of(scene)?;
        let place = open(&v.cleared.touches[touch])?;
        let position = v.cleared.touches[touch].old.as_ref()?.slots(&v.cleared.params)[place];
        let row = &v.scene.risk[&position.instrument];
        let q = i128::from(position.quantity);
        let attack = shifted(v.attacked(), touch, position.instrument, -position.quantity)?;
        let short = if q < 0 { -q * i128::from(row.short_minimum) } else { 0 };
        Some(attack.touch(touch, |t| {
            t.expired[place] = true;
            t.mark_value -= q * i128::from(row.mark);
            t.short_requirement -= short;
            t.scenario_values.iter_mut().zip(&row.values).for_each(|(sum, value)| *sum -= q * i128::from(*value));
        }))
    }),
    later(
        22,
        'f',
        "settling before expiry",
        "the life cycle: which ids have a value is the contract's, and no circuit knows an expiry yet",
    ),
    later(
        24,
        'a',
        "liquidating a healthy account",
        "the life cycle: no circuit liquidates yet, leaves keep its fields at 0",
    ),
    later(24, 'b', "sparing an account that is to be liquidated", "the life cycle: as 24a"),
];

/// Orders of an account are judged by another leaf than the tree's, which the operator opens in its place.
fn wrong_leaf(v: &Valid, dice: &mut Dice, but: usize, edit: impl FnOnce(&mut Leaf)) -> Option<Attack> {
    let seen = v.draw(dice, |x| x.touch.old.is_some() && x.at.touch != but)?;
    let mut world = v.scene.clone();
    edit(world.leaves.get_mut(&v.index(seen.at.touch))?);
    Attack::pretending(&v.scene, &world)
}

/// Lots of a touch's new leaf stand under another id, one that the leaf holds or not.
fn renamed(v: &Valid, dice: &mut Dice, touch: usize, from: u32, lots: i64) -> Option<Attack> {
    let ids: Vec<u32> = v.scene.risk.keys().chain(v.scene.settled.keys()).copied().chain([1 << 20]).collect();
    let to = drawn(dice, ids.into_iter().filter(|id| *id != from).collect())?;
    let held = v.cleared.touches[touch].new.as_ref()?.positions.clone();
    let positions = net(held, [(from, -lots), (to, lots)]);
    (positions.len() <= v.cleared.params.positions).then(|| v.attacked().positions(touch, positions))
}

/// A touch with an expired position, and the position's place.
fn expired(v: &Valid, dice: &mut Dice) -> Option<(usize, usize)> {
    let touch = v.draw_touch(dice, |_, t| t.new.is_some() && t.expired.contains(&true))?;
    let places = v.cleared.touches[touch].expired.iter().enumerate().filter(|(_, expired)| **expired);
    drawn(dice, places.map(|(place, _)| (touch, place)).collect())
}

/// The touch's orders would find room for their positions beside one more.
fn roomy(v: &Valid, touch: usize) -> bool {
    let result = &v.cleared.touches[touch];
    let open = result.old.iter().flat_map(|leaf| leaf.slots(&v.cleared.params)).zip(&result.expired);
    let held = open.filter(|(position, expired)| position.instrument != 0 && !**expired).count();
    held + result.orders.len() < v.cleared.params.positions
}

/// The sign of an old position's quantity is denied; its group and the short minimum follow.
fn short_as_long(v: &Valid, dice: &mut Dice) -> Option<Attack> {
    let short = |t: &ClearedTouch| {
        let held = t.old.iter().flat_map(|leaf| leaf.slots(&v.cleared.params)).zip(&t.expired);
        held.clone().position(|(p, expired)| p.quantity < 0 && !expired)
    };
    let touch = v.draw_touch(dice, |_, t| short(t).is_some() && t.orders.iter().all(|o| o.reason.code() != 8))?;
    let place = short(&v.cleared.touches[touch])?;
    let position = v.cleared.touches[touch].old.as_ref()?.slots(&v.cleared.params)[place];
    let (row, q) = (v.cleared.sealed.risk.find(position.instrument)?, i128::from(position.quantity));
    let minimum = -q * i128::from(v.cleared.sealed.risk.rows[row].short_minimum);
    // More is left of margin; nobody is admitted by it who was not.
    let admitted = v.cleared.touches[touch].claims.iter().all(|claim| *claim >= 0);
    // Test 8 counts what is held by its size: it falls by twice the quantity.
    let (segments, places) = (v.cleared.params.touches, v.cleared.params.positions);
    let ordinal = segment_bits()["old position quantity"][35 * (touch % segments * places + place)];
    let attack = v.attacked().touch(touch, |t| t.short_requirement -= minimum);
    let attack = attack.lie(Segment(touch / segments), BIT, ordinal, |bit| bit - pow2(35));
    let own = move |c: &Challenges| theta_power(touch, c.theta) * from_i128(q);
    let attack = attack.lie_to(Closing, "group short", row, move |sum, c| sum - own(c));
    admitted.then(|| attack.lie_to(Closing, "group long", row, move |sum, c| sum + own(c)))
}
