from __future__ import annotations

import base64

from assay.records import Label
from tests.bento import services
from tests.bento.services import Service


def test_an_upload_is_answered_with_a_verdict_and_what_supports_it(service: Service) -> None:
    found = service.detected(services.photo(1), external_id="post-1", rationale="always")
    assert found["external_id"] == "post-1"
    assert Label(found["label"])
    assert abs(sum(found["probabilities"].values()) - 1) < 1e-6
    assert found["score"] == 1 - found["probabilities"]["authentic"]
    assert {one["id"] for one in found["findings"]} >= {"colour_inconsistency", "repeated_regions"}
    assert found["notice"]["level"] in {"none", "caution"}
    assert "were not" in found["context"]
    assert found["timings"].keys() >= {"identify", "seen_before", "evidence", "model"}


def test_three_forms_of_one_image_are_answered_alike(service: Service) -> None:
    image = services.photo(2)
    first = service.detected(image)
    encoded = base64.b64encode(image).decode()
    for text in (encoded, f"data:image/jpeg;base64,{encoded}"):
        again = service.client.post("/v1/detect", json={"image_base64": text}).json()
        assert again["score"] == first["score"]
        assert again["answered_from"] == first["id"]


def test_a_detection_can_be_looked_at_again(service: Service) -> None:
    image = services.photo(3)
    first = service.detected(image)
    again = service.client.get(f"/v1/detections/{first['id']}").json()
    assert again == first
    answer = service.client.get(f"/v1/detections/{first['id']}/image")
    assert answer.content == image
    assert answer.headers["content-type"] == "image/jpeg"


def test_an_image_that_is_not_to_be_kept_is_not_there(service: Service) -> None:
    first = service.detected(services.photo(4), keep_image=False)
    answer = service.client.get(f"/v1/detections/{first['id']}/image")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_kept")


def test_equal_pixels_in_another_file_are_answered_from_the_store(service: Service) -> None:
    image = services.photo(5)
    first = service.detected(image)
    again = service.detected(services.as_png(image))
    assert again["answered_from"] == first["id"] != again["id"]
    assert again["score"] == first["score"]


def test_an_idempotency_key_gives_the_same_detection(service: Service) -> None:
    def ask(image: bytes, key: str) -> tuple[int, str]:
        files, headers = {"file": ("a.jpg", image)}, {"Idempotency-Key": key}
        answer = service.client.post("/v1/detect", files=files, headers=headers)
        body = answer.json()
        return answer.status_code, body.get("id") or body["code"]

    first = ask(services.photo(6), "one")
    assert first == ask(services.photo(6), "one")
    assert first != ask(services.photo(6), "two")
    assert ask(services.photo(7), "one") == (409, "idempotency_conflict")


def test_another_version_of_the_model_is_refused(service: Service) -> None:
    answer = service.detect(services.photo(8), model_version="none-such")
    assert (answer.status_code, answer.json()["code"]) == (409, "model_not_served")
