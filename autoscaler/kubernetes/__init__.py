"""The autoscaler on Kubernetes: one leader that keeps revisions and writes their scale."""
