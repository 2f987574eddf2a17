from pathlib import Path

import pytest

from controller.config import Config, OwnCertificate
from servingkit.config import ConfigError

_REQUIRED = {
    "INFLIGHT_SIDECAR_IMAGE": "example.com/queueproxy:1",
    "POD_NAMESPACE": "inflight",
    "INFLIGHT_CERTIFICATE_SECRET": "webhook-tls",
    "INFLIGHT_WEBHOOK_SERVICE": "webhook",
    "INFLIGHT_WEBHOOK_CONFIGURATION": "inflight",
    "KUBERNETES_SERVICE_HOST": "10.96.0.1",
}


def test_what_a_pod_of_the_chart_has_is_enough() -> None:
    config = Config.from_env(_REQUIRED)
    assert (config.port, config.metrics_port, config.drain_s) == (8443, 9090, 5.0)
    assert isinstance(config.certificate, OwnCertificate)
    assert config.certificate.access.url == "https://10.96.0.1:443"
    assert (config.sidecar.native, config.sidecar.run_as_user) == (True, None)


def test_with_a_mounted_certificate_no_cluster_is_needed() -> None:
    image = {"INFLIGHT_SIDECAR_IMAGE": "q"}
    config = Config.from_env({**image, "INFLIGHT_CERTIFICATE_DIRECTORY": "/certificates"})
    assert config.certificate == Path("/certificates")


def test_the_sidecar_is_described() -> None:
    environ = {
        "INFLIGHT_SIDECAR_NATIVE": "false",
        "INFLIGHT_SIDECAR_USER": "1000",
        "INFLIGHT_SIDECAR_IMAGE_PULL_POLICY": "Always",
        "INFLIGHT_SIDECAR_DRAIN_QUIET_SECONDS": "7",
        "INFLIGHT_SIDECAR_RESOURCES": '{"requests": {"cpu": "25m"}}',
    }
    sidecar = Config.from_env(_REQUIRED | environ).sidecar
    assert (sidecar.native, sidecar.run_as_user, sidecar.drain_quiet_s) == (False, 1000, 7.0)
    assert sidecar.resources == {"requests": {"cpu": "25m"}}
    assert sidecar.image_pull_policy == "Always"


def test_everything_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({})
    assert {problem.key for problem in caught.value.problems} == set(_REQUIRED)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("INFLIGHT_SIDECAR_RESOURCES", "cpu", "a JSON object with requests and limits"),
        ("INFLIGHT_SIDECAR_RESOURCES", '{"cpu": {}}', "a JSON object with requests and limits"),
        ("INFLIGHT_SIDECAR_RESOURCES", '{"limits": {"cpu": 1}}', "each from resource to text"),
        ("INFLIGHT_SIDECAR_USER", "0", "a whole number from 1"),
        ("INFLIGHT_SIDECAR_IMAGE_PULL_POLICY", "Sometimes", "Always, IfNotPresent, Never"),
        ("INFLIGHT_SIDECAR_NATIVE", "auto", "true or false"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("PORT", "70000", "from 0 to 65535"),
    ],
)
def test_a_bad_variable_is_named_with_its_value(key: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(_REQUIRED | {key: value})
    (problem,) = caught.value.problems
    assert (problem.key, problem.value) == (key, value)
    assert expected in problem.expected
