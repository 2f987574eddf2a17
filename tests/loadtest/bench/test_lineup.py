from loadtest.bench.core.names import POST_32
from loadtest.bench.lineup import CASES, PEERS
from loadtest.bench.load import WrkLoad


def test_names_are_unique() -> None:
    for items in (CASES, PEERS):
        assert len({item.name for item in items}) == len(items)


def test_question_has_sixty_bytes() -> None:
    (case,) = (case for case in CASES if case.name == POST_32)
    assert "60 bytes" in case.title
    load = getattr(case, "load", None)
    assert isinstance(load, WrkLoad)
    assert (len(load.body), load.connections) == (60, 32)
