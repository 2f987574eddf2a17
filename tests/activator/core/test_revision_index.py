"""How a request names its revision."""

import pytest

from activator.core.revision_index import RevisionIndex
from servingkit.core.revision import Revision, RevisionId

IRIS = RevisionId("default", "iris")
INDEX = RevisionIndex(
    [
        Revision(id=IRIS, uid="1", hosts=("api.example.com",)),
        Revision(id=RevisionId("prod", "iris"), uid="2", hosts=("API.example.com",)),
    ],
    "cluster.local",
)


@pytest.mark.parametrize(
    "host",
    [
        b"iris.default",
        b"iris.default.svc",
        b"iris.default.svc.cluster.local",
        b"iris.default.svc.cluster.local.",
        b"IRIS.Default:8012",
        b"api.example.com",
        b"api.example.com:443",
    ],
)
def test_a_host_names_its_revision(host: bytes) -> None:
    assert INDEX.find(host, {}) == IRIS


@pytest.mark.parametrize("host", [b"", b"iris", b"other.default", b"127.0.0.1:8012", b"[::1]"])
def test_other_hosts_name_none(host: bytes) -> None:
    assert INDEX.find(host, {}) is None


def test_headers_come_before_the_host() -> None:
    fields = {b"knative-serving-namespace": b"prod", b"knative-serving-revision": b"iris"}
    assert INDEX.find(b"iris.default", fields) == RevisionId("prod", "iris")


def test_headers_that_name_an_unknown_revision_name_none() -> None:
    fields = {b"knative-serving-namespace": b"prod", b"knative-serving-revision": b"\xff"}
    assert INDEX.find(b"iris.default", fields) is None


def test_one_header_alone_does_not_count() -> None:
    assert INDEX.find(b"iris.default", {b"knative-serving-revision": b"other"}) == IRIS
