// Which nonce an order gets (docs/protocol.md section 4, test 3), and how far the relayer is believed about it.
//
// An order of a later epoch ends all older ones, and one of the highest leaves an account that never trades again. The relayer names the
// epoch, and whoever holds the viewing key, as the operator does, could make up the words that an account is read from. So an epoch is
// believed a little above what the page has signed and what a node of the trader's own has confirmed, and never where it would end an
// order that was signed here.

const LIVE = ["waiting", "receipted", "sealed"];
const SLOTS = 64;
const LEAP = 64; // epochs that other clients of the same seed may have raised

/**
 * An order with the account and a free nonce; a cancel raises the epoch. `own.signed` are the orders that were sent from here by hash,
 * `own.proven` is the epoch that a node has confirmed, `next` the oldest batch that an order sent now can be in.
 */
export function placed(order, own, next) {
  const { raises_epoch: raises, ...plain } = order;
  const leaf = own.reading?.leaf ?? {
    epoch: own.account.nonce?.epoch ?? 0,
    bitmap: BigInt(own.account.nonce?.bitmap ?? 0),
  };
  const told = own.orders.filter(({ state, content }) => LIVE.includes(state) && content).map(({ content }) => content);
  const signed = [...own.signed.values()].filter(({ ended }) => !ended);
  const named = Math.max(leaf.epoch, ...told.map(({ epoch }) => epoch));
  believe(named, own);
  if (!raises) spare(named, signed, own.proven, next);
  const newest = Math.max(named, ...signed.map((sent) => sent.order.epoch));
  const epoch = newest + (raises ? 1 : 0);
  // Whatever the relayer tells of them: it could have one order take the place of another that it gave a receipt for.
  const held = signed.filter((sent) => sent.answered && sent.order.last_batch >= next);
  const taken = [...told, ...held.map((sent) => sent.order)].filter((each) => each.epoch === epoch);
  const used = (slot) =>
    taken.some((each) => each.slot === slot) || (epoch === leaf.epoch && (leaf.bitmap >> BigInt(slot)) & 1n);
  const slot = Array.from({ length: SLOTS }, (_, i) => i).find((i) => !used(i));
  if (slot === undefined) throw new Error("all 64 nonces of this epoch are used: cancel all older orders first");
  return { ...plain, account: own.account.account, epoch, slot };
}

/** Refuses an epoch far above every one that is known otherwise. */
function believe(named, own) {
  const known = Math.max(own.proven, ...[...own.signed.values()].map(({ order }) => order.epoch));
  if (named > known + LEAP)
    throw new Error(
      `the relayer names nonce epoch ${named}, and this page knows none above ${known} otherwise: nothing is signed for it. If it is right, name your own node below and compare the account with its chain`,
    );
}

/** Refuses an epoch that would end an order which was signed here and may still be executed, unless an own cancel has ended it. */
function spare(named, signed, proven, next) {
  const cancels = signed.filter(({ order }) => order.kind === "cancel");
  const ended = Math.max(proven, ...cancels.map(({ order }) => order.epoch));
  const living = signed.filter(({ order }) => order.last_batch >= next && order.epoch >= ended);
  const least = Math.min(...living.map(({ order }) => order.epoch));
  if (named > least)
    throw new Error(
      `the relayer names nonce epoch ${named}, which would end an order of epoch ${least} that was sent from here: nothing is signed for it. Cancel all older orders if that is meant, or name your own node below and compare the account with its chain`,
    );
}
