from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.text_overlap import rouge_l

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


@pytest.mark.parametrize(
    ("written", "expected"),
    # Lin 2004, section 3.1: "police killed the gunman" against these two.
    [("police kill the gunman", 3 / 4), ("the gunman kill police", 2 / 4)],
)
def test_rouge_l_gives_the_values_of_the_paper(written: str, expected: float) -> None:
    assert rouge_l(written, "police killed the gunman") == pytest.approx(expected)


def test_rouge_l_reads_words_without_case_and_punctuation() -> None:
    assert rouge_l("The LOWER left; part.", "the lower left part") == 1
    assert rouge_l("", "a") == rouge_l("...", "...") == 0


@given(WORDS, WORDS)
def test_rouge_l_is_that_of_all_common_subsequences(first: list[str], second: list[str]) -> None:
    def subsequences(words: list[str]) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = {()}
        for word in words:
            found |= {(*one, word) for one in found}
        return found

    longest = max(map(len, subsequences(first) & subsequences(second)))
    expected = 2 * longest / (len(first) + len(second)) if longest else 0
    assert rouge_l(" ".join(first), " ".join(second)) == pytest.approx(expected)
