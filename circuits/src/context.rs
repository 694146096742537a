//! What all touches of a proof share: the batch's context taken apart, challenges and their powers.
//!
//! The context is one public word; its parts are range-checked here, once a proof, so that fee rate, batch numbers and margin
//! ratio are those the contract fixed at the seal.

use tacit_core::batch::Context;
use tacit_core::field::{F, pow2};

use crate::builder::{Builder, Lc};
use crate::gadgets::range;

/// Parts of the context that the circuits use.
pub struct ContextVars {
    /// Batch number.
    pub batch: Lc,
    /// Last batch that was void.
    pub last_void: Lc,
    /// Basis points of the premium.
    pub rate: Lc,
    /// Numerator of the initial margin ratio.
    pub num: Lc,
    /// Denominator of the initial margin ratio.
    pub den: Lc,
}

/// Takes the public word apart: 32, 32, 40, 14, 3 and 3 bits.
pub fn open(b: &mut Builder, word: &Lc, value: &Context) -> ContextVars {
    let parts = [
        (u64::from(value.batch), 32u32),
        (u64::from(value.last_void), 32),
        (value.time, 40),
        (u64::from(value.fee_rate), 14),
        (u64::from(value.num), 3),
        (u64::from(value.den), 3),
    ];
    let mut offset = 0;
    let mut vars = Vec::with_capacity(parts.len());
    let mut sum = Lc::zero();
    for (part, bits) in parts {
        let var = range::ranged(b, "context part", F::from(part), bits);
        sum = &sum + &var.scale(pow2(offset));
        offset += bits;
        vars.push(var);
    }
    b.equal("context", &sum, word);
    ContextVars {
        batch: vars[0].clone(),
        last_void: vars[1].clone(),
        rate: vars[3].clone(),
        num: vars[4].clone(),
        den: vars[5].clone(),
    }
}

/// The challenges as wires, with the powers of y.
pub struct ChallengeVars {
    /// `y⁰ … y^{S+2}`.
    pub y_powers: Vec<Lc>,
    /// `y⁰ + … + y^{S−1}`.
    pub y_sum: Lc,
    /// Combines accounts.
    pub theta: Lc,
    /// Point of the sequence product.
    pub gamma: Lc,
    /// Point of the log-derivatives.
    pub beta: Lc,
    /// Data point.
    pub z: Lc,
}

/// Computes the powers of y that the identities use.
pub fn challenges(b: &mut Builder, scenarios: usize, [y, theta, gamma, beta, z]: [Lc; 5]) -> ChallengeVars {
    let mut y_powers = vec![Lc::one(), y.clone()];
    while y_powers.len() < scenarios + 3 {
        let next = b.mul(&y_powers[y_powers.len() - 1], &y);
        y_powers.push(next);
    }
    let y_sum = Lc::sum(&y_powers[..scenarios]);
    let y_sum = b.materialize(&y_sum);
    ChallengeVars { y_powers, y_sum, theta, gamma, beta, z }
}
