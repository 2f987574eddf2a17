"""The pure part of `inflight status`."""
