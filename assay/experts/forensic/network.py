"""The network of both experts: residual first layers, a fully convolutional trunk, three heads.

Content is filtered out first, so that only what cameras, editors and generators leave is seen.
The trunk describes each 8x8 cell; the heads say how unlike the rest of its image a cell is, what
the image as a whole is, and (in training only) what each cell has been through.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
"""Pixels of a cell: the JPEG lattice's, so that every cell sees it in the same phase."""

_LEARNED = 10
_CLIP = 5.0
"""Grey levels over `_SCALE`, beyond which a residual is content."""
_SCALE = 4.0
_WIDTHS = (24, 48, 64)
_EMBEDDING = 32
_TOP_SHARE = 0.05


class Opinion(NamedTuple):
    """What the network says about a batch of images."""

    map: Tensor
    """Logits ``[b, rows, columns]`` that a cell is unlike the rest of its image."""
    manipulated: Tensor
    """Logits ``[b]`` that a part of the image is unlike the rest."""
    generated: Tensor
    """Logits ``[b]`` that the whole image was made by a machine."""
    embedding: Tensor
    """``[b, e, rows, columns]``: cells of one history are near each other within an image."""
    traits: Tensor
    """``[b, t, rows, columns]``: what each cell has been through, `histories.TRAITS`."""


class ResidualFilters(nn.Module):
    """Fixed high-pass filters and learned ones that cannot pass content.

    Fixed: five of the rich models (Fridrich & Kodovsky 2012) on brightness, one on each colour
    difference. Learned: prediction errors, whose centre is -1 and whose other weights sum to 1
    (Bayar & Stamm 2018). Residuals are scaled and clipped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("fixed", _fixed_filters(), persistent=False)
        self.learned = nn.Parameter(torch.rand(_LEARNED, 3, 5, 5) * 0.1)
        self.channels = len(self.get_buffer("fixed")) + _LEARNED

    def forward(self, pixels: Tensor) -> Tensor:
        """Residuals ``[b, channels, h, w]`` of grey levels ``[b, 3, h, w]``."""
        kernels = torch.cat([self.get_buffer("fixed"), self._prediction_errors()])
        padded = functional.pad(pixels, (2, 2, 2, 2), mode="reflect")
        residuals: Tensor = functional.conv2d(padded, kernels / _SCALE)
        return functional.hardtanh(residuals, -_CLIP, _CLIP)

    def _prediction_errors(self) -> Tensor:
        outer = torch.ones(5, 5, device=self.learned.device)
        outer[2, 2] = 0
        around = self.learned * outer
        around = around / (around.sum(dim=(1, 2, 3), keepdim=True) + 1e-4)
        centre = torch.zeros_like(around)
        centre[torch.arange(_LEARNED), torch.arange(_LEARNED) % 3, 2, 2] = -1
        return around + centre


class Block(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _convolution(width, width, dilation=dilation)
        self.second = _convolution(width, width, activated=False)

    def forward(self, features: Tensor) -> Tensor:
        """Same shape."""
        changed: Tensor = self.second(self.first(features))
        return functional.relu(features + changed)


class ForensicNetwork(nn.Module):
    """Pixels in, an `Opinion` out; any size of at least 64 pixels."""

    def __init__(self, traits: int) -> None:
        super().__init__()
        a, c, d = _WIDTHS
        self.residuals = ResidualFilters()
        self.trunk = nn.Sequential(
            nn.Conv2d(self.residuals.channels, a, 3, 2, 1),
            nn.ReLU(),
            _convolution(a, c, stride=2),
            Block(c),
            _convolution(c, d, stride=2),
            Block(d),
            Block(d, dilation=2),
        )
        self.embed = nn.Conv2d(d, _EMBEDDING, 1)
        self.to_traits = nn.Conv2d(d, traits, 1)
        compared = _EMBEDDING + traits
        self.floor = nn.Parameter(torch.zeros(compared))
        self.local = nn.Sequential(
            _convolution(d + 4 * compared, d), Block(d, dilation=2), Block(d, dilation=4)
        )
        self.to_map = nn.Conv2d(d, 1, 1)
        self.to_manipulated = _perceptron(4 + d + compared)
        self.to_generated = _perceptron(2 * d)

    def forward(self, pixels: Tensor) -> Opinion:
        """Judge grey levels ``[b, 3, h, w]``, float 0..255, h and w multiples of `STRIDE`."""
        return self.judge(self.describe(pixels))

    def describe(self, pixels: Tensor) -> Tensor:
        """Features ``[b, d, h / 8, w / 8]`` that depend on the surroundings of each cell alone."""
        described: Tensor = self.trunk(self.residuals(pixels))
        return described

    def judge(self, features: Tensor) -> Opinion:
        """The opinion about images from their features, which may come from several tiles."""
        traits = self.to_traits(features)
        embedding = torch.cat([self.embed(features), traits], dim=1)
        compared = self.local(torch.cat([features, *self._contrasts(embedding)], dim=1))
        logits = self.to_map(compared)[:, 0].float()
        spread = embedding.float().std(dim=(2, 3))
        seen = torch.cat([_summary(logits), compared.float().mean(dim=(2, 3)), spread], dim=1)
        whole = torch.cat(
            [features.float().mean(dim=(2, 3)), features.float().std(dim=(2, 3))], dim=1
        )
        return Opinion(
            logits,
            self.to_manipulated(seen)[:, 0].float(),
            self.to_generated(whole)[:, 0].float(),
            embedding.float(),
            traits.float(),
        )

    def _contrasts(self, embedding: Tensor) -> tuple[Tensor, ...]:
        """How each cell, and its neighbourhood, differs from the whole image and its surroundings.

        In units of the image's own spread, as in the Z-pooling of ManTra-Net (Wu et al. 2019).
        """
        mean = embedding.mean(dim=(2, 3), keepdim=True)
        spread = embedding.std(dim=(2, 3), keepdim=True)
        unit = spread + functional.softplus(self.floor)[:, None, None]
        near, wide = _smoothed(embedding, 3), _smoothed(embedding, 9)
        cell = (embedding - mean) / unit
        return cell, (near - mean) / unit, (wide - mean) / unit, (near - wide) / unit


def in_channels_last(network: ForensicNetwork) -> ForensicNetwork:
    """The network with its weights laid out as fast convolutions want them."""
    # The stubs of `Module.to` do not know this argument.
    moved: ForensicNetwork = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def _smoothed(features: Tensor, side: int) -> Tensor:
    return functional.avg_pool2d(features, side, 1, side // 2, count_include_pad=False)


def _summary(logits: Tensor) -> Tensor:
    """Four statistics ``[b, 4]`` of maps ``[b, rows, columns]``."""
    smooth = _smoothed(logits[:, None], 3)[:, 0].flatten(1)
    count = max(1, round(_TOP_SHARE * smooth.shape[1]))
    top = smooth.topk(count, dim=1).values.mean(dim=1)
    cells = (smooth.amax(dim=1), top, smooth.mean(dim=1), smooth.std(dim=1))
    return torch.stack(cells, dim=1)


def _convolution(
    given: int, wanted: int, stride: int = 1, dilation: int = 1, activated: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(given, wanted, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm2d(wanted),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if activated else []))


def _perceptron(given: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(given, 32), nn.ReLU(), nn.Linear(32, 1))


def _fixed_filters() -> Tensor:
    """High-pass filters ``[7, 3, 5, 5]`` over RGB."""
    square = (
        torch.tensor(
            [
                [-1, 2, -2, 2, -1],
                [2, -6, 8, -6, 2],
                [-2, 8, -12, 8, -2],
                [2, -6, 8, -6, 2],
                [-1, 2, -2, 2, -1],
            ]
        )
        / 12
    )
    small = torch.zeros(4, 5, 5)
    small[0, 1:4, 1:4] = torch.tensor([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4
    small[1, 2, 1:4] = torch.tensor([1, -2, 1]) / 2
    small[2, 1:4, 2] = torch.tensor([1, -2, 1]) / 2
    small[3, 1:3, 1:3] = torch.tensor([[1, -1], [-1, 1]]) / 2
    brightness = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    planes = [kernel * brightness for kernel in (square, *small)]
    blue = torch.tensor([-0.169, -0.331, 0.5])[:, None, None]
    red = torch.tensor([0.5, -0.419, -0.081])[:, None, None]
    return torch.stack([*planes, small[0] * 2 * blue, small[0] * 2 * red]).float()
