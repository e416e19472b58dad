"""The words of a function that sends one message and reads another, whatever carries them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drawbar.codecs.payload_spec import PayloadSpec
from drawbar.spec.model import FunctionSpec


class MessageFunctionSpec(FunctionSpec):
    """One request, and the reply to it."""

    request: PayloadSpec | None = Field(
        None,
        description="What is sent: an object of the parameters (json, xml); one text, list of lines or list of "
        "objects (csv); or fixed-width records. Nothing when left out.",
    )
    reply: PayloadSpec | Literal["none"] = Field(
        "json", description="What comes back; none where the peer does not answer."
    )
    succeeds_when: dict[str, str] = Field(
        default_factory=dict,
        description="Fields of the reply that say that all went well, each with a text in which `*` stands for any "
        "text. Otherwise the call failed, and the reply's fields are facts for `errors:` rules.",
    )
    message_from: str | None = Field(
        None, description="The field of such a reply that holds the peer's words."
    )
