from __future__ import annotations

import time

import pytest

from assay.collectors.pictures import pictures


@pytest.mark.parametrize(
    ("srcset", "largest"),
    [
        ("a.jpg 1x, b.jpg 2x", "b.jpg"),
        ("a.jpg 320w,b.jpg 640w , c.jpg 2w", "b.jpg"),
        ("a,1.jpg 1.5x,\n b.jpg 1x", "a,1.jpg"),
        ("a.jpg", "src.jpg"),
        ("a.jpg 1..2x", "src.jpg"),
    ],
)
def test_the_largest_of_several_is_taken(srcset: str, largest: str) -> None:
    (found,) = pictures(f'<img src="src.jpg" srcset="{srcset}">', "https://h.example/", 1)
    assert found.url == f"https://h.example/{largest}"


@pytest.mark.parametrize("srcset", ["a" * 10**6, "1" * 10**6, "a " * 500_000, "a 1," * 250_000])
def test_a_long_list_of_sizes_is_read_in_linear_time(srcset: str) -> None:
    began = time.process_time()
    pictures(f'<img srcset="{srcset}">', "https://h.example/", 1)
    assert time.process_time() - began < 5
