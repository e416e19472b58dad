"""What the harbour desk knows. Kept in memory, the same for a seed and a day."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, TypeAlias

Record: TypeAlias = (
    "dict[str, Any]"  # JSON objects of this API; their fields stand in the classes below
)

PORTS = ("Saltmouth", "Ormsay", "Hestra", "Great Hollin", "Little Hollin", "Skarra")
SEVERITIES = ("cosmetic", "service", "safety")
LONGEST_DELAY = 600


class DeskError(Exception):
    """The desk says no: a status, a code and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Vessel:
    id: str
    name: str
    built: int
    seats: int
    car_spaces: int
    state: str
    berth: str


@dataclass(frozen=True, slots=True)
class Departure:
    id: str
    vessel: str
    from_port: str
    to_port: str
    scheduled: str
    expected: str
    state: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    id: str
    vessel: str
    title: str
    severity: str
    reported_on: str
    reported_by: str
    state: str
    details: str | None = None


FLEET = (
    Vessel("kittiwake", "Kittiwake", 1994, 180, 30, "in service", "Saltmouth 1"),
    Vessel("guillemot", "Guillemot", 1987, 120, 18, "in service", "Saltmouth 2"),
    Vessel("fulmar", "Fulmar", 2011, 240, 42, "in service", "Great Hollin"),
    Vessel("razorbill", "Razorbill", 1979, 90, 10, "yard", "Saltmouth slip"),
    Vessel("little-auk", "Little Auk", 2003, 40, 0, "in service", "Little Hollin"),
)
TIMETABLE = (
    ("kittiwake", "Saltmouth", "Ormsay", ("07:15", "09:40", "13:20", "17:05")),
    ("kittiwake", "Ormsay", "Saltmouth", ("08:10", "10:35", "14:15", "18:00")),
    ("guillemot", "Saltmouth", "Hestra", ("07:15", "13:20")),
    ("guillemot", "Hestra", "Saltmouth", ("09:40", "17:05")),
    ("fulmar", "Saltmouth", "Great Hollin", ("07:15", "13:20")),
    ("fulmar", "Great Hollin", "Saltmouth", ("09:40", "17:05")),
    ("fulmar", "Saltmouth", "Skarra", ("19:30",)),
    ("little-auk", "Great Hollin", "Little Hollin", ("07:15", "09:40", "13:20", "17:05")),
    ("little-auk", "Little Hollin", "Great Hollin", ("07:45", "10:10", "13:50", "17:35")),
)
REASONS = ("fog", "swell at the pier", "late freight", "crew change")
DEFECTS = (
    ("Bow door limit switch sticks", "safety"),
    ("Starboard bilge pump runs dry", "service"),
    ("Saloon heater cold", "service"),
    ("Cracked window, upper deck", "cosmetic"),
    ("Radar display flickers", "safety"),
    ("Cooling pump impeller worn", "service"),
    ("Gangway light out", "service"),
    ("Paint lifting on the funnel", "cosmetic"),
)


class Desk:
    """The desk's board. Every method may be called from any thread."""

    def __init__(self, today: date, seed: int = 2015) -> None:
        self.today = today
        self._lock = threading.Lock()
        chance = random.Random(seed)  # noqa: S311 -- invented weather, the same in every demo
        self._departures = {departure.id: departure for departure in _board(chance)}
        self._sea = {port: _sea(chance, port) for port in PORTS}
        self._defects = {defect.id: defect for defect in _defects(chance, today)}

    def vessels(self) -> list[Record]:
        return [asdict(vessel) for vessel in FLEET]

    def vessel(self, vessel_id: str) -> Record:
        vessel = _vessel(vessel_id)
        with self._lock:
            mine = [defect for defect in self._defects.values() if defect.vessel == vessel.id]
        open_defects = [asdict(defect) for defect in mine if defect.state == "open"]
        return asdict(vessel) | {"open_defects": open_defects}

    def departures(self, from_port: str | None, state: str | None) -> list[Record]:
        with self._lock:
            board = list(self._departures.values())
        return [
            asdict(departure)
            for departure in sorted(board, key=lambda departure: departure.expected)
            if from_port in (None, departure.from_port) and state in (None, departure.state)
        ]

    def departure(self, departure_id: str) -> Record:
        with self._lock:
            return asdict(self._departure(departure_id))

    def delay(self, departure_id: str, minutes: int, reason: str) -> Record:
        """Sets the delay against the timetable, so saying it twice changes nothing more."""
        if not 0 <= minutes <= LONGEST_DELAY:
            raise DeskError(422, "bad_minutes", f"minutes must be 0 to {LONGEST_DELAY}")
        with self._lock:
            departure = self._departure(departure_id)
            if departure.state == "departed":
                raise DeskError(409, "departed", f"{departure_id} has left already")
            self._departures[departure_id] = replace(
                departure,
                expected=_later(departure.scheduled, minutes),
                state="delayed" if minutes else "on time",
                note=reason if minutes else None,
            )
            return asdict(self._departures[departure_id])

    def sea_state(self, port: str) -> Record:
        for name, state in self._sea.items():
            if name.lower() == port.lower():
                return state
        raise DeskError(
            404, "no_such_port", f"no pier is called {port}; we call at {', '.join(PORTS)}"
        )

    def defects(self, vessel: str | None, state: str | None) -> list[Record]:
        with self._lock:
            found = list(self._defects.values())
        return [
            asdict(defect)
            for defect in found
            if vessel in (None, defect.vessel) and state in (None, defect.state)
        ]

    def report_defect(self, fields: Record, reported_by: str) -> Record:
        """A new defect; every wrong field is named at once."""
        vessel = _vessel(str(fields.get("vessel")))
        title, severity, details = (fields.get(name) for name in ("title", "severity", "details"))
        wrong = []
        if not isinstance(title, str) or not 5 <= len(title) <= 80:  # noqa: PLR2004 -- one line of the log
            wrong.append("title must have 5 to 80 characters")
        if severity not in SEVERITIES:
            wrong.append(f"severity must be one of {', '.join(SEVERITIES)}")
        if details is not None and not isinstance(details, str):
            wrong.append("details must be a text")
        if wrong:
            raise DeskError(422, "bad_defect", "; ".join(wrong))
        with self._lock:
            number = max(int(defect_id[2:]) for defect_id in self._defects) + 1
            defect = Defect(
                f"D-{number}",
                vessel.id,
                str(title),
                str(severity),
                self.today.isoformat(),
                reported_by,
                "open",
                details,
            )
            self._defects[defect.id] = defect
        return asdict(defect)

    def _departure(self, departure_id: str) -> Departure:
        try:
            return self._departures[departure_id]
        except KeyError:
            raise DeskError(
                404, "no_such_departure", f"nothing on the board is called {departure_id}"
            ) from None


def _vessel(vessel_id: str) -> Vessel:
    for vessel in FLEET:
        if vessel.id == vessel_id:
            return vessel
    known = ", ".join(vessel.id for vessel in FLEET)
    raise DeskError(404, "no_such_vessel", f"no vessel is called {vessel_id}; we have {known}")


def _later(clock: str, minutes: int) -> str:
    hour, minute = clock.split(":")
    total = int(hour) * 60 + int(minute) + minutes
    return f"{total // 60 % 24:02d}:{total % 60:02d}"


def _board(chance: random.Random) -> Iterator[Departure]:
    number = 100
    for vessel, start, end, times in TIMETABLE:
        for scheduled in times:
            number += 1
            state = "departed" if scheduled < "08:00" else "on time"
            minutes, note = 0, None
            if state == "on time" and chance.random() < 0.25:  # noqa: PLR2004 -- a quarter runs late
                state, minutes, note = (
                    "delayed",
                    chance.choice((10, 15, 40)),
                    chance.choice(REASONS),
                )
            yield Departure(
                f"DEP-{number}",
                vessel,
                start,
                end,
                scheduled,
                _later(scheduled, minutes),
                state,
                note,
            )


def _sea(chance: random.Random, port: str) -> Record:
    return {
        "port": port,
        "wind_knots": chance.randrange(4, 38),
        "wind_from": chance.choice(("N", "NE", "E", "SE", "S", "SW", "W", "NW")),
        "wave_height_m": round(chance.uniform(0.2, 3.4), 1),
        "visibility": chance.choice(("good", "good", "moderate", "poor")),
        "high_water": f"{chance.randrange(4, 11):02d}:{chance.randrange(60):02d}",
    }


def _defects(chance: random.Random, today: date) -> Iterator[Defect]:
    for index, (title, severity) in enumerate(DEFECTS):
        yield Defect(
            f"D-{701 + index}",
            FLEET[index % len(FLEET)].id,
            title,
            severity,
            date.fromordinal(today.toordinal() - chance.randrange(2, 90)).isoformat(),
            "harbour-desk",
            "closed" if index % 4 == 3 else "open",  # noqa: PLR2004 -- every fourth is mended
        )
