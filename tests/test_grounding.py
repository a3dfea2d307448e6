from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import grounding, places, prompts
from assay.places import PARTS
from assay.records import Finding, Hypothesis, Label, Measurement
from assay.teachers import claims, teacher
from assay.teachers.claims import ACTIONS, ALTERED, Doubt, Inferred, Measured, Statement, Subject

NAMES = ("noise", "repeated_regions", "spectrum", "colour")
SPLICE = ACTIONS["splice"][0]


def pointing(place: str, heat: bool) -> Measurement:
    """Points at ``place``, with a box or by a heatmap; nowhere for ""."""
    box = places.region(place) if place else None
    if box is None or not heat:
        return Measurement("", 1.0, (box,) if box else ())
    cells = np.zeros((12, 12), dtype=np.float32)
    across, down = (slice(round(12 * a), round(12 * b)) for a, b in _sides(box))
    cells[down, across] = 0.7
    return Measurement("", 1.0, heatmap=cells)


def _sides(box: places.Region) -> tuple[tuple[float, float], tuple[float, float]]:
    return (box.left, box.right), (box.top, box.bottom)


FINDINGS = st.builds(
    lambda place, heat, rate, kind: Finding(pointing(place, heat), rate, "", "", kind),
    st.sampled_from(["", *PARTS]),
    st.booleans(),
    st.none() | st.floats(0.0001, 1),
    st.sampled_from(Hypothesis),
)
LEDGERS = st.lists(FINDINGS, min_size=len(NAMES), max_size=len(NAMES)).map(
    lambda found: [
        replace(one, measurement=replace(one.measurement, id=name))
        for name, one in zip(NAMES, found, strict=True)
    ]
)
CLAIMS = st.one_of(
    st.sampled_from(Statement),
    st.builds(
        Measured,
        st.sampled_from(NAMES),
        st.floats(0, 1).map(prompts.rarity),
        st.sampled_from(["", *places.PLACES]),
    ),
    st.builds(
        Inferred,
        st.sampled_from(Subject),
        st.sampled_from([*(words for words, _ in ACTIONS.values()), ALTERED[0]]),
        st.sampled_from(Doubt),
    ),
    st.builds(Inferred, st.sampled_from(places.PLACES), st.just(SPLICE)),
)


def finding(place: str = "", rate: float = 0.03, kind: Hypothesis = Hypothesis.PASTED) -> Finding:
    measurement = replace(pointing(place, heat=False), id="noise")
    return Finding(measurement, rate, "", "", kind)


def rationale(label: Label, edit: str, place: str, findings: list[Finding]) -> str:
    mask = np.zeros((90, 90), dtype=bool)
    (left, right), (top, bottom) = _sides(places.region(place))
    mask[int(90 * top) : int(90 * bottom), int(90 * left) : int(90 * right)] = True
    return teacher().rationale(label, edit, mask, findings)


@given(st.lists(CLAIMS, min_size=1, max_size=6))
def test_read_inverts_write(said: list[claims.Claim]) -> None:
    assert list(claims.read(claims.write(said))) == said


@given(st.text())
def test_any_text_can_be_read_and_checked(text: str) -> None:
    report = grounding.check(text, [finding()])
    assert grounding.check(report.text, [finding()]).text == report.text


@given(LEDGERS, st.sampled_from(Label), st.sampled_from(["", *ACTIONS]), st.sampled_from(PARTS))
def test_what_the_offline_teacher_writes_is_grounded(
    findings: list[Finding], label: Label, edit: str, place: str
) -> None:
    text = rationale(label, edit, place, findings)
    report = grounding.check(text, findings, label)
    assert [checked.fault for checked in report.claims] == [""] * len(report.claims)
    assert len(report.claims) >= 2
    assert report.text == text


def relocated(findings: list[Finding], step: int, heat: bool) -> list[Finding]:
    """The same findings, each pointing at another part of the image."""

    def moved(found: Finding) -> Finding:
        place = places.where(found.measurement)
        if not place:
            return found
        other = pointing(PARTS[(PARTS.index(place) + step) % len(PARTS)], heat)
        swapped = replace(found.measurement, regions=other.regions, heatmap=other.heatmap)
        return replace(found, measurement=swapped)

    return [moved(found) for found in findings]


@given(
    LEDGERS,
    st.sampled_from(["", *ACTIONS]),
    st.sampled_from(PARTS),
    st.integers(1, 8),
    st.booleans(),
)
def test_places_of_another_image_are_rejected(
    findings: list[Finding], edit: str, place: str, step: int, heat: bool
) -> None:
    text = rationale(Label.MANIPULATED, edit, place, findings)
    moved = relocated(findings, step, heat)
    faults = {c.claim: c.fault for c in grounding.check(text, moved).claims}
    for claim, fault in faults.items():
        if isinstance(claim, Measured) and claim.place:
            assert fault == "points elsewhere"
        if isinstance(claim, Inferred) and claim.place:
            there = [f for f in moved if claims.supports(f, claim.hypothesis)]
            lucky = any(places.where(f.measurement) == claim.place for f in there)
            assert bool(fault) != lucky


@pytest.mark.parametrize("place", PARTS[1:])
def test_a_swapped_heatmap_takes_the_ground_from_a_place(place: str) -> None:
    here = replace(pointing("upper left part", heat=True), id="noise")
    here = replace(here, regions=(places.region("upper left part"),))
    told = Finding(here, 0.01, "", "", Hypothesis.PASTED)
    text = rationale(Label.MANIPULATED, "splice", "upper left part", [told])
    swapped = replace(here, heatmap=pointing(place, heat=True).heatmap)
    assert grounding.check(text, [told]).share == 1
    assert grounding.check(text, [replace(told, measurement=swapped)]).share == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Measured: colour is strong (2-5% of authentic images).", "no such measurement"),
        ("Measured: noise is extreme (under 1% of authentic images).", "not as rare as measured"),
        ("Measured: noise is extreme (2-5% of authentic images).", "not as rare as measured"),
        (
            "Measured: noise is strong (2-5% of authentic images) in the upper left part.",
            "points elsewhere",
        ),
        (f"Inferred: the upper left part {SPLICE}.", "no such finding points there"),
        (
            "Inferred: a part was copied from elsewhere in the image.",
            "no unusual finding speaks for it",
        ),
        ("Inferred: a part was altered, but where could not be measured.", "wrong about"),
        ("Measured: nothing unusual for an authentic image.", "the findings say otherwise"),
        ("Measured: nothing could be measured.", "the findings say otherwise"),
        ("Inferred from the picture alone: no measurement shows an edit.", "say otherwise"),
        ("The sky is fake.", "not a claim"),
        ("Measured: the sky is fake.", "not a claim"),
        (f"Measured: the lower left part {SPLICE}.", "not a claim"),
        (f"Inferred: the lower left part {SPLICE}", "not a claim"),
        (f"Inferred: the lower left part {SPLICE}, perhaps elsewhere.", "not a claim"),
    ],
)
def test_a_claim_without_ground_is_named_and_dropped(text: str, fault: str) -> None:
    true = "Measured: noise is strong (2-5% of authentic images) in the lower left part."
    report = grounding.check(f"{true} {text}", [finding("lower left part")])
    assert fault in report.claims[-1].fault
    assert report.share == 0.5
    assert report.text == true


def test_one_clause_is_dropped_and_its_neighbour_kept() -> None:
    kept = "noise is strong (2-5% of authentic images)"
    text = f"Measured: {kept}; colour is low (over 50% of authentic images)."
    assert grounding.check(text, [finding()]).text == f"Measured: {kept}."


def test_a_claim_said_twice_counts_once() -> None:
    text = f"Inferred: a part {SPLICE}. Inferred: a part {SPLICE}."
    report = grounding.check(text, [finding()])
    assert [checked.fault for checked in report.claims] == ["", "said before"]


@pytest.mark.parametrize("label", [Label.AUTHENTIC, Label.SYNTHESIZED])
def test_an_inference_against_the_verdict_has_no_ground(label: Label) -> None:
    text = f"Inferred: a part {SPLICE}."
    assert grounding.check(text, [finding()], Label.MANIPULATED).share == 1
    assert grounding.check(text, [finding()], label).share == 0


def test_an_empty_rationale_makes_no_claim() -> None:
    report = grounding.check("", [finding()])
    assert (report.share, report.text) == (None, "")
