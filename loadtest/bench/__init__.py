"""A benchmark of the sidecar beside other proxies: same machine, same upstream, same run."""
