"""The words for what is sent to or read from a backend in one piece, whatever carries it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from drawbar.codecs.copybook_spec import CopybookSpec
from drawbar.codecs.record_spec import RecordSpec, RecordsSpec

PayloadForm: TypeAlias = Literal["json", "text", "lines", "csv", "xml"]
PayloadSpec: TypeAlias = PayloadForm | RecordSpec | RecordsSpec | CopybookSpec
