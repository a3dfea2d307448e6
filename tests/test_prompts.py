import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import prompts
from assay.errors import UnparseableAnswer
from assay.prompts import Answer
from assay.records import Finding, Label, Measurement, Region

RATIONALES = st.text().map(str.strip) | st.sampled_from(
    [
        "This image has not been manipulated. The face is unaltered, not synthesized.",
        "Manipulated. Synthesized. Authentic.",
        "No evidence that it was manipulated was found.",
    ]
)


@given(st.sampled_from(Label), RATIONALES)
def test_parse_inverts_render(label: Label, rationale: str) -> None:
    answer = Answer(label, rationale)
    assert prompts.parse(prompts.render(answer)) == answer


@pytest.mark.parametrize(
    "text", ["", "authentic.", "Authentically made.", "The image is Manipulated.", "Manipulated"]
)
def test_parse_refuses_text_without_a_verdict_word_in_front(text: str) -> None:
    with pytest.raises(UnparseableAnswer, match="begins with one of Authentic"):
        prompts.parse(text)


def test_question_asks_the_one_question_first() -> None:
    first, second = prompts.question([], "Hints: none.").splitlines()[:2]
    assert first == "Is this image manipulated or synthesized?"
    assert second == "Hints: none."


def test_question_gives_each_finding_a_line() -> None:
    corner = (Region(0, 0.7, 0.2, 1),)
    findings = [
        Finding(Measurement("noise", 2.0, corner), 0.03, ""),
        Finding(Measurement("peaks", 2.0), 0.001, ""),
        Finding(Measurement("colour", 2.0, corner), 0.15, ""),
        Finding(Measurement("grid", None, not_applicable="too small"), None, ""),
    ]
    assert prompts.question(findings, "").splitlines()[3:] == [
        "- noise is strong (2-5% of authentic images) in the lower left part",
        "- peaks is extreme (under 1% of authentic images)",
        "- colour is raised",
        "- grid is not applicable",
    ]


@pytest.mark.parametrize(
    ("rate", "words"), [(0.0, "under 1%"), (0.01, "1-2%"), (0.049, "2-5%"), (1.0, "over 50%")]
)
def test_rate_words_put_an_edge_into_the_upper_bucket(rate: float, words: str) -> None:
    assert prompts.rate_words(rate) == words


def test_levels_rise_as_null_rates_fall() -> None:
    levels = [prompts.level(rate) for rate in (0.9, 0.3, 0.15, 0.07, 0.03, 0.015, 0.001)]
    assert levels[0] == "low"
    assert levels[-1] == "extreme"
    assert len(set(levels)) == 7


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.0999, 0.1, 0.5, 1.0])
def test_unusual_findings_are_those_of_the_first_four_levels(rate: float) -> None:
    finding = Finding(Measurement("noise", 1.0), rate, "")
    unusual = prompts.level(rate) in {"extreme", "severe", "strong", "marked"}
    assert prompts.is_unusual(finding) is unusual


def test_what_was_not_measured_is_not_unusual() -> None:
    assert not prompts.is_unusual(Finding(Measurement("noise"), None, ""))
