"""Pure decisions of the activator."""
