from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.decider import TICK_S
from autoscaler.core.tick_ring import SLOT_S, TickRing


def filled(size: int) -> TickRing[int]:
    ring: TickRing[int] = TickRing(0.0)
    for key in range(size):
        ring.add(key)
    return ring


def test_ticks_are_spread_evenly_over_a_round() -> None:
    ring = filled(1280)
    sizes = [len(list(ring.due(ring.next_at()))) for _ in range(256)]
    assert sizes == [5] * 256


@given(st.lists(st.floats(0.001, 1.9), min_size=5, max_size=60))
def test_each_has_one_tick_in_each_round_however_often_one_looks(pauses: list[float]) -> None:
    ring = filled(20)
    ticks: Counter[int] = Counter()
    now = 0.0
    for pause in pauses:
        now += pause
        ticks.update(ring.due(now))
    rounds = int(now / SLOT_S) * SLOT_S / TICK_S
    assert all(abs(ticks[key] - rounds) <= 1 for key in range(20))


def test_after_a_stall_of_many_rounds_each_has_one_tick() -> None:
    ring = filled(20)
    assert sorted(ring.due(100.0)) == list(range(20))
    assert list(ring.due(100.0)) == []


def test_who_left_has_no_tick_and_makes_room() -> None:
    ring = filled(256)
    ring.remove(7)
    assert 7 not in set(ring.due(TICK_S))
    ring.add(500)
    sizes = Counter(len(list(ring.due(ring.next_at()))) for _ in range(256))
    assert sizes == {1: 256}
    assert repr(ring) == "<TickRing of 256>"
