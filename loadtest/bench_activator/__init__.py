"""The activator under measurement: holding, releasing, spreading, and what it costs."""
