"""Reading a Kubernetes readiness probe."""

import json

import pytest

from queueproxy.core.readiness_probe import ReadinessProbe, parse_readiness_probes
from servingkit.config import ConfigError

KEY = "SERVING_READINESS_PROBE"


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        pytest.param({}, ReadinessProbe(port=8080), id="none is TCP to the user port"),
        pytest.param(
            {"tcpSocket": {"port": 9999}}, ReadinessProbe(port=9999), id="tcp with a port"
        ),
        pytest.param({"tcpSocket": {"port": 0}}, ReadinessProbe(port=8080), id="port 0"),
        pytest.param(
            {
                "httpGet": {
                    "path": "ready?deep=1",
                    "port": 8081,
                    "httpHeaders": [{"name": "X-A", "value": "b"}],
                },
                "periodSeconds": 5,
                "timeoutSeconds": 2,
                "successThreshold": 3,
                "failureThreshold": 9,
            },
            ReadinessProbe(
                port=8081,
                path="/ready?deep=1",
                headers=(("X-A", "b"),),
                period_s=5,
                timeout_s=2.0,
                success_threshold=3,
            ),
            id="http in full",
        ),
        pytest.param(
            {"exec": {"command": ["true"]}}, ReadinessProbe(port=8080), id="exec is TCP here"
        ),
    ],
)
def test_probe_is_read(probe: dict[str, object], expected: ReadinessProbe) -> None:
    assert parse_readiness_probes(json.dumps(probe), 8080, KEY) == (expected,)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("nonsense", KEY),
        ("[]", KEY),
        ('{"httpGet": 7}', f"{KEY}.httpGet"),
        ('{"httpGet": {"port": "http"}}', f"{KEY}.port"),
        ('{"httpGet": {"path": "/a b"}}', f"{KEY}.httpGet.path"),
        ('{"httpGet": {"httpHeaders": ["x"]}}', f"{KEY}.httpGet.httpHeaders"),
        ('{"httpGet": {"httpHeaders": [{"name": "a", "value": "b\\r\\nc: d"}]}}', f"{KEY}.httpGet"),
        ('{"periodSeconds": -1}', f"{KEY}.periodSeconds"),
        ('{"periodSeconds": true}', f"{KEY}.periodSeconds"),
        ('{"timeoutSeconds": 3}', f"{KEY}.timeoutSeconds"),
    ],
)
def test_bad_probe_is_named(text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_readiness_probes(text, 8080, KEY)
    assert str(caught.value).startswith(key)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("probe", "service"),
    [
        ({"grpc": {}}, ""),
        ({"grpc": {"port": 9000}}, ""),
        ({"grpc": {"port": 9000, "service": "iris"}}, "iris"),
        ({"tcpSocket": {}}, None),
        ({"exec": {"command": ["true"]}}, None),
    ],
)
def test_grpc_asks_for_a_service_and_exec_is_a_tcp_check(
    probe: dict[str, object], service: str | None
) -> None:
    (parsed,) = parse_readiness_probes(json.dumps(probe), 8080, KEY)
    assert (parsed.grpc_service, parsed.path) == (service, None)


def test_get_over_tls_is_a_tcp_check() -> None:
    probe = {"httpGet": {"path": "/ready", "port": 8443, "scheme": "HTTPS"}}
    assert parse_readiness_probes(json.dumps(probe), 8080, KEY) == (ReadinessProbe(port=8443),)


@pytest.mark.parametrize(
    "header",
    [
        {"name": "X-A", "value": "b\r\nX-B: c"},
        {"name": "X-A\r\nX-B", "value": "c"},
        {"name": "X-A: b", "value": "c"},
        {"name": "X A", "value": "c"},
        {"name": "", "value": "c"},
        {"name": "X-A", "value": "\x00"},
        {"name": "X-A", "value": 7},
        {"value": "c"},
        "X-A: b",
    ],
)
def test_no_header_of_a_probe_is_more_than_one_line(header: object) -> None:
    probe = {"httpGet": {"path": "/", "httpHeaders": [header]}}
    with pytest.raises(ConfigError, match=r"httpGet\.httpHeaders"):
        parse_readiness_probes(json.dumps(probe), 8080, KEY)


@pytest.mark.parametrize(
    "path", ["/ HTTP/1.1\r\nX: y", "/\r\n\r\nGET /", "/a b", "/\t", "/\x00", "/ü", "/#a", 7]
)
def test_no_path_of_a_probe_ends_its_line(path: object) -> None:
    with pytest.raises(ConfigError, match=r"httpGet\.path"):
        parse_readiness_probes(json.dumps({"httpGet": {"path": path}}), 8080, KEY)


@pytest.mark.parametrize("service", ["x" * 128, "ü", 7])
def test_service_that_does_not_fit_is_named(service: object) -> None:
    with pytest.raises(ConfigError, match=r"grpc\.service"):
        parse_readiness_probes(json.dumps({"grpc": {"service": service}}), 8080, KEY)


def test_several_containers_have_a_list() -> None:
    probes = [{"httpGet": {"path": "/ready", "port": 8081}}, {}, {"grpc": {"port": 9000}}]
    assert parse_readiness_probes(json.dumps(probes), 8080, KEY) == (
        ReadinessProbe(port=8081, path="/ready"),
        ReadinessProbe(port=8080),
        ReadinessProbe(port=9000, grpc_service=""),
    )


def test_every_bad_probe_of_a_list_is_named() -> None:
    probes = [{"httpGet": {"path": "/a b"}}, 7, {}, {"periodSeconds": -1}]
    with pytest.raises(ConfigError) as caught:
        parse_readiness_probes(json.dumps(probes), 8080, KEY)
    assert [(problem.key, problem.value) for problem in caught.value.problems] == [
        (f"{KEY}[0].httpGet.path", "/a b"),
        (f"{KEY}[1]", "7"),
        (f"{KEY}[3].periodSeconds", "-1"),
    ]
