"""A vault on a local chain: deployed with everything it is made of, and the signatures that its roles give.

Verifiers are generated from keys, rules and a test token are made, and the vault last: its domain, and so the root it starts
from, follows from the address that the deployer's next transaction creates. The operator is anvil's first account, traders
and strangers are the others; keys that sign (epochs, receipts, replicas) are made from public words: right for a local chain
and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from eth_typing import Hash32

from demo.chain import Contract, LocalChain, Receipt, Value, compile_contracts
from prover.batch import RiskRow, SettledRow, risk_root
from prover.data import write_words
from prover.hashing import keccak256
from prover.keys import Keys
from prover.orders import domain as domain_of
from prover.posting import Part, Posting, joined_signatures
from relayer.wallet import Account, LocalAccount, encode_typed_data

HOUR: Final = 3600
DAY: Final = 24 * HOUR
ETHER: Final = 10**18
DOLLAR: Final = 10**6
OPERATOR: Final = 0
"""Which of the chain's unlocked accounts is the operator's."""


class Terms(NamedTuple):
    """What every batch of a vault is cleared and margined under: fee rate in basis points, margin ratio `num`/`den`."""

    fee_rate: int
    num: int
    den: int


class Delays(NamedTuple):
    """How long things may take, in seconds (`IVault.Delays`)."""

    epoch_age: int = DAY
    open_time: int = HOUR
    settle_time: int = 12 * HOUR
    reward_start: int = HOUR
    deposit_time: int = 2 * DAY
    exit_time: int = 7 * DAY
    claim_window: int = 7 * DAY
    notice: int = 14 * DAY


class Limits(NamedTuple):
    """Amounts (`IVault.Limits`): token units, and the fee of an exit request in wei."""

    min_deposit: int = DOLLAR
    deposit_cap: int = 2**60
    exits_per_period: int = 64
    exit_fee: int = ETHER // 1000


class BondTerms(NamedTuple):
    """What bonds cost in wei, and how long things take in seconds (`IBonds.Terms`)."""

    base: int = ETHER
    per_order: int = ETHER // 100
    stake: int = ETHER // 10
    challenge_time: int = 7 * DAY
    answer_time: int = DAY


DELAYS: Final = Delays()
LIMITS: Final = Limits()
BONDS: Final = BondTerms()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a vault is to be. `replicas` = 0 is rollup mode; thresholds say how many of the signers must sign."""

    terms: Terms
    delays: Delays = DELAYS
    limits: Limits = LIMITS
    bonds: BondTerms = BONDS
    signers: int = 3
    threshold: int = 2
    replicas: int = 0
    replica_threshold: int = 0


@dataclass(frozen=True)
class Signers:
    """Keys by increasing address, and how many of them sign."""

    keys: tuple[LocalAccount, ...] = field(repr=False)
    threshold: int

    @classmethod
    def named(cls, role: str, count: int, threshold: int) -> Signers:
        """`count` keys made from the role's name."""
        keys = [Account.from_key(keccak256(f"tacit local {role} {number}".encode())) for number in range(count)]
        return cls(tuple(sorted(keys, key=lambda key: int(key.address, 16))), threshold)

    @property
    def addresses(self) -> list[str]:
        """Their addresses."""
        return [key.address for key in self.keys]

    def sign(self, digest: bytes) -> bytes:
        """Signatures of the first keys, as many as must sign."""
        return joined_signatures([(key.address, sign(key, digest)) for key in self.keys[: self.threshold]])


def sign(key: LocalAccount, digest: bytes) -> bytes:
    """The 65 bytes r ‖ s ‖ v of a key on a digest."""
    return bytes(key.unsafe_sign_hash(Hash32(digest)).signature)


class EpochPost(NamedTuple):
    """`IVault.EpochPost`."""

    number: int
    risk_root: int
    ids: tuple[int, ...]
    previous_ids: tuple[int, ...]
    settled: tuple[tuple[int, int], ...]
    rows: bytes
    time: int


@dataclass
class Vault:
    """A deployed vault and what belongs to it."""

    chain: LocalChain
    params: str
    plan: Plan
    contract: Contract
    rules: Contract
    token: Contract
    bonds: Contract
    epoch_signers: Signers
    replicas: Signers
    receipt_signer: LocalAccount
    domain: int
    separator: bytes
    deployments: dict[str, Receipt]
    ids: tuple[int, ...] = ()
    """Instruments of the epoch in force."""

    @classmethod
    def deploy(
        cls, chain: LocalChain, keys: Keys, genesis_root: Callable[[int], int], fund_owner: int, plan: Plan
    ) -> Vault:
        """Deploys everything. `genesis_root` gives the root of the tree that holds the fund alone, for the vault's domain."""
        artifacts = compile_contracts(Verifier=keys.solidity(), AccountVerifier=keys.account_solidity())
        return deploy(chain, keys.params, artifacts, genesis_root, fund_owner, plan)

    @property
    def address(self) -> str:
        """Of the vault."""
        return self.contract.address

    @property
    def operator(self) -> str:
        """Who opens and seals."""
        return self.chain.accounts[OPERATOR]

    # ---- money in and out

    def fund_bonds(self, amount: int) -> Receipt:
        """Adds wei to the operator's bonds."""
        return self.bonds.send("fund", value=amount)

    def mint(self, account: str, amount: int) -> None:
        """Gives an account test dollars, and the vault leave to take them."""
        self.token.send("mint", account, amount)
        self.token.send("approve", self.address, 2**256 - 1, sender=account)

    def deposit(self, owner: int, amount: int, payer: str) -> tuple[int, Receipt]:
        """Moves test dollars of `payer` into the queue; the owner's account index."""
        receipt = self.contract.send("deposit", owner, amount, sender=payer)
        return int(self.contract.event(receipt, "DepositQueued")["index"]), receipt

    def balance(self, account: str) -> int:
        """Test dollars of an address, in token units."""
        return int(self.token.call("balanceOf", account))

    # ---- epochs

    def epoch(self, rows: Sequence[RiskRow], settled: Sequence[SettledRow] = ()) -> EpochPost:
        """The next epoch: a risk table, and the values of the instruments that leave with it. Its time is now, after the last one's."""
        last = self.contract.call("currentEpoch")
        if self.chain.time() <= self.contract.call("epochs", last)[3]:
            self.chain.pass_time(1)
        return EpochPost(
            number=last + 1,
            risk_root=risk_root(self.params, tuple(rows)),
            ids=tuple(row.instrument for row in rows),
            previous_ids=self.ids,
            settled=tuple((row.instrument, row.value) for row in settled),
            rows=write_words(word for row in rows for word in row.words),
            time=self.chain.time(),
        )

    def post_epoch(
        self, rows: Sequence[RiskRow], settled: Sequence[SettledRow] = (), sender: str | None = None
    ) -> Receipt:
        """Puts the next epoch in force, signed by as many as must sign. Anybody may send it."""
        post = self.epoch(rows, settled)
        signatures = self.epoch_signers.sign(self.epoch_digest(post))
        receipt = self.contract.send("postEpoch", post, signatures, sender=sender)
        self.ids = post.ids
        return receipt

    def epoch_digest(self, post: EpochPost) -> bytes:
        """What its signers sign (EIP-712)."""
        message = {
            "number": post.number,
            "riskRoot": post.risk_root,
            "ids": keccak256(write_words(post.ids)),
            "settled": keccak256(write_words(word for pair in post.settled for word in pair)),
            "rows": keccak256(post.rows),
            "time": post.time,
        }
        kinds = {
            "number": "uint32",
            "riskRoot": "uint256",
            "ids": "bytes32",
            "settled": "bytes32",
            "rows": "bytes32",
            "time": "uint40",
        }
        return typed_digest(self.chain.chain_id, self.address, "Epoch", kinds, message)

    # ---- batches

    def settle(self, posting: Posting, sender: str | None = None) -> Receipt:
        """Settles in one transaction, in the vault's mode."""
        return self.contract.send("settle", *self.settle_arguments(posting), sender=sender)

    def settle_arguments(self, posting: Posting) -> tuple[Value, ...]:
        """What `settle` is called with."""
        return posting.claim, self.part(posting), posting.closing_proof, posting.closing_words

    def part(self, posting: Posting, first: int = 0, count: int | None = None) -> Part:
        """A run of segments, all or `count` of them, in the vault's mode."""
        if self.plan.replicas:
            return posting.validium(self.separator, self.replicas.sign, first, count)
        return posting.rollup(first, count)

    def settle_in_parts(self, posting: Posting, size: int = 1, sender: str | None = None) -> list[Receipt]:
        """Settles `size` segments a transaction; the receipts of all transactions."""
        contract, claim = self.contract, posting.claim
        progress = contract.call("beginSettlement", claim, sender=sender)
        receipts = [contract.send("beginSettlement", claim, sender=sender)]
        for first in range(0, len(posting.data), size):
            part = self.part(posting, first, min(size, len(posting.data) - first))
            following = contract.call("advanceSettlement", claim, progress, part, sender=sender)
            receipts.append(contract.send("advanceSettlement", claim, progress, part, sender=sender))
            progress = following
        closing = posting.closing_proof, posting.closing_words
        receipts.append(contract.send("finishSettlement", claim, progress, *closing, sender=sender))
        return receipts


def deploy(
    chain: LocalChain,
    params: str,
    artifacts: dict[str, Any],
    genesis_root: Callable[[int], int],
    fund_owner: int,
    plan: Plan,
) -> Vault:
    """Deploys a vault and what it is made of from compiled contracts."""
    operator, deployments = chain.accounts[OPERATOR], dict[str, Receipt]()

    def made(name: str, *arguments: Value) -> Contract:
        contract, deployments[name] = chain.create(artifacts[name], *arguments, sender=operator)
        return contract

    replicas = Signers.named("replica", plan.replicas, plan.replica_threshold)
    signers = Signers.named("epoch signer", plan.signers, plan.threshold)
    receipt_signer = Signers.named("receipt signer", 1, 1).keys[0]
    token, verifier = made("TestToken"), made("Verifier")
    rules = made("SettlementRules", verifier.address, replicas.addresses, replicas.threshold)
    account_verifier, poseidon = made("AccountVerifier"), made("PoseidonConstants")
    domain = domain_of(chain.chain_id, chain.next_contract(operator))
    roles = operator, receipt_signer.address, signers.addresses, signers.threshold
    parts = token.address, rules.address, account_verifier.address, poseidon.address
    config = *parts, genesis_root(domain), fund_owner, plan.terms, roles, plan.delays, plan.limits, plan.bonds
    vault = made("Vault", config)
    # Refusals of what it calls pass through the vault.
    behind = ("SettlementRules", "Verifier", "AccountVerifier", "Bonds", "TestToken")
    errors = [entry for name in behind for entry in artifacts[name].abi]
    contract = Contract(chain, vault.address, artifacts["Vault"].abi, errors)
    return Vault(
        chain=chain,
        params=params,
        plan=plan,
        contract=contract,
        rules=rules,
        token=token,
        bonds=Contract(chain, contract.call("bonds"), artifacts["Bonds"].abi),
        epoch_signers=signers,
        replicas=replicas,
        receipt_signer=receipt_signer,
        domain=domain,
        separator=contract.call("separator"),
        deployments=deployments,
    )


def typed_digest(chain_id: int, vault: str, kind: str, fields: dict[str, str], message: dict[str, Value]) -> bytes:
    """EIP-712 digest of a struct under a vault's domain."""
    domain = {"name": "tacit", "version": "1", "chainId": chain_id, "verifyingContract": vault}
    types = {kind: [{"name": name, "type": each} for name, each in fields.items()]}
    signable = encode_typed_data(domain, types, message)
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)
