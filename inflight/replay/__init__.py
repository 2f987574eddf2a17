"""`inflight replay`: recorded decisions, taken again by this autoscaler and compared."""
