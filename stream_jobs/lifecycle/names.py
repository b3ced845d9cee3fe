"""From hashes back to names; reference data knows them all."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

NOBODY: Final = 0


class Names:
    """From the hash of an operator or a facility back to its name; `unknown` stands for a hash nobody has."""

    def __init__(self, names: Mapping[int, str], unknown: str | None = "UNKNOWN") -> None:
        self._hashes = np.array(sorted(names), np.uint32)
        self._names = pa.array([*(names[h] for h in sorted(names)), unknown], pa.string())

    def of(self, hashes: npt.NDArray[np.uint32]) -> pa.Array:
        """Names as strings; NOBODY gives null, a hash nobody has gives `unknown`."""
        at = np.searchsorted(self._hashes, hashes)
        hit = np.append(self._hashes, np.uint32(NOBODY))[at] == hashes
        spot = np.where(hit, at, len(self._hashes))
        return self._names.take(pa.array(spot, mask=hashes == NOBODY))
