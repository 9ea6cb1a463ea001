"""lmkit: fit language models to a text, and rank them by perplexity, honestly.

The public names are loaded when first used, so that ``import lmkit`` is quick and loads
neither torch nor pandas nor matplotlib.

>>> import lmkit
>>> corpus = lmkit.Corpus.from_string("the cat sat\\nthe dog sat\\n")
>>> model = lmkit.fit("bigram", corpus)
>>> round(model.score(corpus).perplexity, 3)
3.159
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Comparison": "lmkit.evaluation.comparison",
    "Corpus": "lmkit.text.corpus",
    "LanguageModel": "lmkit.models.base",
    "LmkitError": "lmkit.errors",
    "SurprisalLedger": "lmkit.evaluation.ledger",
    "Text": "lmkit.text.corpus",
    "Vocabulary": "lmkit.text.vocabulary",
    "compare": "lmkit.evaluation.comparison",
    "fit": "lmkit.models.registry",
    "load": "lmkit.models.registry",
    "mix": "lmkit.models.mixing",
    "register": "lmkit.models.registry",
}

__all__ = [*_PUBLIC, "__version__"]

if TYPE_CHECKING:
    from lmkit.errors import LmkitError as LmkitError
    from lmkit.evaluation.comparison import Comparison as Comparison
    from lmkit.evaluation.comparison import compare as compare
    from lmkit.evaluation.ledger import SurprisalLedger as SurprisalLedger
    from lmkit.models.base import LanguageModel as LanguageModel
    from lmkit.models.mixing import mix as mix
    from lmkit.models.registry import fit as fit
    from lmkit.models.registry import load as load
    from lmkit.models.registry import register as register
    from lmkit.text.corpus import Corpus as Corpus
    from lmkit.text.corpus import Text as Text
    from lmkit.text.vocabulary import Vocabulary as Vocabulary


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'lmkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
