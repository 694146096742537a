"""Compares what slither finds in `contracts/src` with `contracts/slither.toml`: `make check-slither`, in `make check`.

A static analysis is worth what happens to its findings. Each one stands in that file with the expressions it points at
and why it is fine; one that is new, points elsewhere or is gone fails, so the explanations stay those of the code. What
a check as a whole says nothing about can be set aside there, with a reason, as long as it finds something.

slither is run, in an environment of its own (requirements/contracts.txt). It reads syntax trees only, so nothing is
compiled to code and the network is not needed. Whether the explanations are right is for whoever reads them.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
EXPLANATIONS = CONTRACTS / "slither.toml"
SLITHER = ROOT / ".venv-contracts" / "bin" / "slither"
TIMEOUT = 300

# How slither names a place in a description: `Vault.open() (src/Vault.sol#10-20)`.
PLACE = re.compile(r"(\S+) \([^()#]+\.sol#\d+(?:-\d+)?\)")
# What solc calls a switch in assembly, by where it stands: `switch_expr_10686_144_2__name`.
SWITCH = re.compile(r"\bswitch_expr_\d+_\d+_\d+__")


class Finding(NamedTuple):
    """What one check says of one element: a contract, a function with its types, or a variable in one of them."""

    check: str
    element: str


# Expressions that findings point at, as slither prints them, sorted; as often as it names them.
Findings = dict[Finding, list[str]]


class Explained(NamedTuple):
    """What the file says: checks set aside and findings explained, each with its reason."""

    aside: dict[str, str]
    findings: Findings
    reasons: dict[Finding, str]


def explanations(text: str) -> Explained:
    """Reads the file of explanations; ValueError where a reason is missing or a finding is explained twice."""
    read = tomllib.loads(text)
    said = Explained({each["check"]: each["why"] for each in read.get("aside", [])}, {}, {})
    for group in read.get("explained", []):
        for element, expressions in group["findings"].items():
            finding = Finding(group["check"], element)
            if finding in said.findings:
                raise ValueError(f"{finding.check} of {element} is explained twice")
            said.findings[finding] = sorted(expressions)
            said.reasons[finding] = group["why"]
    for name, why in [*said.aside.items(), *((f"{of.check} of {of.element}", why) for of, why in said.reasons.items())]:
        if len(why.split()) < 4:
            raise ValueError(f"{name} needs a reason, not {why!r}")
    return said


def findings(detectors: Iterable[Mapping[str, Any]]) -> Findings:
    """What slither's report says, without places in files: lines may move."""
    found: Findings = {}
    for each in detectors:
        place = PLACE.search(each["description"])
        if place is None:
            raise ValueError(f"slither names no place: {each['description']!r}")
        names = (element["name"] for element in each["elements"] if element["type"] == "node")
        nodes = [SWITCH.sub("switch_", " ".join(name.split())) for name in names]
        found.setdefault(Finding(each["check"], place.group(1)), []).extend(filter(None, nodes))
    return {finding: sorted(nodes) for finding, nodes in found.items()}


def differences(found: Findings, said: Explained) -> Iterator[str]:
    """One text for each finding that is not explained as it is, and each explanation of nothing."""
    checks = {finding.check for finding in found}
    for check in sorted(said.aside.keys() - checks):
        yield f"nothing to set aside: {check} finds nothing"
    counted = {finding: nodes for finding, nodes in found.items() if finding.check not in said.aside}
    for finding in sorted(counted.keys() - said.findings.keys()):
        yield f"not explained:\n{entry(finding, counted[finding])}"
    for finding in sorted(said.findings.keys() - counted.keys()):
        yield f"explained, but no longer found: {finding.check} of {finding.element}"
    for finding in sorted(counted.keys() & said.findings.keys()):
        if counted[finding] != said.findings[finding]:
            yield f"explained of other expressions:\n{entry(finding, counted[finding])}"


def entry(finding: Finding, nodes: Iterable[str]) -> str:
    """The finding as it would stand in the file of explanations."""
    expressions = "".join(f"\n    {json.dumps(node, ensure_ascii=False)}," for node in nodes)
    return f"# {finding.check}\n{json.dumps(finding.element)} = [{expressions}{chr(10) * bool(expressions)}]"


def syntax_trees(contracts: Path) -> dict[str, Any]:
    """The sources below `contracts`/src, analysed by solc but not compiled, in the form that forge leaves for tools."""
    paths = sorted((contracts / "src").rglob("*.sol"))
    profile = tomllib.loads((CONTRACTS / "foundry.toml").read_text(encoding="utf-8"))["profile"]["default"]
    sources = {path.relative_to(contracts).as_posix(): {"content": path.read_text("utf-8")} for path in paths}
    asked = {
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "evmVersion": profile["evm_version"],
            "remappings": profile.get("remappings", []),
            "outputSelection": {"*": {"": ["ast"], "*": ["abi"]}},
        },
    }
    solc = str(CONTRACTS / profile["solc"])
    version = _run([solc, "--version"], contracts)
    compiled = json.loads(_run([solc, "--standard-json"], contracts, json.dumps(asked)))
    errors = [error["formattedMessage"] for error in compiled.get("errors", []) if error["severity"] == "error"]
    if errors:
        raise ValueError("solc refuses contracts/src:\n" + "\n".join(errors))
    for contract in (each for file in compiled["contracts"].values() for each in file.values()):
        contract["evm"] = {part: {"object": "", "sourceMap": ""} for part in ("bytecode", "deployedBytecode")}
    number = re.search(r"Version: (\d+\.\d+\.\d+)", version)
    if number is None:
        raise ValueError(f"tools/solc --version says {version!r}")
    return {"solcVersion": number.group(1), "input": asked, "output": compiled}


def _run(command: list[str], folder: Path, given: str = "") -> str:
    """What a command answers in `folder`; ValueError with what it complains of if it fails."""
    ran = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if ran.returncode != 0:
        raise ValueError(f"{command[0]} failed: {ran.stderr}")
    return ran.stdout


def analyse(contracts: Path) -> Findings:
    """Runs every check of slither on the sources below `contracts`/src."""
    with tempfile.TemporaryDirectory() as folder:
        trees, report = Path(folder) / "trees", Path(folder) / "report.json"
        trees.mkdir()
        (trees / "sources.json").write_text(json.dumps(syntax_trees(contracts)), encoding="utf-8")
        command = [str(SLITHER), ".", "--foundry-ignore-compile", "--foundry-build-info-directory", str(trees)]
        command += ["--exclude-dependencies", "--json", str(report)]
        # It asks forge for its settings.
        environment = os.environ | {"PATH": f"{ROOT / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"}
        ran = subprocess.run(
            command, cwd=contracts, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        # slither exits with the number of its findings; whether it ran at all stands in the report.
        if not report.exists():
            raise ValueError(f"slither did not run:\n{ran.stdout}{ran.stderr}")
        read = json.loads(report.read_text(encoding="utf-8"))
    if not read["success"]:
        raise ValueError(f"slither failed: {read['error']}")
    return findings(read["results"].get("detectors", []))


def main() -> int:
    """Prints every difference; 1 if there is one."""
    said = explanations(EXPLANATIONS.read_text(encoding="utf-8"))
    found = list(differences(analyse(CONTRACTS), said))
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    if found:
        sys.stdout.write(
            "look at each: mend the contract, or say in contracts/slither.toml why it is fine; take out what is gone\n"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
