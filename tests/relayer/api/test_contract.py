"""Both applications answer as their OpenAPI documents say, to whatever is sent: no 5xx but those of a service that is not ready, no answer
outside its schema, no authentication ignored. The documents in docs/ are those of the code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks

from relayer.api import tokens
from relayer.api.admin import admin_document
from relayer.api.app import public_document
from relayer.api.problems import KINDS
from tests.relayer.api.house import House, opened, settings_of
from tests.relayer.intake.scene import trader

DOCS: Final = Path(__file__).parents[3] / "docs"
EXAMPLES: Final = 400 if os.environ.get("TACIT_FULL") else 8
DOCUMENTS: Final = {"openapi.json": public_document(), "openapi-admin.json": admin_document()}
WHO: Final = trader(3)
load_all_checks()
NOT_OURS: Final = (
    # An order that fits the schema is refused for what it says: that is no fault.
    "positive_data_acceptance",
    # These follow objects from request to request, which is what the other tests here do by name.
    "use_after_free",
    "ensure_resource_availability",
    "object_level_authorization",
)
CHECKED: Final = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in NOT_OURS]


def operations() -> list[tuple[str, str, str]]:
    """Every operation: document, method, path."""
    return [
        (name, method.upper(), path)
        for name, document in DOCUMENTS.items()
        for path, methods in document["paths"].items()
        for method in methods
    ]


@pytest.fixture(scope="module")
def lived_in(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[House, dict[str, Any], dict[str, dict[str, str]]]]:
    """A house with an order in it; names that exist, by parameter, and headers that open every route."""
    token, operator = tokens.make("schemathesis", frozenset(tokens.SCOPES))
    with opened(tmp_path_factory.mktemp("contract"), settings_of(admin_tokens=operator.line)) as house:
        sent = house.send(WHO)
        names = {"order_id": sent["id"], "key": "0x" + WHO.owner.hex(), "number": 2}
        headers = {
            "openapi.json": house.known(WHO),
            "openapi-admin.json": {"Authorization": f"Bearer {token}"},
        }
        yield house, names, headers


@pytest.mark.parametrize(("name", "method", "path"), operations())
def test_an_operation_answers_as_its_document_says(
    lived_in: tuple[House, dict[str, Any], dict[str, dict[str, str]]], name: str, method: str, path: str
) -> None:
    house, names, headers = lived_in
    url = house.url if name == "openapi.json" else house.admin_url
    operation = schemathesis.openapi.from_dict(DOCUMENTS[name])[path][method]
    ends_session = (method, path) == ("DELETE", "/v1/auth/sessions")

    @seed(20)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), known=st.booleans(), real=st.booleans())
    def ask(case: Any, known: bool, real: bool) -> None:  # noqa: ANN401 - schemathesis's own
        if (real and case.meta is None) or (real and not _negative(case)):
            case.path_parameters = {**(case.path_parameters or {}), **_real(names, path)}
        own = house.known(WHO) if known and ends_session else headers[name] if known else {}
        response = case.call(base_url=url, headers=own)
        case.validate_response(response, checks=CHECKED, headers=own, transport_kwargs={"base_url": url})
        if response.status_code >= 400:
            told = response.json()
            if path != "/readyz":
                assert told["code"] in KINDS
                assert told["status"] == response.status_code == KINDS[told["code"]].status

    ask()


def _negative(case: Any) -> bool:  # noqa: ANN401 - schemathesis's own
    """Whether the path was made wrong on purpose."""
    return bool(case.meta is not None and case.meta.is_negative_at(schemathesis.core.parameters.ParameterLocation.PATH))


def _real(names: dict[str, Any], path: str) -> dict[str, Any]:
    return {name: value for name, value in names.items() if f"{{{name}}}" in path}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_in_the_repository_are_those_of_the_code(name: str) -> None:
    assert json.loads((DOCS / name).read_text(encoding="utf-8")) == DOCUMENTS[name], "make generate"


@pytest.mark.parametrize(("name", "method", "path"), operations())
def test_every_refusal_of_an_operation_is_documented_as_a_problem(name: str, method: str, path: str) -> None:
    operation = DOCUMENTS[name]["paths"][path][method.lower()]
    for status, answer in operation["responses"].items():
        if status.startswith(("4", "5")) and (path, status) != ("/readyz", "503"):
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}
            assert all(part.split(":")[0] in KINDS for part in answer["description"].split("; "))
    needs = operation.get("security", [])
    assert ("401" in operation["responses"]) == bool(needs) or path.startswith("/v1/auth")
