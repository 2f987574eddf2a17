"""What ends a benchmark."""


class BenchError(Exception):
    """A benchmark cannot be run here, or what it measures failed. The text says how."""
