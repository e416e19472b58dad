"""What the stand-ins for a model read in a conversation: who said what last, and what calls came to."""

from __future__ import annotations

from drawbar.llm.chat import ChatMessage, ChatRequest, Role


def text_of(message: ChatMessage) -> str:
    """The text of a message, its parts joined; pictures and files are left out."""
    if isinstance(message.content, str):
        return message.content
    texts = [part.get("text") for part in message.content if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def last_text(request: ChatRequest, role: Role) -> str:
    """The text of the last message of that role, empty when there is none."""
    for message in reversed(request.messages):
        if message.role == role:
            return text_of(message)
    return ""


def since_user(request: ChatRequest) -> tuple[ChatMessage, ...]:
    """The messages after the last one of a user: what the answer under way has come to so far."""
    for index in range(len(request.messages) - 1, -1, -1):
        if request.messages[index].role == "user":
            return request.messages[index + 1 :]
    return request.messages
