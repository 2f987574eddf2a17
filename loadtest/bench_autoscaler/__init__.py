"""`python -m loadtest.bench_autoscaler`: what thousands of revisions cost the autoscaler."""
