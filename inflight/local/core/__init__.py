"""Pure decisions of the local cluster: no I/O, no clock, no logging."""
