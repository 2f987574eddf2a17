"""Decisions of the controller: what becomes of a pod. No I/O."""
