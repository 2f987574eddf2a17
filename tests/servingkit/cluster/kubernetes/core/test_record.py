import pytest

from servingkit.cluster.kubernetes.core.objects import (
    ObjectMeta,
    PodTemplate,
    ServiceObject,
    Workload,
    WorkloadSpec,
)
from servingkit.cluster.kubernetes.core.record import (
    Record,
    leaving_pods,
    read_limits,
    read_record,
    revision_of,
    settings_of,
    write_record,
)
from servingkit.config import ConfigError
from servingkit.core.revision import Revision, RevisionId

RECORD = Record("uid-1", "Deployment", {"inflight.dev/container-concurrency": "4"})


def private(name: str = "iris-private", **annotations: str) -> ServiceObject:
    written = {f"inflight.dev/{key.replace('_', '-')}": text for key, text in annotations.items()}
    labels = {"inflight.dev/service": "private"}
    return ServiceObject(ObjectMeta(name, "shop", labels=labels, annotations=written))


def test_a_record_comes_back_as_it_was_written() -> None:
    assert read_record(private(record=write_record(RECORD))) == RECORD


@pytest.mark.parametrize("text", ["", "{", '{"uid": 1}', "[]"])
def test_what_is_no_record_counts_as_none(text: str) -> None:
    assert read_record(private(record=text)) is None
    assert revision_of(private(record=text)) is None


def test_a_private_service_stands_for_a_revision() -> None:
    service = private(record=write_record(RECORD), activator_port="20007")
    assert revision_of(service) == Revision(
        id=RevisionId("shop", "iris"),
        uid="uid-1",
        annotations={"inflight.dev/container-concurrency": "4"},
        container_concurrency=4,
        activator_port=20007,
    )


def test_other_services_do_not() -> None:
    service = private(record=write_record(RECORD))
    service.metadata.labels = {}
    assert revision_of(service) is None


@pytest.mark.parametrize("number", ["many", "70000000", "9" * 5000])
def test_a_revision_with_bad_settings_has_the_defaults(number: str) -> None:
    record = Record("uid-1", "Deployment", {"inflight.dev/container-concurrency": number})
    revision = revision_of(private(record=write_record(record), activator_port=number))
    assert revision is not None
    assert (revision.container_concurrency, revision.activator_port) == (0, 0)


def test_pods_that_are_to_go_next() -> None:
    assert leaving_pods(private()) == frozenset()
    assert leaving_pods(private(leaving="iris-1,iris-2")) == {"iris-1", "iris-2"}


def test_settings_of_the_workload_win_but_for_those_that_start_the_sidecar() -> None:
    template = {
        "inflight.dev/container-concurrency": "4",
        "autoscaling.knative.dev/target": "4",
        "prometheus.io/scrape": "true",
    }
    own = {
        "inflight.dev/container-concurrency": "400",
        "autoscaling.knative.dev/target": "2",
        "deployment.kubernetes.io/revision": "1",
    }
    spec = WorkloadSpec(template=PodTemplate(ObjectMeta(annotations=template)))
    assert settings_of(Workload(ObjectMeta(annotations=own), spec)) == {
        "autoscaling.knative.dev/target": "2",
        "inflight.dev/container-concurrency": "4",
    }


def test_limits_are_read() -> None:
    limits = read_limits(
        {
            "inflight.dev/container-concurrency": "4",
            "inflight.dev/timeout-seconds": "1.5",
            "inflight.dev/hosts": "api.example.com, iris.example.com,",
        }
    )
    assert (limits.container_concurrency, limits.timeout_s) == (4, 1.5)
    assert limits.hosts == ("api.example.com", "iris.example.com")


def test_every_bad_limit_is_named() -> None:
    bad = {"inflight.dev/container-concurrency": "-1", "inflight.dev/timeout-seconds": "1e300"}
    with pytest.raises(ConfigError) as caught:
        read_limits(bad)
    assert {problem.key for problem in caught.value.problems} == set(bad)
