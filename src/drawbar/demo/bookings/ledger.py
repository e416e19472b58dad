"""The rows of the booking office: made up, but in proportion, and the same for a seed and a day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeAlias

Row: TypeAlias = "tuple[str | int | float | None, ...]"
Tables: TypeAlias = "dict[str, list[Row]]"

# from, to, code, minutes, adult fare, car fare
CROSSINGS = (
    ("Saltmouth", "Ormsay", "SAL-ORM", 35, 8.5, 24.0),
    ("Saltmouth", "Hestra", "SAL-HES", 70, 12.0, 38.5),
    ("Saltmouth", "Great Hollin", "SAL-GHO", 95, 15.5, 46.0),
    ("Saltmouth", "Skarra", "SAL-SKA", 150, 22.0, 64.0),
    ("Ormsay", "Hestra", "ORM-HES", 30, 6.0, 18.0),
    ("Great Hollin", "Little Hollin", "GHO-LHO", 15, 3.5, 0.0),
)
# seats, car spaces
VESSELS = {
    "Kittiwake": (180, 30),
    "Guillemot": (120, 18),
    "Fulmar": (240, 42),
    "Razorbill": (90, 10),
    "Little Auk": (40, 0),
}
WORKS = ("Ormsay", "Hestra", "Great Hollin", "Little Hollin", "Skarra", "Saltmouth", "Upper Quay")
# fmt: off
FIRST = (
    "Agna", "Bram", "Coll", "Dorrit", "Esk", "Fenna", "Gant", "Hesper", "Isolde", "Jarl", "Kerra",
    "Linnet", "Merrow", "Nessa", "Osk", "Perran", "Rhona", "Sorrel", "Tamsin", "Ulla", "Veryan",
)
LAST = (
    "Ashgrove", "Bellweather", "Copperthwaite", "Dallow", "Eelman", "Foxglen", "Gorseby", "Hawsby",
    "Inchmoor", "Jessop", "Kilner", "Limewood", "Mossgate", "Nightjar", "Oakhanger", "Plover",
)
TRADES = (
    "Crab & Lobster", "Distillery", "Woollen Mill", "Post Bus", "Builders' Merchants", "Dairy",
    "Hotel", "Bakery", "Primary School", "Boatyard", "Cheese Works", "Nursery Garden",
)
# fmt: on
TIMES = ("07:15", "09:40", "13:20", "17:05")
CUSTOMERS = 420
TRADE_CUSTOMERS = 60
BOOKINGS = 1800
DAYS_BACK, DAYS_AHEAD = 20, 25
EXTRAS = {"child": 0.5, "bicycle": 2.0, "dog": 1.5}
"""Children pay a share of the adult fare; the others a fixed price."""


@dataclass(slots=True)
class _Sailing:
    number: str
    route: int
    day: date
    seats: int
    cars: int
    status: str
    departs_at: str
    vessel: str


@dataclass(slots=True)
class _Wanted:
    """Who and what one booking carries."""

    adults: int
    cars: int
    extras: dict[str, int] = field(default_factory=dict)

    @property
    def passengers(self) -> int:
        return self.adults + self.extras.get("child", 0)


def make_tables(today: date, seed: int = 1998) -> Tables:
    """All rows by table, in an order that foreign keys allow. Dates lie around `today`."""
    chance = random.Random(seed)  # noqa: S311 -- invented customers, the same in every demo
    routes = _routes()
    sailings = list(_sailings(chance, today))
    tables: Tables = {
        "customers": list(_customers(chance, today)),
        "routes": routes,
        "sailings": [
            (
                sailing.number,
                routes[sailing.route][0],
                sailing.vessel,
                sailing.day.isoformat(),
                sailing.departs_at,
                *VESSELS[sailing.vessel],
                sailing.status,
            )
            for sailing in sailings
        ],
        "bookings": [],
        "booking_lines": [],
        "invoices": [],
    }
    open_sailings = [sailing for sailing in sailings if sailing.status != "cancelled"]
    for index in range(BOOKINGS):
        sailing = chance.choice(open_sailings)
        wanted = _wanted(chance, sailing)
        if wanted.passengers <= sailing.seats:
            _book(tables, f"B-{10001 + index}", sailing, wanted, (chance, today))
    _pin(tables, today)
    return tables


def _routes() -> list[Row]:
    out: list[Row] = []
    for start, end, code, *rest in CROSSINGS:
        there, back = code.split("-")
        out.append((code, start, end, *rest))
        out.append((f"{back}-{there}", end, start, *rest))
    return out


def _customers(chance: random.Random, today: date) -> Iterator[Row]:
    for index in range(CUSTOMERS):
        number = f"C-{1001 + index}"
        town = chance.choice(WORKS)
        kind = "trade" if index < TRADE_CUSTOMERS else "private"
        person = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        name = f"{town} {TRADES[index % len(TRADES)]}" if kind == "trade" else person
        yield (
            number,
            name,
            kind,
            f"{number.lower()}@post.example",
            f"0555 {chance.randrange(100000, 999999)}" if index % 7 else None,
            town,
            (today - timedelta(days=chance.randrange(30, 9000))).isoformat(),
        )


def _sailings(chance: random.Random, today: date) -> Iterator[_Sailing]:
    number = 0
    for offset in range(-DAYS_BACK, DAYS_AHEAD + 1):
        day = today + timedelta(days=offset)
        for route in range(2 * len(CROSSINGS)):
            vessel = "Little Auk" if route >= 10 else list(VESSELS)[route // 2 % 4]  # noqa: PLR2004 -- the shortest crossing
            for departs_at in TIMES[route % 2 :: 2]:
                number += 1
                status = "sailed" if offset < 0 else "planned"
                yield _Sailing(
                    f"S-{number:05d}",
                    route,
                    day,
                    *VESSELS[vessel],
                    "cancelled" if _happens(chance, 0.03) else status,  # gales
                    departs_at,
                    vessel,
                )


def _wanted(chance: random.Random, sailing: _Sailing) -> _Wanted:
    carries_car = sailing.cars > 0 and _happens(chance, 0.4)  # two of five drive
    wanted = _Wanted(chance.randint(1, 4), 1 if carries_car else 0)
    for extra in EXTRAS:
        if _happens(chance, 0.2):  # one in five
            wanted.extras[extra] = chance.randint(1, 2)
    return wanted


def _book(
    tables: Tables,
    number: str,
    sailing: _Sailing,
    wanted: _Wanted,
    office: tuple[random.Random, date],
) -> None:
    """One booking with its lines, its invoice where there is one, and its seats taken."""
    chance, today = office
    fare, car_fare = CROSSINGS[sailing.route // 2][4:]
    lines = [("adult", wanted.adults, fare)]
    lines += [("car", wanted.cars, car_fare)] if wanted.cars else []
    lines += [
        (extra, count, round(fare * 0.5, 2) if extra == "child" else EXTRAS[extra])
        for extra, count in wanted.extras.items()
    ]
    total = round(sum(quantity * price for _, quantity, price in lines), 2)
    cancelled = _happens(chance, 0.08)  # one in twelve
    status = "travelled" if sailing.status == "sailed" else "confirmed"
    if cancelled:
        status = "cancelled"
    else:
        sailing.seats -= wanted.passengers
        sailing.cars -= wanted.cars
    customer = f"C-{1001 + min(chance.randrange(CUSTOMERS), chance.randrange(CUSTOMERS))}"
    booked_on = min(sailing.day, today) - timedelta(days=chance.randrange(1, 60))
    tables["bookings"].append(
        (
            number,
            customer,
            sailing.number,
            booked_on.isoformat(),
            status,
            wanted.passengers,
            wanted.cars,
            total,
        )
    )
    tables["booking_lines"] += [
        (number, at, item, quantity, price)
        for at, (item, quantity, price) in enumerate(lines, start=1)
    ]
    if not cancelled and _happens(chance, 0.5):  # the others paid at the counter
        paid = booked_on + timedelta(days=chance.randrange(3, 29))
        settled = paid <= today and _happens(chance, 0.8)
        tables["invoices"].append(
            (
                f"I-{3001 + len(tables['invoices'])}",
                number,
                booked_on.isoformat(),
                (booked_on + timedelta(days=30)).isoformat(),
                total,
                paid.isoformat() if settled else None,
                "paid" if settled else "open",
            )
        )


def _happens(chance: random.Random, share: float) -> bool:
    return chance.random() < share


def _pin(tables: Tables, today: date) -> None:
    """One customer and booking that examples can name, whatever the seed."""
    customers = tables["customers"]
    customers[117] = ("C-1118", "Fenna Copperthwaite", "private", *customers[117][3:])
    route = next(row[0] for row in tables["routes"] if row[0] == "SAL-ORM")
    sailing = next(
        row[0]
        for row in tables["sailings"]
        if row[1] == route and str(row[3]) > today.isoformat() and row[7] == "planned"
    )
    booked_on = (today - timedelta(days=25)).isoformat()
    due = (today + timedelta(days=5)).isoformat()
    tables["bookings"].append(("B-20417", "C-1118", sailing, booked_on, "confirmed", 2, 1, 43.0))
    tables["booking_lines"] += [
        ("B-20417", 1, "adult", 2, 8.5),
        ("B-20417", 2, "car", 1, 24.0),
        ("B-20417", 3, "dog", 1, 2.0),
    ]
    tables["invoices"].append(("I-9001", "B-20417", booked_on, due, 43.0, None, "open"))
