"""Endpoints may stand beside the service, and nowhere that an operator cannot mean: metadata, numbers in disguise, names that change."""

from __future__ import annotations

import pytest

from demo.chain import LocalChain
from relayer.api.outgoing import Outgoing
from relayer.chain import Chain
from relayer.config import Settings
from relayer.errors import OutgoingError, RpcError
from relayer.store.policies import Policies
from relayer.transactions.assembly import OPERATORS_OWN, connecting, open_endpoints, open_relays
from relayer.transactions.policy import GWEI, Policy
from tests.relayer.transactions.scene import url_of


def settings(**values: object) -> Settings:
    return Settings.model_validate({"chain": values})


def test_an_endpoint_on_this_machine_is_one(chain: LocalChain) -> None:
    with open_endpoints(settings(rpc=(url_of(chain),))) as endpoints:
        assert endpoints.chain_id() == chain.chain_id


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_an_address_in_disguise_is_refused_at_once(host: str) -> None:
    with pytest.raises(OutgoingError):
        open_endpoints(settings(rpc=(f"http://{host}:8545",)))
    with pytest.raises(OutgoingError):
        open_relays(Settings.model_validate({"transactions": {"private": (f"http://{host}:8545",)}}))


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "224.0.0.1"])
def test_nothing_is_sent_to_metadata_or_mapped_addresses(host: str) -> None:
    with open_endpoints(settings(rpc=(f"https://{host}:8545",), timeout_seconds=1)) as endpoints:
        assert "no endpoint answers" in str(endpoints.check().problem)
        assert "inside a network" in str(endpoints.health.samples[0].error)


def test_a_name_that_turns_inward_after_it_was_checked_is_not_connected_to(chain: LocalChain) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"], ["169.254.169.254"]])
    outgoing = Outgoing(OPERATORS_OWN, lambda _host, _port: next(answers))
    url = f"http://node.example:{chain._port}"
    with Chain(url, 1.0, (), connecting(outgoing)) as first:
        assert first.chain_id() == chain.chain_id
    with Chain(url, 1.0, (), connecting(outgoing)) as second, pytest.raises(RpcError, match="inside a network"):
        second.chain_id()


def test_plain_http_leaves_the_operators_networks_never() -> None:
    outgoing = Outgoing(OPERATORS_OWN, lambda _host, _port: ["8.8.8.8"])
    with Chain("http://node.example", 1.0, (), connecting(outgoing)) as chain, pytest.raises(RpcError, match="https"):
        chain.chain_id()


def test_what_the_operator_changes_counts_before_the_settings() -> None:
    given = Settings.model_validate({"transactions": {"maximum_fee_gwei": 100, "public_fallback": True}})
    assert Policy.of(given).fees.max_fee == 100 * GWEI
    changed = Policy.of(given, Policies(maximum_fee_gwei=7, public_fallback=False, sending_paused=True))
    assert (changed.fees.max_fee, changed.fees.max_tip) == (7 * GWEI, 7 * GWEI)
    assert (changed.public_fallback, changed.paused) == (False, True)


def test_bundles_without_a_known_searcher_are_refused() -> None:
    given = {"transactions": {"private": ("https://relay.example",), "private_method": "bundle"}}
    with pytest.raises(RpcError, match=r"keys\.searcher"):
        open_relays(Settings.model_validate(given))
