"""Make `lmkit.cli` and `lmkit.corpora` importable in a checkout that is not installed."""

from pathlib import Path

import lmkit

ROOT = Path(__file__).parent
if str(ROOT) not in lmkit.__path__:
    lmkit.__path__.append(str(ROOT))
