"""The page and the sentence of a comparison."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from assay.comparison import Comparison, ComparisonSettings, compare, paired
from assay.dataset import Dataset
from assay.flips import Change
from assay.model_registry import ModelFacts
from assay.records import Label, Split
from assay.reports import comparison as report
from assay.reports import terminal
from tests.datasets import stored
from tests.predictions import predictions
from tests.scenes import sample

SETTINGS = ComparisonSettings(resamples=50)
MODELS = (
    ModelFacts("version 1", "a" * 64, "d1", "1", "train-a", "abc", "2026-01-01T00:00:00+00:00"),
    ModelFacts("version 2", "b" * 64, "d2", "2", "train-b", "def", "2026-01-02T00:00:00+00:00"),
)
HOSTILE = "<script>alert(1)</script>"


def tables(first: float = 2.0, second: float = 0.1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What two models say about the same 60 images; image ids are hostile."""
    made = predictions(first, n=60, groups=6), predictions(second, n=60, groups=6, noise=2)
    return tuple(table.assign(image_id=HOSTILE + table["image_id"]) for table in made)  # type: ignore[return-value]


def compared(first: pd.DataFrame, second: pd.DataFrame) -> Comparison:
    return replace(compare(first, second, 0.5, 0.5, SETTINGS), models=MODELS)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The images of `tables`."""
    rows = tables()[0].drop_duplicates("image_id")
    samples = [
        sample(number, 32, 32, image_id=row.image_id, label=Label(row.label), split=Split.TEST)
        for number, row in enumerate(rows.itertuples())
    ]
    return stored(tmp_path_factory.mktemp("dataset"), samples)


def test_page_escapes_hostile_names(dataset: Dataset):
    first, second = tables()
    html = report.page(paired(first, second), compared(first, second), dataset).html
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_page_shows_the_verdict_both_models_and_a_card_a_flip(dataset: Dataset):
    first, second = tables()
    comparison = compared(first, second)
    page = report.page(paired(first, second), comparison, dataset)
    assert page.title == "Version 2 beside version 1"
    assert report.sentence(comparison) in page.html
    for fact in ("train-a", "train-b", "d1", "d2", "abc", "def", "a" * 12):
        assert f"<td>{fact}</td>" in page.html
    counts = comparison.overall_flips.counts
    shown = page.html.count('<div class="card ')
    assert 0 < shown <= sum(counts.values())
    assert f"<b>{counts[Change.BROKEN]}</b>" in page.html


def test_page_of_equal_models_has_no_flip(dataset: Dataset):
    first, _ = tables()
    page = report.page(paired(first, first), compared(first, first), dataset)
    assert page.html.count("No such image.") == 2
    assert "<details><summary>All" not in page.html


def test_page_names_models_that_nobody_described(dataset: Dataset):
    first, second = tables()
    comparison = replace(compared(first, second), models=None)
    page = report.page(paired(first, second), comparison, dataset)
    assert page.title == "The second model beside the first model"
    assert "The two models" not in page.html


@pytest.mark.parametrize(
    ("strengths", "words"),
    [
        ((3.0, 0.1), "Version 2 is significantly worse than version 1: AUC -0."),
        ((0.1, 3.0), "Version 2 is significantly better than version 1: AUC +0."),
        ((1.0, 1.0), "No significant difference between version 1 and version 2: AUC "),
    ],
)
def test_sentence_says_the_verdict(strengths: tuple[float, float], words: str):
    said = report.sentence(compared(*tables(*strengths)))
    assert said.startswith(words)
    assert said.endswith("on 60 images of 6 photographs.")


def test_outcome_of_a_run_shows_the_comparison():
    comparison = compared(*tables())
    console = terminal.console()
    with console.capture() as captured:
        for drawn in terminal.outcome({"comparison": comparison}):
            console.print(drawn)
    assert "significantly worse" in captured.get()
    assert f"{comparison.overall_flips.counts[Change.BROKEN]} broken" in captured.get()


def test_listed_flips_are_complete(dataset: Dataset):
    first, second = tables()
    comparison = compared(first, second)
    page = report.page(paired(first, second), comparison, dataset)
    listed = page.html.partition("images decided differently")[2]
    assert listed.count("<tr>") - 1 == sum(comparison.overall_flips.counts.values())
