"""Who works for the ferry company, and when they are away. Kept in memory, the same for a seed and a day."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

# fmt: off
FIRST = (
    "Ada", "Bo", "Cara", "Dell", "Edda", "Finn", "Greta", "Hal", "Ines", "Jory", "Kit", "Lowen",
    "Maren", "Nils", "Orla", "Piers", "Quill", "Runa", "Sten", "Tilda", "Una", "Vidar", "Wren",
    "Yrsa",
)
LAST = (
    "Thornbury", "Saltrow", "Quayle", "Marrowby", "Tidewell", "Ormsay", "Fennick", "Brackwater",
    "Skerrow", "Holmside", "Netherby", "Cawdry", "Pellow", "Rudderham", "Windross", "Seagrave",
    "Millstrand", "Harrowgate", "Kelpman", "Dunlin",
)
# fmt: on
VESSELS = ("Kittiwake", "Guillemot", "Fulmar", "Razorbill", "Little Auk")
RANKS = ("master", "shore", "engineer", "deckhand", "deckhand", "steward", "mate")
CERTIFICATES = {
    "master": ("Master near coastal", "GMDSS radio", "Medical fitness"),
    "mate": ("Chief mate near coastal", "GMDSS radio", "Medical fitness"),
    "engineer": ("Engineer class 3", "Medical fitness"),
    "deckhand": ("Basic safety", "Medical fitness"),
    "steward": ("Basic safety", "Crowd management"),
    "shore": (),
}
STAFF = 72
FIRST_NUMBER = 1001
ENTITLED = Decimal(28)
COUNTED = ("requested", "approved", "taken")
OPEN = ("requested", "approved")


class RegisterError(Exception):
    """The office says no; `code` is one of its own, such as HR-204, and `facts` are what it was judged by."""

    def __init__(self, code: str, message: str, **facts: date | Decimal | Leave) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Employee:
    emp_no: str
    first_name: str
    last_name: str
    rank: str
    vessel: str | None
    hired_on: date
    phone: str | None
    iban: str
    certificates: tuple[tuple[str, date | None], ...]
    """By name, and until when they are valid; None without an end."""


@dataclass(frozen=True, slots=True)
class Leave:
    leave_id: str
    emp_no: str
    kind: str
    first_day: date
    last_day: date
    state: str
    entered_by: str
    note: str | None = None

    @property
    def days(self) -> Decimal:
        """Working days, Monday to Friday; ferries sail on all seven, contracts count five."""
        span = (self.last_day - self.first_day).days + 1
        days = (self.first_day + timedelta(days=offset) for offset in range(span))
        return Decimal(sum(1 for day in days if day.isoweekday() <= 5))  # noqa: PLR2004 -- Friday

    def overlaps(self, other: Leave) -> bool:
        return self.first_day <= other.last_day and other.first_day <= self.last_day


class Register:
    """The office's books. Every method may be called from any thread."""

    def __init__(self, today: date, seed: int = 1908) -> None:
        self.today = today
        self._lock = threading.Lock()
        chance = random.Random(seed)  # noqa: S311 -- invented people, the same in every demo
        self._employees = {person.emp_no: person for person in _staff(chance, today)}
        self._leave = {leave.leave_id: leave for leave in _history(chance, today, self._employees)}

    def employee(self, emp_no: str) -> Employee:
        try:
            return self._employees[emp_no]
        except KeyError:
            raise RegisterError("HR-204", f"no employee has the number {emp_no}") from None

    def find(
        self, name: str | None, rank: str | None, vessel: str | None, ends_before: date | None
    ) -> list[Employee]:
        def matches(person: Employee) -> bool:
            full = f"{person.first_name} {person.last_name}".lower()
            return (
                (name is None or name.lower() in full)
                and (rank is None or person.rank == rank)
                and (vessel is None or (person.vessel or "").lower() == vessel.lower())
                and (
                    ends_before is None
                    or any(until and until < ends_before for _, until in person.certificates)
                )
            )

        return [person for person in self._employees.values() if matches(person)]

    def leave(self, leave_id: str) -> Leave:
        with self._lock:
            return self._find(leave_id)

    def leave_of(self, emp_no: str, states: list[str]) -> list[Leave]:
        self.employee(emp_no)
        with self._lock:
            mine = [leave for leave in self._leave.values() if leave.emp_no == emp_no]
        chosen = [leave for leave in mine if not states or leave.state in states]
        return sorted(chosen, key=lambda leave: leave.first_day, reverse=True)

    def balance(self, emp_no: str, year: int | None) -> tuple[int, Decimal, Decimal]:
        """The year, the days entitled and the days booked."""
        self.employee(emp_no)
        with self._lock:
            return self._balance(emp_no, year or self.today.year)

    def request(self, wanted: Leave) -> Leave:
        """Enter a request; its number is given here."""
        self.employee(wanted.emp_no)
        if wanted.last_day < wanted.first_day:
            raise RegisterError("HR-301", "the last day is before the first day")
        if wanted.days > ENTITLED * 4:
            raise RegisterError("HR-305", "no leave is longer than 112 working days")
        with self._lock:
            self._check_free(wanted)
            number = max(int(leave_id[2:]) for leave_id in self._leave) + 1
            entered = replace(wanted, leave_id=f"L-{number:05d}")
            self._leave[entered.leave_id] = entered
            return entered

    def record(self, emp_no: str, name: str, issued_on: date, until: date | None) -> Employee:
        """A certificate that somebody has handed in; it takes the place of an older one of its name."""
        person = self.employee(emp_no)
        if issued_on > self.today:
            raise RegisterError("HR-311", f"a paper of {issued_on} has not been issued yet")
        if until is not None and until < self.today:
            raise RegisterError("HR-310", f"{name} ran out on {until}", ran_out_on=until)
        others = tuple(each for each in person.certificates if each[0] != name)
        with self._lock:
            self._employees[emp_no] = replace(person, certificates=(*others, (name, until)))
            return self._employees[emp_no]

    def cancel(self, leave_id: str) -> Leave:
        with self._lock:
            leave = self._find(leave_id)
            if leave.state not in OPEN or leave.first_day <= self.today:
                raise RegisterError(
                    "HR-304",
                    f"{leave_id} is {leave.state} and begins on {leave.first_day}; "
                    "only leave that has not begun can be cancelled",
                )
            self._leave[leave_id] = replace(leave, state="cancelled")
            return self._leave[leave_id]

    def _check_free(self, wanted: Leave) -> None:
        for other in self._leave.values():
            if other.emp_no == wanted.emp_no and other.state in COUNTED and other.overlaps(wanted):
                raise RegisterError(
                    "HR-303",
                    f"{other.leave_id} already covers {other.first_day} to {other.last_day}",
                    covered=other,
                )
        _, entitled, booked = self._balance(wanted.emp_no, wanted.first_day.year)
        if wanted.kind == "annual" and booked + wanted.days > entitled:
            raise RegisterError(
                "HR-302",
                f"{wanted.days} days asked for, {entitled - booked} left "
                f"in {wanted.first_day.year}",
                days_left=entitled - booked,
            )

    def _find(self, leave_id: str) -> Leave:
        try:
            return self._leave[leave_id]
        except KeyError:
            raise RegisterError("HR-205", f"no leave request is called {leave_id}") from None

    def _balance(self, emp_no: str, year: int) -> tuple[int, Decimal, Decimal]:
        booked = sum(
            (
                leave.days
                for leave in self._leave.values()
                if leave.emp_no == emp_no
                and leave.kind == "annual"
                and leave.state in COUNTED
                and leave.first_day.year == year
            ),
            Decimal(0),
        )
        return year, ENTITLED, booked


def _staff(chance: random.Random, today: date) -> Iterator[Employee]:
    names = [(first, last) for first in FIRST for last in LAST]
    chance.shuffle(names)
    for index in range(STAFF):
        first, last = names[index]
        rank = RANKS[index % len(RANKS)]
        number = str(FIRST_NUMBER + index)
        yield Employee(
            emp_no=number,
            first_name=first,
            last_name=last,
            rank=rank,
            vessel=None if rank == "shore" else VESSELS[index // len(RANKS) % len(VESSELS)],
            hired_on=date(2004, 1, 1) + timedelta(days=chance.randrange(7000)),
            phone=None if index % 9 == 0 else f"0555 {chance.randrange(100000, 999999)}",
            iban=f"XX{chance.randrange(10, 99)}SIFC{chance.randrange(10**13):014d}",
            certificates=tuple(
                (name, today + timedelta(days=chance.randrange(-20, 1400)))
                for name in CERTIFICATES[rank]
            ),
        )


def _history(chance: random.Random, today: date, employees: dict[str, Employee]) -> Iterator[Leave]:
    """Five requests a person around today, one a quarter, so that none overlaps another."""
    number = 2000
    for emp_no in employees:
        for quarter in range(-3, 2):
            number += 1
            first = today + timedelta(days=quarter * 91 + 20 + chance.randrange(40))
            first += timedelta(days=(7 - first.weekday()) % 7)  # leave begins on a Monday
            leave = Leave(
                leave_id=f"L-{number:05d}",
                emp_no=emp_no,
                kind=chance.choice(("annual", "annual", "annual", "training")),
                first_day=first,
                last_day=first + timedelta(days=chance.choice((1, 2, 4))),
                state="requested",
                entered_by="crew-office",
                note=chance.choice((None, None, "agreed with the master", "family visit")),
            )
            over = leave.last_day < today
            state = chance.choice(("taken", "taken", "taken", "refused") if over else OPEN)
            yield replace(leave, state=state)
