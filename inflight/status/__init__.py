"""`inflight status`: what the autoscaler sees and decides, in the terminal."""
