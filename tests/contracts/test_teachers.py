"""What every teacher that is asked promises; a new file in the folder is tested as it is."""

from __future__ import annotations

import pytest

from assay.errors import UnknownPlugin
from assay.teachers.asked import AskedTeacher, asked_teacher, asked_teachers


@pytest.fixture(params=asked_teachers())
def kind(request: pytest.FixtureRequest) -> type[AskedTeacher]:
    return asked_teachers()[request.param]


def test_name_is_its_module(kind: type[AskedTeacher]) -> None:
    assert kind.__module__ == f"assay.teachers.{kind.name}"


def test_options_name_a_model_and_bound_an_answer(kind: type[AskedTeacher]) -> None:
    assert {"model", "max_tokens"} <= set(kind.settings.model_fields)


def test_no_option_is_a_secret(kind: type[AskedTeacher]) -> None:
    secrets = ("key", "secret", "password")
    assert not [name for name in kind.settings.model_fields if any(s in name for s in secrets)]


def test_a_wrong_option_is_refused(kind: type[AskedTeacher]) -> None:
    with pytest.raises(ValueError, match="modle"):
        asked_teacher(kind.name, {"modle": "x"})


def test_the_nearest_teacher_is_named() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'local_vlm'"):
        asked_teacher("local_vml", {})
