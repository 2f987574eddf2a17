"""The KPA as pure functions and small machines."""
