"""Which settings make another training, and which only lengthen one."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from assay.experts.settings import PhotographFolder, PretrainingSettings


@pytest.mark.parametrize("change", [{"steps": 9}, {"workers": 3}, {"checkpoint_every": 7}])
def test_folder_name_is_that_of_any_length_of_the_training(change: dict[str, int]) -> None:
    other = PretrainingSettings(**change)
    assert other.folder_name("hash") == PretrainingSettings().folder_name("hash")


@pytest.mark.parametrize("change", [{"seed": 1}, {"pairs": 2}, {"learning_rate": 1e-4}])
def test_folder_name_changes_with_what_shapes_weights(change: dict[str, float]) -> None:
    other = PretrainingSettings(**change)
    assert other.folder_name("hash") != PretrainingSettings().folder_name("hash")


def test_folder_name_changes_with_the_photographs() -> None:
    settings = PretrainingSettings()
    assert settings.folder_name("one") != settings.folder_name("other")


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_missing_folder_is_answered_with_what_is_wanted(path: str) -> None:
    with pytest.raises(ValidationError, match="authentic photographs of high resolution"):
        TypeAdapter(PhotographFolder).validate_python(path)
