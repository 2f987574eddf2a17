"""Kubernetes' side of a model pod: the admission webhook that puts the sidecar into it."""
