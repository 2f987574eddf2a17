"""What an activator process is shown, and what it makes of it."""

import msgspec
import pytest

from inflight.local.activator_link import (
    ActivatorView,
    ClusterView,
    Held,
    RevisionView,
    StopOrder,
    decode_order,
    decode_view,
    encode_line,
)
from inflight.local.remote_cluster import RemoteCluster
from servingkit.core.revision import PodState, Revision, RevisionId
from servingkit.core.route import Backend, Mirror, Route, RouteId
from tests.fakes.cluster import pod

IRIS = RevisionId("default", "iris")
ROUTE = Route(
    id=RouteId("default", "flowers"),
    hosts=("flowers.example.com",),
    path_prefix="/v1",
    backends=(Backend(revision=IRIS, weight=100, tag="now"),),
    mirror=Mirror(revision=IRIS, percent=0.5),
    sticky_header="x-user",
)


def view(version: int, state: PodState = PodState.READY, uid: str = "1") -> ClusterView:
    revision = Revision(id=IRIS, uid=uid, annotations={"a": "b"}, hosts=("h",), timeout_s=1.5)
    shown = RevisionView(revision, (pod("iris-1", state),))
    return ClusterView(version, (shown,), (ROUTE,))


@pytest.mark.parametrize("message", [view(7), StopOrder(1.0, 2.5, 0.0)], ids=["cluster", "stop"])
def test_what_an_activator_is_told_arrives_as_it_was(message: ClusterView | StopOrder) -> None:
    line = encode_line(message)
    assert line.count(b"\n") == 1
    assert decode_order(line) == message


def test_what_an_activator_tells_arrives_as_it_was() -> None:
    told = ActivatorView(
        ready=True, port=8012, metrics_port=9090, seen_version=7, held=(Held(IRIS, 3),)
    )
    assert decode_view(encode_line(told)) == told


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_order(b'{"type": "dance"}\n')


def test_each_change_is_announced_once_and_after_it_shows() -> None:
    cluster = RemoteCluster()
    seen: list[tuple[str, object]] = []
    cluster.on_revision_change(lambda name: seen.append(("revision", cluster.revisions()[name])))
    cluster.on_pods_change(lambda name: seen.append(("pods", cluster.pods(name)[0].state)))
    cluster.on_routes_change(lambda: seen.append(("routes", cluster.routes())))
    first = view(1, PodState.STARTING)
    cluster.take(first)
    assert seen == [
        ("revision", first.revisions[0].revision),
        ("pods", PodState.STARTING),
        ("routes", (ROUTE,)),
    ]
    seen.clear()
    cluster.take(view(2, PodState.READY))
    assert seen == [("pods", PodState.READY)]
    seen.clear()
    cluster.take(view(3, PodState.READY))
    assert not seen
    assert cluster.version == 3
    cluster.take(view(4, uid="2"))
    assert [what for what, _ in seen] == ["revision"]


def test_revisions_that_are_gone_are_announced_too() -> None:
    cluster = RemoteCluster()
    cluster.take(view(1))
    gone: list[RevisionId] = []
    cluster.on_revision_change(gone.append)  # and once for each that is there
    cluster.on_pods_change(gone.append)
    cluster.take(ClusterView(2, (), ()))
    assert gone == [IRIS, IRIS, IRIS]
    assert not cluster.revisions()
    assert cluster.pods(IRIS) == ()
