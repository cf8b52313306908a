"""Schemathesis over the OpenAPI document: whatever is sent, what comes back stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import schemathesis
from api_documents import document as credential
from api_in_process import UNLIMITED, glance_of, new_app, open_url, sqlite
from api_process import bare_workspace, new_key, seal_open
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from anchor_service.api.body import LINES_TYPES
from anchor_service.api.problems import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anchor_service.api.services import Question
    from anchor_service.store.database import Database
    from registry.formats.strict_json import JsonObject

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
QUICK = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=1500, derandomize=False)


def new_document() -> dict[str, Any]:
    """Made without a database: what operations there are does not depend on one."""
    return new_app(cast("Database", None)).openapi()


DOCUMENT = new_document()
OPERATIONS = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if isinstance(found, Ok)
}


@schemathesis.serializer(*LINES_TYPES)
def write_lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Text goes out as it is: most of it is no JSON, let alone a credential."""
    del context
    return str(value).encode("utf-8", "surrogatepass")


def judge(raw: bytes, question: Question) -> JsonObject:
    """The library's own verifier, with nobody to ask."""
    from datetime import UTC, datetime

    from registry.judging.policy import TrustPolicy
    from registry.judging.verifier import verify
    from registry.proofs.evidence import NoEvidence

    del question
    unasked = NoEvidence("no node in this test")
    return verify(raw, None, unasked, TrustPolicy(), datetime.now(UTC)).to_json()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with sqlite(tmp_path_factory.mktemp("schema")) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    workspace = bare_workspace(tmp_path_factory.mktemp("workspace"))
    app = new_app(database, settings=UNLIMITED, judge=judge, glance=glance_of(workspace))
    with open_url(app) as found:
        yield found


@pytest.fixture(scope="module")
def key(database: Database, url: str) -> str:
    """Of an issuer that has a sealed credential, and one that waits."""
    import httpx

    text = new_key(database)
    headers = {"Authorization": f"Bearer {text}"}
    for number in (1, 2):
        httpx.post(f"{url}/v1/credentials", json=credential(number), headers=headers)
        if number == 1:
            seal_open(database)
    return text


def ask(label: str, url: str, key: str, how: settings) -> None:
    headers = {"Authorization": f"Bearer {key}"}

    @how
    @given(case=OPERATIONS[label].as_strategy())
    def run(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(base_url=url, headers=headers, checks=CHECKS)

    run()


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_stands_in_the_document(label: str, url: str, key: str) -> None:
    ask(label, url, key, QUICK)


@pytest.mark.long
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_stands_in_the_document_for_long(label: str, url: str, key: str) -> None:
    ask(label, url, key, LONG)


def test_every_operation_has_examples_and_every_problem_is_described() -> None:
    operations = [one for methods in DOCUMENT["paths"].values() for one in methods.values()]
    problems: set[str] = set()
    for operation in operations:
        assert operation["summary"]
        if "requestBody" in operation:
            for content in operation["requestBody"]["content"].values():
                assert content["examples"]
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                assert "example" in content or content.get("examples"), (operation, status)
                problems |= content.get("examples", {}).keys()
    # 404 and 405 for paths and methods that there are not are said for all of them in the manual.
    assert problems == {problem.slug for problem in PROBLEMS} - {"method-not-allowed"}
