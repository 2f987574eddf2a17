from autoscaler.kubernetes.core.activator_ports import choose_port
from servingkit.core.revision import RevisionId

IRIS = RevisionId("shop", "iris")


def test_a_revision_gets_the_same_port_again() -> None:
    port = choose_port(IRIS, ())
    assert port is not None
    assert 20_000 <= port <= 29_999
    assert choose_port(IRIS, {port + 1}) == port


def test_a_taken_port_is_passed_over() -> None:
    port = choose_port(IRIS, ())
    assert port is not None
    assert choose_port(IRIS, {port}) not in {port, None}


def test_the_search_goes_round() -> None:
    all_but_one = set(range(20_000, 30_000)) - {20_000}
    assert choose_port(IRIS, all_but_one) == 20_000


def test_when_all_are_taken_there_is_none() -> None:
    assert choose_port(IRIS, range(20_000, 30_000)) is None
