"""`inflight inject`: puts the sidecar into manifests, for those who want no webhook."""
