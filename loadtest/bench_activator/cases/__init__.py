"""The cases: each sets up a rig, measures, and returns its figures."""
