"""The network's shapes, and what its first layer is blind to."""

from __future__ import annotations

import pytest
import torch

from assay.experts.forensic.histories import TRAITS
from assay.experts.forensic.network import ForensicNetwork, ResidualFilters


@pytest.fixture(scope="module")
def network() -> ForensicNetwork:
    torch.manual_seed(0)
    return ForensicNetwork(len(TRAITS)).train(False)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (72, 136), (200, 64)])
def test_network_answers_about_any_multiple_of_eight(
    network: ForensicNetwork, height: int, width: int
) -> None:
    with torch.inference_mode():
        opinion = network(torch.rand(2, 3, height, width) * 255)
    assert opinion.map.shape == (2, height // 8, width // 8)
    assert opinion.traits.shape == (2, len(TRAITS), height // 8, width // 8)
    assert opinion.manipulated.shape == opinion.generated.shape == (2,)
    assert all(part.isfinite().all() for part in opinion)


def test_network_is_small(network: ForensicNetwork) -> None:
    assert 100_000 < sum(parameter.numel() for parameter in network.parameters()) < 1_000_000


def test_features_depend_on_the_surroundings_alone(network: ForensicNetwork) -> None:
    pixels = torch.rand(1, 3, 64, 320) * 255
    changed = pixels.clone()
    changed[..., 256:] = 0
    with torch.inference_mode():
        before, after = network.describe(pixels), network.describe(changed)
    torch.testing.assert_close(before[..., :24], after[..., :24])
    assert (before[..., 33:] != after[..., 33:]).any()


def ramp() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    return torch.stack([2 * rows + columns, 90 - rows, 3 * columns])[None]


def test_fixed_filters_are_blind_to_ramps() -> None:
    filters = ResidualFilters()
    fixed = len(filters.get_buffer("fixed"))
    inner = filters(ramp())[:, :fixed, 2:-2, 2:-2]
    assert inner.abs().max() < 1e-3


def test_all_filters_are_blind_to_plain_colours_and_see_noise() -> None:
    filters = ResidualFilters()
    plain = torch.tensor([200.0, 90.0, 30.0])[None, :, None, None].expand(1, 3, 32, 32)
    assert filters(plain)[:, : len(filters.get_buffer("fixed"))].abs().max() < 1e-3
    grey = torch.full((1, 3, 32, 32), 128.0)
    assert filters(grey).abs().max() < 0.05
    noisy = filters(grey + 4 * torch.randn(1, 3, 32, 32))
    assert noisy.std(dim=(0, 2, 3)).min() > 0.1
