"""A dataset whose source calls two pictures by two labels each."""

from __future__ import annotations

from pathlib import Path

from assay import images
from assay.dataset import Dataset, DataSettings
from assay.dataset_builder import build_dataset
from tests.scenes import scene


def built(root: Path, engine: str = "processes") -> Dataset:
    """Twelve images of each label; two scenes stand under both, one as another file format."""
    folder = root / "in"
    for first, label in enumerate(("authentic", "manipulated"), 1):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for seed in range(100 * first, 100 * first + 12):
            (folder / label / f"{seed}.png").write_bytes(images.encode_png(scene(seed, 64, 64)))
    for seed in (100, 101):
        again = images.encode_webp(scene(seed, 64, 64), 101)
        (folder / "manipulated" / f"{seed}.webp").write_bytes(again)
    near = images.encode_jpeg(scene(102, 64, 64), 90)
    (folder / "manipulated" / "near.jpg").write_bytes(near)
    settings = DataSettings(source="folder", options={"path": folder}, workers=1, engine=engine)
    return build_dataset(settings, root / "datasets")
