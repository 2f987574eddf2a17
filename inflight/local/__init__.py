"""`inflight local`: the whole loop on one machine, pods as processes, without a cluster."""
