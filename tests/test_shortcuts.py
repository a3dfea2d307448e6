"""Shortcut probes: what is planted in the container is found, and only what survives blocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from assay import images
from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.image_profile import profile
from assay.progress import silent
from assay.records import Label, Sample, Split
from assay.shortcuts import Outcome, Probe, ShortcutSettings, Unprobed, probe
from tests.datasets import stored
from tests.scenes import sample, scene

Found = tuple[dict[tuple[str, str], Probe], tuple[Unprobed, ...]]


def found(folder: Path, samples: list[Sample], **settings: object) -> Found:
    """The probes by name and form, and what could not be probed."""
    rows = profile(stored(folder, samples), 1, silent)
    probes, unprobed = probe(rows, ShortcutSettings(**settings), silent)  # type: ignore[arg-type]
    return {(one.name, one.form): one for one in probes}, unprobed


def saved(number: int, label: Label, quality: int = 90, width: int = 64) -> Sample:
    image = images.encode_jpeg(scene(number, 64, width), quality)
    return sample(number, image=image, label=label, split=Split.TRAIN)


def label_of(number: int) -> Label:
    return Label.SYNTHESIZED if number % 2 else Label.AUTHENTIC


def test_quantisation_is_found_raw_and_gone_after_normalisation(tmp_path: Path):
    planted = [saved(n, label_of(n), quality=90 if n % 2 else 80) for n in range(60)]
    probes, _ = found(tmp_path, planted)
    raw, normalised = probes["quantisation", "raw"], probes["quantisation", "normalised"]
    assert raw.accuracy.value == 1.0
    assert raw.outcome is Outcome.SUSPECT, "raw files are reported, they never block"
    assert normalised.outcome is Outcome.CLEAR
    assert normalised.accuracy.low < 0.6


def test_dimensions_survive_and_block_unless_excepted(tmp_path: Path):
    planted = [saved(n, label_of(n), width=72 if n % 2 else 64) for n in range(60)]
    probes, _ = found(tmp_path, planted)
    assert probes["dimensions", "normalised"].outcome is Outcome.BLOCKS
    assert probes["dimensions", "normalised"].exception == "scenes/dimensions"
    excepted, _ = found(tmp_path, planted, exceptions=("scenes/dimensions",))
    assert excepted["dimensions", "normalised"].outcome is Outcome.EXCEPTED


def test_probe_of_like_files_is_clear(tmp_path: Path):
    probes, unprobed = found(tmp_path, [saved(n, label_of(n)) for n in range(60)])
    assert {one.outcome for one in probes.values()} == {Outcome.CLEAR}
    assert len(probes) == 8
    assert not unprobed


def test_probe_never_judges_a_group_that_it_was_fitted_on(tmp_path: Path):
    # Every group of eight has a width of its own: a tree that has seen it knows its label.
    planted = [
        replace(saved(n, label_of(n // 8), width=64 + 2 * (n // 8)), group=f"g{n // 8}")
        for n in range(160)
    ]
    probes, _ = found(tmp_path, planted)
    assert probes["dimensions", "normalised"].accuracy.value < 0.6


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([Label.AUTHENTIC] * 40, "one class"),
        ([Label.AUTHENTIC] * 30 + [Label.SYNTHESIZED] * 10, "too small: 10 altered images"),
    ],
)
def test_dataset_that_cannot_be_probed_is_listed(tmp_path: Path, labels: list[Label], reason: str):
    probes, unprobed = found(tmp_path, [saved(n, label) for n, label in enumerate(labels)])
    assert not probes
    assert reason in unprobed[0].reason


def test_dataset_of_few_photographs_is_not_probed(tmp_path: Path):
    few = [replace(saved(n, label_of(n)), group=f"g{n % 6}") for n in range(40)]
    assert "too few groups: 3 of authentic" in found(tmp_path, few)[1][0].reason


def test_datasets_are_probed_apart(tmp_path: Path):
    # Width differs between the sets and says nothing within them.
    made = [replace(saved(n, label_of(n)), dataset="a") for n in range(40)]
    made += [replace(saved(n, label_of(n), width=80), dataset="b") for n in range(40, 80)]
    rows = profile(stored(tmp_path, made), 1, silent)
    probes, _ = probe(rows, ShortcutSettings(), silent)
    assert {one.dataset for one in probes} == {"a", "b"}
    assert {one.outcome for one in probes if one.name == "dimensions"} == {Outcome.CLEAR}


@pytest.mark.parametrize("exception", ["scenes", "scenes/size", "/exif"])
def test_exception_names_a_dataset_and_a_probe(exception: str):
    with pytest.raises(ValidationError, match="is no DATASET/PROBE"):
        ShortcutSettings(exceptions=(exception,))


@pytest.mark.shared
@pytest.mark.timeout(300)
def test_probe_finds_the_tables_of_casia_and_normalisation_removes_them(
    shared_data: Path, tmp_path: Path
):
    data = DataSettings(source="folder", options={"path": shared_data})
    rows = profile(build_dataset(data, tmp_path), None, silent)
    probes, unprobed = probe(rows, ShortcutSettings(), silent)
    casia = {(one.name, one.form): one for one in probes if one.dataset == "CASIA v1.0"}
    assert casia["quantisation", "raw"].accuracy.value > 0.98
    assert casia["quantisation", "normalised"].outcome is Outcome.CLEAR
    assert not [one for one in probes if one.outcome is Outcome.BLOCKS]
    assert {one.dataset for one in unprobed} == {"BSDS500", "FFHQ", "StyleGAN2 (TPDNE)"}
