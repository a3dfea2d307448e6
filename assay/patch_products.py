"""How a vision tower embeds patches: as one matrix product.

transformers convolves with a kernel that is as large as its stride, over inputs that are cut into
patches already. That is a matrix product; on a CPU the convolution took four tenths of a prefill.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class PatchProduct(nn.Conv3d):
    """A convolution whose every input is one patch; its weights are named and kept as before."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """Patches ``[n, channels, time, height, width]`` to embeddings ``[n, size]``."""
        return functional.linear(input.flatten(1), self.weight.flatten(1), self.bias)


def embed_by_product(embedding: Any) -> None:
    """Have a ``patch_embed`` of transformers multiply where it convolves."""
    convolution = embedding.proj
    product = PatchProduct(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,
        convolution.stride,
        bias=convolution.bias is not None,
        device="meta",
    )
    product.weight, product.bias = convolution.weight, convolution.bias
    embedding.proj = product
