"""The sidecar in each model pod: limits concurrency, queues, measures, probes, drains."""
