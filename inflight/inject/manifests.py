"""Manifests as text: a YAML stream in, the same stream with the sidecar out.

Documents in which nothing is to be injected pass through as they were written, comments included.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from controller.core.injection import Json, SidecarSettings, inject, is_enabled
from inflight.yaml_document import load_yaml
from servingkit.config import ConfigError, Problem
from servingkit.core.sidecar import ENABLED_LABEL

_DOCUMENT_START = re.compile(r"^---(?=\s|$)", re.MULTILINE)


def inject_stream(text: str, source: str, settings: SidecarSettings) -> str:
    """Return the stream with the sidecar in each pod that asks for it.

    Args:
        text: YAML or JSON, with any number of documents.
        source: what messages call the stream.
        settings: how the sidecar is to be.

    Raises:
        ConfigError: naming everything that is wrong in any of the documents.
    """
    problems: list[Problem] = []
    documents: list[str] = []
    first_number = 0 if _DOCUMENT_START.match(text) else 1
    for number, document in enumerate(_DOCUMENT_START.split(text), start=first_number):
        injected = _inject_document(document, f"{source}, document {number}", settings, problems)
        documents.append(document if injected is None else "\n" * bool(documents) + injected)
    if problems:
        raise ConfigError(problems)
    return "---".join(documents)


def _inject_document(
    text: str, source: str, settings: SidecarSettings, problems: list[Problem]
) -> str | None:
    """Return the document anew; None: nothing was to be injected."""
    try:
        document = load_yaml(text)
    except yaml.YAMLError as error:
        problems.append(Problem(source, None, f"YAML: {' '.join(str(error).split())}"))
        return None
    changed = [_inject_object(item, source, settings, problems) for item in _objects(document)]
    if not any(changed):
        return None
    return str(yaml.safe_dump(document, sort_keys=False, width=1_000))


def _inject_object(
    item: Json, source: str, settings: SidecarSettings, problems: list[Problem]
) -> bool:
    """Change the object in place; return whether there was something to change."""
    metadata, spec = item.get("metadata"), item.get("spec")
    name = str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
    template = spec.get("template") if isinstance(spec, dict) else None
    pod = item if item.get("kind") == "Pod" else template
    if not isinstance(pod, dict):
        return False
    label = f"{source}, {item.get('kind')} {name}, "
    if is_enabled(item) and not is_enabled(pod):
        expected = f'"true" on the pod template too, as {ENABLED_LABEL} on the workload asks'
        problems.append(Problem(f"{label}spec.template.metadata.labels", None, expected))
        return False
    try:
        injected = inject(pod, name, settings)
    except ConfigError as error:
        problems += (Problem(label + p.key, p.value, p.expected) for p in error.problems)
        return False
    if injected is pod:
        return False
    pod.update(injected)
    return True


def _objects(document: Any) -> Iterator[Json]:  # noqa: ANN401 -- whatever YAML holds
    if not isinstance(document, dict):
        return
    items = document.get("items")
    if str(document.get("kind", "")).endswith("List") and isinstance(items, list):
        for item in items:
            yield from _objects(item)
    else:
        yield document
