import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from activator.config import Config as ActivatorConfig
from activator.core.admission_settings import AdmissionSettings
from autoscaler.config import Config as AutoscalerConfig
from controller.config import Config as ControllerConfig
from tests.charts.rendered import (
    CHART,
    NAMESPACE,
    VALUES,
    Json,
    objects,
    of_kind,
    pod_specs,
    render,
    values,
)

_VERSIONS = ("1.25", "1.29", "1.36")
_CUSTOM = {"cert-manager.io", "monitoring.coreos.com"}

every_values_file = pytest.mark.parametrize("name", VALUES)


@every_values_file
def test_helm_finds_nothing_to_complain_of(name: str) -> None:
    report = helm_python.lint(str(CHART), values(name), strict=True)
    assert report["errors"] == []
    warning = 2
    assert [m for m in report["messages"] if m["severity"] >= warning] == []


@every_values_file
def test_services_beside_ours_set_no_variables(name: str) -> None:
    assert all(spec["enableServiceLinks"] is False for spec in pod_specs(name))


@every_values_file
@pytest.mark.parametrize("version", _VERSIONS)
def test_every_object_fits_the_schema_of_kubernetes(name: str, version: str) -> None:
    for item in objects(name):
        if item["apiVersion"].partition("/")[0] not in _CUSTOM:
            kubernetes_validate.validate(item, version, strict=True)


@every_values_file
def test_no_object_is_there_twice_and_each_is_in_its_namespace(name: str) -> None:
    keys = [
        (it["kind"], it["metadata"].get("namespace"), it["metadata"]["name"])
        for it in objects(name)
    ]
    assert len(keys) == len(set(keys))
    cluster_wide = {
        "ClusterRole",
        "ClusterRoleBinding",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
    for kind, namespace, _ in keys:
        assert namespace == (None if kind in cluster_wide else NAMESPACE)


@every_values_file
def test_pods_meet_the_standard_restricted(name: str) -> None:
    for spec in pod_specs(name):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}
            assert context["readOnlyRootFilesystem"] is True
        assert all(set(v) & {"configMap", "emptyDir", "secret"} for v in spec.get("volumes", ()))


@every_values_file
def test_every_container_asks_for_what_it_needs(name: str) -> None:
    for spec in pod_specs(name):
        for container in spec["containers"]:
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}


@every_values_file
def test_services_and_policies_select_pods_that_are_there(name: str) -> None:
    labels = [
        set(it["spec"]["template"]["metadata"]["labels"].items())
        for it in of_kind(name, "Deployment")
    ]
    selectors = [it["spec"]["selector"] for it in of_kind(name, "Service")]
    selectors += [it["spec"]["selector"]["matchLabels"] for it in of_kind(name, "Deployment")]
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        selectors += [it["spec"][field]["matchLabels"] for it in of_kind(name, kind)]
    for selector in selectors:
        assert sum(set(selector.items()) <= pod for pod in labels) == 1


@every_values_file
def test_every_target_port_is_a_port_of_the_pod(name: str) -> None:
    ports = {
        it["metadata"]["name"]: {
            port["name"]
            for c in it["spec"]["template"]["spec"]["containers"]
            for port in c["ports"]
        }
        for it in of_kind(name, "Deployment")
    }
    for service in of_kind(name, "Service"):
        deployment = service["metadata"]["name"].removesuffix("-stats")
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[deployment]


def _environ(name: str, component: str, directory: Path) -> dict[str, str]:
    (deployment,) = (
        it
        for it in of_kind(name, "Deployment")
        if it["metadata"]["labels"]["app.kubernetes.io/component"] == component
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    from_fields = {"POD_NAME": "p", "POD_NAMESPACE": NAMESPACE, "POD_IP": "10.0.0.1"}
    given = {item["name"]: item["value"] for item in container["env"] if "value" in item}
    environ = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", **from_fields, **given}
    if "CONFIG_PATH" in environ:
        environ["CONFIG_PATH"] = str(_mount(name, deployment, directory))
    return environ


def _mount(name: str, deployment: Json, directory: Path) -> Path:
    """Write the ConfigMap's files as the kubelet does."""
    (volume,) = deployment["spec"]["template"]["spec"]["volumes"]
    found = of_kind(name, "ConfigMap")
    (mounted,) = (it for it in found if it["metadata"]["name"] == volume["configMap"]["name"])
    for key, value in mounted["data"].items():
        (directory / key).write_text(value)
    return directory


_READERS: dict[str, Any] = {
    "autoscaler": AutoscalerConfig,
    "activator": ActivatorConfig,
    "webhook": ControllerConfig,
}


@every_values_file
def test_the_programs_can_read_what_they_are_given(name: str, tmp_path: Path) -> None:
    for deployment in of_kind(name, "Deployment"):
        component = deployment["metadata"]["labels"]["app.kubernetes.io/component"]
        assert _READERS[component].from_env(_environ(name, component, tmp_path))


def test_the_values_arrive(tmp_path: Path) -> None:
    autoscaler = AutoscalerConfig.from_env(_environ("everything", "autoscaler", tmp_path))
    assert autoscaler.defaults.stable_window_s == 120.0
    controller = ControllerConfig.from_env(_environ("everything", "webhook", tmp_path))
    digest = values("everything")["image"]["digests"]["queueproxy"]
    assert controller.sidecar.image == f"registry.example.com/inflight/queueproxy@{digest}"
    assert controller.sidecar.run_as_user == 65_532
    activator = ActivatorConfig.from_env(_environ("everything", "activator", tmp_path))
    assert activator.admission == AdmissionSettings(
        queue_limit=100_000,
        queue_limit_bytes=2**30,
        hold_timeout_s=120.0,
        pod_answer_timeout_s=60.0,
        tenant_header=b"x-tenant",
    )
    assert (activator.held_limit, activator.held_limit_bytes) == (10**6, 2**31 - 1)
    assert (activator.grace_period_s, activator.drain_quiet_s) == (600.0, 5.0)
    own = ControllerConfig.from_env(_environ("cert-manager", "webhook", tmp_path)).sidecar
    assert (own.run_as_user, own.native) == (None, True)


def test_the_charts_defaults_are_those_of_the_activator(tmp_path: Path) -> None:
    given = ActivatorConfig.from_env(_environ("default", "activator", tmp_path))
    defaults = ActivatorConfig.from_env({"POD_NAME": "p"})
    assert given == replace(defaults, autoscaler_url=given.autoscaler_url)


def test_values_that_a_release_does_not_know_yet_are_left_to_the_program() -> None:
    new = {"heldLimit": None, "holdTimeoutSeconds": None, "tenantHeader": None}
    text = render({"activator": new})["inflight/templates/activator.yaml"]
    assert "QUEUE_LIMIT" in text
    assert not [name for name in ("HELD_LIMIT\n", "HOLD_TIMEOUT", "TENANT") if name in text]


def test_the_webhooks_look_at_labelled_objects_only() -> None:
    configurations = of_kind(
        "default", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
    )
    hooks = [hook for it in configurations for hook in it["webhooks"]]
    assert len(hooks) == 2
    for hook in hooks:
        assert hook["objectSelector"] == {"matchLabels": {"inflight.dev/enabled": "true"}}


def test_cert_manager_is_told_where_the_authority_goes() -> None:
    (issuer,) = of_kind("cert-manager", "Issuer")
    (certificate,) = of_kind("cert-manager", "Certificate")
    assert certificate["spec"]["issuerRef"]["name"] == issuer["metadata"]["name"]
    assert of_kind("cert-manager", "Secret") == []
    for it in of_kind("cert-manager", "MutatingWebhookConfiguration"):
        source = it["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
        assert source == f"{NAMESPACE}/{certificate['metadata']['name']}"


def test_a_release_of_another_name_can_stand_beside() -> None:
    first, second = (
        {it["metadata"]["name"] for it in _all_of(render({}, release))} for release in ("a", "b")
    )
    assert not first & second
    assert all(name.startswith("a-inflight") for name in first)


def _all_of(texts: dict[str, str]) -> list[Json]:
    return [
        it for p, t in texts.items() if p.endswith(".yaml") for it in yaml.safe_load_all(t) if it
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"activator": {"replica": 3}},
        {"webhook": {"failurePolicy": "fail"}},
        {"sidecar": {"native": "yes"}},
        {"sidecar": {"runAsUser": 0}},
        {"image": {"digests": {"queueproxy": "latest"}}},
        {"autoscaler": {"config": {"stable-window": 60}}},
        {"activator": {"trustedNetworks": ["everywhere"]}},
        {"activator": {"tenantHeader": "X Tenant"}},
        {"activator": {"heldLimit": 0}},
        {"logLevel": "trace"},
    ],
    ids=str,
)
def test_bad_values_are_refused(wrong: Json) -> None:
    with pytest.raises(helm_python.HelmError):
        helm_python.Chart.load(str(CHART)).validate_schema(wrong)


def test_every_value_is_in_the_schema() -> None:
    chart = helm_python.Chart.load(str(CHART))
    chart.validate_schema(chart.values)
    missing: list[str] = []
    _compare(chart.values, chart.schema or {}, "", missing)
    assert missing == []


def _compare(given: Json, schema: Json, path: str, missing: list[str]) -> None:
    for key, value in given.items():
        known = schema.get("properties", {}).get(key)
        if known is None:
            missing.append(f"{path}.{key}")
        elif isinstance(value, dict) and "properties" in known:
            _compare(value, known, f"{path}.{key}", missing)


def test_the_notes_tell_the_next_command() -> None:
    notes = {name: render(values(name))["inflight/templates/NOTES.txt"] for name in VALUES}
    assert all("kubectl patch deployment iris" in text for text in notes.values())
    assert [name for name, text in notes.items() if "inflight inject" in text] == ["small"]


def test_the_version_is_that_of_the_package() -> None:
    project = (CHART.parents[1] / "pyproject.toml").read_text()
    found = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert found is not None
    assert chart["version"] == chart["appVersion"] == found[1]
