from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import c2pa
import numpy as np
import pytest
from PIL import Image

from assay import images
from assay.metadata import Fact, blocks, content_credentials
from assay.records import Photo, Pixels
from tests.scenes import scene
from tests.signing import MANIFEST, root, signed

NAME = "content credentials"
JPEG = images.encode_jpeg(scene(), 90)
PLAIN = {"image/jpeg": JPEG, "image/png": images.encode_png(scene())}


@pytest.fixture(scope="module")
def credentials() -> bytes:
    return signed(JPEG, "image/jpeg")


@pytest.fixture
def requests() -> Iterator[tuple[str, list[str]]]:
    """The address of a server and the paths that it was asked for."""
    paths: list[str] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def read(data: bytes, anchors: str = "") -> tuple[Fact, ...]:
    photo = images.decode(data)
    return content_credentials.read(data, photo.format, photo.pixels, anchors)


def replaced_pixels(data: bytes, pixels: Pixels) -> bytes:
    """The credentials of ``data``, a signed `JPEG`, in front of another picture."""
    tables = b"\xff\xdb\0\x43\0"
    own, other = JPEG[JPEG.index(tables) :], images.encode_jpeg(pixels, 90)
    return data.removesuffix(own) + other[other.index(tables) :]


@pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_manifest_is_found_in_every_container(container: str) -> None:
    plain = io.BytesIO()
    Image.fromarray(scene()).save(plain, container)
    data = signed(plain.getvalue(), f"image/{container.lower()}")
    assert blocks.read(data, container).has_manifest
    assert not blocks.read(plain.getvalue(), container).has_manifest
    assert read(data)[0] == (NAME, "signature valid, signer not on a trust list")


@pytest.mark.parametrize(("mime_type", "plain"), PLAIN.items(), ids=PLAIN)
def test_signature_that_holds_is_valid_but_not_trusted(mime_type: str, plain: bytes) -> None:
    assert read(signed(plain, mime_type)) == (
        (NAME, "signature valid, signer not on a trust list"),
        ("signed by", "Harbour Signer, Harbour Office"),
        ("signed at", ""),
        ("claim generator", "Dreamer 3"),
        (
            "claimed action",
            "c2pa.created by Dreamer 3: trainedAlgorithmicMedia (made by generative AI)",
        ),
        ("claimed action", "c2pa.edited"),
    )


def test_signer_below_a_given_anchor_is_trusted(credentials: bytes) -> None:
    assert read(credentials, root())[0] == (NAME, "valid, signer on a trust list")


def test_pixels_changed_after_signing_are_told(credentials: bytes) -> None:
    changed = bytearray(credentials)
    changed[-200] ^= 1
    assert read(bytes(changed))[0] == (NAME, "invalid: the file was changed after signing")
    assert read(bytes(changed), root())[0] == (NAME, "invalid: the file was changed after signing")


def test_other_picture_below_the_credentials_differs_from_their_thumbnail(
    credentials: bytes,
) -> None:
    facts = read(replaced_pixels(credentials, 255 - scene()))
    assert facts[0] == (NAME, "invalid: the file was changed after signing")
    assert facts[-1][0] == "signed thumbnail"
    assert facts[-1][1].startswith("differs from the image")


def test_claim_changed_after_signing_is_told(credentials: bytes) -> None:
    changed = credentials.replace(b"trainedAlgorithmicMedia", b"trainedAlgorithmicMedix")
    assert read(changed)[0] == (NAME, "invalid: a claim was changed after signing")


def test_signer_changed_is_no_valid_signature(credentials: bytes) -> None:
    changed = credentials.replace(b"Harbour Signer", b"Harbour Singer")
    assert read(changed)[0][1].startswith(("invalid", "unreadable"))


def test_file_it_was_made_from_is_an_ingredient(credentials: bytes) -> None:
    manifest = MANIFEST | {"ingredients": [{"title": "first.jpg", "relationship": "inputTo"}]}
    assert ("ingredient", "first.jpg (inputTo)") in read(signed(JPEG, "image/jpeg", manifest))


@pytest.mark.parametrize("plain", PLAIN.values(), ids=PLAIN)
def test_file_without_credentials_has_none(plain: bytes) -> None:
    assert read(plain) == ()


def test_format_without_credentials_has_none() -> None:
    assert content_credentials.read(b"BM jumb", "BMP", scene()) == ()


def test_mention_of_the_box_is_no_manifest() -> None:
    assert read(JPEG + b"jumb") == ()


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6])
def test_truncated_manifest_is_unreadable(credentials: bytes, kept: float) -> None:
    cut = credentials[: int(len(credentials) * kept)]
    facts = content_credentials.read(cut, "JPEG", scene())
    assert facts == ((NAME, "unreadable"),)


def test_nothing_is_fetched(requests: tuple[str, list[str]]) -> None:
    url, paths = requests
    elsewhere = signed(JPEG, "image/jpeg", url=f"{url}/manifest") + b"jumb"
    assert read(elsewhere) in ((), ((NAME, "unreadable"),))
    assert paths == []
    with pytest.raises(c2pa.C2paError):  # the library by itself does ask
        c2pa.Reader("image/jpeg", io.BytesIO(elsewhere))
    assert paths == ["/manifest"]


def test_damage_never_raises(credentials: bytes) -> None:
    rng = np.random.default_rng(0)
    photo = Photo(credentials, scene(), "JPEG")
    for _ in range(60):
        damaged = np.frombuffer(credentials, np.uint8).copy()
        damaged[rng.integers(0, len(damaged), 3)] = rng.integers(0, 256, 3)
        facts = content_credentials.read(damaged.tobytes(), photo.format, photo.pixels)
        assert all(isinstance(text, str) for fact in facts for text in fact)
