"""Writes the generated parts of the web page (`make generate` runs this): constants of Poseidon, and the libraries that it carries.

The page is served as it stands, without a build step, so browsers must find every import by a relative path. The noble libraries (MIT)
are copied from ``node_modules``, where the lock file pins them by hash: only modules that are imported, unchanged but for the way they
name each other. The constants come from the executable specification, which the vectors judge.
"""

import re
from pathlib import Path

from tests.reference.poseidon import constants

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "relayer" / "web" / "static"
LIBRARIES = ("ciphers", "curves", "hashes")
ENTRIES = (
    ("ciphers", "chacha.js"),
    ("curves", "abstract/edwards.js"),
    ("curves", "ed25519.js"),
    ("curves", "secp256k1.js"),
    ("hashes", "blake1.js"),
    ("hashes", "hkdf.js"),
    ("hashes", "scrypt.js"),
    ("hashes", "sha2.js"),
    ("hashes", "sha3.js"),
)
IMPORT = re.compile(r"""(from |import )(['"])([^'"]+)\2""")
MAP = re.compile(r"\n//# sourceMappingURL=.*\n?$")
WIDTHS = (5, 6, 9)
"""H_4 (owners, orders), H_5 (challenge of EdDSA) and the sponge."""

Module = tuple[str, str]


def resolved(module: Module, specifier: str) -> Module:
    """The module that an import names."""
    library, path = module
    if specifier.startswith("@noble/"):
        _, other, rest = specifier.split("/", 2)
        return other, rest
    folder = (Path("/") / path).parent
    return library, (folder / specifier).resolve().as_posix().lstrip("/")


def relative(module: Module, other: Module) -> str:
    """How a module names another in the copy."""
    up = "../" * len(Path(module[1]).parent.parts)
    return f"./{up}{other[1]}" if other[0] == module[0] else f"{up}../{other[0]}/{other[1]}"


def copied(module: Module) -> tuple[str, set[Module]]:
    """The text of a module in the copy, and what it imports."""
    library, path = module
    text = (ROOT / "node_modules" / "@noble" / library / path).read_text(encoding="utf-8")
    needed: set[Module] = set()

    def rename(match: re.Match[str]) -> str:
        other = resolved(module, match[3])
        needed.add(other)
        return f"{match[1]}{match[2]}{relative(module, other)}{match[2]}"

    code = "\n".join(
        line if line.lstrip().startswith(("*", "/")) else IMPORT.sub(rename, line) for line in text.split("\n")
    )
    return MAP.sub("\n", code), needed


def libraries() -> dict[Path, str]:
    """All copied files by their place."""
    vendor = STATIC / "vendor"
    files = {}
    waiting, seen = list(ENTRIES), set(ENTRIES)
    while waiting:
        module = waiting.pop()
        text, needed = copied(module)
        files[vendor / module[0] / module[1]] = text
        waiting += sorted(needed - seen)
        seen |= needed
    for library in LIBRARIES:
        source = ROOT / "node_modules" / "@noble" / library
        files[vendor / library / "LICENSE"] = (source / "LICENSE").read_text(encoding="utf-8")
    return files


def poseidon_constants() -> str:
    """The module of round constants and matrices, by width."""
    lines = [
        "// SPDX-License-Identifier: MIT OR Apache-2.0",
        "// Written by `make generate` (tests/web/write_web.py) from the executable specification; do not edit.",
        "// Constants of circomlib's Poseidon by width: the round constants in the order of use, then the matrix row by row.",
        "// 32-byte words in hexadecimal, one a line.",
    ]
    for width in WIDTHS:
        rounds, matrix = constants(width)
        for name, rows in ((f"ROUNDS_{width}", rounds), (f"MATRIX_{width}", matrix)):
            words = [f"{value:064x}" for row in rows for value in row]
            lines += [f"export const {name} = `", *words, "`;"]
    return "\n".join(lines) + "\n"


def files() -> dict[Path, str]:
    """Every generated file of the page by its place."""
    return libraries() | {STATIC / "crypto" / "poseidon_constants.js": poseidon_constants()}


def main() -> None:
    """Writes them, and removes copies that nothing imports any more."""
    wanted = files()
    for path in sorted((STATIC / "vendor").rglob("*")):
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
