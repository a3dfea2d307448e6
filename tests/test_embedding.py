"""The columns of an embedding: principal components that say which way is up, kept as tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.embedding import COLUMNS, SIDE, Embedding, square
from assay.errors import CheckpointMismatch
from tests.scenes import scene


def features(n: int = 200, size: int = 24, seed: int = 0) -> np.ndarray:
    """Features that vary in ten directions, the first ones most."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(size=(n, 10)) * np.linspace(10, 1, 10)
    return (spread @ rng.normal(size=(10, size)) + 3.0).astype(np.float32)


def test_columns_are_uncorrelated_and_of_one_scale() -> None:
    known = features()
    columns = np.array(Embedding.fit(known).columns(known))
    assert columns.shape == (200, COLUMNS)
    np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(columns.T, bias=True), np.eye(COLUMNS), atol=1e-3)


def test_a_shift_of_the_features_shows_in_the_columns() -> None:
    made = Embedding.fit(features())
    moved = np.array(made.columns(features() + 20.0))
    assert np.abs(moved.mean(axis=0)).max() > 1


def test_the_order_of_images_turns_no_column_round() -> None:
    known = features()
    first, again = Embedding.fit(known), Embedding.fit(known[::-1])
    np.testing.assert_allclose(first.axes, again.axes, atol=1e-4)


def test_few_images_give_fewer_columns() -> None:
    made = Embedding.fit(features(n=3))
    assert made.axes.shape == (24, 2)
    assert [len(row) for row in made.columns(features(n=3))] == [2, 2, 2]


def test_embedding_survives_its_file(tmp_path: Path) -> None:
    made = Embedding.fit(features())
    made.save(tmp_path / "embedding.safetensors")
    again = Embedding.load(tmp_path / "embedding.safetensors")
    assert again.columns(features(n=4)) == made.columns(features(n=4))


def test_what_cannot_be_embedded_has_no_columns() -> None:
    made, overflown = Embedding.fit(features()), features(n=2)
    overflown[0, 3] = np.inf
    with np.errstate(invalid="ignore"):
        assert [len(row) for row in made.columns(overflown)] == [0, COLUMNS]
    assert made.columns(np.zeros((2, 0), np.float32)) == [(), ()]


def test_features_of_another_model_are_refused() -> None:
    with pytest.raises(CheckpointMismatch, match="24 features, the model has 32"):
        Embedding.fit(features()).columns(features(size=32))


@pytest.mark.parametrize("content", [b"", b"not tensors at all"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "embedding.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointMismatch, match="holds no embedding"):
        Embedding.load(path)


def test_square_has_one_size() -> None:
    for height, width in ((40, 300), (SIDE, SIDE), (500, 20)):
        assert square(scene(0, height, width).astype(np.uint8)).shape == (SIDE, SIDE, 3)
