"""The OpenAPI documents: what FastAPI derives from the routes, with every refusal as the problem it really is.

``python -m relayer.api.openapi FOLDER`` writes both, as they lie in ``docs/``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from prover.wire import write_whole
from relayer.api.problems import Problem, documented

COMMON: Final = ("INVALID_REQUEST", "TIMEOUT", "TOO_LARGE", "RATE_LIMITED", "INTERNAL", "BUSY", "NOT_READY")
"""What every route may answer."""
SETTLEMENT: Final = {
    "title": "Settlement",
    "description": "The file tacit.settlement.1 of docs/formats.md.",
    "type": "object",
    "required": ["format", "params", "context", "segments", "closing", "words"],
    "properties": {"format": {"const": "tacit.settlement.1"}},
}
REPLACED: Final = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an application."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        license_info={"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in REPLACED:
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    schemas["Settlement"] = SETTLEMENT
    for methods in document["paths"].values():
        for operation in methods.values():
            _complete(operation)
    app.openapi_schema = document
    return document


def install(app: FastAPI) -> None:
    """Makes :func:`describe` the document of an application."""
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]


def _complete(operation: dict[str, Any]) -> None:
    """Puts the common refusals beside those of the route, and takes out what is never answered."""
    responses = operation["responses"]
    found = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    if found.endswith("HTTPValidationError"):
        del responses["422"]
    for status, entry in documented(*COMMON).items():
        known = responses.get(str(status))
        if known is None:
            responses[str(status)] = entry
        else:
            said = [each for each in entry["description"].split("; ") if each not in known["description"]]
            known["description"] = "; ".join([known["description"], *said])
    operation["responses"] = dict(sorted(responses.items()))


def main(folder: Path) -> None:
    """Writes the documents of both applications."""
    from relayer.api.admin import admin_document
    from relayer.api.app import public_document

    for name, document in (("openapi.json", public_document()), ("openapi-admin.json", admin_document())):
        write_whole(folder / name, json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
