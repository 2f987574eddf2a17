"""Pure values and small machines shared by the programs: no I/O, no clock, no logging."""
