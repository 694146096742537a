//! One touch: open leaf → expire → deposit → orders → admit → fill → net → close leaf.
//!
//! Everything a batch does to an account happens here, whatever the number of instruments. What concerns other accounts goes into
//! running sums; what must be fixed before the challenges goes into the transcript; what the chain sees goes into data words.

use tacit_core::data::OPEN_WORDS;
use tacit_core::field::{F, from_i128, pow2};
use tacit_core::params::Params;

use crate::account::{self, NewPosition, OldLeaf};
use crate::auction::{self, Fill};
use crate::builder::{Builder, Lc};
use crate::context::{ChallengeVars, ContextVars};
use crate::gadgets::eddsa::{self, PreparedKey};
use crate::gadgets::transcript::Transcript;
use crate::gadgets::{lookup, merkle, pad, poseidon, range};
use crate::margin::{self, Admission, Candidate, Funds, Held, Payout, Positions, TOKEN};
use crate::order::{self, LiveOrder, Nonces, OrderVars, Room, RowVars, Standing};
use crate::statement::TouchWitness;

/// Poseidon tags of this module.
const TAG_TOUCH: u64 = 3;
const TAG_SEAL: u64 = 4;
const TAG_IV: u64 = 5;

/// What all touches of a segment share.
pub struct Shared<'p> {
    /// Parameter set.
    pub params: &'p Params,
    /// Chain and contract.
    pub domain: Lc,
    /// Batch, fee rate, margin ratio.
    pub context: ContextVars,
    /// Challenges and powers of y.
    pub challenges: ChallengeVars,
    /// `num·y^S, num·y^{S+1}, num·y^{S+2}`.
    pub num_powers: [Lc; 3],
    /// `den · fee rate`.
    pub den_rate: Lc,
}

/// What a touch hands to the next.
pub struct Running {
    /// State root so far.
    pub root: Lc,
    /// `θ^a`.
    pub theta_power: Lc,
    /// Least index the next live touch may have.
    pub next_index: Lc,
    /// Sums of section 7, in the order of `Sums`.
    pub margin: Lc,
    /// Positions by key.
    pub groups: Lc,
    /// Net fills, counts, volumes.
    pub net: Lc,
    /// Row look-ups.
    pub lookups: Lc,
    /// Fees less credit.
    pub fees: Lc,
    /// Product over sequence numbers.
    pub product: Lc,
    /// Horner value of the open data words so far.
    pub open: Lc,
    /// Horner value of the encrypted ones.
    pub encrypted: Lc,
    /// Digest in the making.
    pub transcript: Transcript,
}

/// Flags and amounts in a touch's head.
struct Head {
    live: Lc,
    exit: Lc,
    exists: Lc,
    opens: Lc,
    amount: Lc,
    deposit: Lc,
    requested: Lc,
    index: Lc,
    index_bits: Vec<Lc>,
}

/// Owner, viewing key and signing key of a touch.
struct Owner {
    viewing_key: Lc,
    owner: Lc,
    key: (Lc, Lc),
}

/// An order with all that was found out about it.
struct Slot {
    order: OrderVars,
    row: RowVars,
    standing: Standing,
    /// Quantity if the trade passed test 7.
    offered: Lc,
    candidate: Option<Candidate>,
}

/// Proves one touch.
pub fn touch(b: &mut Builder, s: &Shared<'_>, run: &mut Running, w: &TouchWitness) {
    let p = s.params;
    let owner = b.scoped("owner and key", |b| owner(b, w));
    let old = b.scoped("old leaf", |b| account::open(b, p, &owner.owner, w.old.as_ref(), &w.expired));
    let head = b.scoped("head", |b| head(b, p, run, w, &old));
    let positions = claimed_positions(b, w);
    let deposit = &head.deposit;
    let funds = b.scoped("funds", |b| margin::funds(b, &old, deposit, &positions.expiry));
    let held = b.scoped("funds", |b| margin::held(b, &old));
    let mut nonces = b.scoped("nonces", |b| Nonces::open(b, &old, w.epoch));
    let mut slots = order_slots(b, s, run, w, &head, &owner, &held, &mut nonces);
    let touch_hash = b.scoped("touch hash", |b| touch_hash(b, s, &head, &owner, &slots));
    let (payout, losses) = offer(b, s, w, &head, &funds, &held, &mut slots);
    let admission = b.scoped("margin claims", |b| margin::admit(b, w, &s.context, &funds.floor, &positions, &losses));
    b.scoped("identities", |b| sum_positions(b, s, run, &old, &admission, &positions, &losses));
    let fills = fill_orders(b, s, run, w, &slots, &admission);
    let credit = b.scoped("head", |b| credit(b, w, &head));
    run.fees = &run.fees - &credit;
    let paid = b.mul(&admission.admitted, &payout.amount);
    let cash = new_cash(&funds, &fills, &paid, &credit);
    let bitmap = new_bitmap(b, &nonces, &slots, &fills, &admission);
    let new_positions = b.scoped("new leaf", |b| account::new_positions(b, p, w.new.as_ref()));
    b.scoped("netting", |b| net(b, &s.challenges.beta, &old, &held, &fills, &new_positions));
    let words =
        b.scoped("new leaf", |b| account::new_words(b, &cash, &nonces.epoch, &bitmap, &old.updates, &new_positions));
    let outcomes = outcome_words(b, &slots, &fills, &admission);
    let sealed = b.scoped("encryption", |b| encrypt(b, s, &head, &owner, &words, &outcomes));
    let new_hash = account::close(b, &owner.owner, &words, &sealed.salt);
    let new_value = b.mul(&head.exists, &new_hash);
    b.scoped("state tree", |b| update_root(b, run, w, &head, &old, &new_value));
    let recipient = recipient(b, &slots, &admission);
    let published = Published {
        head: &head,
        owner: &owner.owner,
        touch_hash: &touch_hash,
        leaf: &new_value,
        recipient: &recipient,
        paid: &paid,
        sealed: &sealed,
    };
    let data = b.scoped("public words", |b| publish(b, s, run, &published));
    let expired = Lc::pack(&old.positions.iter().map(|x| x.expired.clone()).collect::<Vec<_>>(), 1);
    absorb(b, run, &data, &expired, &outcomes, &positions, &admission);
}

/// Owner hash from key, viewing key and subaccount.
fn owner(b: &mut Builder, w: &TouchWitness) -> Owner {
    let key = (b.witness("key x", w.holder.key.x), b.witness("key y", w.holder.key.y));
    let viewing_key = b.witness("viewing key", w.holder.viewing_key);
    let subaccount = b.witness("subaccount", F::from(w.holder.subaccount));
    let owner = poseidon::hash(b, &[key.0.clone(), key.1.clone(), viewing_key.clone(), subaccount]);
    let owner = b.materialize(&owner);
    Owner { viewing_key, owner, key }
}

/// Liveness, index, deposit or exit request, and whether the account exists after the deposit.
fn head(b: &mut Builder, p: &Params, run: &mut Running, w: &TouchWitness, old: &OldLeaf) -> Head {
    let zero = Lc::zero();
    let live = b.boolean("live", w.live);
    let exit = b.boolean("exit", w.exit);
    let amount = range::ranged(b, "deposit or request", F::from(w.amount), 64);
    let requested = b.mul(&exit, &amount);
    let deposit = &amount - &requested;
    let no_deposit = b.is_zero("no deposit", &deposit);
    let opens = b.mul(&old.empty, &no_deposit.not());
    let exists = &old.empty.not() + &opens;
    b.enforce("padding has no account and no exit", &live.not(), &(&old.empty.not() + &exit), &zero);
    b.enforce("padding has no amount", &live.not(), &amount, &zero);
    let (index, index_bits) = range::new_bits(b, "index", F::from(w.index), 3 * p.depth as u32);
    let gap = b.mul(&live, &(&index - &run.next_index));
    range::bits(b, "indices strictly increasing", &gap, 3 * p.depth as u32);
    run.next_index = &(&run.next_index + &gap) + &live;
    Head { live, exit, exists, opens, amount, deposit, requested, index: b.materialize(&index), index_bits }
}

/// Values of positions as claimed; the margin identity binds them.
fn claimed_positions(b: &mut Builder, w: &TouchWitness) -> Positions {
    Positions {
        mark: b.witness("mark value", from_i128(w.mark_value)),
        expiry: b.witness("expiry value", from_i128(w.expiry_value)),
        short: b.witness("short requirement", from_i128(w.short_requirement)),
    }
}

/// All order slots through test 7, with signatures and look-ups.
#[allow(clippy::too_many_arguments)] // one argument a thing that the slots read or advance
fn order_slots(
    b: &mut Builder,
    s: &Shared<'_>,
    run: &mut Running,
    w: &TouchWitness,
    head: &Head,
    owner: &Owner,
    held: &Held,
    nonces: &mut Nonces,
) -> Vec<Slot> {
    let orders: Vec<OrderVars> =
        w.orders.iter().map(|o| b.scoped("order fields", |b| order::fields(b, o, &s.domain, &head.index))).collect();
    b.scoped("order fields", |b| layout(b, head, &orders));
    let checked: Vec<Lc> = orders.iter().map(|o| b.mul(&o.active, &head.exists)).collect();
    // Active slots come first: a touch whose first slot is not checked checks no signature and asks nothing of the key, so that
    // no deposit or exit request of an unusable key blocks a batch.
    let (key_x, key_y) = &owner.key;
    let key = b.scoped("owner and key", |b| PreparedKey::new(b, key_x, key_y, &checked[0]));
    for ((order, witness), checked) in orders.iter().zip(&w.orders).zip(&checked) {
        b.scoped("signatures", |b| eddsa::verify(b, &key, &order.hash, &witness.sealed.signature, checked));
        let remaining = (&s.challenges.gamma - &order.sequence).add_constant(-F::from(1u64));
        let factor = b.mul(&order.active, &remaining).add_constant(F::from(1u64));
        run.product = b.mul(&run.product, &factor);
    }
    let windows: Vec<LiveOrder> = b.scoped("nonces", |b| {
        let windows = orders.iter().map(|o| live_order(b, s, head, nonces, o)).collect();
        nonces.close(b);
        windows
    });
    let mut room = Room { held: held.ids.clone(), traded: Vec::new(), count: held.count.clone() };
    let mut slots = Vec::with_capacity(orders.len());
    for ((order, window), witness) in orders.into_iter().zip(windows).zip(&w.orders) {
        let (row, term) = b.scoped("order rows", |b| {
            order::look_up(b, s.params, &witness.row, &order.instrument, &s.challenges, &mut run.transcript)
        });
        run.lookups = &run.lookups + &term;
        let standing =
            b.scoped("order tests", |b| order::tests(b, s.params, &order, &row, &s.context, nonces, &mut room, window));
        let offered = b.mul(&standing.trade, &order.quantity);
        slots.push(Slot { order, row, standing, offered, candidate: None });
    }
    run.lookups = b.materialize(&run.lookups);
    slots
}

/// Tests 1 and 2 of an order and its effect on the nonce epoch.
fn live_order(b: &mut Builder, s: &Shared<'_>, head: &Head, nonces: &mut Nonces, o: &OrderVars) -> LiveOrder {
    let has_account = b.mul(&o.active, &head.exists);
    let inside = order::window(b, o, &s.context);
    let in_window = b.mul(&has_account, &inside);
    let current = nonces.raise(b, o, &in_window);
    LiveOrder { has_account, in_window, current }
}

/// Active slots first, none in padding or beside an exit, at most one withdrawal, sequence numbers increasing.
fn layout(b: &mut Builder, head: &Head, orders: &[OrderVars]) {
    let zero = Lc::zero();
    let active = Lc::sum(orders.iter().map(|o| &o.active));
    b.enforce("no orders in padding", &head.live.not(), &active, &zero);
    b.enforce("no orders beside an exit", &head.exit, &active, &zero);
    let withdrawals = Lc::sum(orders.iter().map(|o| &o.withdraw));
    b.enforce("one withdrawal", &withdrawals, &withdrawals.not(), &zero);
    for pair in orders.windows(2) {
        b.enforce("active slots first", &pair[0].active.not(), &pair[1].active, &zero);
        let step = (&pair[1].sequence - &pair[0].sequence).add_constant(-F::from(1u64));
        let step = b.mul(&pair[1].active, &step);
        range::bits(b, "sequence numbers increase", &step, 32);
    }
}

/// `L`: the touch's orders, sequence numbers and derived salt.
fn touch_hash(b: &mut Builder, s: &Shared<'_>, head: &Head, owner: &Owner, slots: &[Slot]) -> Lc {
    let mut parts: Vec<Lc> = slots.iter().map(|x| b.mul(&x.order.active, &x.order.hash)).collect();
    let sequences: Vec<Lc> = slots.iter().map(|x| x.order.sequence.clone()).collect();
    parts.extend(sequences.chunks(7).map(|seven| Lc::pack(seven, 32)));
    let salt = poseidon::sponge(
        b,
        TAG_SEAL,
        &[owner.viewing_key.clone(), s.domain.clone(), head.index.clone(), s.context.batch.clone()],
    );
    parts.push(salt);
    poseidon::sponge(b, TAG_TOUCH, &parts)
}

/// Tests 8 and 9, the amount to pay out, and the losses of the survivors.
fn offer(
    b: &mut Builder,
    s: &Shared<'_>,
    w: &TouchWitness,
    head: &Head,
    funds: &Funds,
    held: &Held,
    slots: &mut [Slot],
) -> (Payout, Vec<Lc>) {
    let offered = Lc::sum(slots.iter().map(|x| &x.offered));
    let in_range = b.scoped("funds", |b| margin::in_range(b, funds, held, &offered));
    let (mut buys, mut withdrawal, mut minimum) = (Lc::zero(), Lc::zero(), Lc::zero());
    for slot in slots.iter_mut() {
        let candidate = margin::candidate(b, &slot.standing, &slot.offered, &in_range);
        let value = b.mul(&candidate.quantity, &slot.order.limit);
        buys = &buys + &b.mul(&value, &slot.order.side);
        let quantity = b.mul(&candidate.withdraw, &slot.order.quantity);
        withdrawal = &withdrawal + &b.mul(&quantity, &slot.order.limit);
        let charge = b.mul(&candidate.quantity, &slot.row.minimum);
        minimum = &minimum + &b.mul(&charge, &slot.order.side.not());
        slot.candidate = Some(candidate);
    }
    let (requested, exit, rate) = (&head.requested, &head.exit, &s.context.rate);
    let payout = b.scoped("payout", |b| margin::payout(b, w, funds, &buys, &withdrawal, requested, exit, rate));
    let outflow = &payout.amount.scale(F::from(TOKEN / 10_000)) + &minimum;
    let sure = b.mul(&s.context.den, &outflow);
    let mut losses = vec![-&sure; s.params.scenarios + 1];
    b.scoped("scenario losses", |b| {
        for slot in slots.iter() {
            let Some(candidate) = &slot.candidate else { continue };
            margin::add_losses(
                b,
                &slot.order,
                &slot.row,
                &candidate.quantity,
                &s.context.den,
                &s.den_rate,
                &mut losses,
            );
        }
    });
    for slot in slots.iter_mut() {
        if let Some(candidate) = &mut slot.candidate {
            candidate.withdraw = b.mul(&candidate.withdraw, &payout.covered);
        }
    }
    (payout, losses)
}

/// Adds the touch's positions to the margin and group-by sums, at its power of θ.
fn sum_positions(
    b: &mut Builder,
    s: &Shared<'_>,
    run: &mut Running,
    old: &OldLeaf,
    admission: &Admission,
    positions: &Positions,
    losses: &[Lc],
) {
    let ch = &s.challenges;
    let term = margin::identity_term(b, s.params, ch, &s.num_powers, admission, positions, losses);
    run.margin = &run.margin + &b.mul(&term, &run.theta_power);
    let term = margin::group_term(b, old, &ch.beta);
    run.groups = &run.groups + &b.mul(&term, &run.theta_power);
    run.theta_power = b.mul(&run.theta_power, &ch.theta);
}

/// Fills all orders and adds to the sums that clear the instruments.
fn fill_orders(
    b: &mut Builder,
    s: &Shared<'_>,
    run: &mut Running,
    w: &TouchWitness,
    slots: &[Slot],
    admission: &Admission,
) -> Vec<(Fill, Lc)> {
    let fills = b.scoped("fills", |b| {
        let mut fills = Vec::with_capacity(slots.len());
        for (slot, witness) in slots.iter().zip(&w.orders) {
            let Some(candidate) = &slot.candidate else { continue };
            let executed = b.mul(&candidate.trade, &admission.admitted);
            let fill =
                auction::fill(b, &slot.order, &slot.row, witness.fill, &executed, &s.context.rate, &s.challenges.beta);
            fills.push((fill, executed));
        }
        fills
    });
    for (fill, _) in &fills {
        run.net = Lc::sum([&run.net, &fill.net_term, &fill.other_terms]);
        run.fees = &run.fees + &fill.fee;
    }
    run.net = b.materialize(&run.net);
    fills
}

/// Fees go to leaf 0 only; the closing circuit compares their sum.
fn credit(b: &mut Builder, w: &TouchWitness, head: &Head) -> Lc {
    let credit = b.witness("fee credit", from_i128(w.credit));
    b.enforce("fees to leaf 0 only", &head.index, &credit, &Lc::zero());
    b.enforce("fees to an open leaf only", &head.exists.not(), &credit, &Lc::zero());
    credit
}

/// Cash after the batch: exact, never rounded.
fn new_cash(funds: &Funds, fills: &[(Fill, Lc)], paid: &Lc, credit: &Lc) -> Lc {
    let mut cash = &(&funds.cash + credit) - &paid.scale(F::from(TOKEN));
    for (fill, _) in fills {
        cash = &(&cash - &fill.premium.scale(F::from(10_000u64))) - &fill.fee;
    }
    cash
}

/// The bitmap with the slots of filled orders and of a withdrawal made.
fn new_bitmap(b: &mut Builder, nonces: &Nonces, slots: &[Slot], fills: &[(Fill, Lc)], admission: &Admission) -> Lc {
    let mut bitmap = nonces.start.clone();
    for (slot, (fill, _)) in slots.iter().zip(fills) {
        let Some(candidate) = &slot.candidate else { continue };
        let withdrawn = b.mul(&candidate.withdraw, &admission.admitted);
        let used = &fill.unfilled.not() + &withdrawn;
        bitmap = &bitmap + &b.mul(&used, &slot.standing.slot_bit);
    }
    bitmap
}

/// Netting, insertion, deletion and expiry of positions, as one identity at β.
fn net(b: &mut Builder, beta: &Lc, old: &OldLeaf, held: &Held, fills: &[(Fill, Lc)], new: &[NewPosition]) {
    let mut terms: Vec<Lc> = fills.iter().map(|(fill, _)| fill.net_term.clone()).collect();
    for (x, quantity) in old.positions.iter().zip(&held.quantities) {
        terms.push(lookup::term(b, "old position", quantity, beta, &x.id));
    }
    for x in new {
        terms.push(-&lookup::term(b, "new position", &x.quantity, beta, &x.id));
    }
    b.zero("positions net", &Lc::sum(&terms));
}

/// `u_j`: fill and first applicable reason of each order.
fn outcome_words(b: &mut Builder, slots: &[Slot], fills: &[(Fill, Lc)], admission: &Admission) -> Vec<Lc> {
    let outcomes: Vec<Lc> =
        slots.iter().zip(fills).map(|(slot, (fill, executed))| outcome(b, slot, fill, executed, admission)).collect();
    outcomes.chunks(7).map(|seven| b.materialize(&Lc::pack(seven, 36))).collect()
}

fn outcome(b: &mut Builder, slot: &Slot, fill: &Fill, executed: &Lc, admission: &Admission) -> Lc {
    let Some(candidate) = &slot.candidate else { return Lc::zero() };
    let st = &slot.standing;
    let withdrawn = b.mul(&candidate.withdraw, &admission.admitted);
    let past_nonce = &(&st.cancelled + &st.withdraw) + &st.trade_nonce;
    let stages: [(Lc, u64); 10] = [
        (&slot.order.active - &st.has_account, 1),
        (&st.has_account - &st.in_window, 2),
        (&st.in_window - &past_nonce, 3),
        (&st.trade_nonce - &st.trade_known, 4),
        (&st.trade_known - &st.trade_open, 5),
        (&st.trade_open - &st.trade_fee, 6),
        (&st.trade_fee - &st.trade, 7),
        (&(&st.trade + &st.withdraw) - &(&candidate.trade + &candidate.in_range_withdraw), 8),
        (&candidate.in_range_withdraw - &candidate.withdraw, 9),
        (&(&candidate.trade + &candidate.withdraw) - &(executed + &withdrawn), 10),
    ];
    let reason = Lc::linear(stages.iter().map(|(refused, code)| (refused, F::from(*code))));
    &fill.fill + &reason.scale(pow2(32))
}

/// Recipient of the withdrawal that is made, else 0.
fn recipient(b: &mut Builder, slots: &[Slot], admission: &Admission) -> Lc {
    let mut recipient = Lc::zero();
    for slot in slots {
        let Some(candidate) = &slot.candidate else { continue };
        let withdrawn = b.mul(&candidate.withdraw, &admission.admitted);
        recipient = &recipient + &b.mul(&withdrawn, &slot.order.recipient);
    }
    recipient
}

/// Encrypted words of a touch.
struct Sealed {
    iv: Lc,
    cipher: Vec<Lc>,
    salt: Lc,
}

/// Pads drawn from a value that depends on all plain words, so that a pad is never used twice; the last pad salts the leaf.
fn encrypt(
    b: &mut Builder,
    s: &Shared<'_>,
    head: &Head,
    owner: &Owner,
    words: &account::NewWords,
    outcomes: &[Lc],
) -> Sealed {
    let state = Lc::linear([(&words.state, F::from(1u64)), (&head.index, pow2(188)), (&words.updates, pow2(209))]);
    let mut plain = vec![state];
    plain.extend(words.positions.iter().cloned());
    plain.extend(outcomes.iter().cloned());
    let mut preimage = vec![owner.viewing_key.clone(), s.domain.clone()];
    preimage.extend(plain.iter().cloned());
    let iv = poseidon::sponge(b, TAG_IV, &preimage);
    let iv = b.materialize(&iv);
    let pads = pad::stream(b, &owner.viewing_key, &s.domain, &head.index, &iv, s.params.pad_blocks());
    let cipher = plain.iter().zip(&pads).map(|(x, pad)| x + pad).collect();
    let salt = b.materialize(&pads[pads.len() - 1]);
    Sealed { iv, cipher, salt }
}

/// The old leaf stands in the tree, the new one takes its place; padding leaves the root alone.
fn update_root(b: &mut Builder, run: &mut Running, w: &TouchWitness, head: &Head, old: &OldLeaf, new: &Lc) {
    let (before, after) = merkle::update(b, &head.index_bits, &w.path, &old.value, new);
    b.enforce("old leaf under the root", &head.live, &(&before - &run.root), &Lc::zero());
    run.root = &run.root + &b.mul(&head.live, &(&after - &run.root));
}

/// What goes into the data words.
struct Published<'a> {
    head: &'a Head,
    owner: &'a Lc,
    touch_hash: &'a Lc,
    leaf: &'a Lc,
    recipient: &'a Lc,
    paid: &'a Lc,
    sealed: &'a Sealed,
}

/// Words of the touch (section 8), gated so that padding and missing accounts publish zeros. Open and
/// encrypted ones run into a value each: nobody who vouches for the encrypted ones has a say in what the open ones are.
fn publish(b: &mut Builder, s: &Shared<'_>, run: &mut Running, x: &Published<'_>) -> Vec<Lc> {
    let head = x.head;
    let index = b.mul(&head.live, &head.index);
    let first = Lc::linear([
        (&index, F::from(1u64)),
        (&head.live, pow2(21)),
        (&head.exit, pow2(22)),
        (&head.opens, pow2(23)),
        (&head.amount, pow2(24)),
        (x.paid, pow2(88)),
    ]);
    let mut words =
        vec![first, b.mul(&head.live, x.touch_hash), x.leaf.clone(), b.mul(&head.opens, x.owner), x.recipient.clone()];
    words.push(b.mul(&head.exists, &x.sealed.iv));
    words.extend(x.sealed.cipher.iter().map(|c| b.mul(&head.exists, c)));
    debug_assert_eq!(words.len(), s.params.words_per_touch());
    let (open, encrypted) = words.split_at(OPEN_WORDS);
    for (value, part) in [(&mut run.open, open), (&mut run.encrypted, encrypted)] {
        for word in part {
            *value = &b.mul(value, &s.challenges.z) + word;
        }
    }
    words
}

/// Binds the touch before the challenges (section 7, table of transcript elements).
fn absorb(
    b: &mut Builder,
    run: &mut Running,
    words: &[Lc],
    expired: &Lc,
    outcomes: &[Lc],
    positions: &Positions,
    admission: &Admission,
) {
    let offset = pow2(margin::CLAIM_BITS - 1);
    let claims: Vec<Lc> = admission.claims.iter().map(|c| c.add_constant(offset)).collect();
    let touch_word = &words[0] + &expired.scale(pow2(162));
    let mut elements = vec![touch_word, words[1].clone(), words[2].clone(), words[4].clone()];
    elements.extend(outcomes.iter().cloned());
    elements.extend([positions.mark.clone(), positions.expiry.clone(), positions.short.clone()]);
    elements.extend(claims.chunks(3).map(|three| Lc::pack(three, 84)));
    for element in &elements {
        run.transcript.absorb(b, element);
    }
}
