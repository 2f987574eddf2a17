"""Results, aims and the page: nothing here measures."""
