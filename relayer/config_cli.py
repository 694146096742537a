"""``relayer config``: what may be set, and whether what is set holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import SecretStr

from relayer.config import FILE_SUFFIX, SECTIONS, Section, Settings, has_file, is_secret, variable
from relayer.telling import AsJson, command_group, tell, told

app = command_group("Settings of the service.")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", dir_okay=False, help="Settings (TOML); the environment counts before it.", envvar="TACIT_CONFIG"
    ),
]
HEAD: Final = """\
# Settings of relayer serve. Lines that are commented out show the default. Every value may be given in the environment as
# TACIT_SECTION_NAME, which counts before this file. Secrets stand in files of their own (chmod 600) or in the environment alone.
# Relative paths are relative to this file.
"""


@app.callback()
def group() -> None:
    """Settings of the service."""


@app.command("example")
def example_command() -> None:
    """Prints a file with every setting, what it is for, and its default."""
    typer.echo(example(), nl=False)


@app.command("check")
def check_command(config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Reads settings as serve does, says what is wrong with them, or what they are; of secrets, whether they are set."""
    with told(as_json):
        settings = Settings.load(config)
        document = shown(settings)
        lines = [
            f"{section}.{name} = {value}" for section, values in document.items() for name, value in values.items()
        ]
        tell(as_json, document, *lines)


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """Every setting by section, secrets and addresses that may hold keys only as ``set`` or ``not set``."""
    return {
        section: {name: _shown(model, name, getattr(getattr(settings, section), name)) for name in model.model_fields}
        for section, model in SECTIONS.items()
    }


def _shown(model: type[Section], name: str, value: object) -> object:
    if has_file(model, name):
        default = model.model_fields[name].default
        return value if value == default and value is not None else ("set" if value else "not set")
    return str(value) if isinstance(value, Path) else value


def example() -> str:
    """The text of an example file: every setting is in it, commented out."""
    parts = [HEAD]
    for section, model in SECTIONS.items():
        parts.append(f"\n# {model.__doc__}\n[{section}]\n")
        parts += [_line(section, model, name) for name in model.model_fields]
    return "".join(parts)


def _line(section: str, model: type[Section], name: str) -> str:
    field = model.model_fields[name]
    if is_secret(model, name):
        return f'# {name}{FILE_SUFFIX} = "secrets/{name}"  # or {variable(section, name)}: {field.description}\n'
    default = "" if field.is_required() or field.default_factory is not None or field.default is None else field.default
    also = f" (or {name}{FILE_SUFFIX})" if has_file(model, name) else ""
    return f"# {name} = {_toml(default)}  # {field.description}{also}\n"


def _toml(value: object) -> str:
    """A default as TOML writes it."""
    if isinstance(value, SecretStr):
        raise TypeError("a secret has no default")
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return json.dumps(str(value) if isinstance(value, Path) else value)
