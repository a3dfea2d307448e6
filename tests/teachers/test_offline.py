from __future__ import annotations

import numpy as np
import pytest

from assay.records import Finding, Hypothesis, Label, Mask, Measurement, Region
from assay.teachers import teacher
from assay.teachers.claims import ACTIONS

LOWER_LEFT = Region(0, 0.7, 0.3, 1)
OFFLINE = teacher()


def finding(
    rate: float | None,
    suggests: Hypothesis = Hypothesis.PASTED,
    box: Region | None = None,
    name: str = "noise",
    title: str = "uneven noise",
) -> Finding:
    measurement = Measurement(name, None if rate is None else 1.0, (box,) if box else ())
    return Finding(measurement, rate, "", title, suggests)


def masked(rows: slice, columns: slice) -> Mask:
    mask = np.zeros((90, 90), dtype=bool)
    mask[rows, columns] = True
    return mask


LEFT_BELOW = masked(slice(70, 90), slice(0, 20))
RIGHT_ABOVE = masked(slice(0, 20), slice(70, 90))


def manipulated(findings: list[Finding], mask: Mask | None = LEFT_BELOW, edit: str = "splice"):
    return OFFLINE.rationale(Label.MANIPULATED, edit, mask, findings)


def test_hints_without_unusual_evidence_promise_nothing() -> None:
    text = OFFLINE.hints([finding(0.3), finding(None)])
    assert "no measured evidence points to a manipulation; absence proves nothing" in text


@pytest.mark.parametrize(
    ("suggests", "words"),
    [
        (Hypothesis.COPIED, "copied within the image"),
        (Hypothesis.PASTED, "another photograph"),
        (Hypothesis.GENERATED, "made by a generator"),
        (Hypothesis.EDITED, "altered"),
    ],
)
def test_hints_say_what_the_evidence_suggests_and_why(suggests: Hypothesis, words: str) -> None:
    text = OFFLINE.hints([finding(0.03, suggests)])
    assert words in text
    assert "(uneven noise)" in text


def test_hints_name_two_hypotheses_the_rarest_evidence_first() -> None:
    weaker = finding(0.05, Hypothesis.PASTED)
    rarest = finding(0.001, Hypothesis.GENERATED, title="a comb of peaks")
    text = OFFLINE.hints([finding(0.09, Hypothesis.COPIED), weaker, rarest])
    assert text.index("generator (a comb of peaks)") < text.index("photograph (uneven noise)")
    assert "cloning" not in text


def test_a_finding_without_a_title_is_named_by_its_id() -> None:
    assert "(odd corners)" in OFFLINE.hints([finding(0.01, name="odd_corners", title="")])


def test_rationale_cites_unusual_findings_with_rarity_and_place() -> None:
    text = manipulated([finding(0.03, box=LOWER_LEFT), finding(0.6, name="grid")])
    assert text == (
        "Inferred: the lower left part was pasted in from another photograph. "
        "Measured: noise is strong (2-5% of authentic images) in the lower left part."
    )


def test_rationale_cites_the_three_rarest_in_the_order_of_the_question() -> None:
    rates = {"a": 0.09, "b": 0.02, "c": 0.001, "d": 0.05}
    text = manipulated([finding(rate, name=name) for name, rate in rates.items()])
    cited = [part.split()[0] for part in text.partition("Measured: ")[2].split("; ")]
    assert cited == ["b", "c", "d"]


def test_rationale_names_no_place_that_the_mask_does_not_cover() -> None:
    text = manipulated([finding(0.03, box=LOWER_LEFT)], RIGHT_ABOVE)
    assert "a part was pasted in from another photograph, perhaps elsewhere." in text


def test_rationale_says_where_the_ledger_points_nowhere() -> None:
    text = manipulated([finding(0.03)])
    assert "a part was pasted in from another photograph, but where could not be measured" in text


def test_rationale_names_the_edit_only_as_far_as_evidence_speaks_for_it() -> None:
    pasted = finding(0.03, Hypothesis.PASTED, LOWER_LEFT)
    assert "the lower left part was altered." in manipulated([pasted], edit="copy_move")
    generated = finding(0.03, Hypothesis.GENERATED)
    assert "no measurement shows an edit" in manipulated([generated])


def test_rationale_of_an_unknown_edit_claims_no_particular_one() -> None:
    assert "the lower left part was altered." in manipulated(
        [finding(0.03, box=LOWER_LEFT)], edit="liquify"
    )


def test_rationale_of_an_edit_of_the_whole_image_names_no_part() -> None:
    everywhere = np.ones((90, 90), dtype=bool)
    text = manipulated([finding(0.03, box=LOWER_LEFT)], everywhere, "colour_filter")
    assert "Inferred: the image was recoloured." in text


@pytest.mark.parametrize(
    ("suggests", "words"),
    [
        (Hypothesis.GENERATED, "Inferred: the image was produced by a generator."),
        (Hypothesis.PASTED, "no measurement shows a generator."),
    ],
)
def test_rationale_of_a_synthesized_image(suggests: Hypothesis, words: str) -> None:
    text = OFFLINE.rationale(Label.SYNTHESIZED, "resynthesis", None, [finding(0.01, suggests)])
    assert text.partition(" Measured: ")[0].endswith(words)


def test_rationale_of_an_authentic_image_owns_up_to_unusual_evidence() -> None:
    ordinary = OFFLINE.rationale(Label.AUTHENTIC, "", None, [finding(0.4)])
    assert ordinary.endswith("Measured: nothing unusual for an authentic image.")
    unusual = OFFLINE.rationale(Label.AUTHENTIC, "", None, [finding(0.03)])
    assert unusual.startswith("Inferred: within what authentic images show. Measured: noise is")


@pytest.mark.parametrize("label", Label)
def test_rationale_without_any_measurement_says_so(label: Label) -> None:
    text = OFFLINE.rationale(label, "", None, [finding(None)])
    assert text.startswith("Inferred")
    assert text.endswith("Measured: nothing could be measured.")


def test_every_manipulation_that_can_be_made_has_words() -> None:
    from assay.manipulations import manipulations

    assert set(manipulations()) - {"resynthesis"} <= set(ACTIONS)
