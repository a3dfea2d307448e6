"""How long a built bento takes from its start until it can give a verdict, and what of it imports.

Importing is what the model's process loads before its weights; all processes import at once, on the
same cores. ``ASSAY_MODEL`` names the model folder to package; without it one is trained.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from assay import fingerprints, home, release, release_proof
from assay.model_registry import ModelFacts
from assay.release import Release
from benchmarks.figures import Figure, report, seconds
from benchmarks.serving import model_without_fusion

STARTS = 3
_PATIENCE = 180.0
_IMPORTS = {
    "the services' module alone, as BentoML's supervisor": "import bento.service",
    "all routes": "import bento.assembly, bento.api.app",
    "what measuring takes": "import assay.evidence_pool, torch, transformers.processing_utils",
    "what the model takes": "import torch, peft; from transformers import PreTrainedModel",
}


def measure() -> list[Figure]:
    """Build a release in a state folder of its own, start it a few times."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ASSAY_HOME"] = str(Path(folder) / "state")
        home.root().mkdir()
        model = model_without_fusion(Path(folder))
        facts = ModelFacts("benchmark", fingerprints.content_hash(model))
        built: list[Release] = []
        building = seconds(lambda: built.append(release.build(model, facts)))
        starts = [release_proof.cold_start(built[0], _PATIENCE) for _ in range(STARTS)]
        return [
            Figure("cold start of the built bento", statistics.median(starts), "s", at_most=10),
            Figure("  the slowest", max(starts), "s"),
            *(
                Figure(f"  importing {what}", _taken(code, built[0]), "s")
                for what, code in _IMPORTS.items()
            ),
            Figure("  building it", building, "s"),
            Figure("  processes that wanted a core, last minute", os.getloadavg()[0], ""),
        ]


def _taken(code: str, built: Release) -> float:
    """Seconds in which a fresh process imports from the bento."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    return seconds(lambda: subprocess.run(command, cwd=built.source, check=True))


if __name__ == "__main__":
    sys.exit(report(measure))
