import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import prompts
from assay.errors import UnparseableAnswer
from assay.prompts import Answer
from assay.records import Finding, Label, Measurement

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
    assert prompts.question([]).startswith("Is this image manipulated or synthesized?")


def test_question_gives_each_finding_a_line() -> None:
    findings = [
        Finding(Measurement("noise", 2.0), 0.03, ""),
        Finding(Measurement("grid", None, not_applicable="too small"), None, ""),
    ]
    assert prompts.question(findings).splitlines()[2:] == [
        "- noise: strong (2-5% of authentic images)",
        "- grid: not applicable",
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
