"""Pure part of the replay: what a trace is, and how it is decided again."""
