"""The card of the experts' weights, and the words at the end of their making."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from assay import home
from assay.experts import WEIGHTS
from assay.experts.card import ExpertsCard
from assay.reports import experts

CARD = ExpertsCard(
    photographs=("harbour.jpg", "<b>.jpg"),
    held_out=("street.jpg",),
    left_out={"terms.txt": "not an image"},
    photographs_hash="0123456789abcdef",
    settings={"steps": 600, "seed": 0},
    parameters=250_000,
    steps=600,
    hours=1.25,
    device="a processor, 2 cores",
    scores={"manipulation_auc": 0.8123, "synthesis_auc": 0.9, "pixel_auc": 0.75},
    git_commit="",
)


def test_card_is_read_as_it_was_saved(tmp_path: Path) -> None:
    CARD.save(tmp_path)
    assert ExpertsCard.load(tmp_path) == CARD


def test_page_holds_every_fact_and_escapes_names() -> None:
    html = experts.page(CARD).html
    for words in ("0.812", "250,000", "street.jpg", "terms.txt", "0123456789abcdef"):
        assert words in html
    assert "<b>.jpg" not in html


def test_a_score_that_was_never_measured_is_a_dash(tmp_path: Path) -> None:
    card = replace(CARD, scores={"pixel_auc": 0.75})
    assert "0.900" not in experts.page(card).html
    card.save(tmp_path)
    assert "synthesis auc -" in experts.closing(tmp_path).plain


def test_page_says_how_weights_came_about_that_are_not_of_one_run() -> None:
    assert "mean of two branches" in experts.page(ExpertsCard.load(WEIGHTS.parent)).html
    assert "mean of two" not in experts.page(CARD).html


def test_page_of_a_clean_folder_leaves_nothing_out() -> None:
    assert "Left out" not in experts.page(replace(CARD, left_out={})).html


def test_closing_names_a_command_that_puts_the_weights_to_use(tmp_path: Path) -> None:
    CARD.save(tmp_path)
    text = experts.closing(tmp_path).plain
    assert "manipulation auc 0.812" in text
    command, files, target = shlex.split(text.splitlines()[-1])
    assert (command, files) == ("cp", f"{tmp_path}/*")
    assert home.REPOSITORY / target == WEIGHTS.parent
