"""A service under uvicorn, for tests that end it: MODEL FOLDER PORT.

Each answer takes a second, so that there is time to be told to stop.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import uvicorn

from assay.detector import Detector, Rationale
from assay.questions import Question
from assay.records import Verdict
from assay.store import StoreSettings
from bento import logs
from bento.api.app import create_app
from bento.assembly import assemble
from bento.runtime import attach
from bento.settings import ServiceSettings
from tests.bento.services import KEYS, LocalAnswers

SECONDS = 1.0


class SlowAnswers(LocalAnswers):
    """The real detector, taking its time."""

    async def answer(self, question: Question, rationale: Rationale) -> Verdict:
        await asyncio.sleep(SECONDS)
        return await super().answer(question, rationale)


def main(model: Path, folder: Path, port: int) -> None:
    """Serve until a signal comes."""
    os.environ.update(KEYS)
    logs.start()
    app = create_app()
    settings = ServiceSettings(model=model, workers=1)
    answers = SlowAnswers(Detector.load(model))
    attach(app, assemble(settings, StoreSettings(folder=folder), answers))
    uvicorn.run(app, port=port, log_config=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
