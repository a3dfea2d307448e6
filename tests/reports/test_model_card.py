"""The model card as a reader sees it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from assay.images import Variant
from assay.reports import model_card as cards
from assay.review import Review, Side
from tests.cards import card, contents
from tests.reports.test_robustness import MATRIX

SECTIONS = [
    "What it is",
    "Intended use",
    "What it cannot do",
    "Data and its terms",
    "How good it is",
    "Calibration",
    "Training",
    "How to make it again",
]


def test_card_has_every_section():
    text = cards.markdown(card())
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert text.startswith("# Model card: assay, version 3\n")


def test_card_says_first_that_a_true_photograph_may_stand_under_a_false_caption():
    limits = cards.markdown(card()).split("## What it cannot do")[1]
    assert limits.strip().startswith("- **It cannot tell that a true photograph stands under a")
    assert 'The verdict never says "true"' in limits


@pytest.mark.parametrize(
    "fact",
    [
        "| content hash (SHA-256) | " + "c" * 64,
        "| run, on ZenML and MLflow | train-1 |",
        "1.8 million parameters",
        "**It may be guessing** on retouch:",
        "| train | 12 | 20 | 60 |",
        "| CC-BY-2.0 | 40 |",
        "2 rows could not be used",
        "| auc of metadata alone | 0.550 (0.450-0.650) | 0.550 (0.450-0.650) |",
        "| manipulation | splice | 0.800 (0.700-0.900) | 0.550 (0.450-0.650) |",
        "| generated | as\\_is | no authentic image | 40 | 6 | 0.200 (0.100-0.300) |",
        "| handed to people, as\\_is | 37.5% of the test |",
        "| time: adapter | 1 h 1 min 1 s |",
        "| hardware | a processor, 2 cores |",
        "```\ngit checkout abc123\npython run.py --pipeline train --set data.limit=24\n```",
    ],
)
def test_card_states(fact: str):
    assert fact in cards.markdown(card())


def test_card_leaves_one_class_datasets_out_of_the_table_of_aucs():
    assert "| dataset | generated |" not in cards.markdown(card())


def test_card_does_not_call_a_large_model_tiny():
    assert "It is tiny" not in cards.markdown(card(parameters=3_000_000_000))


def test_card_tells_changes_that_were_not_committed():
    dirty = replace(card().model, git_commit="abc123-dirty")
    text = cards.markdown(card(model=dirty))
    assert "| commit | abc123, with changes that were not committed |" in text
    assert "git checkout abc123\n" in text


def test_page_shows_names_of_strangers_as_text():
    named = {"<script>alert(1)</script>": 1, "[x](javascript:alert(1))": 2, "a | b": 3}
    data = contents(counts={**contents().counts, "dataset": named, "licence": named})
    html = cards.page(card(data=data)).html
    assert "<script" not in html
    assert "<a " not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    assert "<td>a | b</td>" in html


def test_page_has_the_main_numbers_above_and_one_title():
    html = cards.page(card()).html
    assert html.count("<h1>") == 1
    assert re.findall(r"<b>(.*?)</b>", html)[:3] == [
        "0.700 (0.600-0.800)",
        "0.550 (0.450-0.650)",
        "50%",
    ]


def test_description_fits_the_registry_whatever_the_dataset_holds():
    many = {f"licence number {i} with a long name of its author": 1 for i in range(400)}
    data = contents(counts={**contents().counts, "licence": many})
    text = cards.description(card(data=data), "model_card-v3/model_card.html")
    assert len(text) <= cards.DESCRIPTION_LIMIT
    assert text.startswith("The whole card: model_card-v3/model_card.html\n")
    assert "394 others" in text


def test_tags_are_the_aucs_with_their_intervals():
    tags = cards.tags(card())
    assert tags["bias_controlled/auc"] == "0.700 (0.600-0.800)"
    assert set(tags) == {f"{kind}/{name}" for kind in Variant for name in ("auc", "baseline_auc")}


def test_card_states_the_promise_and_from_which_model_it_was_moved():
    promise = Review(0.1, 0.9, 120, 60, None, Side(30, 30, 0, 0.25, 0.07))
    fitted = replace(card().calibration, review=promise, strata={"not JPEG, under 512 px": 0.4})
    moved = {"model": "2", "dataset": "d9"}
    text = cards.markdown(card(calibration=fitted, recalibrated=moved))
    assert "| promise | Outside the band at most 10% errors" in text
    assert "| threshold, not JPEG, under 512 px | 0.400 |" in text
    assert "| recalibrated | weights of version 2; only the calibration saw d9 |" in text
    assert "recalibrated" not in cards.markdown(card())


def test_card_states_what_perturbations_do_where_that_was_measured():
    assert "captured from a screen" not in cards.markdown(card())
    told = cards.markdown(card(robustness=MATRIX)).split("captured from a screen")[1]
    assert "| highest flip rate | webp 75 | 0.170 (0.070-0.270) |" in told
