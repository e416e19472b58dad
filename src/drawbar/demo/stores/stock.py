"""The stock file: records of 67 characters and a line end, sorted by part number."""

from __future__ import annotations

import random
from pathlib import Path

RECORD = 67
PARTS = {
    "IMPELLER COOLING PUMP": "EA",
    "IMPELLER BILGE PUMP": "EA",
    "FILTER FUEL PRIMARY": "EA",
    "FILTER FUEL SECONDARY": "EA",
    "FILTER LUBE OIL": "EA",
    "GASKET CYLINDER HEAD": "EA",
    "GASKET SEA CHEST": "EA",
    "V-BELT ALTERNATOR": "EA",
    "ANODE ZINC HULL": "EA",
    "HYDRAULIC OIL": "L",
    "LUBE OIL": "L",
    "SWITCH LIMIT BOW DOOR": "EA",
    "LAMP NAVIGATION": "EA",
    "ROPE MOORING POLYAMIDE": "M",
    "SHACKLE GALVANISED": "EA",
    "PAINT HULL BLUE": "L",
    "LIFE JACKET ADULT": "EA",
    "LIFE JACKET CHILD": "EA",
    "FLARE RED HAND": "EA",
    "GLASS SALOON WINDOW": "EA",
}
SIZES = ("", "TYPE A", "TYPE B", "TYPE C", "12V", "24V", "12MM", "16MM", "LARGE", "SMALL")


def write_stock(path: Path, seed: int = 1987) -> None:
    """A new stock file of two hundred parts; the same for a seed."""
    chance = random.Random(seed)  # noqa: S311 -- invented stock, the same in every demo
    lines = []
    for index, (size, name) in enumerate((size, name) for size in SIZES for name in PARTS):
        reorder_at = chance.randrange(1, 20)
        lines.append(
            f"{104200 + index * 7:06d}{f'{name} {size}'.strip():<30.30}"
            f"{chance.choice('ABCDE')}{chance.randrange(1, 20):02d}-{chance.randrange(1, 9)} "
            f"{chance.randrange(60):06d}{reorder_at:06d}{chance.randrange(150, 45000):09d}"
            f"{PARTS[name]:<4}\n"
        )
    path.write_text("".join(lines), "ascii", newline="\n")
