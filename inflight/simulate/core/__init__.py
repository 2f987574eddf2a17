"""Pure part of the simulation: load, pods, requests, and the autoscaler's own decisions."""
