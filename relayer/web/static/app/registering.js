// Making an account known to the operator, who must be able to read it; and the key that this, and every order, is encrypted to.

import { checkKey } from "../crypto/receipts.js";
import { get, post } from "./api.js";
import { el } from "./dom.js";

const WHY =
  "The operator clears and proves your orders, so it must be able to read this account: registering sends it the viewing key of this " +
  "account in this vault, encrypted, and no key that can sign. Register before you deposit: deposits for owners it does not know are " +
  "returned.";

/** The key to encrypt to now, vouched for by the signer of the vault's receipts. `state` is the vault as the keys were opened for it. */
export async function encryptionKey(state) {
  const { keys } = await get("v1/keys");
  if (!keys.length) throw new Error("the relayer has no encryption key in force: nothing can be sent to it now");
  return checkKey(keys[0], {
    signer: state.receipt_signer,
    chainId: BigInt(state.chain_id),
    vault: state.vault,
    now: Math.floor(Date.now() / 1000),
  });
}

/** The panel that registers an account; `done` is called when it is. */
export function registration({ keys, state }, done) {
  const said = el("p", { class: "wrongness", role: "alert" });
  const register = async ({ currentTarget: button }) => {
    button.disabled = true;
    try {
      await post("v1/accounts", keys.accountEnvelope(await encryptionKey(state)));
      await done();
    } catch (error) {
      said.textContent = error.message;
      button.disabled = false;
    }
  };
  const button = el("button", { class: "main", type: "button", onclick: register }, "Register this account");
  return el(
    "div",
    { class: "panel" },
    el("h2", {}, "Not registered here"),
    el("p", {}, WHY),
    el("div", { class: "buttons" }, button),
    said,
  );
}
