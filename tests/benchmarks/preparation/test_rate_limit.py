"""Politeness: the rate is kept by all threads together, pauses grow and end."""

from __future__ import annotations

import threading

import pytest

from benchmarks.preparation.rate_limit import LONGEST, MOST_ASKED, RateLimit


class Clock:
    """Time that passes while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.stopped = threading.Event()
        self.stopped.wait = self.wait  # type: ignore[method-assign]

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.now += timeout
        return self.stopped.is_set()


def test_requests_keep_their_distance() -> None:
    clock = Clock()
    pace = RateLimit(4.0, 10.0, clock.stopped, clock)
    moments = []
    for _ in range(9):
        assert pace.wait()
        moments.append(clock.now)
    assert moments == pytest.approx([0.25 * k for k in range(9)])


def test_pauses_double_until_a_request_succeeds() -> None:
    clock = Clock()
    pace = RateLimit(1000.0, 10.0, clock.stopped, clock)

    def refused(asked: float = 0.0) -> float:
        pause = pace.refused(asked)
        clock.now += pause
        return pause

    assert [refused() for _ in range(8)] == [10, 20, 40, 80, 160, 320, LONGEST, LONGEST]
    pace.succeeded()
    assert refused() == 10
    assert refused(asked=90.0) == 90, "what the server asks for"
    assert refused(asked=1e9) == MOST_ASKED


def test_refusals_at_once_are_one_refusal() -> None:
    clock = Clock()
    pace = RateLimit(1000.0, 10.0, clock.stopped, clock)
    assert [pace.refused() for _ in range(8)] == [10] * 8
    clock.now += 4
    assert pace.refused() == 6
    assert pace.refused(asked=50) == 50
    clock.now += 50
    assert pace.refused() == 20


def test_everybody_waits_while_the_server_is_busy() -> None:
    clock = Clock()
    pace = RateLimit(1000.0, 5.0, clock.stopped, clock)
    pace.refused()
    assert pace.wait()
    assert clock.now == pytest.approx(5.0)


def test_waiting_ends_when_all_is_stopped() -> None:
    clock = Clock()
    pace = RateLimit(1000.0, 300.0, clock.stopped, clock)
    pace.refused()
    clock.stopped.set()
    assert not pace.wait()
    assert clock.now == 0.0


@pytest.mark.parametrize(("rate", "pause"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_senseless_rates_are_refused(rate: float, pause: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        RateLimit(rate, pause, threading.Event())
