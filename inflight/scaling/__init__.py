"""How a person says how a revision scales, for every command that takes it."""
