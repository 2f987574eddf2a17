"""Answers to the API server: what an AdmissionReview (admission.k8s.io/v1) asks, and the reply.

`mutate` puts the sidecar into pods. `validate` looks at workloads while the person who applies them
still looks on: what is wrong with a pod template would otherwise only show as an event of its
ReplicaSet.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import jsonpatch

from controller.core.injection import Json, SidecarSettings, inject, is_enabled
from servingkit.config import ConfigError, Problem
from servingkit.core.sidecar import ENABLED_LABEL

_UNPROCESSABLE: Final = 422
_HASH_LABEL: Final = "pod-template-hash"


def mutate(review: object, settings: SidecarSettings) -> Json:
    """Return the review of a pod with a patch, or with a refusal that names what is wrong.

    Raises:
        ConfigError: when the review is none.
    """
    uid, pod = _request(review)
    try:
        injected = inject(pod, revision_of(pod), settings)
    except ConfigError as error:
        return _reply(uid, _refusal(error))
    patch = jsonpatch.make_patch(pod, injected).patch
    if not patch:
        return _reply(uid, {"allowed": True})
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    return _reply(uid, {"allowed": True, "patchType": "JSONPatch", "patch": encoded})


def validate(review: object, settings: SidecarSettings) -> Json:
    """Return the review of a workload: refused when its pods would be.

    Raises:
        ConfigError: when the review is none.
    """
    uid, workload = _request(review)
    template = (workload.get("spec") or {}).get("template") or {}
    if is_enabled(workload) and not is_enabled(template):
        warning = (
            f"spec.template.metadata.labels lacks {ENABLED_LABEL}: its pods get no sidecar, and it"
            " is not scaled"
        )
        return _reply(uid, {"allowed": True, "warnings": [warning]})
    try:
        inject(template, workload["metadata"].get("name", ""), settings)
    except ConfigError as error:
        return _reply(uid, _refusal(error))
    return _reply(uid, {"allowed": True})


def revision_of(pod: Mapping[str, Any]) -> str:
    """Return the name of the workload that a pod belongs to; without one, the pod's own.

    A Deployment owns its pods through a ReplicaSet that is named after both.
    """
    metadata = pod.get("metadata") or {}
    owners = metadata.get("ownerReferences") or ()
    owner = next((owner for owner in owners if owner.get("controller")), None)
    if owner is None:
        return str(metadata.get("name") or metadata.get("generateName", "").rstrip("-"))
    name = str(owner["name"])
    template_hash = (metadata.get("labels") or {}).get(_HASH_LABEL)
    return name.removesuffix(f"-{template_hash}") if owner["kind"] == "ReplicaSet" else name


def _request(review: object) -> tuple[str, Json]:
    request = review.get("request") if isinstance(review, dict) else None
    if isinstance(request, dict) and isinstance(request.get("uid"), str):
        reviewed = request.get("object")
        if isinstance(reviewed, dict) and isinstance(reviewed.get("spec"), dict):
            return request["uid"], reviewed
    expected = "an AdmissionReview with request.uid and request.object.spec"
    raise ConfigError([Problem("body", None, expected)])


def _refusal(error: ConfigError) -> Json:
    message = "; and ".join(str(problem) for problem in error.problems)
    return {"allowed": False, "status": {"code": _UNPROCESSABLE, "message": message}}


def _reply(uid: str, response: Json) -> Json:
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": uid, **response},
    }
