"""Iris on KServe's own Python model server: the sample model, its rows and its known answers."""
