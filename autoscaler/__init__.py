"""The control loop: collects stats, decides as Knative's KPA does, and writes the scale."""
