"""`inflight simulate`: the autoscaler on a load trace, faster than real time."""
