"""The sandbox: what there is to try, and the test images."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import ConfigDict

from bento import sandbox
from bento.api import errors
from bento.api.detections import Here
from bento.api.schemas import Shape
from bento.sandbox_images import MEDIA_TYPE, TestImage, encoded

router = APIRouter(prefix="/v1/sandbox", tags=["sandbox"])

GUIDE = (
    "With a sandbox key (`python -m assay keys create --sandbox`) nothing is kept and no model is "
    "asked. `GET /v1/sandbox` lists test images that give each verdict, and the errors that an "
    "image can cause; every error is asked for by `external_id`, as in `error:overloaded`. Any "
    "other image gets a verdict that its digest determines. Identifiers begin with `test_`."
)


class SandboxImage(Shape):
    """A test image and what it is answered with."""

    name: TestImage
    """Of the file."""
    url: str
    """Where it is."""
    gives: str
    """A label, ``review``, or the code of an error."""
    status: int
    """Of the answer."""


class SandboxError(Shape):
    """An error and how it is asked for."""

    code: str
    """As `code` in its body."""
    status: int
    """Of the answer."""
    external_id: str
    """What to send to get it."""


class SandboxList(Shape):
    """Everything that a sandbox key can try."""

    images: list[SandboxImage]
    """To be sent as they are."""
    errors: list[SandboxError]
    """To be asked for by `external_id`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "images": [
                    {
                        "name": "manipulated",
                        "url": "https://assay.example/v1/sandbox/manipulated.png",
                        "gives": "manipulated",
                        "status": 200,
                    }
                ],
                "errors": [
                    {"code": "overloaded", "status": 429, "external_id": "error:overloaded"}
                ],
            }
        }
    )


@router.get("", summary="What a sandbox key can try")
def list_sandbox(here: Here) -> SandboxList:
    """Test images with their addresses, and the errors that can be asked for; needs no key."""
    base = here.settings.public_url
    return SandboxList(
        images=[
            SandboxImage(
                name=which,
                url=f"{base}/v1/sandbox/{which}.png",
                gives=sandbox.gives(which),
                status=200 if which.is_verdict else _status(sandbox.gives(which)),
            )
            for which in TestImage
        ],
        errors=[
            SandboxError(
                code=code, status=_status(code), external_id=f"{sandbox.ERROR_PREFIX}{code}"
            )
            for code in sandbox.ERRORS
        ],
    )


@router.get(
    "/{name}.png",
    summary="A test image",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}}},
)
def get_test_image(name: Annotated[TestImage, Path(description="Of the image.")]) -> Response:
    """The PNG; needs no key, so that it can be fetched by address too."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(encoded(name), media_type=MEDIA_TYPE, headers=headers)


def _status(code: str) -> int:
    return errors.status_of(sandbox.ERRORS[code]())
