"""Pure decisions of the sidecar."""
