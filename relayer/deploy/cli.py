"""``relayer deploy``: a new vault from a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prover.keys import Keys
from relayer.chain import Chain
from relayer.deploy.code import DOLLAR, WANTED, creation_code
from relayer.deploy.plan import Plan
from relayer.deploy.steps import Deployment, Record
from relayer.errors import DeployError
from relayer.keyfiles import PassphraseOption, asked, load_seed, load_signer
from relayer.telling import AsJson, KeysOption, RpcOption, say, tell, told
from relayer.vault import LOCAL_CHAINS


def deploy_command(
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", exists=True, dir_okay=False, help="What it is to be.")],
    rpc: RpcOption,
    contracts: Annotated[
        Path, typer.Option("--contracts", exists=True, file_okay=False, help="Folder contracts of a checkout.")
    ],
    fund_seed: Annotated[
        Path, typer.Option("--fund-seed-file", exists=True, dir_okay=False, help="Seed of account 0, the fund.")
    ],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", dir_okay=False, help="Key that pays: a keystore, or plain.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", dir_okay=False, help="File of the deployment; a later run goes on from it.")
    ] = Path("deployment.json"),
    keys: KeysOption = None,
    passphrase: PassphraseOption = None,
    check: Annotated[bool, typer.Option("--check", help="Only check and explain the plan; nothing is sent.")] = False,
    test_token: Annotated[
        bool, typer.Option("--test-token", help="With a token anyone can mint; local chains.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes a vault with its verifiers, rules and bonds, after explaining every parameter of it."""
    if key_file is None and not check:
        raise typer.BadParameter("who pays for gas? give --key-file FILE, or --check to send nothing")
    with told(as_json), Chain(rpc) as chain:
        plan = Plan.load(plan_file)
        _token_or_none(plan, chain, test_token=test_token)
        for line in plan.explained():
            say(line)
        if key_file is None:
            tell(as_json, {"plan": plan.digest, "explained": plan.explained()}, "the plan can be deployed")
            return
        own = Keys.load(keys, plan.params)
        found = asked(passphrase)
        deployment = Deployment(
            chain=chain,
            plan=plan,
            keys=own,
            code=creation_code(contracts, own, WANTED if plan.token is not None else (*WANTED, DOLLAR)),
            deployer=load_signer(key_file, found),
            fund=load_seed(fund_seed, found),
            record=Record.open(out, chain.chain_id(), plan),
            tell=say,
        )
        vault = deployment.run()
        document = {
            "vault": vault.address,
            "bonds": vault.bonds.address,
            "token": vault.token.address,
            "chain_id": vault.chain_id,
            "params": vault.params,
            "first_block": vault.first_block,
            "contracts": deployment.record.contracts,
            "out": str(out),
        }
        tell(as_json, document, f"vault {vault.address} on chain {vault.chain_id}", f"written to {out}")


def _token_or_none(plan: Plan, chain: Chain, *, test_token: bool) -> None:
    """A plan names its token, unless a local chain is to get one that anyone can mint."""
    if plan.token is None and not test_token:
        raise DeployError("the plan names no token: give its address, or on a local chain --test-token")
    if test_token and plan.token is not None:
        raise DeployError("the plan names a token: leave out --test-token, or the token", {"token": plan.token})
    if test_token and chain.chain_id() not in LOCAL_CHAINS:
        what = f"chain {chain.chain_id()} is no local chain: anyone could mint its token"
        raise DeployError(what, {"chain_id": chain.chain_id()})
