"""The one clock of the programs.

Monotonic seconds as a float. uvloop's own clock moves in steps of 1 ms, which is too coarse for
queue waits and time-weighted averages; wall-clock time jumps. Core code never imports this: it is
given `now`.
"""

import time

monotonic = time.monotonic

wall_clock = time.time  # noqa: TID251 -- the one place where it is taken
"""Seconds since 1970 (UTC). Only for what a person writes down or what outlives the process."""
