"""The README's pictures show bundled photographs that may be passed on, edited, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from assay import images, ledger
from assay.evidence.repeated_regions import RepeatedRegions
from assay.null_rates import NullRates
from assay.records import Label, Photo, Verdict
from assay.sources.photos import PHOTOGRAPHS
from scripts import evidence_cases
from scripts.evidence_cases import KINDS, cases, edited, usable
from tests.detectors import Brightness

SIDE = 256


class Rarity:
    """Really measures what repeats, and calls whatever is rare manipulated."""

    rates = NullRates.fit({"repeated_regions": [0.0] * 99})

    def detect(self, photos: list[Photo], rationale: bool = False) -> list[Verdict]:
        return [self.judged(photo) for photo in photos]

    def judged(self, photo: Photo) -> Verdict:
        found = ledger.findings([RepeatedRegions().examine(photo)], self.rates)
        rare = (found[0].null_rate or 1) < 0.1
        label = Label.MANIPULATED if rare else Label.AUTHENTIC
        score = 0.9 if rare else 0.5
        shares = dict(zip(Label, (1 - score, score, 0.0), strict=True))
        return Verdict(label, score, shares, needs_review=not rare, findings=found)

    def has_seen(self, group: str) -> bool:
        return False


def test_photographs_may_be_passed_on_and_are_new_to_the_model():
    seen = "photos-astronaut"
    groups = {sample.group for sample in usable(Brightness(seen=[seen]), SIDE)}
    unstated = {f"photos-{p.group}" for p in PHOTOGRAPHS if p.licence.startswith("Not stated")}
    assert len(unstated) == 2
    assert not groups & (unstated | {seen})
    assert len(groups) >= 10


@pytest.mark.parametrize("manipulation", ["copy_move", "splice", "resynthesis", ""])
def test_an_edit_changes_the_photograph_the_same_way_each_time(manipulation):
    crops = usable(Brightness(), SIDE)[:20]
    (made, mask), (again, _) = (edited(crops[0], crops, manipulation) for _ in range(2))
    plain = images.decode(crops[0].image)
    assert made.data == again.data
    assert made.size == plain.size == (SIDE, SIDE)
    changed = np.abs(made.pixels.astype(int) - plain.pixels).mean(axis=2)
    assert mask.any() == bool(manipulation)
    if mask.any() and not mask.all():
        assert changed[mask].mean() > 2 * changed[~mask].mean()


def test_the_first_photograph_that_shows_a_case_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidence_cases, "TRIES", 4)
    found = {case.name: case for case in cases(Rarity(), SIDE)}
    assert "evidence_generated" not in found  # Rarity never says so, and nothing is made up
    copied = found["evidence_copy_move"]
    assert copied.shows_links
    assert copied.verdict.findings[0].measurement.links
    assert "copy_move, try" in copied.origin
    assert found["evidence_abstention"].verdict.needs_review
    assert set(found) < set(KINDS)
