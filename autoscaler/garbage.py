"""Keeps Python's collector of reference cycles from stopping the process.

With 10,000 revisions a full collection stops it for 0.1 to 0.3 s. So does a young one for 0.05 s,
and that comes each second: decisions replace about as many objects as they free, so the collector
waits long, and then finds all that is new. No poke is answered meanwhile. But decisions leave no
cycles behind; what does, such as a question to the API, is rare and small.

So ten times a second all that lives is set aside, which costs nothing, and only what came since is
looked at in between. All of it is looked at each ten minutes.
"""

import asyncio
import gc
from typing import Final

_SET_ASIDE_EACH_S: Final = 0.1
_COLLECT_EACH: Final = 6_000
"""Rounds of setting aside between two full collections: ten minutes."""


async def collect_rarely() -> None:
    """Collect until cancelled, and leave nothing set aside then."""
    try:
        while True:
            for _ in range(_COLLECT_EACH):
                gc.freeze()
                await asyncio.sleep(_SET_ASIDE_EACH_S)
            gc.unfreeze()
            gc.collect()
    finally:
        gc.unfreeze()
