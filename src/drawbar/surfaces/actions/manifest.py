"""/.well-known/ai-plugin.json, answered without a key."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from drawbar.surfaces.actions.door import manifest_of
from drawbar.surfaces.dependencies import Have

router = APIRouter(tags=["actions"])


@router.get("/.well-known/ai-plugin.json")
async def plugin_manifest(have: Have, request: Request) -> Response:
    """Where a plugin's client finds the document of the functions, and how it shows who it is."""
    return Response(manifest_of(have.settings, request.scope), media_type="application/json")
