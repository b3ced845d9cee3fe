"""Names of the arrays that go around here."""

from typing import Final

import numpy as np
import numpy.typing as npt

NEVER: Final = 1 << 62
"""The moment of what is not watched: later than all."""
Index = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint8]
"""A bit per watch."""
