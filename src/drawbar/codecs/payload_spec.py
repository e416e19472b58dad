"""The words for what is sent to or read from a backend in one piece, whatever carries it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from drawbar.codecs.copybook_spec import CopybookSpec
from drawbar.codecs.record_spec import RecordSpec, RecordsSpec
from drawbar.spec.model import Spec

PayloadForm: TypeAlias = Literal["json", "text", "lines", "csv", "xml", "file"]


class FileSpec(Spec):
    """Bytes as they are, with what is known of them beforehand."""

    file: str = Field(
        pattern=r"^[\w.+-]+/[\w.+-]+$", description="The media type, such as application/pdf."
    )
    name: str | None = Field(
        None,
        description="What a file that comes back is called, such as invoice-{invoice_no}.pdf; {name} stands for a "
        "parameter.",
    )


PayloadSpec: TypeAlias = PayloadForm | FileSpec | RecordSpec | RecordsSpec | CopybookSpec
