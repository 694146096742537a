"""What is shipped to run the relayer with names files, commands, settings, metrics and conditions that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from relayer.config import SECTIONS, Settings, names, variable
from relayer.config_cli import example
from relayer.deploy.plan import NUMBERS, Plan
from relayer.store.database import Database
from relayer.watching import alerts, metrics
from tests.prover.material import ROOT

PACKAGING = ROOT / "packaging"
CONTAINERFILE = PACKAGING / "Containerfile"
METRIC = re.compile(r"\btacit_[a-z_]+")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    return found


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((PACKAGING / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def variables() -> set[str]:
    return {variable(section, name) for section, model in SECTIONS.items() for name in names(model)} | {"TACIT_CONFIG"}


def known(command: list[str]) -> bool:
    """Whether the relayer has a command."""
    run = [sys.executable, "-m", "relayer", *command, "--help"]
    return subprocess.run(run, cwd=ROOT, capture_output=True, check=False).returncode == 0


# ---- alerts


def test_every_metric_of_the_alert_rules_exists(tmp_path: Path) -> None:
    database = Database.create(f"sqlite:///{tmp_path / 'tacit.sqlite'}")
    text = metrics.exposition(database, Settings(), "me").decode()
    database.close()
    exposed = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) | set(METRIC.findall(text))
    used = {name.removesuffix("_bucket") for rule in rules() for name in METRIC.findall(rule["expr"])}
    assert used - {name.removesuffix("_bucket") for name in exposed} == set()


def test_every_condition_has_a_rule_and_a_place_in_the_guide() -> None:
    ruled = {name for rule in rules() for name in re.findall(r'alert="([a-z_]+)"', rule["expr"])}
    assert ruled == set(alerts.names())
    guide = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in (*alerts.names(), *(rule["alert"] for rule in rules())) if f"`{name}`" not in guide] == []


def test_every_rule_says_how_grave_it_is_and_what_is_wrong() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        assert rule["expr"].count("(") == rule["expr"].count(")")


# ---- example of a plan


def test_the_example_of_a_plan_can_be_deployed_and_says_what_every_number_means() -> None:
    shipped = PACKAGING / "plan.example.toml"
    Plan.load(shipped)
    lines = shipped.read_text().splitlines()
    for known in NUMBERS.values():
        for name, parameter in known.items():
            (line,) = [line for line in lines if line.startswith(f"{name} = ")]
            assert line.endswith(parameter.meaning)


# ---- example settings


def test_the_example_is_what_the_command_prints_and_can_be_read(tmp_path: Path) -> None:
    shipped = PACKAGING / "relayer.example.toml"
    assert shipped.read_text() == example()
    copied = tmp_path / "relayer.toml"
    shutil.copy(shipped, copied)
    assert Settings.load(copied, {}).api == Settings().api


# ---- container


def test_everything_that_the_image_copies_is_in_the_checkout() -> None:
    for line in CONTAINERFILE.read_text().splitlines():
        parts = line.split()
        if parts[:1] != ["COPY"] or parts[1].startswith("--from"):
            continue
        missing = [source for source in parts[1:-1] if not (ROOT / source).exists()]
        assert missing == []


def test_the_image_runs_as_a_user_of_its_own_with_the_toolchain_of_the_checkout() -> None:
    text = CONTAINERFILE.read_text()
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["tacit"]
    assert "HEALTHCHECK" in text
    channel = re.search(r'channel = "([^"]+)"', (ROOT / "rust-toolchain.toml").read_text())
    assert channel is not None
    assert f"rust:{channel.group(1)}-" in text
    assert known(re.findall(r'^CMD \["(\w+)"\]', text, re.MULTILINE))


def test_the_image_builds_with_locked_packages_alone() -> None:
    for line in re.findall(r"pip install ([^&\n]*)", CONTAINERFILE.read_text()):
        assert "--require-hashes" in line or "--no-deps" in line
    pinned = re.search(r"^maturin==(\S+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"maturin=={pinned.group(1)} " in (ROOT / "requirements" / "build.txt").read_text()


# ---- compose


def test_services_of_the_compose_file_refer_to_what_is_there() -> None:
    document = compose()
    for name, service in document["services"].items():
        assert set(service.get("depends_on", {})) <= set(document["services"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source == "./local" or source in document["volumes"], name
        assert set(service.get("secrets", ())) <= set(document.get("secrets", {})), name
        if "build" in service:
            assert (PACKAGING / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_the_compose_file_runs_commands_and_sets_settings_that_exist() -> None:
    for name in ("upgrade", "relayer"):
        service = compose()["services"][name]
        assert known(service["command"])
        assert set(service["environment"]) <= variables()


def test_only_this_machine_reaches_the_ports_of_the_compose_file() -> None:
    ports = [port for service in compose()["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


# ---- systemd


def test_the_unit_runs_commands_and_sets_settings_that_exist() -> None:
    unit = (PACKAGING / "tacit-relayer.service").read_text()
    commands = re.findall(r"^Exec\w+=\S+/relayer (.*)$", unit, re.MULTILINE)
    assert len(commands) == 2
    assert all(known(command.split()) for command in commands)
    assert set(re.findall(r"^Environment=(TACIT_\w+)=", unit, re.MULTILINE)) <= variables()
    handed = set(re.findall(r"^LoadCredential=([\w-]+):", unit, re.MULTILINE))
    assert handed == set(re.findall(r"=%d/([\w-]+)$", unit, re.MULTILINE))


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.fail("the tests need systemd-analyze, which Debian's package systemd has")
    unit = (PACKAGING / "tacit-relayer.service").read_text()
    copied = tmp_path / "tacit-relayer.service"
    copied.write_text(unit.replace("/opt/tacit/bin/relayer", sys.executable))
    run = [verify, "verify", "--man=no", str(copied)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if copied.name in line]
    assert said == []
