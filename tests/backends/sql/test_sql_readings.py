from __future__ import annotations

from drawbar.kernel.ports import Reply

GET = """
get_course:
  parameters: {course_no: {type: string}}
  sql: select course_no, title, seats from courses where course_no = :course_no
  rows: one
"""
LIST = """
list_courses:
  sql: select course_no, seats from courses order by course_no
"""


async def test_one_row_is_answered_as_an_object(office) -> None:
    office.open(GET)

    assert await office.reply("get_course", {"course_no": "C-104"}) == Reply(
        {"course_no": "C-104", "title": "First aid", "seats": 2}
    )


async def test_many_rows_are_answered_as_a_list(office) -> None:
    office.open(LIST)

    assert await office.value("list_courses") == [
        {"course_no": "C-101", "seats": 10},
        {"course_no": "C-104", "seats": 2},
        {"course_no": "C-200", "seats": 5},
    ]
