"""The gallery shows the surest mistakes, few of each photograph, and reads only what it shows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from assay import images
from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.records import Label, Split
from assay.reports import gallery
from tests.datasets import stored
from tests.scenes import sample
from tests.training_runs import corner

HOSTILE = "<script>alert(1)</script>"
AUTHENTIC, MANIPULATED, SYNTHESIZED = (label.value for label in Label)


def row(image_id: str, label: str, score: float, group: str, **fields: object) -> dict[str, object]:
    flagged = score >= 0.5
    return {
        "image_id": image_id,
        "variant": "bias_controlled",
        "label": label,
        "manipulation": "" if label == AUTHENTIC else "splice",
        "group": group,
        "seen": False,
        "predicted": MANIPULATED if flagged else AUTHENTIC,
        "needs_review": False,
        "p_authentic": 1 - score,
    } | fields


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    names = [HOSTILE, *(f"i{number}" for number in range(1, 40))]
    rows = [
        sample(
            number, 64, 96, image_id=name, split=Split.TEST, mask=corner() if number % 2 else b""
        )
        for number, name in enumerate(names)
    ]
    return stored(tmp_path_factory.mktemp("gallery"), rows)


def page(dataset: Dataset, *rows: dict[str, object]) -> str:
    return gallery.page(pd.DataFrame(list(rows)), dataset, Evaluation(0.5, ())).html


def shown(html: str) -> list[str]:
    """The image ids of the cards, in order."""
    lines = [line.strip() for line in html.splitlines()]
    return [line[5:-6] for line in lines if line.startswith("<div>i") and line.endswith("</div>")]


def test_mistakes_stand_surest_first_in_both_directions(dataset: Dataset) -> None:
    html = page(
        dataset,
        row("i1", AUTHENTIC, 0.6, "a"),
        row("i2", AUTHENTIC, 0.9, "b"),
        row("i3", AUTHENTIC, 0.1, "c"),
        row("i4", MANIPULATED, 0.4, "d"),
        row("i5", MANIPULATED, 0.2, "e"),
        row("i6", SYNTHESIZED, 0.9, "f"),
    )
    assert shown(html) == ["i2", "i1", "i5", "i4"]
    assert "2 of 3" in html
    assert "score 0.900, taken for manipulated" in html
    assert "truth: manipulated, splice" in html
    assert "No mistake of this kind." in html


def test_abstentions_stand_nearest_to_the_threshold_first(dataset: Dataset) -> None:
    unsure = [(0.7, "a"), (0.52, "b"), (0.45, "c")]
    rows = [
        row(f"i{n}", SYNTHESIZED if s >= 0.5 else AUTHENTIC, s, g, needs_review=True)
        for n, (s, g) in enumerate(unsure, 1)
    ]
    assert shown(page(dataset, *rows)) == ["i2", "i3", "i1"]


def test_one_photograph_does_not_fill_the_gallery(dataset: Dataset) -> None:
    same = [row(f"i{n}", AUTHENTIC, 0.9 - n / 100, "same") for n in range(1, 9)]
    html = page(dataset, *same, row("i20", AUTHENTIC, 0.6, "other"))
    assert shown(html) == ["i1", "i2", "i20"]
    assert "9 of 9" in html


def test_seen_images_and_other_variants_are_no_mistakes(dataset: Dataset) -> None:
    html = page(
        dataset,
        row("i1", AUTHENTIC, 0.9, "a", seen=True),
        row("i2", AUTHENTIC, 0.9, "b", variant="as_is"),
        row("i3", AUTHENTIC, 0.9, "c"),
    )
    assert shown(html) == ["i3"]


def test_page_without_mistakes_or_abstentions_says_so(dataset: Dataset) -> None:
    html = page(dataset, row("i1", AUTHENTIC, 0.1, "a"))
    assert shown(html) == []
    assert html.count("There is no such image.") == 2
    assert "The model hands no image to people." in html


def test_page_escapes_ids(dataset: Dataset) -> None:
    html = page(dataset, row(HOSTILE, AUTHENTIC, 0.9, HOSTILE, predicted=HOSTILE))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 2


def test_only_shown_images_are_decoded(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []
    decode = images.decode
    monkeypatch.setattr(images, "decode", lambda data: decoded.append(data) or decode(data))
    page(dataset, *(row(f"i{n}", AUTHENTIC, 0.9, "same") for n in range(2, 30, 2)))
    assert len(decoded) == gallery.PER_GROUP


def test_cards_leave_out_images_that_the_dataset_lacks(dataset: Dataset) -> None:
    rows = pd.DataFrame([row("gone", AUTHENTIC, 0.9, "a"), row("i1", AUTHENTIC, 0.9, "a")])
    (card,) = gallery.cards(dataset, rows, lambda row: [row["image_id"]])
    assert (card.label, card.lines) == (AUTHENTIC, ("i1",))


def test_thumbnails_outline_the_mask(tmp_path: Path) -> None:
    plain = sample(1, 64, 96, image_id="plain")
    marked = sample(1, 64, 96, image_id="marked", mask=corner())
    found = gallery.thumbnails(stored(tmp_path, [plain, marked]), ["plain", "marked"])
    assert found["plain"] != found["marked"]
