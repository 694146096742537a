//! Attacks 1 to 3 and 23: orders that nobody signed, that were executed before, or that are for another place or time.

use tacit_core::babyjub;
use tacit_core::batch::State;
use tacit_core::eddsa::Signature;
use tacit_core::field::F;
use tacit_core::order::{Kind, Order};
use tacit_core::seal;

use crate::pretence::{At, Valid, renumber, rewritten};
use crate::support::scene::{BATCH, Dice, LAST_VOID, Scene, cancel, holder_of, key_of};
use crate::support::{Attack, scene_slot};
use crate::{Mutator, tried};

pub const MUTATORS: &[Mutator] = &[
    tried(1, 'a', "an order without a signature", &["signature equation"], |v, dice| {
        let at = v.draw(dice, |_| true)?.at;
        let none = Signature { r8: babyjub::BASE8, s: 0u64.into() };
        Some(v.attacked().order(at, |o| o.sealed.signature = none))
    }),
    tried(1, 'b', "an order under another's signature", &["signature equation"], |v, dice| {
        let seen = v.draw(dice, |_| true)?;
        let signature = key_of(99).sign(seen.order.hash(v.cleared.context.domain));
        Some(v.attacked().order(seen.at, |o| o.sealed.signature = signature))
    }),
    tried(1, 'c', "an order under its owner's signature of another order", &["signature equation"], |v, dice| {
        let seen = v.draw(dice, |_| true)?;
        let other = v.draw(dice, |x| x.at.touch == seen.at.touch && x.at != seen.at);
        let other =
            other.map_or_else(|| Order { limit: seen.order.limit ^ 1, ..seen.order.clone() }, |x| x.order.clone());
        let signature = key_of(v.index(seen.at.touch)).sign(other.hash(v.cleared.context.domain));
        Some(v.attacked().order(seen.at, |o| o.sealed.signature = signature))
    }),
    tried(
        1,
        'd',
        "an order that is filled, under its owner's signature of less favourable terms",
        &["signature equation"],
        |v, dice| {
            let seen = v.draw(dice, |x| x.filled() && x.order.quantity > 1)?;
            let signed = Order { quantity: seen.order.quantity - 1, ..seen.order.clone() };
            let signature = key_of(v.index(seen.at.touch)).sign(signed.hash(v.cleared.context.domain));
            Some(v.attacked().order(seen.at, |o| o.sealed.signature = signature))
        },
    ),
    tried(
        1,
        'e',
        "an account's orders under the operator's key, which he calls its owner's",
        &["child at the index"],
        |v, dice| {
            let seen = v.draw(dice, |x| x.touch.old.is_some())?;
            Some(under_another_key(v, seen.at.touch))
        },
    ),
    tried(1, 'f', "the same of an account that its deposit opens", &["contract"], |v, dice| {
        let seen = v.draw(dice, |_| true)?;
        let index = v.index(seen.at.touch);
        let mut scene = v.scene.clone();
        scene.leaves.remove(&index);
        let plan = scene.plans.get_mut(&index).unwrap();
        plan.deposit = plan.deposit.max(1_000_000_000);
        Some(under_another_key(&Valid::of(scene)?, seen.at.touch))
    }),
    tried(2, 'a', "one order twice in a touch", &["bitmap byte"], same_order_twice),
    tried(
        2,
        'b',
        "an account touched twice, the second time with another order of its owner",
        &["indices strictly increasing"],
        |v, dice| touched_twice(v, dice, false),
    ),
    tried(
        2,
        'c',
        "an order executed in a first touch of its account and in a second",
        &["bitmap byte", "indices strictly increasing"],
        |v, dice| touched_twice(v, dice, true),
    )
    .because("the first touch's leaf has the nonce marked: who gets by one of the checks meets the other"),
    tried(3, 'a', "an order of the batch before, its nonce called free", &["bitmap byte"], |v, dice| {
        let r = Replayed::of(v, dice)?;
        let slot = r.order.slot;
        let attack = Attack::pretending(&r.truth, &r.world(|leaf| leaf.bitmap &= !(1 << slot)))?;
        r.filled(&attack)?;
        Some(attack.held(&r.truth).nonce_answer(r.at, slot, false))
    }),
    tried(3, 'b', "the same, the bitmap called cleared by a new epoch", &["epoch unchanged"], |v, dice| {
        let r = Replayed::of(v, dice)?;
        let attack = Attack::pretending(&r.truth, &r.world(|leaf| leaf.bitmap = 0))?;
        r.filled(&attack)?;
        Some(attack.held(&r.truth).touch_lie(r.at.touch, "epoch unchanged", (0, 1), |_| F::from(0u8)))
    }),
    tried(
        3,
        'c',
        "the same, under an epoch that falls back to the order's after its owner cancelled",
        &["epoch does not fall"],
        |v, dice| {
            let r = Replayed::of(v, dice)?;
            let mut truth = r.truth.clone();
            truth.leaves.get_mut(&r.index).unwrap().epoch += 1 + dice.below(5) as u32;
            let attack = Attack::pretending(&truth, &r.world(|leaf| leaf.bitmap = 0))?;
            r.filled(&attack)?;
            Some(attack.held(&truth))
        },
    ),
    tried(3, 'd', "orders cancelled by an epoch that their owner did not sign", &["epoch attained"], |v, dice| {
        let seen = v.draw(dice, |x| x.filled() && x.touch.old.is_some())?;
        let mut world = v.scene.clone();
        let leaf = world.leaves.get_mut(&v.index(seen.at.touch)).unwrap();
        (leaf.epoch, leaf.bitmap) = (seen.touch.epoch + 1 + dice.below(5) as u32, 0);
        Some(Attack::pretending(&v.scene, &world)?.held(&v.scene))
    }),
    tried(
        3,
        'e',
        "orders executed though their owner cancelled them in the batch",
        &["epoch at least each live order's"],
        |v, dice| {
            let seen = v.draw(dice, |x| x.filled() && x.at.slot == 0)?;
            let (index, epoch) = (v.index(seen.at.touch), seen.touch.epoch);
            let mut scene = v.scene.clone();
            scene.plans.get_mut(&index).unwrap().orders.truncate(1);
            renumber(&mut scene);
            scene.order(cancel(index, epoch));
            let truth = rewritten(&scene, At { slot: 1, ..seen.at }, |o| o.epoch = epoch + 1 + dice.below(5) as u32);
            let attack = Attack::pretending(&truth, &scene)?;
            (attack.cleared.touches[seen.at.touch].orders[0].fill > 0).then_some(())?;
            Some(attack.signed(&truth))
        },
    ),
    tried(23, 'a', "an order for a batch before", &["batch ≤ last"], |v, dice| {
        mistimed(v, dice, "batch ≤ last", |o| (o.first_batch, o.last_batch) = (BATCH - 1, BATCH - 1))
    }),
    tried(23, 'b', "an order for a later batch", &["first ≤ batch"], |v, dice| {
        mistimed(v, dice, "first ≤ batch", |o| (o.first_batch, o.last_batch) = (BATCH + 1, BATCH + 1))
    }),
    tried(23, 'c', "an order that a void batch ended", &["first > last void"], |v, dice| {
        mistimed(v, dice, "first > last void", |o| (o.first_batch, o.survives_void) = (LAST_VOID, false))
    }),
    tried(23, 'd', "an order for another vault or chain", &["signature equation"], |v, dice| {
        let seen = v.draw(dice, |_| true)?;
        let domain = seal::domain(31_337 + dice.below(2), &[8; 20]);
        let signature = key_of(v.index(seen.at.touch)).sign(seen.order.hash(domain));
        Some(v.attacked().order(seen.at, |o| o.sealed.signature = signature))
    }),
    tried(23, 'e', "a batch of another vault or chain", &["contract"], |v, _| {
        let mut other = v.scene.clone();
        other.context.domain = seal::domain(1, &[7; 20]);
        for (index, plan) in &mut other.plans {
            for sealed in &mut plan.orders {
                sealed.signature = key_of(*index).sign(sealed.order.hash(other.context.domain));
            }
        }
        let held = crate::pretence::held_by_contract(&v.scene);
        Some(Valid::of(other)?.attacked().trusting(move |e| *e = held.clone()))
    }),
    tried(23, 'f', "a batch under another batch's number", &["context"], |v, dice| {
        let mut other = v.scene.clone();
        other.context.batch += 1 + dice.below(3) as u32;
        // Orders of a random batch are not all for both; what they sign stays as it is.
        Some(Attack::pretending(&v.scene, &other)?.resealed())
    }),
];

fn under_another_key(v: &Valid, touch: usize) -> Attack {
    let key = key_of(99);
    let domain = v.cleared.context.domain;
    v.attacked().touch(touch, |t| {
        t.holder.key = key.public_key();
        for order in t.orders.iter_mut().filter(|o| o.active) {
            order.sealed.signature = key.sign(order.sealed.order.hash(domain));
        }
    })
}

/// Two orders of a touch are one and the same; in the world they differ by their nonce.
fn same_order_twice(v: &Valid, dice: &mut Dice) -> Option<Attack> {
    let seen = v.draw(dice, |x| x.filled() && x.at.slot == 0)?;
    let index = v.index(seen.at.touch);
    let taken = seen.touch.new.as_ref()?.bitmap | 1 << seen.order.slot;
    let free = (0..64u8).find(|slot| taken >> slot & 1 == 0)?;
    let mut world = v.scene.clone();
    world.plans.get_mut(&index).unwrap().orders.truncate(1);
    renumber(&mut world);
    world.order(scene_slot(seen.order.clone(), free));
    let second = At { slot: 1, ..seen.at };
    let truth = rewritten(&world, second, |o| o.slot = seen.order.slot);
    let attack = Attack::pretending(&truth, &world)?;
    let fills = &attack.cleared.touches[seen.at.touch].orders;
    (fills[0].fill > 0 && fills[1].fill > 0).then_some(())?;
    Some(attack.signed(&truth).nonce_answer(second, seen.order.slot, false))
}

/// An account's second touch, in the world that of an account behind it whose leaf is what the first touch left.
fn touched_twice(v: &Valid, dice: &mut Dice, replay: bool) -> Option<Attack> {
    let last = v.cleared.touches.len() - 1;
    let seen = v.draw(dice, |x| x.at.touch == last && x.at.slot == 0 && x.filled() && x.touch.old.is_some())?;
    let (index, order) = (v.index(last), seen.order.clone());
    let mut world = v.scene.clone();
    let plan = world.plans.get_mut(&index).unwrap();
    plan.deposit = 0;
    plan.orders.truncate(1);
    renumber(&mut world);
    let slot = if replay { order.slot } else { (order.slot + 1 + dice.below(63) as u8) % 64 };
    let again = Order { slot, ..order };
    let phantom = index + 1;
    world.order(Order { account: phantom, ..again.clone() });
    // What the first touch leaves depends on what the second trades; repeated until both agree.
    let mut left = v.cleared.touches[last].new.clone()?;
    for _ in 0..8 {
        let mut leaf = left.clone();
        leaf.owner = holder_of(phantom).owner();
        leaf.bitmap &= !(1 << slot);
        world.leaves.insert(phantom, leaf);
        let cleared = world.try_clear().ok()?;
        let next = cleared.touches[last].new.clone()?;
        if next != left {
            left = next;
            continue;
        }
        (cleared.touches[last].orders[0].fill > 0 && cleared.touches[last + 1].orders[0].fill > 0).then_some(())?;
        (replay || left.bitmap >> slot & 1 == 0).then_some(())?;
        let mut before = world.clone();
        before.leaves.remove(&phantom);
        let holder = holder_of(index);
        let signature = key_of(index).sign(again.hash(world.context.domain));
        let attack = Attack::of(cleared, crate::support::tree_of(&before));
        let start = attack.tree.root();
        let mut attack = attack.touch(last + 1, move |t| {
            (t.index, t.holder, t.old) = (index, holder, Some(left));
            (t.orders[0].sealed.order, t.orders[0].sealed.signature) = (again, signature);
        });
        attack.honest.start_root = start;
        let tree = attack.tree.clone();
        attack.forks.insert(0, tree);
        let attack = attack.resealed().trusting(move |e| e.start_root = start);
        let second = At { touch: last + 1, slot: 0 };
        return Some(if replay { attack.nonce_answer(second, slot, false) } else { attack });
    }
    None
}

/// A batch after one in which an order was filled: that order again, and all others anew.
struct Replayed {
    truth: Scene,
    index: u32,
    at: At,
    order: Order,
}

impl Replayed {
    fn of(v: &Valid, dice: &mut Dice) -> Option<Self> {
        let seen = v.draw(dice, |x| x.filled() && x.touch.old.is_some() && !x.pays_out())?;
        let index = v.index(seen.at.touch);
        // The order is good for both batches.
        let mut first = rewritten(&v.scene, seen.at, |o| o.last_batch = BATCH + 1);
        let sealed = first.plans[&index].orders[seen.at.slot].clone();
        let mut state = first.state();
        tacit_core::batch::clear(&first.params, &mut state, &first.batch()).ok()?;
        let mut second = std::mem::replace(&mut first, Scene::new(v.scene.params));
        second.context.batch = BATCH + 1;
        second.leaves = leaves(&state);
        for (account, plan) in &mut second.plans {
            (plan.deposit, plan.exit) = (0, None);
            if *account == index {
                plan.orders = vec![sealed.clone()];
            }
            plan.orders.retain(|o| second.leaves.contains_key(account) && o.order.kind == Kind::Trade);
        }
        renumber(&mut second);
        renew(&mut second, index);
        let at = At { touch: seen.at.touch, slot: 0 };
        Some(Self { truth: second, index, at, order: sealed.order })
    }

    /// The second batch if the account's leaf were another.
    fn world(&self, edit: impl FnOnce(&mut tacit_core::account::Leaf)) -> Scene {
        let mut world = self.truth.clone();
        edit(world.leaves.get_mut(&self.index).unwrap());
        world
    }

    /// The replay has an effect.
    fn filled(&self, attack: &Attack) -> Option<()> {
        (attack.cleared.touches[self.at.touch].orders[0].fill > 0).then_some(())
    }
}

fn leaves(state: &State) -> std::collections::BTreeMap<u32, tacit_core::account::Leaf> {
    state.leaves().map(|(index, leaf)| (index, leaf.clone())).collect()
}

/// Orders of all accounts but one, signed for the scene's batch under nonces that are free.
fn renew(scene: &mut Scene, but: u32) {
    let (batch, domain) = (scene.context.batch, scene.context.domain);
    for (index, plan) in scene.plans.iter_mut().filter(|(index, _)| **index != but) {
        let leaf = &scene.leaves[index];
        let mut free = (0..64u8).filter(|slot| leaf.bitmap >> slot & 1 == 0);
        for sealed in &mut plan.orders {
            let order = &mut sealed.order;
            (order.first_batch, order.last_batch, order.epoch) = (batch, batch, leaf.epoch);
            order.slot = free.next().unwrap_or(0);
            sealed.signature = key_of(*index).sign(order.hash(domain));
        }
    }
}

/// A filled order is truly for another time; a comparison is answered as if it were not.
fn mistimed(v: &Valid, dice: &mut Dice, check: &'static str, edit: fn(&mut Order)) -> Option<Attack> {
    let seen = v.draw(dice, |x| x.filled())?;
    let truth = rewritten(&v.scene, seen.at, edit);
    let attack = Attack::pretending(&truth, &v.scene)?.signed(&truth);
    // Of the three comparisons the one named is the only one that fails.
    Some(attack.order_answer(seen.at, check, 33, true))
}
