from __future__ import annotations

import numpy as np
import pytest

from assay.manipulations import resynthesis
from assay.manipulations.resynthesis import DECODERS, Decoder, Resynthesis
from assay.records import Label, Pixels
from tests.scenes import scene

EACH_DECODER = pytest.mark.parametrize(
    "decoder", DECODERS, ids=["sub_pixel", "transposed", "nearest"]
)


def resynthesised(image: Pixels, decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> Pixels:
    monkeypatch.setattr(resynthesis, "DECODERS", (decoder,))
    return Resynthesis().apply(image, image, np.random.default_rng(0))[0]


def psnr(one: Pixels, other: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def phase_contrast(image: Pixels) -> float:
    """How unevenly fine detail is spread over the four phases of a 2x2 lattice."""
    grey = image.astype(float).mean(axis=2)
    detail = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2]
    detail -= grey[1:-1, 2:]
    energy = [np.mean(detail[a::2, b::2] ** 2) for a in (0, 1) for b in (0, 1)]
    return float(np.std(energy) / np.mean(energy))


@EACH_DECODER
def test_looks_like_the_photograph(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    image = scene(1, 192, 192)
    assert 22 < psnr(resynthesised(image, decoder, monkeypatch), image) < 40


@EACH_DECODER
def test_leaves_upsampling_traces(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    image = scene(1, 192, 192)
    traces = phase_contrast(resynthesised(image, decoder, monkeypatch))
    assert traces > 3 * phase_contrast(image)


@EACH_DECODER
def test_grey_stays_grey(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    made = resynthesised(scene(2, grey=True), decoder, monkeypatch)
    assert np.ptp(made.astype(int), axis=2).max() <= 1


def test_decoders_read_as_many_latents_as_their_kernels_reach() -> None:
    sub_pixel, transposed, nearest = DECODERS
    assert [len(set(taps)) for taps in sub_pixel.taps] == [9, 9, 9, 9]
    assert [len(set(taps)) for taps in transposed.taps] == [1, 2, 2, 4]
    assert [len(taps) for taps in nearest.taps] == [25] * 4


def test_upsampling_recovers_what_the_latent_determines() -> None:
    latent = np.random.default_rng(0).normal(0, 50, (24, 24, 2)).astype(np.float32)
    latent -= latent.mean(axis=(0, 1))
    target = latent.repeat(2, axis=0).repeat(2, axis=1) @ np.array([[1, 2, 0], [0, 1, 1]])
    for decoder in DECODERS:
        rebuilt = resynthesis._upsampled(latent, target.astype(np.float32), decoder)
        assert np.abs(rebuilt - target).max() < 0.02 * target.std()


def test_whole_image_is_labelled_synthesized() -> None:
    _, mask = Resynthesis().apply(scene(3, 67, 90), scene(4, 67, 90), np.random.default_rng(1))
    assert Resynthesis.label is Label.SYNTHESIZED
    assert mask.all()
