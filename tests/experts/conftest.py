"""A few generated photographs, and the corpus that is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from assay import images
from assay.experts.forensic import corpus
from assay.experts.photographs import Photographs, gather
from tests.scenes import scene


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs of 300 x 360 pixels, one of them in a folder of its own."""
    made = tmp_path_factory.mktemp("photographs")
    (made / "more").mkdir()
    for seed, name in enumerate(("a.png", "b.png", "c.png", "more/d.png")):
        (made / name).write_bytes(images.encode_png(scene(seed, 300, 360)))
    return made


@pytest.fixture(scope="session")
def photographs(folder: Path) -> Photographs:
    return gather(folder)


@pytest.fixture(scope="session")
def stored(photographs: Photographs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of their corpus."""
    place = tmp_path_factory.mktemp("corpus")
    corpus.build(photographs.files, place)
    return place


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Sums over several threads round differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
