from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from autoscaler.metrics import RevisionText
from autoscaler.status import RevisionStatus

STATUS = RevisionStatus(
    namespace="default",
    name="iris",
    metric="concurrency",
    target_value=7.0,
    stable_value=3.5,
    panic_value=4.5,
    concurrency=4.0,
    requests_per_second=12.0,
    panicking=True,
    phase="active",
    desired_pods=3,
    asked_pods=2,
    ready_pods=1,
    starting_pods=1,
    terminating_pods=2,
    mode="proxy",
    excess_burst_capacity=-1,
    held_by=(),
    reason="3 pods: because",
)
LABELS = '{k8s_namespace_name="default",kn_revision_name="iris"}'


def exposed(*statuses: RevisionStatus) -> dict[str, float]:
    page = RevisionText()
    for status in statuses:
        page.add(status)
    # Whoever wrote the format reads it.
    list(text_string_to_metric_families(page.text()))
    lines = (line for line in page.text().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_every_number_has_knatives_name() -> None:
    assert exposed(STATUS) == {
        f"kn_revision_pods_desired{LABELS}": 3,
        f"kn_revision_pods_requested{LABELS}": 2,
        f"kn_revision_pods_count{LABELS}": 1,
        f"kn_revision_pods_pending_count{LABELS}": 1,
        f"kn_revision_pods_terminating_count{LABELS}": 2,
        f"kn_revision_pods_not_ready_count{LABELS}": 3,
        f"kn_revision_capacity_excess{LABELS}": -1,
        f"kn_revision_panic_mode{LABELS}": 1,
        f"kn_revision_concurrency_stable{LABELS}": 3.5,
        f"kn_revision_concurrency_panic{LABELS}": 4.5,
        f"kn_revision_concurrency_target{LABELS}": 7,
        f"inflight_revision_proxied{LABELS}": 1,
    }


def test_requests_a_second_have_names_of_their_own() -> None:
    names = exposed(replace(STATUS, metric="rps"))
    assert f"kn_revision_rps_stable{LABELS}" in names
    assert f"kn_revision_concurrency_stable{LABELS}" not in names


def test_what_is_not_known_is_not_exposed() -> None:
    unknown = replace(STATUS, desired_pods=None, stable_value=None)
    assert f"kn_revision_pods_desired{LABELS}" not in exposed(unknown)
    assert f"kn_revision_concurrency_stable{LABELS}" not in exposed(unknown)


def test_what_holds_the_pods_is_a_sample_for_each_limit() -> None:
    held = replace(STATUS, held_by=("panic", "max-scale"))
    names = [name for name in exposed(held) if name.startswith("inflight_revision_held")]
    assert names == [
        'inflight_revision_held{k8s_namespace_name="default",kn_revision_name="iris",'
        f'limit="{limit}"}}'
        for limit in ("panic", "max-scale")
    ]


def test_families_stay_together_and_names_are_escaped() -> None:
    page = RevisionText()
    page.add(replace(STATUS, name='a"b\\c\nd'))
    page.add(STATUS)
    families = list(text_string_to_metric_families(page.text()))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    desired = next(family for family in families if family.name == "kn_revision_pods_desired")
    labels = [sample.labels["kn_revision_name"] for sample in desired.samples]
    assert labels == ['a"b\\c\nd', "iris"]
    assert repr(page) == "<RevisionText 24 samples>"
