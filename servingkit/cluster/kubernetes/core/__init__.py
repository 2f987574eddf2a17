"""What stands in Kubernetes objects, as values: no I/O."""
