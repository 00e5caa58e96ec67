"""Quantities as people read them."""

from __future__ import annotations

import pytest

from mlxr.units import byte_size


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (12, "12 bytes"),
        (1_200, "1.20 kB"),
        (3_456_789, "3.46 MB"),
        (12_340_000, "12.3 MB"),
        (99_940_000, "99.9 MB"),
        (850_000_000, "850 MB"),
        (999_600_000, "1.00 GB"),
        (2e9, "2.00 GB"),
        (1.2345e12, "1,234 GB"),
    ],
)
def test_bytes_have_three_digits(size: float, shown: str) -> None:
    assert byte_size(size) == shown
