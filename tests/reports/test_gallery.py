"""The gallery shows hits, mistakes and abstentions, chosen alike each time, and reads no others."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import images
from assay.dataset import Dataset
from assay.evaluation import Evaluation
from assay.null_rates import NullRates
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
        "dataset": "mixed",
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


def page(dataset: Dataset, *rows: dict[str, object], null_rates: NullRates | None = None) -> str:
    return gallery.page(pd.DataFrame(list(rows)), dataset, Evaluation(0.5, ()), null_rates).html


def shown(html: str) -> list[str]:
    """The image ids of the cards, in order."""
    lines = [line.strip() for line in html.splitlines()]
    return [line[5:-6] for line in lines if line.startswith("<div>i") and line.endswith("</div>")]


def section(name: str, *rows: dict[str, object]) -> list[str]:
    """The image ids of the section called ``name``."""
    scored = pd.DataFrame(list(rows)).assign(score=lambda r: 1 - r["p_authentic"])
    (found,) = [s for s in gallery.chosen(scored, 0.5) if s.title == name]
    return list(found.rows["image_id"])


def test_cases_stand_surest_first_below_what_became_of_them(dataset: Dataset) -> None:
    html = page(
        dataset,
        row("i1", AUTHENTIC, 0.6, "a"),
        row("i2", AUTHENTIC, 0.9, "b"),
        row("i3", AUTHENTIC, 0.1, "c"),
        row("i4", MANIPULATED, 0.4, "d"),
        row("i5", MANIPULATED, 0.2, "e"),
        row("i6", SYNTHESIZED, 0.9, "f"),
    )
    assert shown(html) == ["i6", "i5", "i4", "i2", "i1"]  # a hit, two misses, two false alarms
    assert "2 of 3" in html
    assert "score 0.900, taken for manipulated" in html
    assert "truth: manipulated, splice (mixed)" in html
    assert "score 0.100" not in html  # a right pass is nothing to look at


def test_datasets_and_manipulations_take_turns() -> None:
    rows = [row(f"i{n}", MANIPULATED, 0.99 - n / 100, f"a{n}", dataset="big") for n in range(20)]
    rows += [row("i30", MANIPULATED, 0.6, "b", dataset="small")]
    rows += [row("i31", MANIPULATED, 0.55, "c", dataset="big", manipulation="copy_move")]
    assert section("hits", *rows)[:4] == ["i0", "i30", "i31", "i1"]
    assert len(section("hits", *rows)) == gallery.HITS


def test_decided_cases_come_before_those_handed_to_people() -> None:
    rows = [
        row("i1", AUTHENTIC, 0.9, "a", needs_review=True),
        row("i2", AUTHENTIC, 0.6, "b"),
    ]
    assert section("false alarms", *rows) == ["i2", "i1"]


def test_cases_are_decided_at_the_threshold_of_each_row() -> None:
    rows = [
        row("i1", MANIPULATED, 0.7, "a", threshold=0.69, predicted=MANIPULATED),
        row("i2", MANIPULATED, 0.5, "b", threshold=0.2, predicted=MANIPULATED),
    ]
    assert section("hits", *rows) == ["i2", "i1"]


def test_abstentions_stand_nearest_to_the_threshold_first() -> None:
    many = [row(f"m{n}", SYNTHESIZED, 0.99, f"m{n}") for n in range(gallery.HITS)]
    unsure = [(0.7, "a"), (0.52, "b"), (0.6, "c")]
    rows = [
        row(f"i{n}", SYNTHESIZED, s, g, needs_review=True) for n, (s, g) in enumerate(unsure, 1)
    ]
    assert section("handed to people", *many, *rows) == ["i2", "i3", "i1"]


def test_no_image_is_shown_twice() -> None:
    rows = [
        row(f"i{n}", list(Label)[n % 3].value, n / 60, f"g{n}", needs_review=True)
        for n in range(60)
    ]
    scored = pd.DataFrame(rows).assign(score=lambda r: 1 - r["p_authentic"])
    names = [name for s in gallery.chosen(scored, 0.5) for name in s.rows["image_id"]]
    assert len(names) == len(set(names)) == 40
    assert gallery.chosen(scored, 0.5)[-1].found == 60


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_rows(shuffler: Random) -> None:
    rows = [row(f"i{n}", list(Label)[n % 3].value, n % 7 / 7, f"g{n % 9}") for n in range(40)]
    shuffled = shuffler.sample(rows, len(rows))
    for name in ("hits", "misses", "false alarms"):
        assert section(name, *rows) == section(name, *shuffled)


def test_one_photograph_does_not_fill_the_gallery(dataset: Dataset) -> None:
    same = [row(f"i{n}", AUTHENTIC, 0.9 - n / 100, "same") for n in range(1, 9)]
    html = page(dataset, *same, row("i20", AUTHENTIC, 0.6, "other"))
    assert shown(html) == ["i1", "i2", "i20"]
    assert "9 of 9" in html


def test_seen_images_and_other_variants_are_no_cases(dataset: Dataset) -> None:
    html = page(
        dataset,
        row("i1", AUTHENTIC, 0.9, "a", seen=True),
        row("i2", AUTHENTIC, 0.9, "b", variant="as_is"),
        row("i3", AUTHENTIC, 0.9, "c"),
    )
    assert shown(html) == ["i3"]


def test_page_without_cases_says_so(dataset: Dataset) -> None:
    html = page(dataset, row("i1", AUTHENTIC, 0.1, "a"))
    assert shown(html) == []
    assert html.count("There is no such image.") == 2
    assert html.count("<p>None.</p>") == 2


def test_page_escapes_ids(dataset: Dataset) -> None:
    html = page(dataset, row(HOSTILE, AUTHENTIC, 0.9, HOSTILE, predicted=HOSTILE))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 2


def test_evidence_is_measured_again_for_each_case(dataset: Dataset) -> None:
    rates = NullRates.fit({"repeated_regions": [0.0] * 99})
    html = page(
        dataset,
        row("i1", MANIPULATED, 0.9, "a"),
        row("i2", AUTHENTIC, 0.9, "b"),
        null_rates=rates,
    )
    assert html.count('<svg class="drawing"') == 2
    assert html.count("<div>Repeated regions measures") == 2
    assert 'class="bar"' in html


def test_without_null_rates_images_are_shown_alone(dataset: Dataset) -> None:
    html = page(dataset, row("i1", MANIPULATED, 0.9, "a"))
    assert shown(html) == ["i1"]
    assert "<svg" not in html
    assert 'class="bar"' not in html


def test_page_reports_its_progress(dataset: Dataset) -> None:
    told: list[tuple[int, int]] = []
    rows = pd.DataFrame([row(f"i{n}", AUTHENTIC, 0.9, f"g{n}") for n in (1, 2)])
    gallery.page(
        rows, dataset, Evaluation(0.5, ()), progress=lambda done, of, _: told.append((done, of))
    )
    assert told == [(1, 2), (2, 2)]


def test_only_shown_images_are_decoded(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    photo_of = images.photo_of
    monkeypatch.setattr(
        images, "photo_of", lambda one, kind: decoded.append(one.image_id) or photo_of(one, kind)
    )
    page(dataset, *(row(f"i{n}", AUTHENTIC, 0.9, "same") for n in range(2, 30, 2)))
    assert sorted(decoded) == ["i10", "i12"]


def test_cards_leave_out_images_that_the_dataset_lacks(dataset: Dataset) -> None:
    rows = pd.DataFrame([row("gone", AUTHENTIC, 0.9, "a"), row("i1", AUTHENTIC, 0.9, "a")])
    (card,) = gallery.cards(dataset, rows, lambda row: [row["image_id"]])
    assert (card.label, card.lines) == (AUTHENTIC, ("i1",))


def test_thumbnails_outline_the_mask(tmp_path: Path) -> None:
    plain = sample(1, 64, 96, image_id="plain")
    marked = sample(1, 64, 96, image_id="marked", mask=corner())
    found = gallery.thumbnails(stored(tmp_path, [plain, marked]), ["plain", "marked"])
    assert found["plain"] != found["marked"]
