"""The contracts on anvil as far as they go without proofs: deployed at the predicted domain, operated, and refusing by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.chain import (
    CONTRACTS,
    Contract,
    LocalChain,
    Reverted,
    Terms,
    deploy_settlement,
    domain_of,
    local_chain,
)

TOY_VERIFIER = CONTRACTS / "test" / "helpers" / "ToyVerifier.sol"
FUND_OWNER = 0xF0D
TERMS = Terms(fee_rate=30, num=5, den=4)


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with local_chain() as running:
        yield running


@pytest.fixture
def settlement(chain: LocalChain) -> Contract:
    return deploy_settlement(chain, TOY_VERIFIER.read_text(), lambda domain: domain // 2, FUND_OWNER, TERMS)


def test_the_domain_is_known_before_the_contract_is_there(chain: LocalChain, settlement: Contract) -> None:
    domain = domain_of(chain.chain_id, settlement.address)
    assert settlement.call("domain") == domain
    assert settlement.call("root") == domain // 2


def test_an_operator_posts_queues_and_seals(chain: LocalChain, settlement: Contract) -> None:
    settlement.send("postEpoch", 777, [3, 9], [], [])
    settlement.send("enqueueDeposit", 0xA11CE, 5, chain.accounts[1])
    sealed = settlement.send("seal", (b"\1" * 32, 2, 1, 1, 0))
    (event,) = settlement.events(sealed)
    assert (event.name, event.values["batch"]) == ("BatchSealed", 1)
    assert settlement.call("currentSeal")[:4] == (b"\1" * 32, 1, 2, 1)
    assert event.values["terms"] == settlement.call("terms") == TERMS


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
def test_terms_out_of_range_cannot_be_deployed(chain: LocalChain, terms: Terms, error: str) -> None:
    with pytest.raises(Reverted) as refused:
        deploy_settlement(chain, TOY_VERIFIER.read_text(), lambda domain: domain // 2, FUND_OWNER, terms)
    assert refused.value.name == error


def test_a_refusal_comes_back_with_its_values(chain: LocalChain, settlement: Contract) -> None:
    with pytest.raises(Reverted) as refused:
        settlement.send("voidBatch", sender=chain.accounts[1])
    assert refused.value.name == "NotOperator"
    assert [value.lower() for value in refused.value.values] == [chain.accounts[1].lower()]


def test_errors_of_the_verifier_have_names_too(chain: LocalChain, settlement: Contract) -> None:
    settlement.send("postEpoch", 777, [], [], [])
    settlement.send("seal", (bytes(32), 1, 0, 0, 0))
    proof = (0,) * 8
    with pytest.raises(Reverted, match=r"WrongDataLength\(0, 960\)"):
        settlement.call("settle", [(proof, 1, 2, 3)], (proof, 4, 5), b"", chain.accounts[0])
