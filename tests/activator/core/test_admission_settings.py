"""Annotations of admission: read, checked, refused."""

import pytest

from activator.core.admission_settings import AdmissionSettings, read_admission_settings
from activator.core.lb_policy import LbPolicyName
from servingkit.config import ConfigError

DEFAULTS = AdmissionSettings(queue_limit=77, tenant_header=b"x-team")


def read(**annotations: str) -> AdmissionSettings:
    given = {f"inflight.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
    return read_admission_settings(given, DEFAULTS)


def test_without_annotations_the_installations_defaults_hold() -> None:
    assert read() == DEFAULTS


def test_annotations_of_other_programs_are_left_alone() -> None:
    others = {"inflight.dev/paused": "true", "autoscaling.knative.dev/target": "what"}
    assert read_admission_settings(others, DEFAULTS) == DEFAULTS


def test_every_annotation_is_read() -> None:
    settings = read(
        lb_policy="least-loaded",
        queue_limit="5",
        queue_limit_bytes="1000",
        hold_timeout="30s",
        pod_answer_timeout="1m",
        pod_failure_threshold="2",
        retry_sent_requests="true",
        sse_heartbeat="5s",
        tenant_header="X-Tenant",
        tenant_weights="gold=4, silver=2",
        tenant_queue_limit="3",
        priorities="high=0,normal=1,low=2",
        default_priority="normal",
        priority_caps="free=low,*=normal",
        priority_queue_limit="4",
    )
    assert settings == AdmissionSettings(
        lb_policy=LbPolicyName.LEAST_LOADED,
        queue_limit=5,
        queue_limit_bytes=1000,
        hold_timeout_s=30.0,
        pod_answer_timeout_s=60.0,
        pod_failure_threshold=2,
        retry_sent_requests=True,
        sse_heartbeat_s=5.0,
        tenant_header=b"x-tenant",
        tenant_weights={b"gold": 4, b"silver": 2},
        tenant_queue_limit=3,
        priorities={b"high": 0, b"normal": 1, b"low": 2},
        default_priority=b"normal",
        priority_caps={b"free": b"low", b"*": b"normal"},
        priority_queue_limit=4,
    )


def test_who_names_no_priority_has_the_last_one() -> None:
    assert read(priorities="batch=3,live=0").default_priority == b"batch"


def test_heartbeats_can_be_turned_off() -> None:
    defaults = AdmissionSettings(sse_heartbeat_s=5.0)
    off = {"inflight.dev/sse-heartbeat": "0"}
    assert read_admission_settings(off, defaults).sse_heartbeat_s == 0.0


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (
            {"lb_policy": "fastest"},
            "random-of-two or first-available or round-robin or least-loaded",
        ),
        ({"queue_limit": "0"}, "a whole number of at least 1"),
        ({"hold_timeout": "30"}, "a duration of at least 0s, such as 60s or 1m30s"),
        ({"sse_heartbeat": "10ms"}, "a duration from 1s to 1h, such as 60s or 1m30s"),
        ({"tenant_header": "X Tenant"}, "the name of a header, such as X-Tenant"),
        (
            {"tenant_weights": "gold=0"},
            "names with whole numbers from 1 to 1000, such as gold=4,silver=2",
        ),
        (
            {"tenant_weights": "gold=1,gold=2"},
            "names with whole numbers from 1 to 1000, such as gold=4,silver=2",
        ),
        (
            {"tenant_weights": f"gold={'9' * 5000}"},
            "names with whole numbers from 1 to 1000, such as gold=4,silver=2",
        ),
        (
            {"priorities": "high"},
            "names with whole numbers from 0 to 9, such as high=0,normal=1,low=2",
        ),
        (
            {"default_priority": "c", "priorities": "a=0,b=1"},
            "a priority of inflight.dev/priorities: a or b",
        ),
        (
            {"priority_caps": "free=low"},
            (
                "TENANT=PRIORITY pairs, such as free=low,*=normal; a priority of "
                "inflight.dev/priorities: none is there"
            ),
        ),
    ],
)
def test_a_bad_value_is_refused_with_key_value_and_what_was_expected(
    annotations: dict[str, str], expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(**annotations)
    name, value = next(iter(annotations.items()))
    key = f"inflight.dev/{name.replace('_', '-')}"
    assert str(caught.value) == f"{key}: {value!r}; expected {expected}"


def test_all_bad_values_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read(lb_policy="x", queue_limit="x", priorities="x")
    assert len(caught.value.problems) == 3
