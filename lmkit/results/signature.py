"""The line that identifies a measurement: what was measured, on which text, by which model."""

from __future__ import annotations

from lmkit import __version__
from lmkit.text.meter import TextSummary

_SENTENCES = {"line": "line", "paragraph": "par", "none": "none"}


def signature(
    text: TextSummary,
    *,
    model: str,
    unit: str,
    context: str,
    unk: str,
    train_sha256: str | None,
    adapts: str = "",
) -> str:
    """Return the signature of a perplexity; the same signature gives the same number.

    `model` is its spec with every hyper-parameter that is not the default; `unk` says what an
    unknown token's probability is; `train_sha256` is that of the canonical training text, None
    where it is not known, as for a model of another program. `adapts` says how the model learned
    from the very text that it scored; it is left out for one that did not.
    """
    fields = {
        "unit": unit,
        "norm": text.normalize,
        "sent": _SENTENCES[text.sentences],
        "ctx": context,
        **({"adapt": adapts} if adapts else {}),
        "unk": unk,
        "text": "sha256:" + text.sha256[:12],
        "train": "sha256:" + train_sha256[:12] if train_sha256 else "unknown",
        "model": model,
        "lmkit": __version__,
    }
    return "|".join(["ppl", *(f"{name}:{value}" for name, value in fields.items())])
