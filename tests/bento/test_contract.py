"""What /openapi.json promises, held against the service as it really runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from schemathesis import openapi
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    SimpleCheckConfig,
)
from schemathesis.engine import Status, events, from_schema

from tests.bento.servers import Server

SECONDS = 40
EXAMPLES = 12
"""Of each phase for each operation."""


def failures(server: Server, key: str = "") -> Iterator[str]:
    """What schemathesis finds wrong: server errors, undocumented statuses, types and shapes."""
    # Without AUTH nobody needs a key, so there is no authentication that could be ignored.
    checks = ChecksConfig(ignored_auth=SimpleCheckConfig(enabled=bool(key)))
    project = ProjectConfig(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        checks=checks,
        continue_on_failure=True,
        generation=GenerationConfig(max_examples=EXAMPLES, deterministic=True, no_shrink=True),
    )
    config = SchemathesisConfig(seed=1, max_time=SECONDS, projects=ProjectsConfig(default=project))
    schema = openapi.from_url(f"{server.url}/openapi.json", config=config)
    tested = 0
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            tested += len(event.recorder.cases)
            yield from _failed(event)
        elif isinstance(event, (events.NonFatalError, events.FatalError)):
            yield str(event.info)
    assert tested > 10 * len(list(schema.get_all_operations()))


def _failed(event: events.ScenarioFinished) -> Iterator[str]:
    for case, nodes in event.recorder.checks.items():
        for node in nodes:
            if node.status == Status.FAILURE:
                answer = event.recorder.interactions[case].response
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
