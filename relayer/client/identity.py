"""Who a trader is at a relayer: keys in its vault, registration, sessions, the account's number, and what is encrypted to the operator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from prover.orders import Holder
from prover.wire import element
from relayer import auth
from relayer.api import schemas
from relayer.client.book import Book
from relayer.client.problems import DecryptionFailed, Distrusted, NotFound, UnknownAccount, UnknownKey
from relayer.client.requests import Patience, read
from relayer.client.steps import Answer, Ask, Steps, work
from relayer.client.terms import Terms, Venue
from relayer.envelope import Envelope, seal_registration
from relayer.errors import EncryptionKeyError
from relayer.hpke import PublicKey
from relayer.seed import Seed
from relayer.vouching import KeyInTime


class Identity:
    """One owner at one relayer. The seed stays here: what leaves is encrypted, signed or public."""

    def __init__(
        self,
        seed: Seed,
        venue_of: Venue,
        *,
        subaccount: int = 0,
        book: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.seed, self.subaccount, self.venue = seed, subaccount, venue_of
        self.requests = venue_of.requests
        self.requests.login = self.login
        if patience is not None:
            self.requests.patience = patience
        self._book_path = book
        self._book: Book | None = None
        self._opening = threading.Lock()
        self._holder: Holder | None = None
        self._index: int | None = None
        self._key: tuple[PublicKey, datetime] | None = None

    def terms(self) -> Steps[Terms]:
        """The vault's terms. A relayer of another vault than the book knows is :class:`Distrusted`, unless the vault was named."""
        terms = yield from self.venue.terms()
        if self.venue.address is None:
            yield from self._kept(terms)
        return terms

    def holder(self) -> Steps[Holder]:
        """The owner's keys in this vault."""
        if self._holder is None:
            terms = yield from self.terms()
            self._holder = self.seed.holder(terms.domain, self.subaccount)
        return self._holder

    def owner(self) -> Steps[str]:
        """The owner word, which deposits name."""
        return element((yield from self.holder()).owner)

    def book(self) -> Steps[Book]:
        """Orders and receipts that are kept."""
        return (yield from self._kept((yield from self.venue.terms())))

    def _kept(self, terms: Terms) -> Steps[Book]:
        return self._book or (yield from work(lambda: self._opened(terms)))

    def _opened(self, terms: Terms) -> Book:
        # One book, also for tasks that ask for it at the same time: two would not see each other's lines.
        with self._opening:
            if self._book is None:
                book = Book(terms, self._book_path)
                if self.venue.address is None and book.strange:
                    what = (
                        f"the relayer serves vault {terms.vault} on chain {terms.chain_id}, and {self._book_path} knows another alone: "
                        "if this one is meant, name it (vault=, --vault or TACIT_VAULT)"
                    )
                    raise Distrusted(what, {"vault": terms.vault, "chain_id": terms.chain_id})
                self._book = book
            return self._book

    def login(self) -> Steps[str]:
        """A new session's token: a challenge, signed."""
        terms, owner = (yield from self.terms()), (yield from self.owner())
        asked = yield from self.requests.post(schemas.Challenge, "/v1/auth/challenges", {"owner": owner})
        signature = auth.sign_challenge(self.seed.signing_key, terms.domain, int(asked.challenge, 16))
        body = {"owner": owner, "challenge": asked.challenge, "signature": "0x" + signature.hex()}
        return (yield from self.requests.post(schemas.Session, "/v1/auth/sessions", body)).token

    def register(self) -> Steps[schemas.Registered]:
        """Makes the owner's keys known to the operator, encrypted; a deposit counts from then on. The same again changes nothing."""
        terms, holder = (yield from self.terms()), (yield from self.holder())
        answer = yield from self._sealed(
            lambda key: seal_registration(key, terms.domain, terms.vault, holder), "/v1/accounts", {}
        )
        made = read(schemas.Registered, answer)
        if int(made.owner, 16) != holder.owner:
            raise Distrusted("the relayer registered another owner than was sent", {"owner": made.owner})
        return made

    def index(self) -> Steps[int]:
        """The account's index (:class:`UnknownAccount` before the first deposit)."""
        if self._index is None:
            found = yield from self._find_index()
            if found is None:
                raise UnknownAccount("UNKNOWN_ACCOUNT", 0, "the owner has no account yet: register and deposit first")
            self._index = found
        return self._index

    def _find_index(self) -> Steps[int | None]:
        holder = yield from self.holder()
        if self.venue.chain is not None:
            vault = yield from self.venue.vault()
            found = yield from work(lambda: vault.contract.call("accountOf", holder.owner))
            return int(found.index) if found.assigned else None
        return (yield from self.account()).account

    def account(self) -> Steps[schemas.Account]:
        """The account as the relayer has it, after the last settled batch, with margin by scenario."""
        owner = yield from self.owner()
        return (yield from self.requests.get(schemas.Account, f"/v1/accounts/{owner}", own=True))

    def registered(self) -> Steps[bool]:
        """Whether the relayer knows the owner's keys."""
        try:
            yield from self.account()
        except NotFound:
            return False
        return True

    def _sealed(self, seal: Callable[[PublicKey], Envelope], path: str, headers: dict[str, str]) -> Steps[Answer]:
        """Sends an envelope, once more to a newer key where the relayer does not know this one."""
        key = yield from self.encryption_key()
        try:
            return (yield from self._envelope(seal(key), path, headers))
        except (UnknownKey, DecryptionFailed):
            self._key = None
        key = yield from self.encryption_key()
        return (yield from self._envelope(seal(key), path, headers))

    def _envelope(self, envelope: Envelope, path: str, headers: dict[str, str]) -> Steps[Answer]:
        return (yield from self.requests.ask(Ask("POST", path, envelope.to_wire(), headers=headers), if_known=True))

    def encryption_key(self) -> Steps[PublicKey]:
        """The key in force to encrypt to, vouched for by the vault's receipt signer (:class:`Distrusted`)."""
        now = datetime.now(UTC)
        if self._key is None or self._key[1] <= now:
            found = yield from self.requests.get(schemas.Keys, "/v1/keys")
            if not found.keys:
                raise UnknownKey("UNKNOWN_KEY", 0, "the relayer has no encryption key in force")
            first = found.keys[0]
            key = PublicKey(bytes.fromhex(first.public[2:]))
            if key.id.hex() != first.id:
                raise Distrusted("the relayer's encryption key has another name than it says", {"id": first.id})
            self._key = key, (yield from self._vouched(key, first, now))
        return self._key[0]

    def _vouched(self, key: PublicKey, told: schemas.Key, now: datetime) -> Steps[datetime]:
        """Until when a key may be used, once it is known to be the operator's."""
        terms = yield from self.terms()
        try:
            begin, end = (int(datetime.fromisoformat(each).timestamp()) for each in (told.not_before, told.not_after))
            signature = bytes.fromhex(told.signature.removeprefix("0x"))
            own = KeyInTime(key.raw, begin, end)
            own.check(signature, terms.receipt_signer, terms.separator, int(now.timestamp()))
        except (EncryptionKeyError, ValueError, OverflowError) as error:
            raise Distrusted(f"not encrypted to the relayer's key {told.id}: {error}", {"id": told.id}) from error
        return datetime.fromtimestamp(end, UTC)
