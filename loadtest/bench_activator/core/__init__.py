"""Figures, aims and the page, without any I/O."""
