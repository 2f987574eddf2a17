"""Pure parts of the benchmark: what numbers mean, and how they are shown."""
