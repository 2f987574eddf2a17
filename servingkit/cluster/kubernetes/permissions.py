"""What each program may do in the API: the one table that the chart's RBAC must equal.

A test drives the programs through all that they do and compares the calls with this table, both
ways; another compares the table with the chart.
"""

from dataclasses import dataclass

from servingkit.cluster.kubernetes.core.resource import (
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    LEASES,
    MUTATING_WEBHOOK_CONFIGURATIONS,
    PODS,
    SCALED_OBJECTS,
    SECRETS,
    SERVICES,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
    Resource,
    Verb,
)

GET, LIST, WATCH = Verb.GET, Verb.LIST, Verb.WATCH
CREATE, PATCH, DELETE = Verb.CREATE, Verb.PATCH, Verb.DELETE


@dataclass(frozen=True, slots=True)
class Permission:
    """The verbs that a program uses on one resource, or on one of its subresources."""

    resource: Resource
    verbs: frozenset[Verb]
    subresource: str = ""
    own_namespace: bool = False
    """Whether it is needed in the program's own namespace only."""

    named: bool = False
    """Whether it is needed only on objects of one name, which were installed with the program."""

    @property
    def rule_name(self) -> str:
        """Return the resource as an RBAC rule writes it."""
        plural = self.resource.plural
        return f"{plural}/{self.subresource}" if self.subresource else plural


def _allow(
    resource: Resource, *verbs: Verb, subresource: str = "", own_namespace: bool = False
) -> Permission:
    return Permission(resource, frozenset(verbs), subresource, own_namespace)


def _allow_named(resource: Resource, *verbs: Verb, own_namespace: bool = False) -> Permission:
    return Permission(resource, frozenset(verbs), own_namespace=own_namespace, named=True)


def workload_permissions(workload: Resource) -> tuple[Permission, ...]:
    """Return what the autoscaler needs on each kind of workload that it scales."""
    return (
        _allow(workload, GET, LIST, WATCH, PATCH),  # patch: the finalizer
        _allow(workload, PATCH, subresource="scale"),
    )


AUTOSCALER = (
    *workload_permissions(DEPLOYMENTS),
    _allow(PODS, LIST, WATCH, PATCH),  # patch: the mark on pods that are to go first
    _allow(SERVICES, LIST, WATCH, CREATE, PATCH, DELETE),
    _allow(ENDPOINT_SLICES, LIST, WATCH, CREATE, PATCH, DELETE),
    _allow(ENDPOINTS, DELETE),  # of adopted Services, once our slice has taken over
    _allow(HORIZONTAL_POD_AUTOSCALERS, LIST, WATCH, CREATE, PATCH, DELETE),
    _allow(SCALED_OBJECTS, LIST),
    _allow(EVENTS, CREATE),
    _allow(LEASES, GET, CREATE, PATCH, DELETE, own_namespace=True),
)

ACTIVATOR = (
    _allow(SERVICES, LIST, WATCH),
    _allow(ENDPOINT_SLICES, LIST, WATCH),
)

CONTROLLER = (
    _allow_named(SECRETS, GET, PATCH, own_namespace=True),
    _allow_named(MUTATING_WEBHOOK_CONFIGURATIONS, GET, PATCH),
    _allow_named(VALIDATING_WEBHOOK_CONFIGURATIONS, GET, PATCH),
)
