"""Copybooks as adapters name them: read once for each place, with their problems, their files and their schema."""

from __future__ import annotations

import os
from pathlib import Path

from drawbar.codecs.copybook.dialect import Dialect
from drawbar.codecs.copybook.elements import Binary, Float, HexFloat, Packed, UnsignedPacked
from drawbar.codecs.copybook.items import Item, read_items
from drawbar.codecs.copybook.layout import Built, Wish, build, is_called, snake
from drawbar.codecs.copybook.nodes import Field, inside
from drawbar.codecs.copybook.problems import CopybookError
from drawbar.codecs.copybook.record import CopybookLayout
from drawbar.codecs.copybook.schema import object_schema, properties, property_at, writable
from drawbar.codecs.copybook.source import read_words
from drawbar.codecs.copybook_spec import CopybookSpec
from drawbar.codecs.numbers import ASCII_SIGNS, EBCDIC_SIGNS, is_ebcdic, signs_of
from drawbar.codecs.record_check import check_encoding
from drawbar.compiler.kind import Parameter
from drawbar.compiler.parameters import Inherited, merge_parameters
from drawbar.kernel.errors import Place, Problem
from drawbar.kernel.values import JsonObject
from drawbar.spec.model import FunctionSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report


class Copybooks:
    """Of one adapter while it is compiled. Every file they are made of goes to `report.files`."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.report = report
        self._folder = folder
        self._layouts: dict[At, CopybookLayout | None] = {}

    def layout(self, spec: CopybookSpec, at: At) -> CopybookLayout | None:
        """The layout; None when a problem was reported at `at`."""
        if at not in self._layouts:
            self._layouts[at] = self._read(spec, at)
        return self._layouts[at]

    def parameters(
        self, function: FunctionSpec, payload: object, at: At, key: str
    ) -> dict[str, Parameter]:
        """The parameters of the function at `at`; where `payload`, its word `key`, is a copybook, its fields."""
        if not isinstance(payload, CopybookSpec):
            return {each.name: each for each in merge_parameters(function, {}, self.report, at)}
        layout = self.layout(payload, (*at, key))
        if layout is None:
            return {}
        self._check_fields(payload, layout, (*at, key))
        if self.report.is_broken((*at, key)):
            return {}
        found = properties(layout, payload.fields)
        inherited = {
            each.name: Inherited(each.schema, each.required, f"{key}.{each.name}") for each in found
        }
        if payload.many:
            name = snake(payload.record or "records")
            schema: JsonObject = {"type": "array", "items": object_schema(found)}
            inherited = {name: Inherited(schema, to=key)}

        def look(to: str) -> Inherited | None:
            head, *way = to.split(".")
            if head != key or payload.many:
                return None
            each = property_at(layout, tuple(way))
            return None if each is None else Inherited(each.schema, each.required, to)

        merged = merge_parameters(function, inherited, self.report, at, look)
        return {each.name: each for each in merged}

    def _read(self, spec: CopybookSpec, at: At) -> CopybookLayout | None:
        lines = spec.separator == "line"
        encoding = check_encoding(spec.encoding, self.report, (*at, "encoding"), lines=lines)
        if self.report.is_broken((*at, "encoding")):
            return None
        path = self._folder / spec.copybook
        name = os.path.normpath(Path(self.report.source.file).parent / spec.copybook)
        self.report.files.add(path)
        if not path.is_file():
            self.report.add((*at, "copybook"), "DB821", f"there is no file {spec.copybook}")
            return None
        try:
            words, files = read_words(path, name, spec.format)
            self.report.files.update(files)
            item = self._record(spec, read_items(words), name, at)
            if item is None:
                return None
            built = build(item, _dialect(spec, encoding), _wish(spec))
        except CopybookError as error:
            self.report.files.update(error.files)
            self.report.note(at, error.problem)
            return None
        for word in item.renames:
            told = f"`{word.text}` is left out: it is another name for bytes that are read already"
            self.report.note(at, Problem(word.place, "DB828", told, None, "warning"))
        for wrong in built.wrong:
            self.report.add((*at, wrong.word), wrong.code, wrong.message, fix=wrong.fix)
        if lines:
            self._check_lines(built, at)
        if self.report.is_broken(at):
            return None
        counters, discriminators = frozenset(built.counters), frozenset(built.discriminators)
        return CopybookLayout(built.root, encoding, lines, counters, discriminators)

    def _record(self, spec: CopybookSpec, roots: list[Item], name: str, at: At) -> Item | None:
        if roots and roots[0].level != 1:  # to be copied under a level 01 of the program's
            roots = [Item(1, Path(spec.copybook).stem, roots[0].place, children=roots)]
        if not roots:
            raise CopybookError(Place(name), "DB822", "there is no description of data in it")
        names = [item.name or "FILLER" for item in roots]
        if spec.record is None and len(roots) == 1:
            return roots[0]
        for item, found in zip(roots, names, strict=True):
            if spec.record is not None and snake(found) == snake(spec.record):
                return item
        if spec.record is None:
            message, fix = "the copybook has several records", f"write `record:` {', '.join(names)}"
            self.report.add((*at, "copybook"), "DB825", message, fix=fix)
        else:
            meant = closest(spec.record.upper(), names)
            fix = f"did you mean `{meant}`?" if meant else f"it has {', '.join(names)}"
            self.report.add(
                (*at, "record"), "DB825", f"the copybook has no record `{spec.record}`", fix=fix
            )
        return None

    def _check_fields(self, spec: CopybookSpec, layout: CopybookLayout, at: At) -> None:
        keys = list(writable(layout))
        for index, name in enumerate(spec.fields):
            if not any(is_called(key, name) for key in keys):
                names = [".".join(key) for key in keys]
                meant = closest(snake(name), names)
                self.report.add(
                    (*at, "fields", index),
                    "DB825",
                    f"the record has no field `{name}` that could be filled",
                    fix=f"did you mean `{meant}`?" if meant else None,
                )

    def _check_lines(self, built: Built, at: At) -> None:
        for node in inside(built.root):
            if isinstance(node, Field) and isinstance(
                node.element, Packed | UnsignedPacked | Binary | Float | HexFloat
            ):
                self.report.add(
                    (*at, "separator"),
                    "DB802",
                    f"`{node.name or 'filler'}` may hold the byte that ends a line",
                    fix="write `separator: none`",
                )
                return


def _dialect(spec: CopybookSpec, encoding: str) -> Dialect:
    ebcdic = is_ebcdic(encoding)
    signs = signs_of(encoding)
    if not ebcdic:
        signs = EBCDIC_SIGNS if spec.sign == "ebcdic" else ASCII_SIGNS
    machine = spec.machine or ("mainframe" if ebcdic else "intel")
    return Dialect(spec.dialect, machine, encoding, signs)


def _wish(spec: CopybookSpec) -> Wish:
    when = {
        snake(variant): {
            field: values if isinstance(values, tuple) else (values,)
            for field, values in rule.items()
        }
        for variant, rule in spec.when.items()
    }
    return Wish(spec.texts, when)
