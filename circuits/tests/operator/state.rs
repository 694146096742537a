//! Attacks 2, 19 to 21: states that are not the contract's, leaves where there is none to be, padding that acts.

use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::settlement::LockedDeposit;
use tacit_core::field::{F, from_u64};
use tacit_core::order::{Order, Side};

use crate::pretence::{Valid, without_orders};
use crate::support::Circuit::Segment;
use crate::support::scene::{Dice, QUOTE, Scene, holder_of, order};
use crate::support::{Attack, segment_bits, tree_of};
use crate::{Mutator, tried};

pub const MUTATORS: &[Mutator] = &[
    tried(19, 'a', "a batch from the root before the last batch", &["old leaf under the root"], |v, _| {
        let (truth, world) = a_batch_later(v)?;
        let mut attack = Attack::pretending(&truth, &world)?;
        attack.forks.clear();
        Some(attack)
    }),
    tried(19, 'b', "the same, the old root sent as the start", &["contract"], |v, _| {
        let (truth, world) = a_batch_later(v)?;
        let mut attack = Attack::pretending(&truth, &world)?;
        attack.honest.start_root = attack.tree.root();
        attack.forks.clear();
        Some(attack)
    }),
    tried(19, 'c', "a segment from the root before the segments before it", &["old leaf under the root"], |v, dice| {
        let segments = v.cleared.segments() as u64;
        (segments > 1).then_some(())?;
        let first = (1 + dice.below(segments - 1)) as usize * v.cleared.params.touches;
        let mut attack = v.attacked();
        attack.forks.insert(first, tree_of(&v.scene));
        Some(attack)
    }),
    tried(20, 'a', "a new leaf over an existing one", &["child at the index"], |v, dice| {
        let touch = v.draw_touch(dice, |at, t| at > 0 && t.old.is_some())?;
        let mut truth = without_orders(&v.scene, v.index(touch));
        let plan = truth.plans.get_mut(&v.index(touch))?;
        (plan.exit, plan.deposit) = (None, 1 + dice.below(1_000_000));
        let mut world = truth.clone();
        world.leaves.remove(&v.index(touch));
        let (index, owner) = (v.index(touch), holder_of(v.index(touch)).owner());
        let attack = Attack::pretending(&truth, &world)?;
        // The contract took the deposit for one of a new account.
        Some(attack.trusting(move |e| e.deposits.get_mut(&index).unwrap().owner = owner))
    }),
    tried(20, 'b', "a leaf past the end of the tree", &["index"], past_the_tree),
    tried(20, 'c', "a leaf that no deposit opens", &["contract", "no deposit"], |v, dice| {
        let index = free_index(v);
        let mut world = v.scene.clone();
        world.plans.entry(index).or_default().deposit = 1 + dice.below(1_000_000);
        let mut truth = v.scene.clone();
        truth.plans.entry(index).or_default();
        let touch = v.cleared.touches.len();
        let attack = Attack::pretending(&truth, &world)?.touch(touch, |t| t.amount = 0);
        Some(attack.touch_lie(touch, "no deposit", (0, 1), |_| F::from(0u8)))
    })
    .because("the contract knows the owner of each account that it lets open"),
    tried(
        21,
        'a',
        "padding that trades with an account of the operator's making",
        &["no orders in padding", "padding has no account and no exit"],
        phantom,
    )
    .because("it must have an account and an order of it, and padding has neither"),
    tried(21, 'b', "padding that exits", &["padding has no account and no exit"], |v, _| {
        let (attack, touch) = padded(v)?;
        Some(attack.touch(touch, |t| t.exit = true))
    }),
    tried(
        21,
        'c',
        "padding with an amount that it asks for",
        &["padding has no account and no exit", "padding has no amount"],
        |v, dice| {
            let (attack, touch) = padded(v)?;
            let amount = 1 + dice.below(1_000_000);
            Some(attack.touch(touch, |t| (t.exit, t.amount) = (true, amount)))
        },
    )
    .because("what is asked for is an exit's"),
    tried(
        21,
        'd',
        "an order number taken by padding's neighbour, a slot without an order",
        &["no sequence number in an inactive slot"],
        |v, dice| {
            let touch = v.draw_touch(dice, |_, t| t.orders.len() < v.cleared.params.orders)?;
            let slot = v.cleared.touches[touch].orders.len();
            let number = v.cleared.active_orders + 1;
            Some(v.attacked().touch(touch, |t| t.orders[slot].sealed.sequence = number).resealed())
        },
    ),
    tried(21, 'e', "a slot without an order that is filled", &["not filled"], |v, dice| {
        // The fill makes up for one that the marginal order of the instrument is not given.
        let cut = v.draw(dice, |x| x.is_cut() && x.result.fill > 0)?;
        let empty = |at: usize, t: &tacit_core::batch::ClearedTouch| {
            t.new.is_some() && t.orders.len() < v.cleared.params.orders && v.cleared.sealed.touches[at].exit.is_none()
        };
        let touch = v.draw_touch(dice, empty)?;
        let slot = v.cleared.touches[touch].orders.len();
        let (order, row) = (cut.order.clone(), v.attacked().told(cut.at.touch).orders[cut.at.slot].row.clone());
        let attack = v.attacked().order(cut.at, |o| o.fill -= 1).touch(touch, |t| {
            let hidden = &mut t.orders[slot];
            (hidden.sealed.order, hidden.row, hidden.fill) = (Order { recipient: [0; 20], ..order }, row, 1);
        });
        attack.settled_again()?.recounted()?.volume_kept(v, cut.auction?.row)
    }),
    tried(21, 'f', "a touched account called padding", &["contract", "sequence product"], |v, _| {
        let last = v.cleared.touches.len() - 1;
        let (index, orders) = (v.index(last), v.cleared.sealed.touches[last].orders.len());
        (last > 0 && orders > 0 && last % v.cleared.params.touches > 0).then_some(())?;
        // In the world nothing comes of its orders.
        let mut world = v.scene.clone();
        world.leaves.remove(&index);
        let plan = world.plans.get_mut(&index)?;
        (plan.deposit, plan.exit) = (0, None);
        Some(Attack::pretending(&v.scene, &world)?.touch(last, |t| {
            (t.live, t.path) =
                (false, (0..t.path.len()).map(|level| [tacit_core::tree::empty_node(level as u8); 8]).collect());
            for order in &mut t.orders {
                (order.active, order.sealed.sequence) = (false, 0);
            }
        }))
    })
    .because("the seal holds the touch, and its orders' numbers among all numbers"),
];

/// The state after the batch, with nothing to be done in it but a touch of each account; and before it.
fn a_batch_later(v: &Valid) -> Option<(Scene, Scene)> {
    let mut state = v.scene.state();
    tacit_core::batch::clear(&v.scene.params, &mut state, &v.scene.batch()).ok()?;
    let mut world = v.scene.clone();
    world.context.batch += 1;
    let mut truth = world.clone();
    truth.leaves = state.leaves().map(|(index, leaf)| (index, leaf.clone())).collect();
    Some((truth, world))
}

/// An index behind all accounts.
fn free_index(v: &Valid) -> u32 {
    v.scene.plans.keys().chain(v.scene.leaves.keys()).max().map_or(1, |last| last + 1)
}

/// A deposit to account 576 of a tree of 512 leaves. Its highest digit is 1 and a bit too high by one: by the circuit's selection the
/// child is 2·c₅ − c₁ of the root's children, and both are the root of an empty subtree.
fn past_the_tree(v: &Valid, dice: &mut Dice) -> Option<Attack> {
    let mut world = v.scene.clone();
    // An account before it, so that the gap between indices is in range.
    world.account(129, QUOTE, &[]);
    world.plans.entry(447).or_default().deposit = 1 + dice.below(1_000_000);
    let attack = Attack::pretending(&world, &world)?;
    let (touch, touches) = (attack.cleared.touches.len() - 1, attack.cleared.params.touches);
    let bits = segment_bits()["index"].len() / touches;
    let top = segment_bits()["index"][touch % touches * bits + bits - 1];
    let mut attack = attack.touch(touch, |t| (t.index, t.holder) = (64, holder_of(576)));
    attack = attack.lie(Segment(touch / touches), BIT, top, |_| from_u64(2));
    let paid = world.plans[&447].deposit;
    let deposit = LockedDeposit { amount: paid, owner: holder_of(576).owner() };
    let attack = attack.trusting(move |e| {
        e.deposits.remove(&447);
        e.deposits.insert(576, deposit);
    });
    Some(attack.resealed())
}

/// An account that stands nowhere, rich, whose order is the other side of somebody's; its touch is called padding.
fn phantom(v: &Valid, dice: &mut Dice) -> Option<Attack> {
    let index = free_index(v);
    let touch = v.cleared.touches.len();
    half_empty(v, touch).then_some(())?;
    let victim = v.draw(dice, |x| x.admitted().is_some() && x.result.fill < x.order.quantity)?.order.clone();
    let mut world = v.scene.clone();
    world.account(index, 1_000_000 * QUOTE, &[]);
    let side = if victim.side.is_buy() { Side::Sell } else { Side::Buy };
    world.order(order(index, victim.instrument, side, victim.quantity, victim.limit));
    let mut attack = Attack::pretending(&v.scene, &world)?;
    (attack.cleared.touches[touch].orders[0].fill > 0).then_some(())?;
    // He seals one order more than the touches hold.
    attack.honest.active_orders += 1;
    attack.own_paths.insert(touch);
    Some(attack.trusting(|e| e.active_orders += 1).touch(touch, |t| t.live = false))
}

/// The segment of a touch has touches before it.
fn half_empty(v: &Valid, touch: usize) -> bool {
    !touch.is_multiple_of(v.cleared.params.touches)
}

/// The first padding touch of a batch.
fn padded(v: &Valid) -> Option<(Attack, usize)> {
    let touch = v.cleared.touches.len();
    half_empty(v, touch).then(|| (v.attacked(), touch))
}

impl Attack {
    /// The volume of a row stays what it is in the valid batch, whoever is said to be filled.
    fn volume_kept(self, v: &Valid, row: usize) -> Option<Self> {
        let volume = v.cleared.auctions[row].volume;
        Some(self.lie(crate::support::Circuit::Closing, "buy volume", row, move |_| from_u64(volume)))
    }
}
