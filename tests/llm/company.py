"""The functions of a made-up company and what its people ask, for every model that stands in for one."""

from __future__ import annotations

from datetime import date

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ToolSchema

TODAY = date(2031, 3, 3)  # a Monday
Call = tuple[str, dict[str, JsonValue]]

PORTS: list[JsonValue] = ["Saltmouth", "Ormsay", "Hestra", "Great Hollin", "Little Hollin", "Skarra"]  # fmt: skip


def text(description: str = "", **words: JsonValue) -> JsonObject:
    return {"type": "string", **({"description": description} if description else {}), **words}


def function(named: str, told: str, /, *required: str, **parameters: JsonObject) -> ToolSchema:
    properties: JsonObject = {**parameters}
    names: list[JsonValue] = [*required]
    schema: JsonObject = {
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }
    return ToolSchema(named, told, schema, strict=False)


CUSTOMER_NO = text("Such as C-1118.", pattern="^(?:C-[0-9]{4})$")
EMP_NO = text("Personnel number: four digits, as on the crew card.", pattern="^(?:[1-9][0-9]{3})$")
LEAVE_ID = text("Number of a leave request, as in the mail.", pattern="^(?:L-[0-9]{5})$")
PART_NO = text("Six digits, such as 104200.", pattern="^(?:[0-9]{6})$")
BOOKING_NO = text("Such as B-20417.", pattern="^(?:B-[0-9]{5})$")
DAY = text("Day of departure.", format="date")
KIND = text(enum=["annual", "training", "parental", "unpaid"])
VESSEL = text(enum=["kittiwake", "guillemot", "fulmar", "razorbill", "little-auk"])

FUNCTIONS = (
    function(
        "hr_get_leave_balance",
        "How many days of annual leave a person is entitled to, has booked and has left in a year.",
        "emp_no",
        emp_no=EMP_NO,
        year={"type": "integer", "minimum": 2000, "maximum": 2100},
    ),
    function(
        "hr_find_employees",
        "Find people of the crew and the offices by part of a name, by rank or by vessel. Answers their personnel numbers.",
        name=text("Part of a first or last name.", minLength=2, maxLength=40),
        rank=text(enum=["master", "mate", "engineer", "deckhand", "steward", "shore"]),
        vessel=text("Name of a vessel, such as Kittiwake."),
    ),
    function(
        "hr_get_employee",
        "Show one person of the crew by personnel number, with rank, vessel, phone and certificates.",
        "emp_no",
        emp_no=EMP_NO,
    ),
    function(
        "hr_list_leave",
        "List the leave requests of one person, newest first, with their state.",
        "emp_no",
        emp_no=EMP_NO,
        state=text(enum=["requested", "approved", "refused", "cancelled", "taken"]),
    ),
    function(
        "hr_request_leave",
        "Enter a leave request for a person. The crew office approves it later.",
        *("emp_no", "kind", "first_day", "last_day"),
        emp_no=EMP_NO,
        kind=KIND,
        first_day=text(format="date"),
        last_day=text(format="date"),
        note=text(maxLength=200),
    ),
    function(
        "hr_cancel_leave",
        "Cancel a leave request that has not begun.",
        "leave_id",
        leave_id=LEAVE_ID,
    ),
    function(
        "bookings_find_customers",
        "Find customers by part of a name, by town or by kind. Answers customer numbers such as C-1118.",
        name=text("Part of the name; capitals do not matter.", minLength=2),
        town=text(enum=[*PORTS, "Upper Quay"]),
        kind=text(enum=["private", "trade"]),
    ),
    function(
        "bookings_get_customer",
        "Show one customer by customer number, with the latest bookings and the open invoices.",
        "customer_no",
        customer_no=CUSTOMER_NO,
    ),
    function(
        "bookings_get_booking",
        "Show one booking by its number, such as B-20417, with its sailing, its lines and its invoice.",
        "booking_no",
        booking_no=BOOKING_NO,
    ),
    function(
        "bookings_cancel_booking",
        "Cancel a confirmed booking. Its open invoice is credited. It cannot be undone.",
        "booking_no",
        booking_no=BOOKING_NO,
    ),
    function(
        "bookings_list_open_invoices",
        "List invoices that are not paid, the longest due first; of one customer when a number is given.",
        customer_no=CUSTOMER_NO,
        due_before=text("Only invoices due before this day.", format="date"),
    ),
    function(
        "bookings_find_sailings",
        "Find sailings between two ports on a day, with the seats and car spaces that are still free.",
        "from_port",
        from_port=text(enum=PORTS),
        to_port=text(enum=PORTS),
        day=DAY,
    ),
    function(
        "harbour_get_sea_state",
        "The sea at a port now: wind, waves, visibility and high water.",
        "port",
        port=text(enum=PORTS),
    ),
    function(
        "harbour_get_vessel",
        "Show a vessel, where it lies, whether it is in service, and its open defects.",
        "vessel",
        vessel=VESSEL,
    ),
    function(
        "harbour_report_defect",
        "Report a defect of a vessel to the harbour desk. Answers its number.",
        *("vessel", "title", "severity"),
        vessel=VESSEL,
        title=text("What is broken, in one line.", minLength=5, maxLength=80),
        severity=text(enum=["cosmetic", "service", "safety"]),
        details=text(maxLength=1000),
    ),
    function(
        "stores_find_parts",
        'Find spare parts in the ship\'s stores by words of their name, such as "impeller" or "filter fuel".',
        "text",
        text=text(minLength=3, maxLength=20, pattern="^(?:[A-Za-z0-9 -]+)$"),
    ),
    function(
        "stores_get_part",
        "Look up one spare part by its number: how many are on hand, in which bin, at what price.",
        "part_no",
        part_no=PART_NO,
    ),
    function(
        "stores_issue_part",
        "Take parts out of the ship's stores for a vessel. Answers the slip number and what is left.",
        *("part_no", "quantity", "vessel"),
        part_no=PART_NO,
        quantity={"type": "integer", "minimum": 1, "maximum": 50},
        vessel=text(enum=["Kittiwake", "Guillemot", "Fulmar", "Razorbill", "Little Auk"]),
    ),
    function(
        "rates_convert",
        "Convert an amount of money from one currency to another at the rate of a day.",
        *("amount", "from_currency", "to_currency"),
        amount={"type": "number", "minimum": 0},
        from_currency=text(enum=["EUR", "USD", "GBP", "NOK", "SEK"]),
        to_currency=text(enum=["EUR", "USD", "GBP", "NOK", "SEK"]),
        day=text(format="date"),
    ),
    function(
        "rooms_book",
        "Book a meeting room for a day and a time.",
        *("room", "day", "start"),
        room=text(enum=["Harbour", "Beacon", "Anchor"]),
        day=text(format="date"),
        start=text("When it begins.", format="time"),
        minutes={"type": "integer", "minimum": 15, "maximum": 480, "description": "How long."},
    ),
)

QUESTIONS: dict[str, list[Call]] = {
    "How many days of leave does 1042 have left?": [("hr_get_leave_balance", {"emp_no": "1042"})],
    "What is the leave balance of employee 1042 in 2030?": [
        ("hr_get_leave_balance", {"emp_no": "1042", "year": 2030})
    ],
    "holiday balance for 1077 please": [("hr_get_leave_balance", {"emp_no": "1077"})],
    "Who is employee 1042?": [("hr_get_employee", {"emp_no": "1042"})],
    "phone number of staff member 1055": [("hr_get_employee", {"emp_no": "1055"})],
    "Find employees named Netherby": [("hr_find_employees", {"name": "Netherby"})],
    "Which engineers work on the vessel Fulmar?": [
        ("hr_find_employees", {"rank": "engineer", "vessel": "Fulmar"})
    ],
    "Who is the master of the Kittiwake?": [
        ("hr_find_employees", {"rank": "master", "vessel": "Kittiwake"})
    ],
    "Which invoices were due before 2031?": [
        ("bookings_list_open_invoices", {"due_before": "2031-01-01"})
    ],
    "List all stewards of the crew": [("hr_find_employees", {"rank": "steward"})],
    "What leave requests does 1042 have?": [("hr_list_leave", {"emp_no": "1042"})],
    "Show the approved leave of 1042": [("hr_list_leave", {"emp_no": "1042", "state": "approved"})],
    "Cancel leave request L-02210": [("hr_cancel_leave", {"leave_id": "L-02210"})],
    "Please cancel my leave l-02210": [("hr_cancel_leave", {"leave_id": "L-02210"})],
    "Request annual leave for 1042 from 2031-03-10 to 2031-03-14": [
        (
            "hr_request_leave",
            {
                "emp_no": "1042",
                "kind": "annual",
                "first_day": "2031-03-10",
                "last_day": "2031-03-14",
            },
        )
    ],
    "Enter training leave for employee 1077 from 3 April 2031 until 5 April 2031": [
        (
            "hr_request_leave",
            {
                "emp_no": "1077",
                "kind": "training",
                "first_day": "2031-04-03",
                "last_day": "2031-04-05",
            },
        )
    ],
    "Show me customer C-1118": [("bookings_get_customer", {"customer_no": "C-1118"})],
    "What do we know about customer 1118?": [("bookings_get_customer", {"customer_no": "C-1118"})],
    "Find the customer Fenna Copperthwaite": [
        ("bookings_find_customers", {"name": "Fenna Copperthwaite"})
    ],
    "Which trade customers are in Great Hollin?": [
        ("bookings_find_customers", {"town": "Great Hollin", "kind": "trade"})
    ],
    'Search for clients called "van Dorn"': [("bookings_find_customers", {"name": "van Dorn"})],
    "What is the status of booking B-20417?": [("bookings_get_booking", {"booking_no": "B-20417"})],
    "show reservation b-20417": [("bookings_get_booking", {"booking_no": "B-20417"})],
    "Can you cancel booking B-20417?": [("bookings_cancel_booking", {"booking_no": "B-20417"})],
    "Which invoices are still unpaid?": [("bookings_list_open_invoices", {})],
    "open invoices of C-1118": [("bookings_list_open_invoices", {"customer_no": "C-1118"})],
    "List unpaid invoices due before 1 February 2031": [
        ("bookings_list_open_invoices", {"due_before": "2031-02-01"})
    ],
    "Are there sailings from Saltmouth to Ormsay tomorrow?": [
        (
            "bookings_find_sailings",
            {"from_port": "Saltmouth", "to_port": "Ormsay", "day": "2031-03-04"},
        )
    ],
    "Which ferries go to Skarra from Hestra on Friday": [
        (
            "bookings_find_sailings",
            {"from_port": "Hestra", "to_port": "Skarra", "day": "2031-03-07"},
        )
    ],
    "crossings from Little Hollin": [("bookings_find_sailings", {"from_port": "Little Hollin"})],
    "How is the sea at Skarra?": [("harbour_get_sea_state", {"port": "Skarra"})],
    "What's the wind like in Great Hollin today?": [
        ("harbour_get_sea_state", {"port": "Great Hollin"})
    ],
    "Where does the Little Auk lie?": [("harbour_get_vessel", {"vessel": "little-auk"})],
    "Does the vessel fulmar have any defects?": [("harbour_get_vessel", {"vessel": "fulmar"})],
    "Report a safety defect on the Razorbill: life raft strap torn": [
        (
            "harbour_report_defect",
            {"vessel": "razorbill", "severity": "safety", "title": "life raft strap torn"},
        )
    ],
    "Do we have spare impellers?": [("stores_find_parts", {"text": "impellers"})],
    "Find the part fuel filter": [("stores_find_parts", {"text": "fuel filter"})],
    "How many of part 104200 are in stock?": [("stores_get_part", {"part_no": "104200"})],
    "What does part 104200 cost and in which bin is it?": [
        ("stores_get_part", {"part_no": "104200"})
    ],
    "Take two of part 104200 for the Kittiwake": [
        ("stores_issue_part", {"part_no": "104200", "quantity": 2, "vessel": "Kittiwake"})
    ],
    "Convert 250 EUR to NOK": [
        ("rates_convert", {"amount": 250, "from_currency": "EUR", "to_currency": "NOK"})
    ],
    "Book the Beacon room for tomorrow at 14:30": [
        ("rooms_book", {"room": "Beacon", "day": "2031-03-04", "start": "14:30"})
    ],
    "Book room Anchor on 2031-03-10 at 09:00 for 90 minutes": [
        ("rooms_book", {"room": "Anchor", "day": "2031-03-10", "start": "09:00", "minutes": 90})
    ],
    "Show customer C-1118 and booking B-20417": [
        ("bookings_get_customer", {"customer_no": "C-1118"}),
        ("bookings_get_booking", {"booking_no": "B-20417"}),
    ],
    "How is the sea at Skarra and which invoices are open?": [
        ("harbour_get_sea_state", {"port": "Skarra"}),
        ("bookings_list_open_invoices", {}),
    ],
    "How many of part 104200 and 104300 are on hand?": [
        ("stores_get_part", {"part_no": "104200"}),
        ("stores_get_part", {"part_no": "104300"}),
    ],
    "Who is employee 1042 und wie viel leave is left?": [
        ("hr_get_employee", {"emp_no": "1042"}),
        ("hr_get_leave_balance", {"emp_no": "1042"}),
    ],
}
"""What is asked, and the calls that answer it."""

LACKING: dict[str, tuple[str, list[str]]] = {
    "Show me a booking": ("bookings_get_booking", ["booking no"]),
    "Cancel my leave request": ("hr_cancel_leave", ["leave id"]),
    "Request leave for 1042": ("hr_request_leave", ["kind", "first day", "last day"]),
    "How many leave days do I have left?": ("hr_get_leave_balance", ["emp no"]),
    "Convert some money": ("rates_convert", ["amount", "from currency", "to currency"]),
}
"""Questions whose function is clear and whose arguments are not: what has to be asked for."""

UNANSWERABLE = (
    "What is the capital of France?",
    "Write a poem about spring",
    "Tell me a joke",
    "hello",
    "Delete customer C-1118",
    "How do I bake bread?",
    "Translate good morning to Spanish",
)
"""What none of the functions can do."""

HELD_OUT: dict[str, list[Call]] = {
    "Could you tell me how much vacation 1063 has left this year?": [
        ("hr_get_leave_balance", {"emp_no": "1063"})
    ],
    "I need the phone and rank of employee 1020": [("hr_get_employee", {"emp_no": "1020"})],
    "who works on the kittiwake?": [("hr_find_employees", {"vessel": "kittiwake"})],
    "Look up employee Brannigan": [("hr_find_employees", {"name": "Brannigan"})],
    "Which leave requests of 1020 were refused?": [
        ("hr_list_leave", {"emp_no": "1020", "state": "refused"})
    ],
    "withdraw leave request L-00017": [("hr_cancel_leave", {"leave_id": "L-00017"})],
    "Apply for unpaid leave for 1020 from 1 June 2031 to 12 June 2031": [
        (
            "hr_request_leave",
            {
                "emp_no": "1020",
                "kind": "unpaid",
                "first_day": "2031-06-01",
                "last_day": "2031-06-12",
            },
        )
    ],
    "Give me the details of customer c-2044": [
        ("bookings_get_customer", {"customer_no": "C-2044"})
    ],
    "Do we have a customer called Marlow?": [("bookings_find_customers", {"name": "Marlow"})],
    "private customers in Upper Quay": [
        ("bookings_find_customers", {"town": "Upper Quay", "kind": "private"})
    ],
    "What was booked under B-11111?": [("bookings_get_booking", {"booking_no": "B-11111"})],
    "Please drop booking B-11111": [("bookings_cancel_booking", {"booking_no": "B-11111"})],
    "How much does customer C-2044 owe us?": [
        ("bookings_list_open_invoices", {"customer_no": "C-2044"})
    ],
    "invoices due before 2031-05-01": [
        ("bookings_list_open_invoices", {"due_before": "2031-05-01"})
    ],
    "When does the next boat leave Hestra for Saltmouth?": [
        ("bookings_find_sailings", {"from_port": "Hestra", "to_port": "Saltmouth"})
    ],
    "free seats from Ormsay to Skarra on 12 March": [
        (
            "bookings_find_sailings",
            {"from_port": "Ormsay", "to_port": "Skarra", "day": "2031-03-12"},
        )
    ],
    "How high are the waves at Ormsay right now?": [("harbour_get_sea_state", {"port": "Ormsay"})],
    "Is the guillemot in service?": [("harbour_get_vessel", {"vessel": "guillemot"})],
    'Report "coffee machine leaks" on the fulmar, severity cosmetic': [
        (
            "harbour_report_defect",
            {"vessel": "fulmar", "title": "coffee machine leaks", "severity": "cosmetic"},
        )
    ],
    "any oil filters in the stores?": [("stores_find_parts", {"text": "oil filters"})],
    "price of spare part 200150": [("stores_get_part", {"part_no": "200150"})],
    "Issue 5 pieces of 200150 to the Little Auk": [
        ("stores_issue_part", {"part_no": "200150", "quantity": 5, "vessel": "Little Auk"})
    ],
    "how much is 99.50 USD in EUR": [
        ("rates_convert", {"amount": 99.5, "from_currency": "USD", "to_currency": "EUR"})
    ],
    "Reserve the Harbour room on Thursday at 10:00": [
        ("rooms_book", {"room": "Harbour", "day": "2031-03-06", "start": "10:00"})
    ],
    "Leave balance of 1020 and 1063": [
        ("hr_get_leave_balance", {"emp_no": "1020"}),
        ("hr_get_leave_balance", {"emp_no": "1063"}),
    ],
    "What is the recipe of pancakes?": [],
    "Order 500 litres of diesel": [],
    "Rename the vessel fulmar to Petrel": [],
}
"""Written after the rules and not used to make them: what a stranger may ask."""
