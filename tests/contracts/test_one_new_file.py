"""Adding a manipulation, a source or a kind of evidence takes one new file and no other change."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from assay import ledger, null_rates, plugins, sources
from assay.evidence import examiners
from assay.manipulations import is_material, manipulations
from assay.pairs import make_pair
from assay.records import Photo
from assay.teachers import teacher
from tests.contracts.test_manipulations import assert_exact
from tests.scenes import sample, scene

MANIPULATION = """
from assay.manipulations import Manipulation
from assay.manipulations.regions import blob, composite

class Negative(Manipulation):
    name = "negative"
    material = False

    def apply(self, image, donor, rng):
        return composite(image, 255 - image, blob(rng, image.shape, (0.1, 0.2)).astype("float32"))
"""
SOURCE = """
from typing import ClassVar
from assay.records import Label, Sample
from assay.sources import Source

class Blank(Source):
    name: ClassVar[str] = "blank"
    count: int = 1

    def fetch(self, since=None):
        return (Sample(str(index), b"", Label.AUTHENTIC) for index in range(self.count))

    def fingerprint(self):
        return str(self.count)
"""
EXAMINER = """
from assay.evidence import Examiner
from assay.records import Measurement

class Brightness(Examiner):
    name = "brightness"
    title = "mean brightness"

    def examine(self, photo):
        return Measurement(self.name, float(photo.pixels.mean()))

    @classmethod
    def example(cls):
        raise NotImplementedError
"""


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Put one module into a plugin folder, and take it out again afterwards."""
    added: list[str] = []

    def write(folder: str, code: str) -> None:
        package = importlib.import_module(f"assay.{folder}")
        (tmp_path / "new_member.py").write_text(code)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        added.append(f"assay.{folder}.new_member")
        plugins._members.cache_clear()

    yield write
    for module in added:
        sys.modules.pop(module, None)
    plugins._members.cache_clear()


def test_new_manipulation_is_one_file(add: Callable[[str, str], None]) -> None:
    add("manipulations", MANIPULATION)
    edited, mask = manipulations()["negative"].apply(scene(), scene(1), np.random.default_rng(0))
    assert_exact(scene(), edited, mask)
    assert not is_material("negative")
    assert make_pair(sample(), sample(1), "negative", 0, 96)[0].manipulation == "negative"


def test_new_source_is_one_file(add: Callable[[str, str], None]) -> None:
    add("sources", SOURCE)
    assert len(list(sources.create("blank", {"count": 3}).fetch())) == 3


def test_new_evidence_is_one_file(add: Callable[[str, str], None]) -> None:
    add("evidence", EXAMINER)
    measurement = examiners()["brightness"].examine(Photo(b"", scene(), "PNG"))
    assert measurement.value == pytest.approx(scene().mean())
    darkest = null_rates.NullRates.fit({"brightness": [0.0] * 99})
    assert "(mean brightness)" in teacher().hints(ledger.findings([measurement], darkest))


def test_folder_forgets_a_file_that_is_gone(add: Callable[[str, str], None]) -> None:
    assert "negative" not in manipulations()
    assert "brightness" not in examiners()
