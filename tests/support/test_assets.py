"""Package data served with a version, ETags and gzip."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway import StaticAssets

SCRIPT = b"// a remark\nlet version = 'VERSION';\n" * 20


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a script, an icon and a file that is not for browsers."""
    static = tmp_path / "package_with_assets" / "static"
    static.mkdir(parents=True)
    (static.parent / "__init__.py").touch()
    (static / "app.js").write_bytes(SCRIPT)
    (static / "icon.png").write_bytes(b"\x89PNG")
    (static / "notes.txt").write_bytes(b"private")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "package_with_assets"
    sys.modules.pop("package_with_assets", None)


def get(**headers: str) -> web.Request:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", headers=fields)


def test_the_current_version_is_kept_for_a_year(package: str) -> None:
    """An old one, which gets the current file, is not kept under its address."""
    assets = StaticAssets(package)
    assert assets.names == ("app.js", "icon.png")
    current = assets.serve(get(), "app.js", version=assets.version)
    assert current.body == SCRIPT
    assert current.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert current.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert current.headers["X-Content-Type-Options"] == "nosniff"
    assert current.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    old = assets.serve(get(), "app.js", version="before")
    assert (old.body, old.headers["Cache-Control"]) == (SCRIPT, "no-store")
    loader = assets.serve(get(), "app.js", max_age=300)
    assert loader.headers["Cache-Control"] == "public, max-age=300"


def test_a_file_that_is_not_served_is_a_key_error(package: str) -> None:
    """Also one of the folder whose type is not for browsers."""
    assets = StaticAssets(package)
    for name in ("notes.txt", "../__init__.py", ""):
        with pytest.raises(KeyError):
            assets.serve(get(), name)


def test_texts_are_compressed_for_those_who_ask(package: str) -> None:
    """Images are not: they would not get smaller."""
    assets = StaticAssets(package)
    packed = assets.serve(get(Accept_Encoding="br, gzip"), "app.js")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert isinstance(packed.body, bytes)
    assert gzip.decompress(packed.body) == SCRIPT
    image = assets.serve(get(Accept_Encoding="gzip"), "icon.png")
    assert image.body == b"\x89PNG"
    assert "Content-Encoding" not in image.headers


def test_a_browser_that_has_the_file_gets_304(package: str) -> None:
    """With the tag of other bytes it gets the file."""
    assets = StaticAssets(package)
    tag = assets.serve(get(), "app.js").headers["ETag"]
    assert assets.serve(get(If_None_Match=tag), "app.js").status == 304
    assert assets.serve(get(If_None_Match='"other"'), "app.js").status == 200


def test_the_version_changes_with_any_file(package: str, tmp_path: Path) -> None:
    """The same files give the same version."""
    before = StaticAssets(package).version
    assert StaticAssets(package).version == before
    (tmp_path / package / "static" / "icon.png").write_bytes(b"\x89PNG2")
    assert StaticAssets(package).version != before


def test_files_can_be_transformed(package: str) -> None:
    """Told the name, the bytes and the version; own headers are added."""

    def fill(name: str, body: bytes, version: str) -> bytes:
        return body.replace(b"VERSION", version.encode()) if name == "app.js" else body

    assets = StaticAssets(package, transform=fill, headers={"Access-Control-Allow-Origin": "*"})
    served = assets.serve(get(), "app.js")
    assert isinstance(served.body, bytes)
    assert assets.version.encode() in served.body
    assert served.headers["Access-Control-Allow-Origin"] == "*"
