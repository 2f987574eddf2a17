from collections.abc import Mapping

import pytest

from controller.core import pod_settings
from controller.core.pod_settings import PreStop, read_pod_settings
from servingkit.config import ConfigError
from servingkit.core.annotation_names import OF_THE_POD, OUR_PREFIX, OURS

_RESOURCE = "queue.sidecar.serving.knative.dev/"


def _environment(**annotations: str) -> Mapping[str, str]:
    named = {f"inflight.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return read_pod_settings(named).environment


def test_without_annotations_nothing_is_limited_but_the_time() -> None:
    settings = read_pod_settings({})
    assert settings.environment == {
        "CONTAINER_CONCURRENCY": "0",
        "REVISION_TIMEOUT_SECONDS": "300",
    }
    assert (settings.timeout_s, settings.drain_quiet_s, settings.pre_stop) == (300.0, None, None)
    assert settings.resources == {}


@pytest.mark.parametrize(
    ("name", "value", "variable"),
    [
        ("container_concurrency", "10", "CONTAINER_CONCURRENCY"),
        ("queue_depth", "0", "INFLIGHT_QUEUE_DEPTH"),
        ("max_body_bytes", "1048576", "INFLIGHT_MAX_BODY_BYTES"),
        ("max_head_bytes", "8192", "INFLIGHT_MAX_HEAD_BYTES"),
        ("max_header_fields", "64", "INFLIGHT_MAX_HEADER_FIELDS"),
        ("head_timeout_seconds", "9", "INFLIGHT_HEAD_TIMEOUT_SECONDS"),
        ("keep_alive_seconds", "99", "INFLIGHT_KEEP_ALIVE_SECONDS"),
        ("stall_timeout_seconds", "7", "INFLIGHT_STALL_TIMEOUT_SECONDS"),
        ("timeout_seconds", "600", "REVISION_TIMEOUT_SECONDS"),
        ("response_start_timeout_seconds", "5", "REVISION_RESPONSE_START_TIMEOUT_SECONDS"),
        ("idle_timeout_seconds", "2.5", "REVISION_IDLE_TIMEOUT_SECONDS"),
        ("queue_timeout_seconds", "1", "INFLIGHT_QUEUE_TIMEOUT_SECONDS"),
        ("drain_quiet_seconds", "3", "INFLIGHT_DRAIN_QUIET_SECONDS"),
        ("request_log", "true", "INFLIGHT_REQUEST_LOG"),
        ("log_level", "debug", "SERVING_LOGGING_LEVEL"),
        ("model_metrics", "9000/metrics", "INFLIGHT_MODEL_METRICS"),
    ],
)
def test_an_annotation_becomes_a_variable(name: str, value: str, variable: str) -> None:
    assert _environment(**{name: value})[variable] == value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("inflight.dev/container-concurrency", "-1", "a whole number from 0"),
        ("inflight.dev/queue-depth", "ten", "a whole number from 0"),
        ("inflight.dev/timeout-seconds", "5m", "a number of seconds"),
        ("inflight.dev/idle-timeout-seconds", "-1", "a number of seconds"),
        ("inflight.dev/request-log", "yes", "true or false"),
        ("inflight.dev/log-level", "loud", "debug, info, warning, error"),
        ("inflight.dev/model-metrics", "metrics", "a path like /metrics"),
        ("inflight.dev/port", "0", "a whole number from 1 to 65535"),
        ("inflight.dev/port", "Http", "the name of a port"),
        ("inflight.dev/pre-stop", "both", "keep or replace"),
        ("inflight.dev/container-concurency", "1", "one of these after inflight.dev/: "),
        (f"{_RESOURCE}cpu-resource-request", "many", "a quantity like 100m or 64Mi"),
        (f"{_RESOURCE}gpu-resource-request", "1", "one of these after"),
    ],
)
def test_a_bad_annotation_is_named_with_its_value(key: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_pod_settings({key: value})
    (problem,) = caught.value.problems
    assert (problem.key, problem.value) == (key, value)
    assert expected in problem.expected


def test_all_bad_annotations_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_pod_settings({"inflight.dev/port": "0", "inflight.dev/request-log": "yes"})
    assert {p.key for p in caught.value.problems} == {
        "inflight.dev/port",
        "inflight.dev/request-log",
    }


def test_resources_are_knatives_annotations() -> None:
    settings = read_pod_settings(
        {
            f"{_RESOURCE}cpu-resource-request": "50m",
            f"{_RESOURCE}memory-resource-request": "64Mi",
            f"{_RESOURCE}memory-resource-limit": "1.5e8",
        }
    )
    assert settings.resources == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"memory": "1.5e8"},
    }


def test_annotations_of_others_do_not_matter() -> None:
    assert read_pod_settings({"example.com/inflight.dev/port": "x"}) == read_pod_settings({})


def test_a_choice_for_the_hook_is_read() -> None:
    assert read_pod_settings({"inflight.dev/pre-stop": "keep"}).pre_stop is PreStop.KEEP


def test_what_other_programs_read_may_stand_on_a_pod_too() -> None:
    others = OURS - frozenset(OF_THE_POD)
    given = {OUR_PREFIX + name: "whatever" for name in others}
    assert read_pod_settings(given) == read_pod_settings({})


def test_the_names_of_the_pod_are_those_that_are_read() -> None:
    looked_up = (*pod_settings._WHOLE_NUMBERS, *pod_settings._SECONDS, *pod_settings._OTHERS)
    assert {"container", "port", "pre-stop", *looked_up} == set(OF_THE_POD)
