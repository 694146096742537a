"""Which number an instrument's name means. The number is what an order says and what is signed; the name stands on no chain, so at first
use it is the relayer's word (docs/client.md, "Which instrument").

From then on it is the book's: ids are never used again, so neither may a name change its number nor a number its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from relayer.api import schemas
from relayer.client.problems import Distrusted


def numbers(listed: Iterable[schemas.Instrument], kept: Mapping[str, int]) -> dict[str, int]:
    """Numbers by name, of a list and of what is kept (:class:`Distrusted` where they do not agree, or the list with itself)."""
    found, names = dict(kept), {number: name for name, number in kept.items()}
    for each in listed:
        if each.name is None:
            continue
        number, name = found.setdefault(each.name, each.id), names.setdefault(each.id, each.name)
        if (number, name) != (each.id, each.name):
            before = f"{each.name} was {number}" if number != each.id else f"{each.id} was {name}"
            what = (
                f"the relayer lists {each.name} as instrument {each.id}, and {before}: ids are never used again. Trade by an id, or give "
                "instruments=, names and ids from the operator's published tables"
            )
            raise Distrusted(what, {"name": each.name, "instrument": each.id})
    return found
