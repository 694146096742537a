"""Documents as strangers write them: a valid one with something changed in it."""

import copy
import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

Json = Any
CANARY = "c0ffee5ec7e7"
"""What no message may repeat, unless it is the name of a format, a parameter set or a field."""

numbers = st.one_of(
    st.sampled_from([0, 1, -1, 2**21, 2**27, 2**31, 2**32 - 1, 2**32, 2**42, 2**63, 2**64 - 1, 2**64, 2**127, 2**256]),
    st.integers(-(2**70), 2**70),
)
texts = st.one_of(
    numbers.map(str),
    st.sampled_from(
        ["", "-0", "+5", "007", "1e5", "1_000", "٣", " 1", "1 ", "0x", "-", "NaN", "dev", "standard", "buy"]
    ),
    st.integers(0, 2**260).map(lambda number: f"0x{number:064x}"),
    st.binary(max_size=40).map(lambda raw: "0x" + raw.hex()),
    st.integers(0, 2**256 - 1).map(lambda number: f"0x{number:064X}"),
    st.text(max_size=12),
    st.just(CANARY),
)
scalars = st.one_of(numbers, texts, st.none(), st.booleans(), st.floats())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)


def places(document: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document, the document itself left out."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for name, value in items:
        found.append((*path, name))
        if isinstance(value, dict | list):
            found += places(value, (*path, name))
    return found


@st.composite
def changed(draw: DrawFn, document: Json, most: int = 3) -> Json:
    """A document with up to `most` things replaced, left out, doubled, added or moved."""
    result = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, most))):
        paths = places(result)
        if not paths:
            break
        # Lists and objects are few among their contents, and as interesting.
        holding = [path for path in paths if isinstance(inner(result, path), dict | list)] or paths
        change(draw, result, draw(st.sampled_from(paths) | st.sampled_from(holding)), paths)
    return result


def change(draw: DrawFn, document: Json, path: tuple[Any, ...], paths: list[tuple[Any, ...]]) -> None:
    parent, name = inner(document, path[:-1]), path[-1]
    match draw(st.integers(0, 6)):
        case 6 if isinstance(parent[name], list):
            parent[name] = parent[name][: draw(st.integers(0, len(parent[name])))]
        case 0 | 6:
            parent[name] = draw(values)
        case 1:
            parent[name] = near(draw, parent[name])
        case 2:
            del parent[name]
        case 3 if isinstance(parent, list):
            parent.insert(name, copy.deepcopy(parent[name]))
        case 3:
            parent[draw(texts)] = draw(values)
        case 4:
            parent[name] = copy.deepcopy(inner(document, draw(st.sampled_from(paths))))
        case _ if isinstance(parent, list):
            other = draw(st.integers(0, len(parent) - 1))
            parent[name], parent[other] = parent[other], parent[name]
        case _:
            parent[name] = [parent[name]]


def near(draw: DrawFn, value: Json) -> Json:
    """A value close to a valid one: the next number, the same text in another spelling."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw(
            st.sampled_from([value + 1, value - 1, -value, str(value), float(value) if abs(value) < 2**60 else 0])
        )
    if not isinstance(value, str):
        return draw(values)
    if value.lstrip("-").isdecimal():
        number = int(value)
        return draw(st.sampled_from([number, str(number + 1), str(-number), "0" + value, value + "0", f" {value}"]))
    if value.startswith("0x"):
        flipped = f"0x{int(value, 16) ^ 1:0{len(value) - 2}x}" if len(value) > 2 else "0"
        return draw(
            st.sampled_from([flipped, value.upper(), "0x" + value[2:].upper(), value[:-1], value + "0", value[2:]])
        )
    return draw(st.sampled_from([value.upper(), value[:-1], value + " ", CANARY]))


def inner(document: Json, path: tuple[Any, ...]) -> Json:
    for name in path:
        document = document[name]
    return document


@st.composite
def text_of(draw: DrawFn, document: Json, most: int = 3) -> str:
    """The text of a changed document, now and then with a name twice, cut short or with noise in it."""
    text = json.dumps(draw(changed(document, most)))
    match draw(st.integers(0, 12)):
        case 0:
            return text[: draw(st.integers(0, len(text)))]
        case 1:
            at = draw(st.integers(0, len(text)))
            return text[:at] + draw(st.text(max_size=5)) + text[at:]
        case 2:
            return text.replace("{", '{"format": "twice", ', 1)
        case 3:
            return "[" * 100_000 + text
        case _:
            return text
