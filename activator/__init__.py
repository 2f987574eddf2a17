"""The gateway of revisions at zero: holds requests, wakes the revision, spreads the load."""
