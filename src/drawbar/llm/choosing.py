"""Which function a sentence asks for, with which arguments; by rules, not by a model.

A function that changes something is only chosen when its own verb is said as an order. A sentence
that no function explains well enough gets no function: abstaining is better than a wrong call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from drawbar.kernel.values import JsonObject
from drawbar.llm.chat import ToolSchema
from drawbar.llm.ranking import Ranking
from drawbar.llm.sentence import Sentence
from drawbar.llm.slot import slots_of
from drawbar.llm.slots import Filled, fill
from drawbar.llm.words import (
    CHANGE_WORDS,
    READ_WORDS,
    STOP_WORDS,
    is_order,
    term_of,
    terms_of,
    words_of,
)

_POLITE = re.compile(
    r"^\W*(?:(?:hi|hello|hey|please|kindly|bitte|ok(?:ay)?|so|then|and|also|now|i(?:'d| would) like (?:you )?to|"
    r"i (?:want|need|have) (?:you )?to|(?:can|could|would|will) (?:you|i|we)(?: please)?|let'?s|just|"
    r"go ahead and)\b[\s,]*)+",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(r'"[^"]*"|\bsuch as\b[^.;:]*|\be\.g\.[^.;:]*', re.IGNORECASE)
_OBJECT_WORDS = "a an the my our his her their this that these those it them one for all two three"
_OBJECT = frozenset(_OBJECT_WORDS.split())
_WHO = re.compile(r"\b(?:who|whom|whose|wer)\b", re.IGNORECASE)
_CANDIDATES = 12
_ENOUGH = 0.45
"""Share of the telling words of a sentence that its function must explain."""
_COMPLETE = 0.6
"""A function with all its arguments wins against a better one without when it has this share of its score."""
_STRONG = 1.5
_CLEAR = 3
"""Arguments recognised by their form that speak for a function even when few words do."""
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Choice:
    """A function with what was found for it; complete when nothing is missing."""

    tool: ToolSchema
    arguments: JsonObject
    missing: tuple[str, ...]
    score: float


class Chooser:
    """Chooses among some functions."""

    def __init__(self, tools: Sequence[ToolSchema]) -> None:
        self.ranking = Ranking(tools)
        self._verbs = [_change_verbs(tool) for tool in tools]
        self._core = [_core(tool) for tool in tools]
        self._vocabulary = [
            core.union(*(slot.terms for slot in slots_of(tool.parameters)))
            for core, tool in zip(self._core, tools, strict=True)
        ]

    def choose(
        self, text: str, today: date, context: str = "", only: str | None = None
    ) -> Choice | None:
        """The best choice, or None. `context` are words before, which may name numbers and the like."""
        text = text[:_LONGEST]
        candidates = self._candidates(text, only)
        choices = []
        for index in candidates:
            choice = self._try(index, text, today, context, forced=only is not None)
            if choice is not None:
                choices.append(choice)
        if not choices:
            return None
        best = max(choices, key=lambda choice: choice.score)
        if best.missing:
            complete = [each for each in choices if not each.missing and each.arguments]
            second = max(complete, key=lambda choice: choice.score, default=best)
            if second.score >= _COMPLETE * best.score:
                return second
        return best

    def _candidates(self, text: str, only: str | None) -> list[int]:
        names = [tool.name for tool in self.ranking.tools]
        if only is not None:
            return [names.index(only)] if only in names else []
        scores = self.ranking.scores(_asked_for(text))
        order, ordered = _order_of(text)
        allowed = [
            index
            for index in scores
            if not self._verbs[index] or (order and self._verbs[index] & ordered)
        ]
        changing = [index for index in allowed if self._verbs[index]]
        if order == "certain" or (order and changing):
            allowed = changing
        return sorted(allowed, key=lambda index: (-scores[index], index))[:_CANDIDATES]

    def _try(
        self, index: int, text: str, today: date, context: str, *, forced: bool
    ) -> Choice | None:
        tool = self.ranking.tools[index]
        sentence = Sentence(text, today)
        filled = fill(tool.parameters, sentence, self._vocabulary[index])
        if context:
            _add_from_context(tool, filled, Sentence(context, today), self._vocabulary[index])
        open_terms = _asked(sentence.open_terms())
        explained = self._explained(index, open_terms)
        strong = [name for name in filled.strong if name in _required(tool)]
        enough = _ENOUGH if len(filled.strong) < _CLEAR else 0.0
        if not forced and (explained < enough or not self._meant(index, open_terms, filled)):
            return None
        score = self.ranking.scores(_asked_for(text)).get(index, 0.0)
        score += _STRONG * len(strong) + 0.5 * (len(filled.arguments) - len(strong))
        score *= 0.5 + explained / 2
        return Choice(tool, filled.arguments, tuple(filled.missing), score)

    def _meant(self, index: int, terms: Sequence[str], filled: Filled) -> bool:
        """Whether a word beside the verb names the function itself, or its arguments speak for it."""
        rest = set(terms) - self._verbs[index]
        if rest:
            return bool(rest & self._core[index]) or len(filled.strong) >= _CLEAR
        return bool(filled.strong)

    def _explained(self, index: int, terms: Sequence[str]) -> float:
        """The share of the terms, by weight, that the function speaks of; unknown ones weigh most."""
        if not terms:
            return 1.0
        weights = self.ranking.weight
        unknown = max(weights.values(), default=1.0)
        whole = sum(weights.get(term, unknown) for term in set(terms))
        known = sum(weights[term] for term in set(terms) if term in self._vocabulary[index])
        return known / whole if whole else 1.0


def _add_from_context(
    tool: ToolSchema, filled: Filled, context: Sentence, vocabulary: frozenset[str]
) -> None:
    """What the words before say by its form: numbers of customers, ports, days."""
    earlier = fill(tool.parameters, context, vocabulary)
    for name in earlier.strong:
        if name not in filled.arguments:
            filled.arguments[name] = earlier.arguments[name]
            filled.missing = [each for each in filled.missing if each != name]


def _order_of(text: str) -> tuple[str, frozenset[str]]:
    """Whether a sentence orders a change, and the terms of the words that may be its verb.

    `certain` when it begins with a verb and an object; `maybe` when a change is only spoken of, as
    in `B-20417 please cancel`; empty for a question.
    """
    rest = _POLITE.sub("", text)
    words = [word.text.lower() for word in words_of(rest)]
    if not words or (text.rstrip().endswith("?") and not _POLITE.match(text)):
        return "", frozenset()
    first = words[0]
    verbs = frozenset(term_of(word) for word in words) & _CHANGE_TERMS
    if is_order(first):
        certain = len(words) > 1 and (words[1] in _OBJECT or term_of(first) not in _NOUNS)
        return ("certain" if certain else "maybe"), frozenset((term_of(first),)) | verbs
    if first in READ_WORDS or first in STOP_WORDS or term_of(first) in _READ_TERMS:
        return "", frozenset()
    return ("maybe" if verbs else ""), verbs


_CHANGE_TERMS = frozenset(term_of(word) for word in CHANGE_WORDS)
_READ_TERMS = frozenset(term_of(word) for word in READ_WORDS)
_NOUN_WORDS = "order book request report issue charge delay change record log file"
_NOUNS = frozenset(term_of(word) for word in _NOUN_WORDS.split())


def _change_verbs(tool: ToolSchema) -> frozenset[str]:
    """The terms by which a change is ordered; empty for a function that reads."""
    for word in words_of(tool.name):
        if word.text.lower() in READ_WORDS:
            return frozenset()
        if word.text.lower() in CHANGE_WORDS:
            described = [each.text.lower() for each in words_of(tool.description)[:1]]
            return frozenset(term_of(each) for each in [word.text, *described])
    return frozenset()


def _core(tool: ToolSchema) -> frozenset[str]:
    """The terms of a function itself; the examples in its description are values, not its words."""
    words = [word.term for word in words_of(tool.name)]
    terms = set(words) | set(terms_of(_EXAMPLE.sub(" ", tool.description)))
    for slot in slots_of(tool.parameters):
        terms |= slot.name_terms
    return frozenset(terms)


def _asked_for(text: str) -> list[str]:
    """The terms of a whole text; `who` asks for a person."""
    who = [term_of("person")] if _WHO.search(text) else []
    return _asked(terms_of(text)) + who


def _asked(terms: Sequence[str]) -> list[str]:
    """The terms without the verbs of reading, which stand before anything."""
    return [term for term in terms if term not in _READ_TERMS]


def _required(tool: ToolSchema) -> frozenset[str]:
    return frozenset(slot.name for slot in slots_of(tool.parameters) if slot.required)
