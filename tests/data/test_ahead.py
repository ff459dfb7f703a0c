"""What is made ahead comes in order, its errors too, and nothing goes on after the end."""

from __future__ import annotations

import threading
import time

import pytest

from sixloops.data.ahead import chained, made_ahead


def helpers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "sixloops_ahead" in thread.name]


def slower_for_the_first(number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 17])
def test_all_come_in_order(count: int, threads: int) -> None:
    assert list(made_ahead(slower_for_the_first, range(count), threads)) == list(range(count))
    assert helpers() == []


def test_an_error_comes_in_its_place() -> None:
    def make(number: int) -> int:
        return 6 // (3 - number)

    made = made_ahead(make, range(9), 2)
    assert [next(made), next(made), next(made)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(made)
    assert helpers() == []


def test_little_is_made_before_it_is_asked_for_and_nothing_after_closing() -> None:
    made: list[int] = []
    lists = made_ahead(lambda number: made.append(number) or [number, -number], range(100), 1)
    both = chained(lists)
    assert [next(both) for _ in range(3)] == [0, 0, 1]
    both.close()
    assert helpers() == []
    assert len(made) < 6
