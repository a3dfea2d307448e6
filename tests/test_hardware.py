"""What this machine says of itself."""

from __future__ import annotations

import torch

from assay import hardware
from assay.parallel import cores


def test_description_names_every_part():
    facts = hardware.describe()
    assert set(facts) == {"processor", "cores", "memory", "gpu"}
    assert all(facts.values())
    assert facts["cores"] == str(cores())
    assert (facts["gpu"] == "none") == (torch.cuda.device_count() == 0)


def test_summary_is_one_line_that_holds_every_fact():
    facts = hardware.describe()
    line = hardware.summary()
    assert "\n" not in line
    assert facts["processor"] in line
    assert f"{facts['cores']} core" in line
    assert facts["memory"] in line


def test_precision_that_was_asked_for_is_taken():
    assert hardware.resolve_precision("fp32") == "fp32"
    assert hardware.resolve_precision("auto") in {"fp32", "bf16"}
    assert hardware.resolve_precision("auto", "cpu") in {"fp32", "bf16"}
