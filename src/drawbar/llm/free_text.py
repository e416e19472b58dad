"""Names and free texts for parameters that nothing but their words can fill.

In this order: what is quoted; what follows the parameter's own word (`named Netherby`, `reason: fog`);
names with a capital; what follows a preposition; for a parameter to search by, the words that are left.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from drawbar.kernel.values import JsonObject
from drawbar.llm.sentence import Sentence, Span
from drawbar.llm.slot import Slot
from drawbar.llm.words import READ_WORDS, STOP_WORDS, term_of, words_of

_SEARCHED = frozenset(
    (
        "name",
        "text",
        "query",
        "keyword",
        "search",
        "words",
        "q",
        "find",
        "term",
        "title",
        "city",
        "part",
    )
)
_TOLD = frozenset(
    (
        "reason",
        "cause",
        "comment",
        "note",
        "details",
        "detail",
        "description",
        "message",
        "title",
        "subject",
        "summary",
        "text",
        "body",
    )
)
_IDS = frozenset(("no", "id", "number", "code", "key", "ref", "sku", "nr", "reference"))
_BECAUSE = re.compile(
    r"(?:\b(?:because(?: of)?|due to|owing to|reason(?: is)?|wegen|weil)\b\s*:?\s*|:\s+)([^:]+?)[.!]?$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:named|called|about|matching|containing|like|titled)\s+([^,.;?!]+)", re.IGNORECASE
)
_AFTER = re.compile(r"\b(?:for|of|with|at|by|in|on|für|von)\s+(?:the\s+|an?\s+)?", re.IGNORECASE)
_VERBS = frozenset(
    term_of(word) for word in (*READ_WORDS, "give", "tell", "there", "exist", "available")
)


def find_free_text(slot: Slot, sentence: Sentence, vocabulary: Collection[str]) -> str | None:
    """The text, taken from the sentence; None when no words stand for it."""
    names = {word.text.lower() for word in words_of(slot.name)}
    return _first(_spans(slot, names, sentence, vocabulary), slot, sentence)


def find_beside(slot: Slot, sentence: Sentence, vocabulary: Collection[str]) -> str | None:
    """A name right after or before a word of the parameter: `vessel Kittiwake`, `the Kittiwake vessel`.

    Also one that its description gives as an example: `such as Kittiwake`.
    """
    del vocabulary
    return _first((*_beside(slot, sentence), *_told(slot, sentence)), slot, sentence)


def _first(spans: Iterable[Span], slot: Slot, sentence: Sentence) -> str | None:
    for span in spans:
        text = span.text.strip()
        if text and _allowed(text, slot.schema):
            sentence.take(span.start, span.end)
            return text
    return None


def _spans(
    slot: Slot, names: set[str], sentence: Sentence, vocabulary: Collection[str]
) -> Iterator[Span]:
    searched = bool(names & _SEARCHED)
    told = bool(names & _TOLD)
    if slot.required or searched or told:
        yield from sentence.quoted()
    if told:
        yield from _matches(_BECAUSE, sentence)
        if not searched:
            return
    if names & _IDS:
        yield from (token for token in sentence.tokens() if re.search(r"\d", token.text))
        if term_of("name") in slot.terms:  # its description says that a name will do
            yield from sentence.names()
        return
    if not searched and not slot.required:
        return
    yield from _matches(_NAMED, sentence)
    yield from sentence.names()
    if slot.required:
        yield from _after_preposition(sentence, vocabulary)
    if searched:
        left = _left(sentence, vocabulary)
        yield from (span for span in left if "name" not in names or not span.text[0].isdigit())


def _matches(pattern: re.Pattern[str], sentence: Sentence) -> Iterator[Span]:
    for match in pattern.finditer(sentence.text):
        if sentence.is_free(*match.span(1)):
            yield Span(match[1], *match.span(1))


def _beside(slot: Slot, sentence: Sentence) -> Iterator[Span]:
    for name in sentence.names():
        around = sentence.before(name.start, 1) + sentence.after(name.end, 1)
        if {term_of(word) for word in around} & slot.name_terms:
            yield name


def _told(slot: Slot, sentence: Sentence) -> Iterator[Span]:
    told = str(slot.schema.get("description", ""))
    for name in sentence.names():
        if re.search(
            rf"(?<!^)(?<!\. )\b{re.escape(name.text)}\b", told
        ):  # a first word has its capital anyway
            yield name


def _after_preposition(sentence: Sentence, vocabulary: Collection[str]) -> Iterator[Span]:
    for match in _AFTER.finditer(sentence.text):
        words = []
        for word in sentence.words():
            if word.start < match.end():
                continue
            said = word.text.lower() in STOP_WORDS or word.term in vocabulary
            if said or not sentence.is_free(word.start, word.end):
                break
            words.append(word)
        if words:
            start, end = words[0].start, words[-1].end
            yield Span(sentence.text[start:end], start, end)


def _left(sentence: Sentence, vocabulary: Collection[str]) -> Iterator[Span]:
    """The longest row of words that neither a stop word nor the function itself explains."""
    rows: list[list[int]] = []
    row: list[int] = []
    words = sentence.words()
    for index, word in enumerate(words):
        explained = (
            word.text.lower() in STOP_WORDS
            or word.term in vocabulary
            or word.term in _VERBS
            or not sentence.is_free(word.start, word.end)
        )
        if explained:
            row = []
        else:
            row.append(index)
            if len(row) == 1:
                rows.append(row)
    for best in sorted(rows, key=len, reverse=True)[:1]:
        start, end = words[best[0]].start, words[best[-1]].end
        yield Span(sentence.text[start:end], start, end)


def _allowed(text: str, schema: JsonObject) -> bool:
    shortest, longest = schema.get("minLength"), schema.get("maxLength")
    pattern = schema.get("pattern")
    if isinstance(shortest, int) and len(text) < shortest:
        return False
    if isinstance(longest, int) and len(text) > longest:
        return False
    try:
        return not isinstance(pattern, str) or re.search(pattern, text) is not None
    except re.error:  # of another dialect; the dispatcher will judge
        return True
