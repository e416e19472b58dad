import os
import re
import threading

from drawbar.kernel.ids import new_id


def test_an_id_is_its_prefix_and_24_characters_that_are_easily_told_apart() -> None:
    assert re.fullmatch(r"run_[0-9A-HJKMNP-TV-Z]{24}", new_id("run_"))


def test_later_ids_sort_later_and_no_two_are_equal() -> None:
    made = [new_id("x") for _ in range(5000)]

    assert made == sorted(set(made))


def test_ids_of_several_threads_are_never_equal() -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(new_id("x") for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 2000


def test_the_second_half_cannot_be_guessed_from_another_id() -> None:
    tails = {new_id("x")[-12:] for _ in range(1000)}

    assert len(tails) == 1000
    assert all(len({tail[place] for tail in tails}) == 32 for place in range(12))


def test_a_forked_child_does_not_repeat_the_random_part() -> None:
    new_id("x")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_id("x").encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)

    assert theirs[-12:] != new_id("x")[-12:]
