// Margin of an account in every scenario (docs/protocol.md section 6), from its leaf and the epoch's risk table: exact, in BigInt.

const CASH_A_VALUE = 10_000n;

const floor = (value, by) => (value - (((value % by) + by) % by)) / by;

/**
 * What is left of the initial requirement, C of the protocol without orders, a scenario at a time and the mark last; in 1/den price
 * unit × lot. `rows` maps an instrument to {mark, shortMinimum, values}; `settled` maps one that has expired to its value.
 */
export function margin({ cash, positions }, rows, { num, den }, scenarios, settled = new Map()) {
  let money = cash;
  const open = [];
  for (const { instrument, quantity } of positions) {
    const row = rows.get(instrument);
    if (row) open.push({ quantity, ...row });
    else if (settled.has(instrument)) money += CASH_A_VALUE * quantity * settled.get(instrument);
    else throw new Error(`instrument ${instrument} has neither a row in the risk table nor a settlement value`);
  }
  const base = floor(money, CASH_A_VALUE);
  const worth = (value) => open.reduce((sum, place) => sum + place.quantity * value(place), base);
  const mark = worth((place) => place.mark);
  const minimum = open.reduce(
    (sum, place) => (place.quantity < 0n ? sum - place.quantity * place.shortMinimum : sum),
    0n,
  );
  const [n, d] = [BigInt(num), BigInt(den)];
  const claims = Array.from(
    { length: scenarios },
    (_, s) => n * worth((place) => place.values[s]) - (n - d) * mark - d * minimum,
  );
  claims.push(d * mark - d * minimum);
  return { claims, mark, minimum };
}

/** The place of the least claim: the scenario that binds, or the mark. */
export function binding(claims) {
  return claims.reduce((least, claim, i) => (claim < claims[least] ? i : least), 0);
}
