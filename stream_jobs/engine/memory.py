"""Memory that the C library keeps for later, given back to the machine.

Timelines grow by taking the place of shorter ones. What those leave lies in pieces between the others, and glibc gives
back by itself only what lies at an end: of a million open parcels 75 bytes each stayed with the process.
"""

import ctypes
from typing import Final

GIVE_BACK_SECONDS: Final = 60.0
"""Between two times: one takes 2 to 8 ms."""
_TRIM: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> bool:
    """Whether anything could be; False too where the C library is not glibc."""
    return _TRIM is not None and bool(_TRIM(0))
