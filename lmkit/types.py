"""Types that several packages share: one name for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ids: TypeAlias = NDArray[np.int32]
"""Ids of a vocabulary, (T,): outcomes 0 .. V-1, and V for ``<s>`` in contexts."""
Bytes: TypeAlias = NDArray[np.uint8]
IntArray: TypeAlias = NDArray[np.int32]
LongArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
LogProbs: TypeAlias = NDArray[np.float64]
"""Natural logarithms of probabilities."""
State: TypeAlias = Any
"""What a model knows of the tokens before the next one: opaque, and never changed in place."""
Progress: TypeAlias = Callable[[str, float], None]
"""Called now and then with what is being done, and the fraction of it that is done."""
