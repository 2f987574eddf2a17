"""The sidecar's settings."""

import json
import ssl

import pytest

from queueproxy.config import Config, ModelMetrics
from servingkit.config import ConfigError

KNATIVE = {
    "CONTAINER_CONCURRENCY": "10",
    "QUEUE_SERVING_PORT": "8012",
    "QUEUE_SERVING_TLS_PORT": "8112",
    "USER_PORT": "8080",
    "REVISION_TIMEOUT_SECONDS": "300",
    "SERVING_LOGGING_CONFIG": "",
    "SERVING_LOGGING_LEVEL": "",
    "SERVING_NAMESPACE": "default",
    "SERVING_CONFIGURATION": "iris",
    "SERVING_REVISION": "iris-00001",
    "SERVING_POD": "iris-00001-abc",
    "SERVING_POD_IP": "10.0.0.1",
}


def test_what_knative_sets_is_enough() -> None:
    config = Config.from_env(KNATIVE)
    assert config.container_concurrency == 10
    assert config.queue_depth_at(10) == 100
    assert config.queue_timeout_s == 0
    assert config.tls_port == 8112
    assert str(config.certificate_directory) == "/var/lib/knative/certs"
    assert config.least_tls_version is ssl.TLSVersion.TLSv1_3
    assert config.model_metrics is None
    assert config.request_log is None
    assert (config.serving_port, config.admin_port, config.stats_port, config.metrics_port) == (
        8012,
        8022,
        9090,
        9091,
    )
    assert config.timeout_s == 300
    assert config.response_start_timeout_s == config.idle_timeout_s == 0
    assert config.drain_quiet_s == 30
    assert [probe.port for probe in config.readiness_probes] == [8080]


def test_timeout_of_zero_is_knatives_default() -> None:
    assert Config.from_env(KNATIVE | {"REVISION_TIMEOUT_SECONDS": "0"}).timeout_s == 300


def test_every_bad_variable_is_named_at_once_with_value_and_expectation() -> None:
    environ = KNATIVE | {
        "CONTAINER_CONCURRENCY": "-1",
        "USER_PORT": "http",
        "REVISION_TIMEOUT_SECONDS": "5m",
        "SERVING_READINESS_PROBE": '{"periodSeconds": "x"}',
        "SERVING_LOGGING_LEVEL": "loud",
    }
    del environ["SERVING_POD"]
    with pytest.raises(ConfigError) as caught:
        Config.from_env(environ)
    lines = str(caught.value).splitlines()
    assert lines == [
        "USER_PORT: 'http'; expected a whole number from 1 to 65535",
        "CONTAINER_CONCURRENCY: '-1'; expected a whole number from 0 to 2147483647",
        "REVISION_TIMEOUT_SECONDS: '5m'; expected a number of seconds, at least 0",
        "SERVING_READINESS_PROBE.periodSeconds: 'x'; expected a whole number of at least 0",
        "SERVING_POD: not set; expected a value",
        "SERVING_LOGGING_LEVEL: 'loud'; expected debug, info, warning or error",
    ]


def test_seconds_beyond_all_reason_are_refused() -> None:
    for text in ("1e300", "inf", "2147483648"):
        with pytest.raises(ConfigError, match="a number of seconds, below 2147483648"):
            Config.from_env(KNATIVE | {"REVISION_TIMEOUT_SECONDS": text})


def test_queue_depth_follows_the_concurrency_unless_it_is_set() -> None:
    assert Config.from_env(KNATIVE).queue_depth_at(3) == 30
    assert Config.from_env(KNATIVE | {"INFLIGHT_QUEUE_DEPTH": "7"}).queue_depth_at(3) == 7
    assert Config.from_env(KNATIVE | {"INFLIGHT_QUEUE_DEPTH": "0"}).queue_depth_at(3) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("/metrics", ModelMetrics(8080, "/metrics")), ("9000/m?x=1", ModelMetrics(9000, "/m?x=1"))],
)
def test_metrics_of_the_model_are_a_path_and_perhaps_a_port(
    text: str, expected: ModelMetrics
) -> None:
    assert Config.from_env(KNATIVE | {"INFLIGHT_MODEL_METRICS": text}).model_metrics == expected


@pytest.mark.parametrize(
    "text", ["metrics", "0/metrics", "70000/m", "http://a/m", "/a b", "/a\r\nX: y", "²/m"]
)
def test_metrics_elsewhere_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="INFLIGHT_MODEL_METRICS"):
        Config.from_env(KNATIVE | {"INFLIGHT_MODEL_METRICS": text})


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        pytest.param({"INFLIGHT_REQUEST_LOG": "true"}, True, id="our own switch"),
        pytest.param({"OBSERVABILITY_CONFIG": '{"enableRequestLog":true}'}, True, id="Knative's"),
        pytest.param(
            {"OBSERVABILITY_CONFIG": '{"logging.enable-request-log":"true"}'},
            True,
            id="by its name in the ConfigMap",
        ),
        pytest.param(
            {"OBSERVABILITY_CONFIG": '{"enableRequestLog":true}', "INFLIGHT_REQUEST_LOG": "false"},
            False,
            id="ours goes first",
        ),
        pytest.param({"OBSERVABILITY_CONFIG": '{"tracing":{}}'}, False, id="not asked for"),
        pytest.param({"SERVING_ENABLE_REQUEST_LOG": "true"}, True, id="Knative's before 1.19"),
        pytest.param({"SERVING_REQUEST_LOG_TEMPLATE": "{{if}}"}, False, id="only a template"),
    ],
)
def test_request_log_is_asked_for(environ: dict[str, str], asked: bool) -> None:
    assert (Config.from_env(KNATIVE | environ).request_log is not None) is asked


def test_tls_is_no_older_than_asked_for() -> None:
    environ = KNATIVE | {"QUEUE_PROXY_TLS_MIN_VERSION": "1.2"}
    assert Config.from_env(environ).least_tls_version is ssl.TLSVersion.TLSv1_2
    with pytest.raises(ConfigError, match=r"QUEUE_PROXY_TLS_MIN_VERSION: '1.1'"):
        Config.from_env(KNATIVE | {"QUEUE_PROXY_TLS_MIN_VERSION": "1.1"})


def test_tls_is_no_newer_than_asked_for() -> None:
    assert Config.from_env(KNATIVE).most_tls_version is ssl.TLSVersion.TLSv1_3
    key = "QUEUE_PROXY_TLS_MAX_VERSION"
    environ = KNATIVE | {"QUEUE_PROXY_TLS_MIN_VERSION": "1.2", key: "1.2"}
    assert Config.from_env(environ).most_tls_version is ssl.TLSVersion.TLSv1_2
    for bad in ({key: "1.4"}, {key: "1.2"}):
        with pytest.raises(ConfigError, match=f"{key}: '{bad[key]}'"):
            Config.from_env(KNATIVE | bad)


def test_observability_that_is_no_object_is_named() -> None:
    with pytest.raises(ConfigError, match="OBSERVABILITY_CONFIG"):
        Config.from_env(KNATIVE | {"OBSERVABILITY_CONFIG": "[]"})


def test_there_is_room_for_what_an_activator_adds_to_what_a_client_may_send() -> None:
    environ = {"INFLIGHT_MAX_HEADER_FIELDS": "100", "INFLIGHT_MAX_HEAD_BYTES": "10000"}
    limits = Config.from_env(KNATIVE | environ | {"INFLIGHT_MAX_BODY_BYTES": "7"}).client_limits
    assert limits.request.header_count == 116
    assert limits.request.head_bytes == 14_096
    assert limits.request.body_bytes == 7


BAD_TEMPLATE = "{{range .Request.Header}}"


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"SERVING_REQUEST_LOG_TEMPLATE": BAD_TEMPLATE}, "SERVING_REQUEST_LOG_TEMPLATE"),
        (
            {"OBSERVABILITY_CONFIG": json.dumps({"requestLogTemplate": BAD_TEMPLATE})},
            "OBSERVABILITY_CONFIG.requestLogTemplate",
        ),
        (
            {"OBSERVABILITY_CONFIG": json.dumps({"logging.request-log-template": BAD_TEMPLATE})},
            "OBSERVABILITY_CONFIG.requestLogTemplate",
        ),
    ],
)
def test_template_that_cannot_be_rendered_is_named(environ: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(KNATIVE | environ | {"INFLIGHT_REQUEST_LOG": "true"})
    (problem,) = caught.value.problems
    assert (problem.key, problem.value) == (key, f"range .Request.Header in {BAD_TEMPLATE}")
    assert ".Request.RequestURI" in problem.expected


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OBSERVABILITY_CONFIG": '{"enableProbeRequestLog":[],"enableRequestLog":{}}'}, False),
        ({"OBSERVABILITY_CONFIG": '{"enableProbeRequestLog":true}'}, True),
        ({"OBSERVABILITY_CONFIG": '{"logging.enable-probe-request-log":"true"}'}, True),
        ({"SERVING_ENABLE_PROBE_REQUEST_LOG": "true"}, True),
    ],
)
def test_probes_are_logged_when_asked_for(environ: dict[str, str], asked: bool) -> None:
    assert Config.from_env(KNATIVE | environ).log_probes is asked
