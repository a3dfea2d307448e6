from __future__ import annotations

import io

import numpy as np
from PIL import Image

from assay import images
from assay.store import Scope
from assay.store.ids import new_id
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service
from tests.scenes import scene

VIEWS = ("heatmap.png", "heatmap.png?base=1", "residual.png", "error-level.png")


def cloned(seed: int) -> bytes:
    """A scene with a part that stands in it twice."""
    pixels = scene(seed, 192, 256)
    pixels[60:140, 160:240] = pixels[60:140, 20:100]
    return images.encode_png(pixels)


def url(found: dict[str, object], view: str) -> str:
    return f"/v1/detections/{found['id']}/{view}"


def test_views_are_pictures_as_large_as_the_image(service: Service) -> None:
    found = service.detected(cloned(1))
    modes = []
    for view in VIEWS:
        answer = service.client.get(url(found, view))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"].startswith("private")
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.size == (256, 192)
        modes.append(picture.mode)
    assert modes == ["RGBA", "RGB", "RGB", "RGB"]


def test_heatmap_is_drawn_once_and_not_sent_to_who_has_it(service: Service) -> None:
    address = url(service.detected(cloned(2)), "heatmap.png")
    first = service.client.get(address)
    tag = first.headers["etag"]
    again = service.client.get(address, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert service.client.get(address, headers={"If-None-Match": '"other"'}).content == (
        first.content
    )
    assert service.client.get(f"{address}?base=1").headers["etag"] != tag


def test_views_of_what_was_not_kept_are_not_there(service: Service) -> None:
    found = service.detected(services.photo(3), keep_image=False)
    for view in VIEWS:
        answer = service.client.get(url(found, view))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_kept")


def test_image_in_which_nothing_points_says_so_each_time(service: Service) -> None:
    flat = services.png(np.full((40, 40, 3), 128, np.uint8))
    address = url(service.detected(flat), "heatmap.png")
    for _ in range(2):
        answer = service.client.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "nothing_to_show")


def test_unknown_and_misspelled_detections_have_no_views(service: Service) -> None:
    for name, expected in ((new_id(), (404, "not_captured")), ("x", (422, "invalid_request"))):
        answer = service.client.get(f"/v1/detections/{name}/heatmap.png")
        assert (answer.status_code, answer.json()["code"]) == expected


def test_views_are_gone_with_the_detection(service: Service) -> None:
    found = service.detected(cloned(4))
    assert service.client.get(url(found, "residual.png")).status_code == 200
    digest = service.runtime.store.captures.get(str(found["id"])).image_digest
    assert service.runtime.pictures.get((digest, "residual"))
    assert service.client.delete(url(found, "")[:-1]).status_code == 204
    assert service.runtime.pictures.get((digest, "residual")) is None
    assert service.client.get(url(found, "residual.png")).status_code == 404


def test_views_need_the_right_to_read(service: Service, people: People) -> None:
    address = url(service.detected(cloned(5)), "heatmap.png")
    assert people.nobody().get(address).status_code == 401
    assert people.key("other", Scope.DETECT).get(address).status_code == 403


def test_a_full_house_is_refused_before_anything_is_measured(service: Service) -> None:
    address = url(service.detected(cloned(6)), "heatmap.png")
    admission = service.runtime.engine.admission
    with admission.admit(admission.limit - admission.in_work):
        answer = service.client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    assert service.client.get(address).status_code == 200
