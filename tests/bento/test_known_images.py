"""A picture that a fact-check has shown: named beside the verdict, which knows nothing of it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay import images
from assay.image_hashes import ImageHashes
from assay.known_images import FILE, KnownImage, KnownImages
from tests.bento import services
from tests.bento.services import Service
from tests.scenes import scene

TITLE, URL = "No, <b>this</b> photo is old", "https://fact.example/old?a=1&b=2"
SEEN, OTHER = 3, 4
"""Seeds of a scene that the bank knows, and of one that it does not."""


def entry(image_id: str = "aa", url: str = URL, seed: int = SEEN) -> KnownImage:
    return KnownImage(image_id, url, TITLE, "2023-02-23", ImageHashes.of(scene(seed, 256, 256)))


def copy(seed: int = SEEN, quality: int = 80) -> bytes:
    return images.encode_jpeg(scene(seed, 256, 256), quality)


@pytest.fixture
def bank(tmp_path: Path) -> KnownImages:
    bank = KnownImages(tmp_path / "known")
    bank.add([bank.keep_image(entry(), copy(quality=95))])
    return bank


@pytest.fixture
def knowing(served_model: Path, tmp_path: Path, bank: KnownImages) -> Iterator[Service]:
    with services.running(
        served_model, tmp_path / "store", known_images=tmp_path / "known"
    ) as service:
        yield service


def test_a_copy_of_a_known_image_is_named_and_nothing_else_changes(
    knowing: Service, service: Service
) -> None:
    """Not even what is measured, asked or told: a context verdict is never the image's own."""
    with_bank, without = knowing.detected(copy()), service.detected(copy())
    (known,) = with_bank["known_images"]
    assert (known["title"], known["fact_check_url"]) == (TITLE, URL)
    assert (known["image_id"], known["review_date"], known["has_image"]) == (
        "aa",
        "2023-02-23",
        True,
    )
    assert max(known["average_distance"], known["phash_distance"]) <= 6
    assert without["known_images"] == []
    for name in (
        "label", "score", "probabilities", "needs_review", "findings", "rationale", "siblings",
    ):  # fmt: skip
        assert with_bank[name] == without[name], name
    assert with_bank["notice"]["level"] == without["notice"]["level"]
    assert knowing.detected(copy(OTHER))["known_images"] == []


def test_a_repeat_is_looked_up_anew_and_removed_images_are_named_no_more(
    knowing: Service, bank: KnownImages
) -> None:
    first = knowing.detected(copy())
    bank.add([entry("bb", "javascript:alert(1)")])
    assert knowing.runtime.engine.known is not None
    knowing.runtime.engine.known.refresh()
    again = knowing.detected(copy())
    assert again["answered_from"] == first["id"]
    assert [one["image_id"] for one in again["known_images"]] == ["aa", "bb"]
    bank.remove("aa")
    kept = knowing.client.get(f"/v1/detections/{again['id']}").json()
    assert [one["image_id"] for one in kept["known_images"]] == ["bb"]
    assert [one["image_id"] for one in knowing.detected(copy())["known_images"]] == ["bb"]


def test_both_images_are_seen_in_one_frame_where_the_bank_has_one(
    knowing: Service, bank: KnownImages
) -> None:
    pixels = scene(SEEN, 256, 256).copy()
    pixels[100:120, 100:120] = 255 - pixels[100:120, 100:120]
    found = knowing.detected(images.encode_jpeg(pixels, 90))
    (known,) = found["known_images"]
    at = f"/v1/detections/{found['id']}/known/{known['id']}"
    views = [knowing.client.get(f"{at}/{name}.png") for name in ("this", "other", "difference")]
    assert [one.status_code for one in views] == [200] * 3
    this, other, _ = (np.asarray(Image.open(io.BytesIO(one.content)), int) for one in views)
    changed = np.abs(this - other).mean(axis=2)
    assert changed[102:118, 102:118].mean() > 5 * changed[:80, :80].mean()
    bank.remove("aa")
    assert knowing.client.get(f"{at}/this.png").json()["code"] == "not_siblings"
    assert knowing.client.get(f"/v1/detections/{found['id']}/known/99/this.png").status_code == 404


def test_the_case_file_names_the_fact_check(knowing: Service) -> None:
    found = knowing.detected(copy())
    packed = knowing.client.get(f"/v1/detections/{found['id']}/case.zip").content
    with zipfile.ZipFile(io.BytesIO(packed)) as case:
        facts, page = json.loads(case.read("case.json")), case.read("case.html").decode()
    assert facts["known_images"][0]["fact_check_url"] == URL
    assert "No, &lt;b&gt;this&lt;/b&gt; photo is old" in page


def test_the_page_escapes_what_strangers_wrote_and_links_only_the_web(
    knowing: Service, bank: KnownImages
) -> None:
    bank.add([entry("bb", "javascript:alert(1)")])
    assert knowing.runtime.engine.known is not None
    knowing.runtime.engine.known.refresh()
    found = knowing.detected(copy())
    page = knowing.client.get(f"/detections/{found['id']}").text
    assert 'href="https://fact.example/old?a=1&amp;b=2" rel="noopener noreferrer nofollow"' in page
    assert "<b>this</b>" not in page
    assert 'href="javascript' not in page
    assert f"/known/{found['known_images'][0]['id']}/this.png" in page


def test_a_bank_that_cannot_be_read_costs_no_request(
    knowing: Service, bank: KnownImages, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "known" / FILE).write_bytes(b"no database" * 500)
    assert knowing.detected(copy())["known_images"] == []
    assert "known images are left out" in caplog.text


def test_a_bank_made_anew_shows_no_other_image_in_place_of_the_one_seen(
    knowing: Service, bank: KnownImages, tmp_path: Path
) -> None:
    found = knowing.detected(copy())
    number = found["known_images"][0]["id"]
    (tmp_path / "known" / FILE).unlink()
    bank.add([bank.keep_image(entry("bb", "https://fact.example/new", OTHER), copy(OTHER))])
    assert knowing.client.get(f"/v1/detections/{found['id']}").json()["known_images"] == []
    view = knowing.client.get(f"/v1/detections/{found['id']}/known/{number}/other.png")
    assert view.status_code == 404


@pytest.mark.parametrize("content", [b"", b"no database" * 500])
def test_a_bank_that_is_damaged_at_the_start_is_read_once_it_is_well(
    served_model: Path, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "known" / FILE
    file.parent.mkdir()
    file.write_bytes(content)
    with services.running(served_model, tmp_path / "store", known_images=file.parent) as service:
        assert service.detected(copy())["known_images"] == []
        file.unlink()
        KnownImages(file.parent).add([entry()])
        assert service.runtime.engine.known is not None
        service.runtime.engine.known.refresh()
        assert len(service.detected(copy())["known_images"]) == 1


def test_a_title_without_end_is_cut(knowing: Service, bank: KnownImages) -> None:
    bank.add([replace(entry(), title="long " * 10_000)])
    (known,) = knowing.detected(copy())["known_images"]
    assert len(known["title"]) == 500
