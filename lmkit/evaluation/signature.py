"""The line that makes a number reproducible: what was measured, on which text, by which model."""

from __future__ import annotations

from lmkit import __version__
from lmkit.text.corpus import TextSummary

_SHORT = {"sentences": {"line": "line", "paragraph": "par", "none": "none"}}


def signature(text: TextSummary, *, model: str, unit: str, context: str, unk: str) -> str:
    """Return the signature of a perplexity; the same signature gives the same number.

    `model` is its spec with every hyper-parameter that is not the default; `unk` says what an
    unknown token's probability is.
    """
    fields = {
        "unit": unit,
        "norm": text.normalize,
        "sent": _SHORT["sentences"][text.sentences],
        "ctx": context,
        "unk": unk,
        "text": "sha256:" + text.sha256[:12],
        "model": model,
        "lmkit": __version__,
    }
    return "|".join(["ppl", *(f"{name}:{value}" for name, value in fields.items())])
