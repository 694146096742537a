"""Who asks: an owner by a bearer token that a signed challenge was given for.

What is somebody else's is answered like what does not exist, by the same queries: an owner's word is part of each of them.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from relayer.api.forms import Word, plain
from relayer.api.limits import Buckets
from relayer.api.problems import Refusal, not_found
from relayer.api.services import Services
from relayer.store import sessions
from relayer.store.clock import now_ms

LONGEST_TOKEN: Final = 128

Bearer = HTTPBearer(auto_error=False, scheme_name="session", description="Token of POST /v1/auth/sessions")
OPTIONAL: Final[dict[str, Any]] = {"security": [{}]}
"""For the description of a route that anybody may ask, and that tells an owner more."""
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(Bearer)]


class Known:
    """Finds out who asks, and holds them to their rate."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.buckets = Buckets(services.settings.owner_rate)

    def owner(self, credentials: HTTPAuthorizationCredentials | None) -> bytes:
        """The owner word of who asks (``UNAUTHENTICATED`` without a session that is in force)."""
        found = self.owner_of(credentials.credentials) if credentials is not None else None
        if found is None:
            raise Refusal("UNAUTHENTICATED", "this route needs the bearer token of a session: POST /v1/auth/challenges")
        self.buckets.charge(found.hex())
        return found

    def perhaps(self, credentials: HTTPAuthorizationCredentials | None) -> bytes | None:
        """The same where nobody has to be known; a token that is none is refused all the same."""
        return None if credentials is None else self.owner(credentials)

    def same(self, credentials: HTTPAuthorizationCredentials | None, key: Word) -> bytes:
        """The asker, if the account in the path is the asker's own."""
        found = self.owner(credentials)
        if found != plain(key):
            raise not_found()
        return found

    def owner_of(self, token: str) -> bytes | None:
        """Whose token it is."""
        if len(token) > LONGEST_TOKEN:
            return None
        with self.services.database.read() as session:
            found = sessions.find_session(session, token_hash(token), now_ms())
        return None if found is None else found.owner


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
