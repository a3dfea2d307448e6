from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from assay.store import Scope
from assay.store.ids import new_id
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service

FAKE = {"label": "manipulated", "action": "remove", "reason_code": "misleading_edit", "seconds": 4}


@pytest.fixture(autouse=True)
def quiet(service: Service) -> Iterator[None]:
    """Everything that waits is held by somebody else while a test runs."""
    store = service.runtime.store
    store.drainer.drain()
    while store.review.claim("everybody else"):
        pass
    share = store.captures._audit_share
    yield
    store.captures._audit_share = share


def reported(service: Service, seed: int, **fields: Any) -> str:
    """A new detection that waits in the queue."""
    found = service.detected(services.photo(seed), **fields)
    service.client.post(f"/v1/detections/{found['id']}/report", json={"reason": "fake"})
    return str(found["id"])


def audited(service: Service, seed: int) -> dict[str, Any]:
    """A new detection that was drawn as an audit."""
    service.runtime.store.captures._audit_share = 1.0
    found = service.detected(services.photo(seed))
    service.runtime.store.drainer.drain()
    return found


def claimed(client: TestClient) -> dict[str, Any]:
    answer = client.get("/v1/review")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def decide(client: TestClient, case: dict[str, Any], **changes: Any) -> Any:
    return client.post(f"/v1/review/{case['id']}/decision", json=FAKE | changes)


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_case_is_claimed_decided_and_gone(service: Service, people: People) -> None:
    said = {"caption": "A harbour", "post_url": "https://example.org/1", "reach": 50}
    name = reported(service, 201, **said)
    ada = people.account("ada")
    case = claimed(ada)
    upload = case["uploads"][0]
    assert (upload["id"], case["reach"], case["reports"]) == (name, 50, 1)
    assert {key: upload[key] for key in said} == said
    assert case["detection"] == service.client.get(f"/v1/detections/{name}").json()
    assert ada.get(upload["image_url"]).content == services.photo(201)
    assert isinstance(decide(ada, case).json()["feedback"], int)
    decided = service.client.get(f"/v1/detections/{name}").json()["decision"]
    assert (decided["label"], decided["action"]) == ("manipulated", "remove")
    assert refused(decide(ada, case)) == (409, "not_your_case")


def test_nothing_waiting_is_no_content(service: Service, people: People) -> None:
    answer = people.account("ada").get("/v1/review")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"


def test_a_case_is_one_moderators_until_it_is_released(service: Service, people: People) -> None:
    reported(service, 202)
    ada, bob = people.account("ada"), people.key("desk", Scope.FEEDBACK)
    case = claimed(ada)
    assert bob.get("/v1/review").status_code == 204
    for path in ("decision", "release", "skip"):
        answer = bob.post(f"/v1/review/{case['id']}/{path}", json=FAKE)
        assert refused(answer) == (409, "not_your_case")
    assert ada.post(f"/v1/review/{case['id']}/release").status_code == 204
    assert claimed(bob)["id"] == case["id"]


def test_a_skipped_case_is_for_others(service: Service, people: People) -> None:
    reported(service, 203)
    ada = people.account("ada")
    case = claimed(ada)
    assert ada.post(f"/v1/review/{case['id']}/skip").status_code == 204
    assert ada.get("/v1/review").status_code == 204
    assert claimed(people.account("bob"))["id"] == case["id"]


def test_an_unknown_case_is_not_there(service: Service) -> None:
    for path in ("decision", "release", "skip"):
        answer = service.client.post(f"/v1/review/{new_id()}/{path}", json=FAKE)
        assert refused(answer) == (404, "not_stored")
        answer = service.client.post(f"/v1/review/x/{path}", json=FAKE)
        assert refused(answer) == (422, "invalid_request")


def test_a_vote_in_other_words_leaves_the_case_as_it_is(service: Service, people: People) -> None:
    reported(service, 204)
    ada = people.account("ada")
    case = claimed(ada)
    for wrong in ({"action": "burn"}, {"reason_code": "why not"}):
        assert refused(decide(ada, case, **wrong)) == (400, "invalid_request")
    assert refused(decide(ada, case, seconds=-1)) == (422, "invalid_request")
    assert decide(ada, case).status_code == 200


def leaves(value: Any) -> Iterator[Any]:
    """Every number and text of an answer."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    else:
        yield value


@pytest.mark.parametrize("seed", [205, 207], ids=["signed in", "with a key"])
def test_nothing_of_an_audits_verdict_leaves_before_the_vote(
    service: Service, people: People, seed: int
) -> None:
    found = audited(service, seed)
    desk = people.key("desk", Scope.FEEDBACK, Scope.READ)
    ada = people.account("ada") if seed == 205 else desk
    case = claimed(ada)
    assert case["is_audit"]
    assert case["reason"] == "audit"
    assert case["detection"] is None
    secrets = {found["score"], *found["probabilities"].values(), found["label"]}
    secrets |= {one["sentence"] for one in found["findings"]}
    assert not secrets & set(leaves(case))
    assert not any(word in json.dumps(case) for word in ("notice", "findings", "siblings"))
    for view in ("heatmap.png", "residual.png", "error-level.png", "case.zip", "media-review.json"):
        answer = ada.get(f"/v1/detections/{found['id']}/{view}")
        assert refused(answer) == (409, "verdict_hidden")
    assert service.client.get(f"/v1/detections/{found['id']}/residual.png").status_code == 200


def test_an_audit_is_open_after_the_vote_which_is_blind(service: Service, people: People) -> None:
    found = audited(service, 206)
    ada = people.account("ada")
    decide(ada, claimed(ada))
    assert ada.get(f"/v1/detections/{found['id']}/residual.png").status_code == 200
    history = ada.get(f"/v1/detections/{found['id']}/history").json()["decisions"]
    assert [row["is_blind"] for row in history] == [True]


def test_an_audit_tells_nothing_to_its_holder_who_sends_it_again(
    service: Service, people: People
) -> None:
    audited(service, 290)
    ada, image = people.account("ada"), services.photo(290)
    case = claimed(ada)
    again = {"files": {"file": ("a.jpg", image)}}
    assert refused(ada.post("/v1/detect", **again)) == (409, "verdict_hidden")
    item = ada.post("/v1/detect/batch", **again).json()["items"][0]
    assert (item["detection"], item["problem"]["code"]) == (None, "verdict_hidden")
    assert people.account("bob").post("/v1/detect", **again).status_code == 200
    decide(ada, case)
    assert ada.post("/v1/detect", **again).status_code == 200
