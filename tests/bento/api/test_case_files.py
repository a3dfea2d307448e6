from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import __main__ as command
from assay import case_file
from assay.case_records import Case
from assay.store.ids import new_id
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service

FAKE = {"label": "manipulated", "action": "label", "reason_code": "misleading_edit"}


def fetched(service: Service, name: str, query: str = "") -> dict[str, bytes]:
    answer = service.client.get(f"/v1/detections/{name}/case.zip{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="case-{name}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def verified(service: Service, name: str, folder: Path, capsys: Any) -> tuple[int, dict[str, Any]]:
    """Status and answer of the command that everybody has."""
    path = folder / "case.zip"
    path.write_bytes(service.client.get(f"/v1/detections/{name}/case.zip").content)
    key = base64.b64encode(case_file.public_key(service.runtime.case_key)).decode()
    status = command.main(["verify", str(path), "--key", key, "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("seed", [401, 402, 403])
def test_a_case_file_verifies_and_its_verdict_is_derived_again(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    name = str(service.detected(services.photo(seed), rationale="always")["id"])
    status, found = verified(service, name, tmp_path, capsys)
    assert (status, found["differences"]) == (0, [])
    assert found["is_key_known"]
    assert found["rederivation"]["derived"] == [
        "log-odds from the findings by the stored fusion",
        "probabilities, label and review from log-odds by the stored calibration",
    ]


def test_of_an_image_without_evidence_the_verdict_is_derived_too(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = service.detected(services.png(np.full((4, 4, 3), 90, np.uint8)))
    assert tiny["needs_review"]
    assert not any(finding["null_rate"] for finding in tiny["findings"])
    status, found = verified(service, tiny["id"], tmp_path, capsys)
    assert (status, found["differences"]) == (0, [])
    assert len(found["rederivation"]["derived"]) == 2


def test_a_case_file_holds_image_history_and_versions(service: Service, people: People) -> None:
    image = services.photo(405)
    name = str(service.detected(image)["id"])
    ada = people.account("ada")
    vote = ada.post(f"/v1/detections/{name}/feedback", json=FAKE | {"note": "ask Bob"}).json()
    ada.delete(f"/v1/feedback/{vote['feedback']}")
    files = fetched(service, name)
    assert files["image.jpeg"] == image
    case = Case.from_json(files["case.json"])
    assert [(step.by, step.what, step.reason) for step in case.history] == [
        ("moderator 1", "label: manipulated, action: label", "misleading_edit"),
        ("moderator 1", "took back entry 1", ""),
    ]
    assert case.versions["model"] == service.runtime.model.version
    assert not any(word in files["case.json"] for word in (b"ada", b"ask Bob"))


def test_the_image_stays_out_where_asked_or_never_kept(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = str(service.detected(services.photo(406))["id"])
    assert "image.jpeg" not in fetched(service, kept, "?image=0")
    never = str(service.detected(services.photo(407), keep_image=False)["id"])
    files = fetched(service, never)
    assert "image.jpeg" not in files
    assert Case.from_json(files["case.json"]).image.size is None
    assert verified(service, never, tmp_path, capsys)[0] == 0


def test_a_verdict_of_another_model_is_not_derived_with_this_one(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = service.runtime.store
    seen = store.captures.get(service.detected(services.photo(408))["id"])
    older = seen.model_copy(update={"id": new_id(), "model_version": "older"})
    store.captures.append(older, services.photo(408))
    status, found = verified(service, older.id, tmp_path, capsys)
    assert (status, found["rederivation"]["derived"]) == (0, [])


def test_an_unknown_detection_has_no_case(service: Service) -> None:
    for name, expected in ((new_id(), (404, "not_captured")), ("x", (422, "invalid_request"))):
        for kind in ("case.zip", "media-review.json"):
            answer = service.client.get(f"/v1/detections/{name}/{kind}")
            assert (answer.status_code, answer.json()["code"]) == expected


REVIEWS = {
    "authentic": ({"label": "authentic"}, "OriginalMediaContent"),
    "manipulated": (FAKE, "TransformedContent"),
    "synthesized": ({"label": "synthesized"}, "TransformedContent"),
    "benign": (FAKE | {"reason_code": "benign_edit"}, "OriginalMediaContent"),
    "satire": (FAKE | {"reason_code": "satire_or_art"}, "SatireOrParodyContent"),
}


@pytest.mark.parametrize(("vote", "category"), REVIEWS.values(), ids=REVIEWS)
def test_a_decision_is_published_as_a_media_review(
    service: Service, vote: dict[str, str], category: str
) -> None:
    post = "https://example.org/post/1"
    found = service.detected(services.photo(409), post_url=post)
    address = f"/v1/detections/{found['id']}"
    service.client.post(f"{address}/feedback", json=vote)
    answer = service.client.get(f"{address}/media-review.json")
    assert answer.headers["content-type"] == "application/ld+json"
    review = answer.json()
    assert (review["@context"], review["@type"]) == ("https://schema.org", "MediaReview")
    assert review["mediaAuthenticityCategory"] == f"https://schema.org/{category}"
    assert review["author"] == {"@type": "Organization", "name": "Assay"}
    appearance = review["itemReviewed"]["mediaItemAppearance"]
    assert appearance["url"] == post
    assert ("digitalSourceType" in appearance) == (vote["label"] == "synthesized")
    assert review.get("originalMediaLink") == (post if category.startswith("Original") else None)


@pytest.mark.parametrize("vote", [None, {"label": "unsure"}])
def test_what_nobody_decided_is_not_published(service: Service, vote: dict[str, str]) -> None:
    found = service.detected(services.photo(410 if vote else 411))
    address = f"/v1/detections/{found['id']}"
    if vote:
        service.client.post(f"{address}/feedback", json=vote)
    answer = service.client.get(f"{address}/media-review.json")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_decided")


def test_an_address_that_is_none_is_not_published(service: Service) -> None:
    found = service.detected(services.photo(412), post_url="javascript:alert(1)")
    address = f"/v1/detections/{found['id']}"
    service.client.post(f"{address}/feedback", json={"label": "authentic"})
    assert "javascript" not in service.client.get(f"{address}/media-review.json").text
