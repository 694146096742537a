"""The transactions that make a vault, one contract after another, gone on with where an earlier run ended.

Before a contract is created its address, which follows from the sender and its nonce, is written to the file of the deployment; a run
that was killed finds there what was made and what was on its way, and makes nothing twice. The vault comes last: its domain, and so the
fund's keys and the root it starts from, follow from the address that it will have. When it is there it is read back and compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode

from prover.batch import State
from prover.hashing import keccak256
from prover.keys import Keys
from prover.orders import Holder, domain
from prover.wire import read_text, write_whole
from relayer import points
from relayer.chain import Address, Chain
from relayer.deploy.plan import Plan
from relayer.errors import DeployError, RevertedError, TransactionError
from relayer.interface import Interface, kind
from relayer.seed import Seed
from relayer.sender import FEE_ROOM, GAS_MARGIN, PATIENCE
from relayer.signing import Signer
from relayer.vault import LOCAL_CHAINS, Vault
from relayer.wallet import Account

FORMAT: Final = "tacit.deployment.1"
DECIMALS: Final = 6
TOKEN_DECIMALS: Final = keccak256(b"decimals()")[:4]

Tell = Callable[[str], object]


@dataclass
class Record:
    """The file of a deployment: what was made, and what is on its way (contract and address)."""

    path: Path
    chain_id: int
    plan: str
    contracts: dict[str, Address] = field(default_factory=dict)
    pending: dict[str, Address] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, chain_id: int, plan: Plan) -> Record:
        """The deployment in a file, if it is of this chain and plan (:class:`DeployError`), or a new one."""
        if not path.is_file():
            return cls(path, chain_id, plan.digest)
        try:
            document = json.loads(read_text(path))
            found = cls(path, *(document[name] for name in ("chain_id", "plan", "contracts", "pending")))
            known = document["format"] == FORMAT
        except (ValueError, KeyError, TypeError):
            known = False
        if not known:
            raise DeployError(f"{path} is no deployment: choose another file", {"path": str(path)})
        if (found.chain_id, found.plan) != (chain_id, plan.digest):
            what = f"{path} is of another chain or plan: go on with that one, or choose another file"
            raise DeployError(what, {"path": str(path), "chain_id": found.chain_id})
        return found

    def save(self) -> None:
        """Writes the file."""
        document = {"format": FORMAT, "chain_id": self.chain_id, "plan": self.plan}
        write_whole(self.path, json.dumps(document | {"contracts": self.contracts, "pending": self.pending}, indent=2))


@dataclass
class Deployment:
    """Makes a vault on a chain. ``code``: creation code by contract; ``deployer`` pays and has no role afterwards."""

    chain: Chain
    plan: Plan
    keys: Keys
    code: Mapping[str, bytes]
    deployer: Signer
    fund: Seed
    record: Record
    tell: Tell = lambda _: None

    def check(self) -> None:
        """Refuses what could not work, or would be a danger, before anything is sent (:class:`DeployError`)."""
        chain_id = self.chain.chain_id()
        local = chain_id in LOCAL_CHAINS
        if self.keys.params != self.plan.params:
            raise DeployError(f"the keys are of {self.keys.params}, the plan is of {self.plan.params}")
        if not (self.keys.fits() and self.keys.account_fits()):
            raise DeployError(f"the keys in {self.keys.folder} are not of this program's circuits: make them again")
        if not local and (self.keys.insecure or self.keys.account_insecure):
            what = f"the keys in {self.keys.folder} are for development: whoever made them can forge proofs, and chain {chain_id}"
            raise DeployError(f"{what} is not a local one; use keys of a ceremony", {"chain_id": chain_id})
        if self.plan.token is None and not local:
            raise DeployError(
                f"chain {chain_id} is not a local one: name the token in the plan", {"chain_id": chain_id}
            )
        if self.plan.token is not None:
            self._check_token(self.plan.token)

    def run(self) -> Vault:
        """Makes what is missing; the vault, read back and compared."""
        self.check()
        plan, made = self.plan, self._made
        token = plan.token or made("TestToken")
        verifier = made("Verifier")
        rules = made("SettlementRules", "address,address[],uint256", verifier, plan.replicas, plan.replica_threshold)
        parts = token, rules, made("AccountVerifier"), made("PoseidonConstants")
        vault = self._vault(parts)
        self._compare(vault)
        return vault

    # ---- contracts

    def _vault(self, parts: Sequence[Address]) -> Vault:
        if "Vault" not in self.record.contracts and not self._arrived("Vault"):
            address = created(self.deployer.address, self.chain.nonce(self.deployer.address))
            config = (*parts, *self._roots(address), *self._terms())
            inputs = [kind(_genesis_config())]
            self._create("Vault", encode(inputs, [config]))
        return Vault(self.chain, self.record.contracts["Vault"])

    def _roots(self, address: Address) -> tuple[int, int]:
        """Root of the tree that the vault starts from, and the fund's owner word, at an address."""
        holder = self._fund(address)
        return State.genesis(self.plan.params, holder, self._domain(address)).root, holder.owner

    def _terms(self) -> tuple[Any, ...]:
        plan = self.plan
        roles = plan.operator, plan.receipt_signer, plan.epoch_signers, plan.epoch_threshold
        return plan.struct("terms"), roles, plan.struct("delays"), plan.struct("limits"), plan.struct("bonds")

    def _fund(self, address: Address) -> Holder:
        return self.fund.holder(self._domain(address))

    def _domain(self, address: Address) -> int:
        return domain(self.chain.chain_id(), address)

    def _made(self, name: str, types: str = "", *arguments: object) -> Address:
        """The address of a contract, created if it is not there."""
        if name not in self.record.contracts and not self._arrived(name):
            self._create(name, encode(types.split(",") if types else [], arguments))
        return self.record.contracts[name]

    def _arrived(self, name: str) -> bool:
        """Whether what an earlier run had on its way is there now."""
        address = self.record.pending.get(name)
        if address is None or not self.chain.code(address):
            return False
        self._keep(name, address)
        return True

    def _create(self, name: str, arguments: bytes) -> None:
        """Sends the creation of a contract and waits for it."""
        chain, sender = self.chain, self.deployer.address
        nonce = chain.nonce(sender)
        if nonce != chain.nonce(sender, "latest"):
            what = f"{sender} has transactions that are not mined yet: wait for them, and run this again"
            raise TransactionError(what, {"sender": sender})
        address, data = created(sender, nonce), self.code[name] + arguments
        base, tip = chain.fees()
        gas = int(chain.request("eth_estimateGas", {"from": sender, "data": "0x" + data.hex()}), 16)
        fields = {
            "type": 2,
            "chainId": chain.chain_id(),
            "nonce": nonce,
            "value": 0,
            "data": data,
            "gas": gas * GAS_MARGIN[0] // GAS_MARGIN[1],
            "maxFeePerGas": FEE_ROOM * base + tip,
            "maxPriorityFeePerGas": tip,
        }
        signed = Account.sign_transaction(fields, self.deployer.key)
        self.record.pending[name] = address
        self.record.save()
        points.reached("deploy.before-send")
        self.tell(f"creating {name} at {address}: {gas} gas")
        receipt = chain.mined(chain.send_raw(bytes(signed.raw_transaction)), PATIENCE)
        points.reached("deploy.after-send")
        if not receipt.succeeded:
            raise RevertedError(f"the creation of {name} was mined and failed", "", (), {"contract": name})
        self._keep(name, address)

    def _keep(self, name: str, address: Address) -> None:
        self.record.contracts[name] = address
        self.record.pending.pop(name, None)
        self.record.save()

    # ---- checks

    def _check_token(self, token: Address) -> None:
        if not self.chain.code(token):
            raise DeployError(f"there is no token at {token} on chain {self.chain.chain_id()}", {"token": token})
        said = int.from_bytes(self.chain.call(token, TOKEN_DECIMALS) or b"\xff", "big")
        if said != DECIMALS:
            raise DeployError(f"the token at {token} has {said} decimals, a vault needs {DECIMALS}", {"token": token})

    def _compare(self, vault: Vault) -> None:
        """The vault must say what it was made to be."""
        plan, contract = self.plan, vault.contract
        root, owner = self._roots(vault.address)
        roles = contract.call("roles")
        expected = {
            "fund's owner": (contract.call("ownerOf", 0), owner),
            "operator": (str(roles.operator).lower(), plan.operator),
            "delays": (contract.call("delays").plain, plan.struct("delays")),
            "limits": (contract.call("limits").plain, plan.struct("limits")),
            "terms": (contract.call("terms").plain, plan.struct("terms")),
        }
        if not contract.call("batch"):
            expected["root"] = contract.call("root"), root
        for name, (found, wanted) in expected.items():
            if found != wanted:
                what = f"the vault at {vault.address} has another {name} than was planned: do not use it"
                raise DeployError(what, {"vault": vault.address, "what": name})


def created(deployer: Address, nonce: int) -> Address:
    """Address of the contract that transaction number ``nonce`` of an account creates: the end of keccak(rlp([account, nonce]))."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(deployer.removeprefix("0x")) + item
    return "0x" + keccak256(bytes([0xC0 + len(body)]) + body)[12:].hex()


def _genesis_config() -> Mapping[str, Any]:
    """The type of a vault's configuration: what its first event tells of it."""
    event = next(each for each in Interface.load("Vault").entries if each.get("name") == "Genesis")
    return next(each for each in event["inputs"] if each["name"] == "config")
