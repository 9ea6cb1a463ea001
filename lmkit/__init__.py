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
    "AbsoluteDiscounting": "lmkit.models.ngram.absolute_discounting",
    "Bigram": "lmkit.models.ngram.additive",
    "CharRnn": "lmkit.models.rnn.models",
    "Comparison": "lmkit.evaluation.comparison",
    "Corpus": "lmkit.text.corpus",
    "Dynamic": "lmkit.models.combined.dynamic",
    "JelinekMercer": "lmkit.models.ngram.jelinek_mercer",
    "Katz": "lmkit.models.ngram.katz",
    "KneserNey": "lmkit.models.ngram.kneser_ney",
    "LanguageModel": "lmkit.models.base",
    "LmkitError": "lmkit.errors",
    "Mixture": "lmkit.models.combined.mixture",
    "Mlp": "lmkit.models.rnn.models",
    "Ngram": "lmkit.models.ngram.additive",
    "StupidBackoff": "lmkit.models.ngram.stupid_backoff",
    "SurprisalLedger": "lmkit.results.ledger",
    "Text": "lmkit.text.corpus",
    "Trigram": "lmkit.models.ngram.additive",
    "Uniform": "lmkit.models.uniform",
    "Unigram": "lmkit.models.ngram.additive",
    "Vocabulary": "lmkit.text.vocabulary",
    "WittenBell": "lmkit.models.ngram.witten_bell",
    "WordRnn": "lmkit.models.rnn.models",
    "adapt": "lmkit.models.combined.dynamic",
    "compare": "lmkit.evaluation.comparison",
    "fit": "lmkit.models.registry",
    "load": "lmkit.models.registry",
    "measure_zipf": "lmkit.statistics.zipf",
    "mix": "lmkit.models.combined.mixing",
    "prune": "lmkit.models.ngram.pruning",
    "register": "lmkit.models.registry",
    "write_report": "lmkit.reporting.report",
}

__all__ = [*_PUBLIC, "__version__"]

if TYPE_CHECKING:
    from lmkit.errors import LmkitError as LmkitError
    from lmkit.evaluation.comparison import Comparison as Comparison
    from lmkit.evaluation.comparison import compare as compare
    from lmkit.models.base import LanguageModel as LanguageModel
    from lmkit.models.combined.dynamic import Dynamic as Dynamic
    from lmkit.models.combined.dynamic import adapt as adapt
    from lmkit.models.combined.mixing import mix as mix
    from lmkit.models.combined.mixture import Mixture as Mixture
    from lmkit.models.ngram.absolute_discounting import AbsoluteDiscounting as AbsoluteDiscounting
    from lmkit.models.ngram.additive import Bigram as Bigram
    from lmkit.models.ngram.additive import Ngram as Ngram
    from lmkit.models.ngram.additive import Trigram as Trigram
    from lmkit.models.ngram.additive import Unigram as Unigram
    from lmkit.models.ngram.jelinek_mercer import JelinekMercer as JelinekMercer
    from lmkit.models.ngram.katz import Katz as Katz
    from lmkit.models.ngram.kneser_ney import KneserNey as KneserNey
    from lmkit.models.ngram.pruning import prune as prune
    from lmkit.models.ngram.stupid_backoff import StupidBackoff as StupidBackoff
    from lmkit.models.ngram.witten_bell import WittenBell as WittenBell
    from lmkit.models.registry import fit as fit
    from lmkit.models.registry import load as load
    from lmkit.models.registry import register as register
    from lmkit.models.rnn.models import CharRnn as CharRnn
    from lmkit.models.rnn.models import Mlp as Mlp
    from lmkit.models.rnn.models import WordRnn as WordRnn
    from lmkit.models.uniform import Uniform as Uniform
    from lmkit.reporting.report import write_report as write_report
    from lmkit.results.ledger import SurprisalLedger as SurprisalLedger
    from lmkit.statistics.zipf import measure_zipf as measure_zipf
    from lmkit.text.corpus import Corpus as Corpus
    from lmkit.text.corpus import Text as Text
    from lmkit.text.vocabulary import Vocabulary as Vocabulary


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'lmkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
