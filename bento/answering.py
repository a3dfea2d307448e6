"""Who answers questions about images."""

from __future__ import annotations

from typing import Protocol

from assay.detector import Rationale
from assay.questions import Question
from assay.records import Verdict


class Answers(Protocol):
    """The inner service, or a detector in this process."""

    async def answer(self, question: Question, rationale: Rationale) -> Verdict:
        """The verdict on one question; those asked meanwhile share its batch."""
