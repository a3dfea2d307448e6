from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import grounding
from assay.rationales.answers import Reason
from assay.rationales.gate import Accepted, Fault, Rejected, Templates, judge
from assay.rationales.instructions import Case
from tests.rationales.cases import AUTHENTIC, EDITED, GENERATED, answer, fields


def fault(text: str, case: Case = EDITED) -> Fault | None:
    found = judge(text, case)
    return found.fault if isinstance(found, Rejected) else None


def test_a_good_answer_becomes_claims_that_are_read_back() -> None:
    found = judge(answer(), EDITED)
    assert isinstance(found, Accepted)
    assert found.learned == (
        "Inferred: the lower left part was pasted in from another photograph. "
        "Measured: colour_inconsistency is strong (2-5% of authentic images) in the "
        "lower left part."
    )
    assert grounding.check(found.learned, EDITED.findings, EDITED.label).share == 1


PLANTED = {
    "field outside the mask": ({"areas": ["upper right part"]}, Fault.OUTSIDE_MASK),
    "words outside the mask": (
        {"inconsistencies": "The shadow in the top right corner falls the wrong way."},
        Fault.OUTSIDE_MASK,
    ),
    "a side outside the mask": (
        {"inconsistencies": "The right half is blurred."},
        Fault.OUTSIDE_MASK,
    ),
    "the whole image": ({"areas": ["whole image"]}, Fault.OUTSIDE_MASK),
    "a finding that there is not": ({"findings": ["ela_residue"]}, Fault.UNKNOWN_FINDING),
    "a finding that was not measured": (
        {"findings": ["spectral_artefacts"]},
        Fault.UNKNOWN_FINDING,
    ),
    "a finding in words": (
        {"inconsistencies": "noise_inconsistency is extreme."},
        Fault.UNKNOWN_FINDING,
    ),
    "another verdict": ({"verdict": "authentic"}, Fault.CONTRADICTS_LABEL),
    "another type": ({"type": "generated"}, Fault.CONTRADICTS_LABEL),
    "another edit than is known": ({"type": "copy_move"}, Fault.CONTRADICTS_LABEL),
    "another verdict in words": (
        {"content": "A genuine photograph of a man."},
        Fault.CONTRADICTS_LABEL,
    ),
    "another verdict denied": (
        {"inconsistencies": "It is not AI-generated."},
        Fault.CONTRADICTS_LABEL,
    ),
    "too many words": ({"content": "coat " * 100}, Fault.TOO_LONG),
    "a place that there is not": ({"areas": ["somewhere"]}, Fault.UNREADABLE),
    "a missing field": ({"content": None}, Fault.UNREADABLE),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_bad_rationale_is_rejected_for_its_fault(planted: str) -> None:
    changed, expected = PLANTED[planted]
    assert fault(answer(**changed)) is expected


def test_each_fault_of_one_answer_is_planted() -> None:
    apart = {Fault.TEMPLATE, Fault.UNGROUNDED}
    assert {expected for _, expected in PLANTED.values()} == set(Fault) - apart


def test_an_authentic_image_has_no_altered_part() -> None:
    calm = {"verdict": "authentic", "type": "none", "areas": [], "inconsistencies": "Light fits."}
    assert fault(answer(**calm), AUTHENTIC) is None
    assert fault(answer(**calm | {"areas": ["upper left part"]}), AUTHENTIC) is Fault.OUTSIDE_MASK
    hinted = calm | {"inconsistencies": "The left edge seems off."}
    assert fault(answer(**hinted), AUTHENTIC) is Fault.OUTSIDE_MASK


def test_a_synthesized_image_may_be_wrong_anywhere() -> None:
    odd = {"verdict": "synthesized", "type": "generated", "areas": ["upper right part"]}
    assert fault(answer(**odd), GENERATED) is None


def test_where_no_mask_says_where_areas_only_name_what_findings_point_at() -> None:
    case = replace(EDITED, mask=None, manipulation="")
    near, far = (
        judge(answer(areas=[area]), case) for area in ("lower left part", "upper left part")
    )
    assert isinstance(near, Accepted)
    assert isinstance(far, Accepted)
    assert "the lower left part was pasted in" in near.learned
    assert "a part was pasted in from another photograph, perhaps elsewhere" in far.learned


def test_cited_findings_are_those_that_the_teacher_chose() -> None:
    found = judge(answer(findings=["repeated_regions"]), EDITED)
    assert isinstance(found, Accepted)
    assert "repeated_regions is extreme" in found.learned
    assert "colour_inconsistency" not in found.learned


@given(
    st.text(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)
)
def test_whatever_else_a_teacher_writes_is_unreadable(text: str) -> None:
    assert fault(text) is Fault.UNREADABLE


@given(st.text(max_size=200), st.text(max_size=200))
def test_what_passes_is_always_grounded(content: str, inconsistencies: str) -> None:
    found = judge(answer(content=content, inconsistencies=inconsistencies), EDITED)
    if isinstance(found, Accepted):
        assert grounding.check(found.learned, EDITED.findings, EDITED.label).share == 1


def reason(text: str) -> Reason:
    return Reason.model_validate(fields(content=text, inconsistencies=""))


def test_a_template_is_refused_once_it_was_said_too_often() -> None:
    templates = Templates(0.05, 100)
    said = [templates.refuse(reason("The lower left part, 12 %, does not fit.")) for _ in range(5)]
    assert said == [None] * 5
    refused = templates.refuse(reason("The upper right part, 7 %, does not fit."))
    assert refused is not None
    assert refused.fault is Fault.TEMPLATE


def test_a_sentence_of_its_own_is_no_template() -> None:
    templates = Templates(0.05, 20)
    for number in range(9):
        own = f"The {'very ' * number}red coat."
        assert templates.refuse(reason(f"It does not fit. {own}")) is None
