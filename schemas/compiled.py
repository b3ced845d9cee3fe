"""Loops over bytes as machine code: numba's compiler with types kept, results on disk, the interpreter's lock let go.

Only what has no column form is written so: Kafka's and Avro's bytes, where each length tells where the next one is.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

ANY: Any = cgutils  # it has no types
_LOOPS: list[Any] = []
P = ParamSpec("P")
R = TypeVar("R")


def compiled(loop: Callable[P, R]) -> Callable[P, R]:
    """The loop, compiled when first called (a second or two) and from then on read from the cache beside its source.

    Where the source cannot be written to, numba keeps the cache in the user's own folder, or in NUMBA_CACHE_DIR.
    Indices are not checked: a loop over foreign bytes checks its own.
    """
    found = njit(cache=True, nogil=True)(loop)
    _LOOPS.append(found)
    return cast("Callable[P, R]", found)


def loops() -> tuple[Any, ...]:
    """All loops of the modules that were imported; `signatures` of each: the types it is compiled for."""
    return tuple(_LOOPS)


@intrinsic
def place(_typing: Any, to: Any, at: Any, source: Any, start: Any, size: Any) -> Any:  # noqa: ANN401  # numba's types
    """C's memcpy: a loop over bytes takes three times as long for a hundred, a slice's assignment five times."""

    def generate(context: Any, builder: Any, signature: Any, told: Any) -> Any:  # noqa: ANN401  # LLVM's values
        into, out = (ANY.create_struct_proxy(signature.args[n])(context, builder, told[n]).data for n in (0, 2))
        spots = builder.gep(into, [told[1]]), builder.gep(out, [told[3]])
        ANY.raw_memcpy(builder, *spots, told[4], 1)
        return context.get_dummy_value()

    return types.void(to, at, source, start, size), generate


@compiled
def copy(to: npt.NDArray[np.uint8], at: int, source: npt.NDArray[np.uint8], start: int, size: int) -> int:
    """Copy bytes of a source, from `start` on, to a place; the position behind them. For compiled loops."""
    place(to, at, source, start, size)  # type: ignore[call-arg]  # numba passes the first, the typing context
    return at + size
