"""What the leader decides about objects, without I/O."""
