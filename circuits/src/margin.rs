//! Admission of a touch: range of balances, coverage of a withdrawal, portfolio margin over the scenarios.
//!
//! Scenario values of positions are not looked up one by one: the claims C_s are witnesses, and the margin identity ties all of
//! them, over all accounts of the batch, to the risk table at once (docs/protocol.md, section 7).

use tacit_core::field::{F, from_i128, pow2, to_i128};
use tacit_core::params::Params;

use crate::account::OldLeaf;
use crate::builder::{Builder, Lc};
use crate::context::{ChallengeVars, ContextVars};
use crate::gadgets::{lookup, range};
use crate::order::{OrderVars, RowVars, Standing};
use crate::statement::TouchWitness;

/// Bits of `W − t`, offset.
const LOSS_BITS: u32 = 47;
/// Bits of a fee reserve: rate < 10⁴ and den ≤ 4, so it is at most four limits.
const RESERVE_BITS: u32 = 44;
/// Bits of a claim, offset.
pub const CLAIM_BITS: u32 = 83;
/// Bits of ⌊cash/10⁴⌋, offset.
const FLOOR_BITS: u32 = 79;
/// Cash units in a value unit.
const VALUE: u64 = 10_000;
/// Cash units in a token unit.
pub const TOKEN: u64 = 100_000_000;

/// The signed integer a combination stands for; 0 if a cheating witness made it none, and the rows refuse it then.
fn integer(x: &Lc) -> i128 {
    to_i128(&x.value()).unwrap_or(0)
}

/// Cash after deposit and expiry, with its floor.
pub struct Funds {
    /// Cash units.
    pub cash: Lc,
    /// ⌊cash/10⁴⌋, value units.
    pub floor: Lc,
    /// 1 if cash ≥ 0.
    pub positive: Lc,
}

/// Cash of the old leaf with the deposit and the expired positions' value.
pub fn funds(b: &mut Builder, old: &OldLeaf, deposit: &Lc, expiry_value: &Lc) -> Funds {
    let cash = Lc::linear([(&old.cash, F::from(1u64)), (deposit, F::from(TOKEN)), (expiry_value, F::from(VALUE))]);
    let value = integer(&cash);
    let remainder = range::ranged(b, "cash remainder", from_i128(value.rem_euclid(i128::from(VALUE))), 14);
    range::bits(b, "cash remainder below 10⁴", &Lc::constant(F::from(VALUE - 1)).sub(&remainder), 14);
    let (floor, positive) =
        range::ranged_signed_bits(b, "cash floor", from_i128(value.div_euclid(i128::from(VALUE))), FLOOR_BITS);
    b.equal("cash = 10⁴·floor + remainder", &(&floor.scale(F::from(VALUE)) + &remainder), &cash);
    Funds { cash, floor, positive }
}

/// Unexpired positions of the old leaf.
pub struct Held {
    /// Ids, 0 where expired or empty.
    pub ids: Vec<Lc>,
    /// Quantities, 0 where expired or empty.
    pub quantities: Vec<Lc>,
    /// Σ |q|.
    pub absolute: Lc,
    /// How many there are.
    pub count: Lc,
}

/// Drops the expired positions and adds up the rest.
pub fn held(b: &mut Builder, old: &OldLeaf) -> Held {
    let mut ids = Vec::new();
    let mut quantities = Vec::new();
    let mut absolute = Lc::zero();
    let mut count = Lc::zero();
    for x in &old.positions {
        let stays = x.expired.not();
        let id = b.mul(&stays, &x.id);
        let quantity = b.mul(&stays, &x.quantity);
        let negative = b.mul(&x.short, &quantity);
        absolute = &(&absolute + &quantity) - &negative.scale(F::from(2u64));
        count = &count + &b.is_zero("position expired or empty", &id).not();
        ids.push(id);
        quantities.push(quantity);
    }
    Held { ids, quantities, absolute, count: b.materialize(&count) }
}

/// An order that came through tests 1 to 9, as margin sees it.
pub struct Candidate {
    /// 1 if a trade that passed test 8.
    pub trade: Lc,
    /// 1 if a withdrawal that passed test 8.
    pub in_range_withdraw: Lc,
    /// 1 if a withdrawal that passed test 9.
    pub withdraw: Lc,
    /// Quantity if a surviving trade, else 0.
    pub quantity: Lc,
}

/// Test 8: balances and orders together stay in range.
pub fn in_range(b: &mut Builder, funds: &Funds, held: &Held, offered: &Lc) -> Lc {
    let sign = funds.positive.scale(F::from(2u64)).add_constant(-F::from(1u64));
    let magnitude = b.mul(&sign, &funds.floor);
    let load = Lc::linear([(&magnitude, F::from(1u64)), (&held.absolute, pow2(43)), (offered, pow2(43))]);
    range::is_non_negative(b, "balances in range", &Lc::constant(pow2(77) - F::from(1u64)).sub(&load), 84)
}

/// What a touch wants to pay out and whether cash covers it.
pub struct Payout {
    /// Token units that margin tests: the covered withdrawal, or an exit's amount.
    pub amount: Lc,
    /// 1 if cash covers the orders at their limits, fees and the withdrawal.
    pub covered: Lc,
}

/// Test 9 and the amount of an exit: min(requested, ⌊cash/10⁸⌋), 0 if cash is negative.
#[allow(clippy::too_many_arguments)] // one argument a thing compared
pub fn payout(
    b: &mut Builder,
    w: &TouchWitness,
    funds: &Funds,
    buys: &Lc,
    withdrawal: &Lc,
    requested: &Lc,
    exit: &Lc,
    rate: &Lc,
) -> Payout {
    let paid = range::ranged(b, "exit amount", F::from(w.exit_payment), 64);
    let cost = b.mul(&rate.add_constant(F::from(VALUE)), buys);
    let rest = &(&(&funds.cash - &cost) - &withdrawal.scale(F::from(TOKEN))) - &paid.scale(F::from(TOKEN));
    let covered = range::is_non_negative(b, "withdrawal covered", &rest, 103);
    exit_amount(b, funds, &paid, requested, exit, &rest, &covered);
    let amount = &b.mul(&covered, withdrawal) + &paid;
    Payout { amount, covered }
}

fn exit_amount(b: &mut Builder, funds: &Funds, paid: &Lc, requested: &Lc, exit: &Lc, rest: &Lc, covered: &Lc) {
    let zero = Lc::zero();
    let short = requested - paid;
    range::bits(b, "exit pays at most what was asked", &short, 64);
    b.enforce("exit pays nothing from negative cash", &funds.positive.not(), paid, &zero);
    let can = b.mul(exit, &funds.positive);
    b.enforce("exit pays at most cash", &can, &covered.not(), &zero);
    let partial = b.is_zero("exit paid in full", &short).not();
    let partial = b.mul(&can, &partial);
    let left = integer(rest).clamp(0, i128::from(TOKEN) - 1);
    let left = range::ranged(b, "exit remainder", from_i128(left), 27);
    range::bits(b, "exit remainder below 10⁸", &Lc::constant(F::from(TOKEN - 1)).sub(&left), 27);
    b.enforce("exit pays all cash or all asked", &partial, &(rest - &left), &zero);
}

/// `f = ⌈den·rate·limit/10⁴⌉`: the fee reserve of one lot, in margin units.
///
/// Ranged, for as a quotient in the field it could be a fraction: W would then be ranged against a fraction, and the packed words
/// of W that bind it before the challenges would have several readings.
fn fee_reserve(b: &mut Builder, limit: &Lc, den_rate: &Lc) -> Lc {
    let product = b.mul(limit, den_rate);
    let ten4 = i128::from(VALUE);
    let value = integer(&product);
    let reserve = range::ranged(b, "fee reserve", from_i128((value + ten4 - 1).div_euclid(ten4)), RESERVE_BITS);
    let excess = &reserve.scale(F::from(VALUE)) - &product;
    range::bits(b, "fee remainder", &excess, 14);
    range::bits(b, "fee remainder below 10⁴", &Lc::constant(F::from(VALUE - 1)).sub(&excess), 14);
    reserve
}

/// Adds one order's losses to `D_s`, a scenario at a time: `min(0, ±Q·(W − den·l) − Q·f)`.
///
/// With `t = den·l ± f` and `g = [W ≥ t]` this is `(side − g)·(W − t)·Q`. t is an integer, so the range of `W − t` makes W one in
/// a window of 2⁴⁷, which its 50-bit slots in the transcript hold.
pub fn add_losses(
    b: &mut Builder,
    o: &OrderVars,
    row: &RowVars,
    quantity: &Lc,
    den: &Lc,
    den_rate: &Lc,
    losses: &mut [Lc],
) {
    let reserve = fee_reserve(b, &o.limit, den_rate);
    let limit = b.mul(&o.limit, den);
    let threshold = &limit + &b.mul(&o.sign, &reserve);
    let threshold = b.materialize(&threshold);
    for (value, loss) in row.losses.iter().zip(losses) {
        let gain = value - &threshold;
        let above = range::is_non_negative(b, "scenario value against the limit", &gain, LOSS_BITS);
        let losing = b.mul(&(&o.side - &above), &gain);
        *loss = &*loss + &b.mul(&losing, quantity);
    }
}

/// What the prover claims of a touch's positions, bound by the margin identity.
pub struct Positions {
    /// Σ q·mark.
    pub mark: Lc,
    /// Σ expired q·value.
    pub expiry: Lc,
    /// Σ −q·minimum of shorts.
    pub short: Lc,
}

/// Result of test 10.
pub struct Admission {
    /// 1 if the touch's orders are admitted.
    pub admitted: Lc,
    /// `C_0 … C_{S−1}, C_mark`, each + 2⁸².
    pub claims: Vec<Lc>,
    /// `num·xm`, `den·(⌊cash⌋ + xm − R)`: shared with the identity.
    num_mark: Lc,
    den_base: Lc,
}

/// Test 10: for every scenario and at the mark, C ≥ 0 or D = 0.
pub fn admit(
    b: &mut Builder,
    w: &TouchWitness,
    context: &ContextVars,
    floor: &Lc,
    positions: &Positions,
    losses: &[Lc],
) -> Admission {
    let num_mark = b.mul(&context.num, &positions.mark);
    let den_base = b.mul(&context.den, &(&(floor + &positions.mark) - &positions.short));
    // C_s = num·(⌊cash⌋ + x_s) − (num − den)·(⌊cash⌋ + xm) − den·R + D_s = num·x_s − num·xm + den·(⌊cash⌋ + xm − R) + D_s
    let scenarios = losses.len() - 1;
    let mut claims = Vec::with_capacity(losses.len());
    let mut refusals = Lc::zero();
    for (s, loss) in losses.iter().enumerate() {
        let value = if s < scenarios {
            context.num.value() * from_i128(w.scenario_values[s]) - num_mark.value() + den_base.value() + loss.value()
        } else {
            den_base.value() + loss.value()
        };
        let (claim, holds) = range::ranged_signed_bits(b, "margin claim", value, CLAIM_BITS);
        let unaffected = b.is_zero("no loss in the scenario", loss);
        refusals = &refusals + &b.mul(&holds.not(), &unaffected.not());
        claims.push(claim);
    }
    b.equal("claim at the mark", &claims[scenarios], &(&den_base + &losses[scenarios]));
    let admitted = b.is_zero("margin holds", &refusals);
    Admission { admitted, claims, num_mark, den_base }
}

/// The touch's left side of the margin identity, before its power of θ:
/// `Σ num·x_s·y^s + num·(xm·y^S + E·y^{S+1} + R·y^{S+2})`.
pub fn identity_term(
    b: &mut Builder,
    p: &Params,
    ch: &ChallengeVars,
    num_powers: &[Lc; 3],
    admission: &Admission,
    positions: &Positions,
    losses: &[Lc],
) -> Lc {
    let mut sum = Lc::zero();
    for s in (0..p.scenarios).rev() {
        sum = &b.mul(&sum, &ch.y_powers[1]) + &(&admission.claims[s] - &losses[s]);
    }
    let base = b.mul(&(&admission.num_mark - &admission.den_base), &ch.y_sum);
    let mark = b.mul(&positions.mark, &num_powers[0]);
    let expiry = b.mul(&positions.expiry, &num_powers[1]);
    let short = b.mul(&positions.short, &num_powers[2]);
    Lc::sum(&[sum, base, mark, expiry, short])
}

/// The touch's positions by key: `Σ q/(β − id − 2³²·short − 2³³·expired)`.
pub fn group_term(b: &mut Builder, old: &OldLeaf, beta: &Lc) -> Lc {
    let terms: Vec<Lc> = old
        .positions
        .iter()
        .map(|x| {
            let key = Lc::linear([(&x.id, F::from(1u64)), (&x.short, pow2(32)), (&x.expired, pow2(33))]);
            lookup::term(b, "position by key", &x.quantity, beta, &key)
        })
        .collect();
    Lc::sum(&terms)
}

/// Candidates after tests 8 and 9.
pub fn candidate(b: &mut Builder, standing: &Standing, offered: &Lc, in_range: &Lc) -> Candidate {
    let trade = b.mul(&standing.trade, in_range);
    let in_range_withdraw = b.mul(&standing.withdraw, in_range);
    let quantity = b.mul(offered, in_range);
    Candidate { trade, withdraw: in_range_withdraw.clone(), in_range_withdraw, quantity }
}
