"""The neural models by name: ``char-rnn``, ``word-rnn`` and ``mlp``."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from lmkit.models.rnn.neural import NeuralModel


class RecurrentModel(NeuralModel):
    """A recurrent network, trained on the text in order and scored on every token.

    Hyper-parameters, beside those of :class:`~lmkit.models.rnn.neural.NeuralModel`:

    ``cell, layers, tied``
        ``rnn`` (tanh), ``rnn-relu``, ``gru`` or ``lstm``; how many layers; whether embedding and
        output share one matrix. An `embedding` of 0 means one-hot inputs.
    ``forget_bias``
        The first bias of an LSTM's forget gates, 1 as the literature has it; a budget plans 0 for
        characters, which were measured to be learned faster so.
    ``layer_dropout, weight_drop``
        Shares dropped in training: between the layers, and of the recurrent weights.
    """

    def __init__(
        self,
        *,
        cell: Literal["rnn", "rnn-relu", "gru", "lstm"] = "lstm",
        layers: int | None = None,
        tied: bool | None = None,
        forget_bias: float | None = None,
        layer_dropout: float | None = None,
        weight_drop: float | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.cell = cell
        self.layers = layers
        self.tied = tied
        self.forget_bias = forget_bias
        self.layer_dropout = layer_dropout
        self.weight_drop = weight_drop


class CharRnn(RecurrentModel):
    """A recurrent network over characters."""

    name: ClassVar[str] = "char-rnn"

    def __init__(self, *, unit: str = "char", **options: Any):
        super().__init__(unit=unit, **options)


class WordRnn(RecurrentModel):
    """A recurrent network over words."""

    name: ClassVar[str] = "word-rnn"


class Mlp(NeuralModel):
    """A network that predicts from the last `order` - 1 tokens (Bengio et al. 2003).

    Their embeddings side by side, one layer of `hidden` tanh units, and the scores. The other
    hyper-parameters are those of :class:`~lmkit.models.rnn.neural.NeuralModel`; a budget sets the
    time, not the size. With the default context, ``sentence``, what lies before a sentence is
    ``<s>``.
    """

    name: ClassVar[str] = "mlp"

    def __init__(
        self,
        *,
        order: int = 5,
        tied: bool = False,
        context: str = "sentence",
        **options: Any,
    ):
        super().__init__(context=context, **options)
        self.order = order
        self.tied = tied
