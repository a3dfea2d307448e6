from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from assay.store import Role, Scope
from assay.store.ids import new_id
from assay.store.tables import ReportRow
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service

FAKE = {"label": "manipulated", "action": "label", "reason_code": "misleading_edit"}


def detected(service: Service, seed: int) -> str:
    """The address of a new detection."""
    return f"/v1/detections/{service.detected(services.photo(seed))['id']}"


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_decision_is_in_the_next_answer_and_gone_when_taken_back(service: Service) -> None:
    address = detected(service, 101)
    number = service.client.post(f"{address}/feedback", json=FAKE).json()["feedback"]
    found = service.client.get(address).json()
    assert found["decision"]["label"] == "manipulated"
    assert found["decision"]["action"] == "label"
    assert found["notice"]["level"] == "warning"
    assert service.client.delete(f"/v1/feedback/{number}").status_code == 204
    assert service.client.get(address).json()["decision"] is None
    assert refused(service.client.delete(f"/v1/feedback/{number}")) == (404, "not_stored")


@pytest.mark.parametrize("changed", [{"action": "lable"}, {"reason_code": "benign_edits"}])
def test_words_that_are_not_configured_are_refused_with_the_nearest(
    service: Service, changed: dict[str, str]
) -> None:
    answer = service.client.post(f"{detected(service, 102)}/feedback", json=FAKE | changed)
    assert refused(answer) == (400, "invalid_request")
    assert "did you mean" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [{}, {"label": "fake"}, {"label": "unsure", "is_blind": True}, FAKE | {"note": "x" * 2001}],
)
def test_feedback_of_another_shape_is_refused(service: Service, body: dict[str, Any]) -> None:
    answer = service.client.post(f"{detected(service, 103)}/feedback", json=body)
    assert refused(answer) == (422, "invalid_request")


def test_text_that_no_database_takes_is_cleaned(service: Service) -> None:
    address = detected(service, 104)
    said = FAKE | {"note": "a\x00b"}
    assert service.client.post(f"{address}/feedback", json=said).status_code == 200
    assert service.client.get(f"{address}/history").json()["decisions"][0]["note"] == "ab"


def test_a_vote_is_taken_back_by_nobody_else_and_names_nobody(
    service: Service, people: People
) -> None:
    vote = people.account("ada").post(f"{detected(service, 105)}/feedback", json=FAKE).json()
    answer = service.client.delete(f"/v1/feedback/{vote['feedback']}")
    assert refused(answer) == (409, "not_your_case")
    assert "ada" not in answer.text


def test_history_calls_people_by_role_and_number(service: Service, people: People) -> None:
    address = detected(service, 106)
    first = people.account("ada").post(f"{address}/feedback", json=FAKE).json()["feedback"]
    people.account("bob").post(f"{address}/feedback", json={"label": "unsure"})
    service.client.post(f"{address}/feedback", json={"label": "authentic"})
    people.account("ada").delete(f"/v1/feedback/{first}")
    answer = service.client.get(f"{address}/history")
    rows = answer.json()["decisions"]
    assert [row["by"] for row in rows] == [
        "moderator 1",
        "moderator 2",
        "platform 1",
        "moderator 1",
    ]
    assert [row["label"] for row in rows] == ["manipulated", "unsure", "authentic", None]
    assert rows[-1]["undoes"] == first == rows[0]["feedback"]
    assert not any(name in answer.text for name in ("ada", "bob", "key:"))


def test_reports_raise_a_case_until_they_are_too_many(service: Service, people: People) -> None:
    address = detected(service, 107)
    platform = people.key("platform", Scope.REPORT)
    said = {"reporter": "eve@example.org", "reason": "fake", "note": "not my street"}
    answers = [platform.post(f"{address}/report", json=said) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert refused(answers[-1]) == (429, "too_many_reports")
    assert int(answers[-1].headers["retry-after"]) > 0
    assert platform.post(f"{address}/report", json=said | {"reporter": "b"}).status_code == 204


def test_of_a_reporter_only_a_digest_is_kept(service: Service) -> None:
    address = detected(service, 108)
    service.client.post(f"{address}/report", json={"reporter": "eve@example.org"})
    query = sa.select(ReportRow.client).where(ReportRow.capture_id == address.split("/")[-1])
    with service.runtime.store.database.reading() as session:
        kept = session.scalars(query).one()
    assert len(kept) == 64
    assert "eve" not in kept


def test_an_appeal_is_for_somebody_else(service: Service, people: People) -> None:
    address = detected(service, 109)
    ada = people.account("ada")
    ada.post(f"{address}/feedback", json=FAKE)
    assert service.client.post(f"{address}/appeal", json={"note": "ours"}).status_code == 204
    again = ada.post(f"{address}/feedback", json=FAKE)
    assert refused(again) == (409, "not_your_case")
    other = people.account("bob").post(f"{address}/feedback", json={"label": "authentic"})
    assert other.status_code == 200
    assert service.client.get(address).json()["decision"]["label"] == "authentic"


def test_a_deleted_detection_is_gone_everywhere(service: Service) -> None:
    address = detected(service, 110)
    assert service.client.delete(address).status_code == 204
    for path in ("", "/image", "/history", "/case.zip", "/media-review.json"):
        assert refused(service.client.get(f"{address}{path}")) == (404, "not_captured")
    for path in ("/feedback", "/report", "/appeal"):
        answer = service.client.post(
            f"{address}{path}", json={"label": "unsure"} if "f" in path else {}
        )
        assert refused(answer) == (404, "not_captured")
    assert refused(service.client.delete(address)) == (404, "not_captured")


CHANGES = {
    "feedback": ("POST", "/v1/detections/{id}/feedback", FAKE, Scope.FEEDBACK),
    "report": ("POST", "/v1/detections/{id}/report", {}, Scope.REPORT),
    "appeal": ("POST", "/v1/detections/{id}/appeal", {}, Scope.FEEDBACK),
    "delete": ("DELETE", "/v1/detections/{id}", None, Scope.DELETE),
    "undo": ("DELETE", "/v1/feedback/1", None, Scope.FEEDBACK),
    "claim": ("GET", "/v1/review", None, Scope.FEEDBACK),
    "decide": ("POST", "/v1/review/{id}/decision", FAKE, Scope.FEEDBACK),
    "skip": ("POST", "/v1/review/{id}/skip", None, Scope.FEEDBACK),
    "release": ("POST", "/v1/review/{id}/release", None, Scope.FEEDBACK),
    "export": ("GET", "/v1/export", None, Scope.EXPORT),
}


@pytest.mark.parametrize(("method", "path", "body", "scope"), CHANGES.values(), ids=CHANGES)
def test_only_who_has_the_scope_may(
    service: Service, people: People, method: str, path: str, body: Any, scope: Scope
) -> None:
    path = path.format(id=new_id())
    others = [one for one in Scope if one is not scope]
    asked = {
        (401, "not_signed_in"): people.nobody(),
        (403, "not_allowed"): people.key("other", *others),
    }
    for expected, client in asked.items():
        assert refused(client.request(method, path, json=body)) == expected
    for client in (people.account("vera", Role.VIEWER), people.key("x", *Scope, is_sandbox=True)):
        assert refused(client.request(method, path, json=body)) == (403, "not_allowed")


READS = (
    "history",
    "heatmap.png",
    "residual.png",
    "error-level.png",
    "case.zip",
    "media-review.json",
)


@pytest.mark.parametrize(
    "path", [*(f"/v1/detections/{{id}}/{name}" for name in READS), "/v1/stats", "/v1/model"]
)
def test_only_who_may_read_reads(service: Service, people: People, path: str) -> None:
    path = path.format(id=new_id())
    assert refused(people.nobody().get(path)) == (401, "not_signed_in")
    assert refused(people.key("blind", Scope.DETECT).get(path)) == (403, "not_allowed")
    assert people.account("vera", Role.VIEWER).get(path).status_code in {200, 404}


def test_a_session_without_its_token_changes_nothing(service: Service, people: People) -> None:
    address = detected(service, 111)
    ada = people.account("ada")
    del ada.headers["X-CSRF-Token"]
    assert refused(ada.post(f"{address}/feedback", json=FAKE)) == (403, "not_allowed")
    assert ada.get(f"{address}/history").json() == {"decisions": []}
