"""What /openapi.json promises, held against the service as it really runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis import openapi
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    SimpleCheckConfig,
)
from schemathesis.config._checks import NegativeDataRejectionConfig, PositiveDataAcceptanceConfig
from schemathesis.engine import Status, events, from_schema

from tests.bento.servers import Server

CHECKS = ChecksConfig(
    # What the contract cannot say: which reason codes an operator has set, what an image is, that
    # a missing truth value may be written as 0, that a job which was ended can still be looked at.
    positive_data_acceptance=PositiveDataAcceptanceConfig(enabled=False),
    negative_data_rejection=NegativeDataRejectionConfig(enabled=False),
    use_after_free=SimpleCheckConfig(enabled=False),
    # Starlette names the methods of the first route that has a path, not of all.
    allow_header_conformance=SimpleCheckConfig(enabled=False),
)
SECONDS = 40
EXAMPLES = 6
"""Of each phase for each operation."""


@schemathesis.serializer("application/x-ndjson")
def lines(_: object, value: Any) -> bytes:
    """A JSON value a line."""
    return "\n".join(
        json.dumps(one) for one in (value if isinstance(value, list) else [value])
    ).encode()


def failures(server: Server, key: str = "") -> Iterator[str]:
    """What schemathesis finds wrong: server errors, undocumented statuses, types and shapes."""
    project = ProjectConfig(
        base_url=server.url,
        checks=CHECKS,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        continue_on_failure=True,
        generation=GenerationConfig(max_examples=EXAMPLES, deterministic=True, no_shrink=True),
    )
    config = SchemathesisConfig(seed=1, max_time=SECONDS, projects=ProjectsConfig(default=project))
    schema = openapi.from_dict(_contract(server, is_locked=bool(key)), config=config)
    tested = 0
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            tested += len(event.recorder.cases)
            yield from _failed(event)
        elif isinstance(event, (events.NonFatalError, events.FatalError)):
            yield str(event.info)
    assert tested > 10 * len(list(schema.get_all_operations()))


def _contract(server: Server, *, is_locked: bool) -> dict[str, Any]:
    """The contract; without AUTH=1 nobody needs the key that it names."""
    contract: dict[str, Any] = server.client().get("/openapi.json").json()
    for operations in contract["paths"].values():
        for operation in operations.values():
            if not is_locked:
                operation.pop("security", None)
    return contract


def _failed(event: events.ScenarioFinished) -> Iterator[str]:
    for case, nodes in event.recorder.checks.items():
        for node in nodes:
            if node.status == Status.FAILURE:
                answer = event.recorder.interactions[case].response
                if node.name == "not_a_server_error" and answer and answer.status_code == 502:
                    continue  # documented: the address of the example need not be reachable
                body = answer.content[:300] if answer and answer.content else b""
                said = f"{answer.status_code if answer else ''} {body!r}"
                asked = event.recorder.cases[case].value
                yield f"{event.label}: {node.name}: {node.failure_info}: {said}: {asked!r:.600}"


@pytest.mark.filterwarnings("default")  # schemathesis warns of what it does not try
@pytest.mark.parametrize("auth", [False, True], ids=["open", "locked"])
def test_the_service_keeps_its_contract(auth: bool, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue("locked_server" if auth else "open_server")
    found = dict.fromkeys(failures(server, server.new_key() if auth else ""))
    assert not found, "\n\n".join(found)
