"""Which operator's token may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from relayer.api import tokens
from relayer.api.problems import Refusal

Bearer = HTTPBearer(auto_error=False, scheme_name="operator", description="A token of `relayer keys admin-token`")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(Bearer)]
REFUSED = ("UNAUTHENTICATED", "FORBIDDEN")


class Scoped:
    """Checks tokens against the file of their hashes, read once."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens.read(text)

    def check(self, token: str | None, scope: str) -> str:
        """The name of the token, if it has the scope (``UNAUTHENTICATED``, ``FORBIDDEN``)."""
        found = None if token is None else tokens.find(self._tokens, token)
        if found is None:
            raise Refusal("UNAUTHENTICATED", "this route needs an operator's token: relayer keys admin-token makes one")
        if scope not in found.scopes:
            raise Refusal("FORBIDDEN", f"the token {found.name} does not have the scope {scope}", {"scope": scope})
        return found.name

    def may(self, scope: str) -> Callable[..., str]:
        """The same as a dependency of routes."""

        def dependency(credentials: Credentials) -> str:
            return self.check(None if credentials is None else credentials.credentials, scope)

        return dependency
