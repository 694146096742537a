//! Initial margin of an account's surviving orders, scenario by scenario.
//!
//! Section 6 of `docs/protocol.md`. For every scenario s and for the mark: `C_s` is what is left of the account's requirement after the worst
//! partial execution of its orders, `D_s ≤ 0` how much of that the orders take. Both are den-ths of a unit of value (price unit × lot).
//! The orders are admitted together exactly when `C_s ≥ 0` or `D_s = 0` everywhere.

use crate::batch::Context;
use crate::netting::OpenPosition;
use crate::order::Side;
use crate::risk::{RiskRow, weighted_values};
use crate::units::{CASH_A_VALUE, VALUE_A_TOKEN};

/// A surviving trade, beside the row that values it.
#[derive(Clone, Copy, Debug)]
pub struct TradeRisk<'a> {
    /// Side.
    pub side: Side,
    /// Lots.
    pub quantity: u32,
    /// Limit in price units.
    pub limit: u64,
    /// The instrument's row.
    pub row: &'a RiskRow,
}

/// An account after expiry and deposit, before its orders.
#[derive(Clone, Debug)]
pub struct Portfolio<'a> {
    /// Cash in cash units.
    pub cash: i128,
    /// Unexpired positions.
    pub positions: Vec<OpenPosition<'a>>,
}

impl Portfolio<'_> {
    /// `⌊cash / 10⁴⌋`: cash in units of value.
    #[must_use]
    pub const fn cash_value(&self) -> i128 {
        self.cash.div_euclid(CASH_A_VALUE)
    }

    /// Σ|q| over the positions, in lots.
    #[must_use]
    pub fn gross_lots(&self) -> i128 {
        self.positions.iter().map(|open| i128::from(open.position.quantity).abs()).sum()
    }
}

/// A scenario of the risk table, or the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// The scenario of this number, from 0.
    Number(usize),
    /// The mark.
    Mark,
}

/// The first scenario in which margin fails, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The scenario.
    pub scenario: Scenario,
    /// Cash units that would have to be added for the scenario to hold, rounded up.
    pub shortfall: i128,
    /// Cash units that the orders themselves lose in the scenario at worst, rounded up.
    pub worst_loss: i128,
}

/// Margin of an account with its surviving orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// `Σ q·V_s` of the positions, in units of value.
    pub values: Vec<i128>,
    /// `Σ q·mark` of the positions.
    pub mark_value: i128,
    /// R: short minimum of the short positions, in units of value.
    pub short_requirement: i128,
    /// D_0 … D_{S−1}, D_mark.
    pub losses: Vec<i128>,
    /// C_0 … C_{S−1}, C_mark.
    pub claims: Vec<i128>,
}

impl Assessment {
    /// Whether margin holds in every scenario and at the mark.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.claims.iter().zip(&self.losses).all(|(claim, loss)| *claim >= 0 || *loss == 0)
    }

    /// The first scenario, the mark last, in which margin fails.
    #[must_use]
    pub fn first_failure(&self, context: &Context) -> Option<Failure> {
        first_failure(&self.claims, &self.losses, context)
    }
}

/// The first scenario, the mark last, in which claims and losses of an account fail: see [`Assessment::first_failure`].
#[must_use]
pub fn first_failure(claims: &[i128], losses: &[i128], context: &Context) -> Option<Failure> {
    let at = claims.iter().zip(losses).position(|(claim, loss)| *claim < 0 && *loss != 0)?;
    let scenario = scenario_at(at, claims.len());
    Some(Failure { scenario, shortfall: cash_of(-claims[at], context), worst_loss: cash_of(-losses[at], context) })
}

/// Margin of an account in one scenario, in cash units: what its owner is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScenarioMargin {
    /// The scenario.
    pub scenario: Scenario,
    /// What the account has above its initial margin before its orders, rounded down.
    pub before: i128,
    /// What the orders take at worst, executed in any part; not negative, rounded up.
    pub worst_loss: i128,
    /// Whether the orders may pass here: margin is left after the worst, or the orders take nothing.
    pub holds: bool,
}

/// Margin scenario by scenario, the mark last, from claims and losses of an account.
#[must_use]
pub fn by_scenario(claims: &[i128], losses: &[i128], context: &Context) -> Vec<ScenarioMargin> {
    let told = |(at, (claim, loss)): (usize, (&i128, &i128))| ScenarioMargin {
        scenario: scenario_at(at, claims.len()),
        before: -cash_of(loss - claim, context),
        worst_loss: cash_of(-loss, context),
        holds: *claim >= 0 || *loss == 0,
    };
    claims.iter().zip(losses).enumerate().map(told).collect()
}

fn scenario_at(at: usize, count: usize) -> Scenario {
    if at + 1 == count { Scenario::Mark } else { Scenario::Number(at) }
}

/// Cash units of a number of den-ths of a unit of value, rounded up.
fn cash_of(claim: i128, context: &Context) -> i128 {
    -(-claim * CASH_A_VALUE).div_euclid(i128::from(context.den))
}

/// Computes margin of a portfolio with trades and a withdrawal of token units. `scenarios` is S.
#[must_use]
pub fn assess(
    portfolio: &Portfolio<'_>,
    trades: &[TradeRisk<'_>],
    withdrawal: u128,
    context: &Context,
    scenarios: usize,
) -> Assessment {
    let (num, den) = (i128::from(context.num), i128::from(context.den));
    let cash = portfolio.cash_value();
    let values: Vec<i128> = (0..scenarios).map(|s| position_value(portfolio, |row| row.values[s])).collect();
    let mark_value = position_value(portfolio, |row| row.mark);
    let short_requirement = short_requirement(portfolio);
    let losses = losses(trades, withdrawal, context, scenarios);

    let x_mark = cash + mark_value;
    let base = |s: usize| match values.get(s) {
        Some(value) => num * (cash + value) - (num - den) * x_mark,
        None => den * x_mark,
    };
    let claims = losses.iter().enumerate().map(|(s, loss)| base(s) - den * short_requirement + loss).collect();
    Assessment { values, mark_value, short_requirement, losses, claims }
}

fn position_value(portfolio: &Portfolio<'_>, price: impl Fn(&RiskRow) -> u64) -> i128 {
    portfolio.positions.iter().map(|open| i128::from(open.position.quantity) * i128::from(price(open.row))).sum()
}

fn short_requirement(portfolio: &Portfolio<'_>) -> i128 {
    let shorts = portfolio.positions.iter().filter(|open| open.position.quantity < 0);
    shorts.map(|open| -i128::from(open.position.quantity) * i128::from(open.row.short_minimum)).sum()
}

/// D_0 … D_{S−1}, D_mark.
fn losses(trades: &[TradeRisk<'_>], withdrawal: u128, context: &Context, scenarios: usize) -> Vec<i128> {
    let den = i128::from(context.den);
    let sells = trades.iter().filter(|trade| !trade.side.is_buy());
    let minimum: i128 = sells.map(|trade| i128::from(trade.quantity) * i128::from(trade.row.short_minimum)).sum();
    let certain = -den * (VALUE_A_TOKEN * withdrawal.cast_signed() + minimum);
    let mut losses = vec![certain; scenarios + 1];
    for trade in trades {
        for (loss, weighted) in losses.iter_mut().zip(weighted_values(trade.row, context)) {
            *loss += worst_of(trade, weighted, context);
        }
    }
    losses
}

/// What a trade takes at worst, executed in any part: `min(0, ±Q·(W − den·l) − Q·f)`.
fn worst_of(trade: &TradeRisk<'_>, weighted: i128, context: &Context) -> i128 {
    let quantity = i128::from(trade.quantity);
    let gain =
        i128::from(trade.side.sign()) * quantity * (weighted - i128::from(context.den) * i128::from(trade.limit));
    (gain - quantity * fee_reserve(trade.limit, context)).min(0)
}

/// `f = ⌈den·rate·l / 10⁴⌉`: the fee a lot may cost, in den-ths of a unit of value.
#[must_use]
pub fn fee_reserve(limit: u64, context: &Context) -> i128 {
    let scaled = i128::from(context.den) * i128::from(context.fee_rate) * i128::from(limit);
    (scaled + CASH_A_VALUE - 1) / CASH_A_VALUE
}
