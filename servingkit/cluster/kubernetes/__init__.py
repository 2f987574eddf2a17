"""The Kubernetes API: calls with time-outs, caches that follow a watch, and what is read there."""
