"""What a pre-training of the experts came to: its card as a page, and how its weights are used."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.text import Text

from assay.experts import WEIGHTS
from assay.experts.card import ExpertsCard
from assay.home import REPOSITORY
from assay.reports.markdown import as_html, render
from assay.reports.page import Page
from assay.reports.page import render as render_page

_TITLE = "Card of the experts' weights"
_SCORES = {
    "manipulation_auc": "AUC, edited against untouched",
    "synthesis_auc": "AUC, generated against untouched",
    "pixel_auc": "AUC of cells within edited images",
}


def page(card: ExpertsCard) -> Page:
    """The card in the frame of all reports, its scores above."""
    tiles = [(_score(card, name), words) for name, words in _SCORES.items()]
    text = render("experts.md", card=card, facts=_facts(card), settings=card.settings.items())
    return render_page("model_card.html", _TITLE, body=as_html(text), tiles=tiles)


def closing(folder: Path) -> Text:
    """A few lines: how good the weights in ``folder`` are, and a command that puts them to use."""
    card = ExpertsCard.load(folder)
    scores = ", ".join(f"{name.replace('_', ' ')} {_score(card, name)}" for name in _SCORES)
    used = WEIGHTS.parent.relative_to(REPOSITORY)
    return Text(
        f"{card.steps:,} steps on {len(card.photographs)} photographs in {card.hours:.1f} hours\n"
        f"on {len(card.held_out)} held out: {scores}\n"
        "to use these weights, copy them over the shipped ones and train again:\n"
        f"cp {shlex.quote(str(folder))}/* {used}/"
    )


def _facts(card: ExpertsCard) -> list[tuple[str, object]]:
    return [
        ("photographs learned from", len(card.photographs)),
        ("photographs held out", len(card.held_out)),
        ("their content hash (SHA-256)", card.photographs_hash),
        ("parameters", f"{card.parameters:,}"),
        ("steps", f"{card.steps:,}"),
        ("hours", card.hours),
        ("hardware", card.device),
        ("commit", card.git_commit or "-"),
    ]


def _score(card: ExpertsCard, name: str) -> str:
    """A dash where the held-out pairs did not show it."""
    return f"{card.scores[name]:.3f}" if name in card.scores else "-"
