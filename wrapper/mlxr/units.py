"""Quantities as people read them."""

from __future__ import annotations


def byte_size(size: float) -> str:
    """Return bytes in three digits, as "12.3 GB", "850 MB" or "3.10 kB"; 1 GB is 10^9 bytes."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        value = size / scale
        if value >= 0.9995:  # which three digits show as 1.00
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:,.{digits}f} {unit}"
    return f"{size:.0f} bytes"
