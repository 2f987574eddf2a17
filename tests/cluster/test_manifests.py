"""The API server itself takes what the chart renders, and knows every field of it."""

from typing import Any

import pytest
import yaml

from tests.charts.rendered import NAMESPACE, VALUES, Json, render, values
from tests.cluster.cluster import Cluster
from tests.cluster.installation import Installation

pytestmark = pytest.mark.cluster

_OF_OTHER_PROJECTS = ("cert-manager.io/", "monitoring.coreos.com/")
_RELEASE = "tried-only"
"""Another release, since names that are there already cannot be made again."""


def _manifests() -> list[Any]:
    return [
        pytest.param(item, id=f"{name} {item['kind']} {item['metadata']['name']}")
        for name in VALUES
        for path, text in render(values(name), _RELEASE).items()
        if path.endswith(".yaml")
        for item in yaml.safe_load_all(text)
        if item and not item["apiVersion"].startswith(_OF_OTHER_PROJECTS)
    ]


@pytest.mark.parametrize("item", _manifests())
def test_an_object_of_the_chart_is_taken(
    cluster: Cluster, installation: Installation, item: Json
) -> None:
    del installation  # its namespace has to be there
    assert item["metadata"].get("namespace", NAMESPACE) == NAMESPACE
    made = cluster.try_to_create(item)
    assert made["metadata"]["name"] == item["metadata"]["name"]
