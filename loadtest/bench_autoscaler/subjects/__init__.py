"""Programs that are measured, each a process of its own on a core of its own."""
