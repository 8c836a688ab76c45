"""Pages that a plugin shows within the web desk, under the desk's session and rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import msgspec

from gateway.model import Agent, Value

if TYPE_CHECKING:
    from gateway.ports.services import Services

DeskRight = Literal["work", "see_all", "reassign", "read_audit", "manage"]
"""``work``: every agent; ``see_all`` and ``reassign``: leads and admins; ``read_audit`` and
``manage``: admins."""


class DeskPageRequest(Value, frozen=True, kw_only=True):
    """One request for a page, by a person who is signed in and has the page's right."""

    agent: Agent
    rights: frozenset[DeskRight]
    path: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The variables of the page's path."""
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The first value of each parameter."""
    form: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """The fields of a submitted form, all values of each. Empty when a page is only shown."""
    csrf: str = ""
    """Every form of a page needs it as the hidden field ``csrf``."""

    def value(self, name: str) -> str:
        """The first value of the form's field ``name``; empty when there is none."""
        return next(iter(self.form.get(name, ())), "")


class DeskPageResult(Value, frozen=True, kw_only=True):
    """What a page answers: ``html`` within the desk's frame, a file, or the way to another page.

    The desk's content security policy allows no inline scripts and no inline styles (no ``style``
    attributes either): name files of your own in ``styles`` and ``scripts``.
    """

    title: str = ""
    html: str = ""
    """The content below the desk's header. Escape all that is not yours."""
    status: int = 200
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    """URLs of this server. Scripts are loaded as ES modules."""
    redirect: str | None = None
    """A path of this server; nothing else is sent then."""
    file: bytes | None = None
    """Sent in place of ``html``, to be saved as ``file_name``."""
    file_name: str = ""
    media_type: str = "application/octet-stream"


class DeskPage(Protocol):
    """A page of the desk."""

    @property
    def path(self) -> str:
        """Below ``/desk/``, with aiohttp's variables: ``/desk/report/{table}.csv``."""
        ...

    @property
    def title(self) -> str:
        """Its name in the desk's menu; empty: it is not in the menu."""
        ...

    @property
    def right(self) -> DeskRight: ...

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        """Answer a GET. Raises NotFound for a path whose variables name nothing."""
        ...


@runtime_checkable
class DeskForm(Protocol):
    """A `DeskPage` with forms, which post to the page's own path."""

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Answer a POST whose form came from a page of ours: see `DeskPageRequest.csrf`. Usually
        a redirect."""
        ...


class DeskPageProvider(Protocol):
    """Makes the desk's pages of a plugin."""

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        """Called once at start-up, when the desk is configured."""
        ...
