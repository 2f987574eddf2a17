"""The chart's objects of other projects' kinds, against what those projects document of them.

Kubernetes' own schemas do not know these kinds, and an API server drops silently what a kind does
not have. So each has here what the chart may use of it, with its type; anything else fails.

Sources: the API references of cert-manager (v1) and of the Prometheus operator (v1).
"""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from tests.charts.rendered import VALUES, Json, objects

Duration = Annotated[str, msgspec.Meta(pattern=r"^([0-9]+(ms|[ywdhms]))+$")]
"""Of Prometheus; it also takes 0, which nobody means."""

Text = Annotated[str, msgspec.Meta(min_length=1)]
Labels = dict[str, str]


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """No field but those that are named."""


class Empty(Strict):
    """No fields."""


class Metadata(Strict):
    name: Text
    namespace: Text
    labels: Labels


class Selector(Strict):
    match_labels: Labels


# --- cert-manager ------------------------------------------------------------------------------


class IssuerSpec(Strict):
    self_signed: Empty


class IssuerReference(Strict):
    name: Text
    kind: str = "Issuer"
    group: str = "cert-manager.io"


class PrivateKey(Strict):
    algorithm: Literal["RSA", "ECDSA", "Ed25519"]
    size: int
    rotation_policy: Literal["Never", "Always"]


class CertificateSpec(Strict):
    secret_name: Text
    issuer_ref: IssuerReference
    dns_names: list[Text]
    private_key: PrivateKey


# --- Prometheus operator -----------------------------------------------------------------------


class Endpoint(Strict):
    port: Text
    interval: Duration


class ServiceMonitorSpec(Strict):
    selector: Selector
    endpoints: list[Endpoint]
    job_label: str


class NamespaceSelector(Strict):
    any: bool


class PodMonitorSpec(Strict):
    selector: Selector
    pod_metrics_endpoints: list[Endpoint]
    namespace_selector: NamespaceSelector


class Rule(Strict):
    alert: Text
    expr: Text
    labels: Labels
    annotations: Labels
    for_: Duration | None = msgspec.field(default=None, name="for")


class RuleGroup(Strict):
    name: Text
    rules: list[Rule]


class PrometheusRuleSpec(Strict):
    groups: list[RuleGroup]


_SPECS: dict[tuple[str, str], type[Strict]] = {
    ("cert-manager.io/v1", "Issuer"): IssuerSpec,
    ("cert-manager.io/v1", "Certificate"): CertificateSpec,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): ServiceMonitorSpec,
    ("monitoring.coreos.com/v1", "PodMonitor"): PodMonitorSpec,
    ("monitoring.coreos.com/v1", "PrometheusRule"): PrometheusRuleSpec,
}


def _custom() -> list[Any]:
    return [
        pytest.param(item, id=f"{name} {item['kind']}")
        for name in VALUES
        for item in objects(name)
        if not item["apiVersion"].partition("/")[0].endswith(".k8s.io")
        and "." in item["apiVersion"]
    ]


def test_every_kind_is_rendered_for_some_values() -> None:
    rendered = {(it["apiVersion"], it["kind"]) for name in VALUES for it in objects(name)}
    assert rendered >= _SPECS.keys()


@pytest.mark.parametrize("item", _custom())
def test_an_object_has_what_its_kind_has(item: Json) -> None:
    assert item.keys() == {"apiVersion", "kind", "metadata", "spec"}
    msgspec.convert(item["metadata"], Metadata)
    msgspec.convert(item["spec"], _SPECS[item["apiVersion"], item["kind"]])


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        pytest.param({"selfSigned": {}, "selfsigned": {}}, IssuerSpec, id="a typing error"),
        pytest.param({"groups": [{"name": "a", "rules": [{}]}]}, PrometheusRuleSpec, id="no expr"),
        pytest.param({"port": "metrics", "interval": "30"}, Endpoint, id="no unit"),
    ],
)
def test_what_a_kind_has_not_is_noticed(spec: Json, kind: type[Strict]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(spec, kind)
