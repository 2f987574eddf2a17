"""Code that at least two programs import today, and nothing else."""
