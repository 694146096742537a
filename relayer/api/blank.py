"""Services of no vault: what the applications are made with to describe their routes. Nothing can be asked of them."""

from __future__ import annotations

from typing import Any, cast

from relayer.api.services import ApiSettings, Services, Venue


class Nothing:
    """Stands for a part that describing routes does not use; using it is an error that names it."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - it always raises
        raise RuntimeError(f"{self._what}.{name} was used where only routes are described")


def blank_services(settings: ApiSettings | None = None) -> Services:
    """Everything that making an application takes."""
    venue = Venue(
        chain_id=0,
        vault="0x" + 40 * "0",
        domain=0,
        params="dev",
        validium=False,
        receipt_signer="0x" + 40 * "0",
        operator="0x" + 40 * "0",
        bonds="0x" + 40 * "0",
        token="0x" + 40 * "0",
        fee_rate=0,
        num=1,
        den=1,
        epoch_age=0,
        separator=bytes(32),
        fingerprints={},
    )
    parts = {name: cast(Any, Nothing(name)) for name in ("database", "sealer", "engine", "reading", "watching")}
    return Services(venue=venue, settings=settings or ApiSettings(), **parts)
