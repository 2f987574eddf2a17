"""Load: locust users and shapes, sample servers, scenarios, reports and benchmarks."""
