"""The vault on anvil as far as it goes without proofs: deployed at the predicted domain, operated, and refusing by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from demo.chain import LocalChain, Reverted, local_chain
from demo.vault import DAY, DELAYS, DOLLAR, ETHER, HOUR, LIMITS, Limits, Plan, Signers, Terms, Vault, sign, typed_digest
from prover.data import domain_separator
from prover.keys import Keys, setup
from prover.orders import domain as domain_of
from relayer.wallet import Account
from tests.contracts.market import ROWS

FUND_OWNER = 0xF0D
ALICE = 0xA11CE
TERMS = Terms(fee_rate=30, num=5, den=4)
PLAN = Plan(terms=TERMS)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return setup("dev")


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with local_chain() as running:
        yield running


def deployed(chain: LocalChain, keys: Keys, plan: Plan = PLAN) -> Vault:
    return Vault.deploy(chain, keys, lambda domain: domain // 2, FUND_OWNER, plan)


@pytest.fixture
def vault(chain: LocalChain, keys: Keys) -> Vault:
    return deployed(chain, keys)


def test_the_domain_is_known_before_the_vault_is_there(chain: LocalChain, vault: Vault) -> None:
    domain = domain_of(chain.chain_id, vault.address)
    assert vault.contract.call("domain") == vault.domain == domain
    assert vault.contract.call("root") == domain // 2


def test_the_separator_is_that_of_eip_712(chain: LocalChain, vault: Vault) -> None:
    assert vault.separator == domain_separator(chain.chain_id, bytes.fromhex(vault.address[2:]))


def test_genesis_says_what_the_vault_is_made_of(vault: Vault) -> None:
    event = vault.contract.event(vault.deployments["Vault"], "Genesis")
    assert (event["root"], event["domain"]) == (vault.domain // 2, vault.domain)
    assert event["bonds"].lower() == vault.bonds.address.lower()
    assert event["config"][6] == TERMS


def test_signers_post_a_trader_deposits_the_operator_seals(chain: LocalChain, vault: Vault) -> None:
    payer = chain.accounts[3]
    vault.fund_bonds(10 * ETHER)
    vault.post_epoch(ROWS)
    vault.mint(payer, 5 * DOLLAR)
    assert vault.deposit(ALICE, 5 * DOLLAR, payer)[0] == 1
    assert (vault.balance(payer), vault.balance(vault.address)) == (0, 5 * DOLLAR)
    vault.contract.send("open")
    receipt = vault.contract.send("seal", (b"\1" * 32, b"\2" * 32, 2, 1, 1, 0))
    event = vault.contract.event(receipt, "BatchSealed")
    assert (event["batch"], event["receiptsHash"]) == (1, b"\2" * 32)
    assert vault.contract.call("currentSeal")[:4] == (b"\1" * 32, 1, 2, 1)


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        (Terms(10_000, 5, 4), "FeeRateOutOfRange"),
        (Terms(30, 6, 4), "RatioOutOfRange"),
        (Terms(30, 5, 5), "RatioOutOfRange"),
        (Terms(30, 3, 4), "RatioOutOfRange"),
        (Terms(30, 0, 0), "RatioOutOfRange"),
    ],
)
def test_terms_out_of_range_cannot_be_deployed(chain: LocalChain, keys: Keys, terms: Terms, error: str) -> None:
    with pytest.raises(Reverted) as refused:
        deployed(chain, keys, Plan(terms=terms))
    assert refused.value.name == error


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, delays=DELAYS._replace(epoch_age=DAY + 1)),
        replace(PLAN, delays=DELAYS._replace(settle_time=DAY + 1)),
        replace(PLAN, delays=DELAYS._replace(reward_start=DELAYS.settle_time)),
        replace(PLAN, delays=DELAYS._replace(exit_time=HOUR)),
        replace(PLAN, delays=DELAYS._replace(notice=DAY)),
        replace(PLAN, limits=LIMITS._replace(deposit_cap=2**60 + 1)),
        replace(PLAN, limits=Limits(exits_per_period=0)),
        replace(PLAN, threshold=1),
    ],
)
def test_parameters_out_of_bounds_cannot_be_deployed(chain: LocalChain, keys: Keys, plan: Plan) -> None:
    with pytest.raises(Reverted) as refused:
        deployed(chain, keys, plan)
    assert refused.value.name == "ParameterOutOfBounds"


def test_a_refusal_comes_back_with_its_values(chain: LocalChain, vault: Vault) -> None:
    with pytest.raises(Reverted) as refused:
        vault.contract.send("open", sender=chain.accounts[1])
    assert refused.value.name == "OnlyOperator"
    assert [value.lower() for value in refused.value.values] == [chain.accounts[1].lower()]


def test_errors_of_the_rules_have_names_too(chain: LocalChain, vault: Vault) -> None:
    vault.fund_bonds(10 * ETHER)
    vault.post_epoch(ROWS)
    vault.contract.send("open")
    vault.contract.send("seal", (bytes(32), bytes(32), 1, 0, 0, 0))
    proof, claim = (0,) * 8, ((), 1, 2, bytes(32), chain.accounts[0])
    with pytest.raises(Reverted, match=r"WrongSegments\(0, 1\)"):
        vault.contract.call("settle", claim, ((), b"", (), b""), proof, b"")


def test_an_epoch_takes_as_many_signatures_as_must_sign_in_order_and_on_this_epoch(vault: Vault) -> None:
    post = vault.epoch(ROWS)
    digest, keys_ = vault.epoch_digest(post), vault.epoch_signers.keys
    signed = [sign(key, digest) for key in keys_]
    stranger = sign(Account.from_key(b"\7" * 32), digest)
    elsewhere = typed_digest(1, vault.address, "Epoch", {"number": "uint32"}, {"number": 1})

    def fails(error: str, signatures: list[bytes]) -> None:
        with pytest.raises(Reverted) as refused:
            vault.contract.call("postEpoch", post, b"".join(signatures))
        assert refused.value.name == error

    fails("WrongSignatures", signed[:1])
    fails("WrongSignatures", signed)
    fails("NotASigner", [signed[1], signed[0]])
    fails("NotASigner", [signed[0], signed[0]])
    fails("NotASigner", [signed[0], stranger])
    fails("NotASigner", [sign(key, elsewhere) for key in keys_[:2]])
    for pair in ((0, 1), (0, 2), (1, 2)):
        vault.contract.call("postEpoch", post, b"".join(signed[at] for at in pair))


def test_signers_stand_by_increasing_address() -> None:
    addresses = [int(each, 16) for each in Signers.named("anybody", 5, 3).addresses]
    assert addresses == sorted(addresses)
