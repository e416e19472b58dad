"""Which functions a sentence is about: BM25 over their names, descriptions and parameters.

Used by the rules, and as a shortlist for a small model that cannot read hundreds of functions.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ToolSchema
from drawbar.llm.words import terms_of, words_of

_SATURATION = 1.2
_LENGTH = 0.5
_NAME = 3.0
_PREFIX = 1.0
_DESCRIPTION = 1.0
_PARAMETER = 0.6
_DEPTH = 4


class Ranking:
    """An index over some functions, in their order; 10,000 take about a second to index."""

    def __init__(self, tools: Sequence[ToolSchema]) -> None:
        self.tools = tuple(tools)
        weights = [_weights(tool) for tool in tools]
        lengths = [sum(each.values()) for each in weights]
        average = sum(lengths) / len(lengths) if lengths else 1.0
        found_in = Counter(term for each in weights for term in each)
        count = len(tools)
        self.weight = {
            term: math.log(1 + (count - hits + 0.5) / (hits + 0.5))
            for term, hits in found_in.items()
        }
        """How much a term tells: rare terms tell more."""
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for index, each in enumerate(weights):
            norm = _SATURATION * (1 - _LENGTH + _LENGTH * lengths[index] / average)
            for term, weight in each.items():
                score = self.weight[term] * weight * (_SATURATION + 1) / (weight + norm)
                self._postings.setdefault(term, []).append((index, score))

    def scores(self, terms: Iterable[str]) -> dict[int, float]:
        """Scores by the place of a function; what shares no term with the sentence is left out."""
        found: dict[int, float] = {}
        for term in set(terms):
            for index, score in self._postings.get(term, ()):
                found[index] = found.get(index, 0.0) + score
        return found

    def best(self, text: str, limit: int) -> list[ToolSchema]:
        """At most `limit` functions, the best first; equals in their order."""
        scores = self.scores(terms_of(text))
        best = heapq.nsmallest(limit, scores, key=lambda index: (-scores[index], index))
        return [self.tools[index] for index in best]


def _weights(tool: ToolSchema) -> dict[str, float]:
    """The terms of a function and how much each counts; its name counts most."""
    weights: dict[str, float] = {}
    words = words_of(tool.name)
    for index, word in enumerate(words):
        prefix = index == 0 and len(words) > 2  # noqa: PLR2004 -- the adapter's name, a verb and a noun
        _add(weights, [word.term], _PREFIX if prefix else _NAME)
    _add(weights, terms_of(tool.description), _DESCRIPTION)
    _add(weights, _schema_terms(tool.parameters, _DEPTH), _PARAMETER)
    return weights


def _add(weights: dict[str, float], terms: Iterable[str], weight: float) -> None:
    for term in terms:
        weights[term] = weights.get(term, 0.0) + weight


def _schema_terms(schema: JsonObject, depth: int) -> list[str]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or depth == 0:
        return []
    terms: list[str] = []
    for name, parameter in properties.items():
        terms += terms_of(name)
        if isinstance(parameter, dict):
            terms += terms_of(str(parameter.get("description", "")))
            terms += [term for value in _enum(parameter) for term in terms_of(str(value))]
            terms += _schema_terms(parameter, depth - 1)
    return terms


def _enum(schema: JsonObject) -> list[JsonValue]:
    values = schema.get("enum")
    return values if isinstance(values, list) else []
