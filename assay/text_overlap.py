"""ROUGE-L: how much of one text stands in another, in the same order.

Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3.1, with beta 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def rouge_l(written: str, reference: str) -> float:
    """F1 of the words of the longest common subsequence, 0..1; 0 where a text has no words."""
    said, wanted = _words(written), _words(reference)
    common = _longest_common(said, wanted)
    return 2 * common / (len(said) + len(wanted)) if common else 0.0


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, row by row."""
    row = [0] * (len(second) + 1)
    for word in first:
        above = row[:]
        for i, other in enumerate(second):
            row[i + 1] = above[i] + 1 if word == other else max(row[i], above[i + 1])
    return row[-1]
