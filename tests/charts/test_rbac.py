"""The chart allows what the programs do, and nothing more."""

from collections.abc import Iterable

import pytest

from servingkit.cluster.kubernetes.core.resource import Resource
from servingkit.cluster.kubernetes.permissions import (
    ACTIVATOR,
    AUTOSCALER,
    CONTROLLER,
    Permission,
    workload_permissions,
)
from tests.charts.rendered import Json, of_kind

Rule = tuple[str, str, str, bool, bool]
"""Group, resource, verb, whether in the own namespace only, whether for one name only."""

_STATEFUL_SETS = Resource("apps", "v1", "statefulsets")


def _needed(permissions: Iterable[Permission]) -> set[Rule]:
    return {
        (it.resource.group, it.rule_name, str(verb), it.own_namespace, it.named)
        for it in permissions
        for verb in it.verbs
    }


def _granted(name: str, component: str) -> set[Rule]:
    rules: set[Rule] = set()
    for role in of_kind(name, "ClusterRole", "Role"):
        if role["metadata"]["name"] == f"inflight-{component}":
            for rule in role["rules"]:
                rules |= _rules(rule, own_namespace=role["kind"] == "Role")
    return rules


def _rules(rule: Json, *, own_namespace: bool) -> set[Rule]:
    named = bool(rule.get("resourceNames"))
    return {
        (group, resource, verb, own_namespace, named)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(
    ("name", "component", "permissions"),
    [
        ("default", "autoscaler", AUTOSCALER),
        ("default", "activator", ACTIVATOR),
        ("default", "webhook", CONTROLLER),
        ("everything", "autoscaler", (*AUTOSCALER, *workload_permissions(_STATEFUL_SETS))),
        ("cert-manager", "webhook", ()),
        ("small", "webhook", ()),
    ],
)
def test_a_role_grants_what_its_program_does(
    name: str, component: str, permissions: Iterable[Permission]
) -> None:
    assert _granted(name, component) == _needed(permissions)


@pytest.mark.parametrize("name", ["default", "everything", "cert-manager", "small"])
def test_every_role_is_bound_to_its_own_account(name: str) -> None:
    roles = {(it["kind"], it["metadata"]["name"]) for it in of_kind(name, "ClusterRole", "Role")}
    bound = set()
    accounts = {it["metadata"]["name"] for it in of_kind(name, "ServiceAccount")}
    for binding in of_kind(name, "ClusterRoleBinding", "RoleBinding"):
        reference = binding["roleRef"]
        bound.add((reference["kind"], reference["name"]))
        (subject,) = binding["subjects"]
        assert subject["name"] in accounts
        assert subject["name"] == reference["name"]
    assert bound == roles
