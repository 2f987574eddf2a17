"""Which route takes a request, and which of its revisions."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activator.core.route_table import RouteChooser, RouteTable
from servingkit.core.revision import RevisionId
from servingkit.core.route import Backend, Mirror, Route, RouteId

OLD, NEW, DARK = (RevisionId("default", name) for name in ("iris-1", "iris-2", "iris-3"))
EVERY = {OLD, NEW, DARK}


def never(_: int) -> int:
    msg = "nothing is to be drawn"
    raise AssertionError(msg)


def route(
    name: str,
    *hosts: str,
    path: str = "/",
    backends: Sequence[Backend] = (Backend(revision=OLD, weight=100),),
    mirror: Mirror | None = None,
    sticky: str = "",
) -> Route:
    return Route(
        id=RouteId("default", name),
        hosts=hosts,
        path_prefix=path,
        backends=tuple(backends),
        mirror=mirror,
        sticky_header=sticky,
    )


def found(table: RouteTable, host: bytes, target: bytes) -> str | None:
    chooser = table.find(host, target)
    return chooser.route.id.name if chooser is not None else None


TABLE = RouteTable(
    (
        route("wild", "*.example.com"),
        route("deeper", "*.eu.example.com"),
        route("api-v2", "api.example.com", path="/v2"),
        route("api-v2-models", "api.example.com", path="/v2/models/"),
        route("api", "api.example.com"),
        route("only-v1", "narrow.example.com", path="/v1"),
        route("iris"),
    ),
    EVERY,
    "cluster.local",
)


@pytest.mark.parametrize(
    ("host", "target", "name"),
    [
        pytest.param(b"api.example.com", b"/", "api", id="exact host"),
        pytest.param(b"API.Example.COM:8080", b"/", "api", id="letter case and port"),
        pytest.param(b"api.example.com.", b"/", "api", id="the root's dot"),
        pytest.param(b"api.example.com", b"/v2", "api-v2", id="path"),
        pytest.param(b"api.example.com", b"/v2/", "api-v2", id="below the path"),
        pytest.param(b"api.example.com", b"/v2?model=/v3", "api-v2", id="the query is no path"),
        pytest.param(b"api.example.com", b"/v20", "api", id="segments are whole"),
        pytest.param(b"api.example.com", b"/v2/models/a", "api-v2-models", id="longest path"),
        pytest.param(b"api.example.com", b"/v2/models", "api-v2-models", id="its slash is none"),
        pytest.param(b"www.example.com", b"/v2", "wild", id="wildcard"),
        pytest.param(b"a.b.example.com", b"/", "wild", id="wildcard over two labels"),
        pytest.param(b"a.eu.example.com", b"/", "deeper", id="longest wildcard"),
        pytest.param(b"narrow.example.com", b"/v1/x", "only-v1", id="exact before wildcard"),
        pytest.param(b"narrow.example.com", b"/v9", "wild", id="no path fits there, but here"),
        pytest.param(b"example.com", b"/", None, id="a wildcard wants a label"),
        pytest.param(b"example.org", b"/", None, id="nobody's"),
        pytest.param(b"iris.default", b"/", "iris", id="cluster name"),
        pytest.param(b"iris.default.svc", b"/", "iris", id="cluster name with svc"),
        pytest.param(b"iris.default.svc.cluster.local", b"/", "iris", id="whole cluster name"),
        pytest.param(b"iris.other", b"/", None, id="another namespace"),
        pytest.param(b"", b"/", None, id="no host"),
        pytest.param(b"api.example.com", b"*", None, id="OPTIONS *"),
    ],
)
def test_most_specific_route_wins(host: bytes, target: bytes, name: str | None) -> None:
    assert found(TABLE, host, target) == name


def test_a_star_takes_what_nobody_else_does() -> None:
    table = RouteTable((route("any", "*"), route("api", "api.example.com")), EVERY, "c")
    assert found(table, b"api.example.com", b"/") == "api"
    assert found(table, b"10.0.0.1:8012", b"/") == "any"
    assert found(table, b"", b"/x") == "any"


def test_of_two_equal_routes_the_first_by_name_has_it() -> None:
    one, two = route("one", "h", path="/v1"), route("two", "h", path="/v1")
    for order in ((one, two), (two, one)):
        assert found(RouteTable(order, EVERY, "c"), b"h", b"/v1") == "one"


def test_without_routes_nothing_is_found() -> None:
    assert RouteTable((), EVERY, "cluster.local").find(b"h", b"/") is None


CANARY = (
    Backend(revision=OLD, weight=90, tag="stable"),
    Backend(revision=NEW, weight=10),
    Backend(revision=DARK, weight=0, tag="dark"),
)


def test_weights_divide_the_draws_exactly() -> None:
    chooser = RouteChooser(route("iris", backends=CANARY), EVERY)
    drawn = Counter(chooser.choose({}, lambda _, point=point: point) for point in range(100))  # type: ignore[misc]
    assert drawn == {OLD: 90, NEW: 10}


@pytest.mark.parametrize("header", [b"inflight-tag", b"knative-serving-tag"])
def test_a_tag_chooses_its_revision_also_one_without_weight(header: bytes) -> None:
    chooser = RouteChooser(route("iris", backends=CANARY), EVERY)
    assert chooser.choose({header: b"dark"}, never) == DARK
    assert chooser.choose({header: b"stable"}, never) == OLD
    assert chooser.choose({header: b"unheard of"}, lambda _: 99) == NEW


def test_a_tag_has_names_of_its_own() -> None:
    table = RouteTable((route("iris", backends=CANARY, mirror=Mirror(revision=NEW, percent=100)),),
                       EVERY, "cluster.local")  # fmt: skip
    chooser = table.find(b"dark-iris.default.svc.cluster.local", b"/")
    assert chooser is not None
    assert chooser.choose({}, lambda _: 0) == DARK
    assert chooser.mirrors(never) is None
    assert found(table, b"canary-iris.default", b"/") is None


def test_revisions_that_are_not_there_leave_their_part_to_the_others() -> None:
    chooser = RouteChooser(route("iris", backends=CANARY), {NEW})
    assert {chooser.choose({}, lambda _, p=p: p) for p in range(10)} == {NEW}  # type: ignore[misc]
    assert chooser.choose({b"inflight-tag": b"dark"}, lambda _: 0) == NEW
    assert RouteChooser(route("iris", backends=CANARY), ()).choose({}, never) is None


def test_the_same_value_of_the_sticky_header_goes_to_the_same_revision() -> None:
    chooser = RouteChooser(route("iris", backends=CANARY, sticky="x-user"), EVERY)
    chosen = {}
    for user in range(2_000):
        value = b"user-%d" % user
        chosen[value] = chooser.choose({b"x-user": value}, never)
        assert chooser.choose({b"x-user": value}, never) == chosen[value]
    share = Counter(chosen.values())
    assert set(share) == {OLD, NEW}
    assert 100 <= share[NEW] <= 300
    assert chooser.choose({}, lambda _: 95) == NEW  # without the header: by lot


def test_clients_of_the_canary_stay_there_when_it_grows() -> None:
    def canary(percent: int) -> set[int]:
        backends = (
            Backend(revision=OLD, weight=100 - percent),
            Backend(revision=NEW, weight=percent),
        )
        chooser = RouteChooser(route("iris", backends=backends, sticky="x-user"), EVERY)
        return {u for u in range(500) if chooser.choose({b"x-user": b"%d" % u}, never) == NEW}

    assert canary(5) < canary(20) < canary(60)


def test_routes_choose_different_clients_for_their_canaries() -> None:
    def canary(name: str) -> set[int]:
        chooser = RouteChooser(route(name, backends=CANARY, sticky="x-user"), EVERY)
        return {u for u in range(500) if chooser.choose({b"x-user": b"%d" % u}, never) == NEW}

    assert canary("iris") != canary("tulip")


@pytest.mark.parametrize(
    ("percent", "mirrored"), [(100.0, 10_000), (50.0, 5_000), (0.01, 1), (2.5, 250)]
)
def test_the_mirror_sees_its_percentage(percent: float, mirrored: int) -> None:
    seen = RouteChooser(route("iris", mirror=Mirror(revision=DARK, percent=percent)), EVERY)
    draws = [seen.mirrors(lambda _, step=step: step) for step in range(10_000)]  # type: ignore[misc]
    assert draws.count(DARK) == mirrored


def test_a_mirror_that_is_not_there_sees_nothing() -> None:
    chooser = RouteChooser(route("iris", mirror=Mirror(revision=DARK, percent=100)), {OLD})
    assert chooser.mirrors(never) is None


@given(
    weights=st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(any),
    value=st.binary(max_size=20),
    sticky=st.booleans(),
)
def test_a_revision_without_weight_is_never_drawn(
    weights: list[int], value: bytes, sticky: bool
) -> None:
    backends = [
        Backend(revision=RevisionId("default", f"iris-{number}"), weight=weight)
        for number, weight in enumerate(weights)
    ]
    weight_of = {backend.revision: backend.weight for backend in backends}
    chooser = RouteChooser(
        route("iris", backends=backends, sticky="x-user" if sticky else ""), weight_of.keys()
    )
    for point in range(sum(weights)):
        drawn = chooser.choose({b"x-user": value}, lambda below, p=point: min(p, below - 1))  # type: ignore[misc]
        assert drawn is not None
        assert weight_of[drawn] > 0
