"""DashGet mirrors MPEG-DASH presentations exactly.

::

    import dashget

    with dashget.Session(in_flight=8) as session:
        show = session.open("https://example.com/show/manifest.mpd")
        for planned in show.plan(video="best"):
            print(planned.segment.url, planned.path)
        show.mirror("show", video="best").raise_for_failures()

``load``, ``plan``, ``mirror`` and ``verify`` do one thing each without a session; ``dashget.aio``
has the same for asyncio. Everything raised on purpose is a ``DashGetError``. The names in
``__all__`` are the public interface; ``docs/guide/library.md`` is the guide to it.
"""

from __future__ import annotations

import sys

from dashget.version import __version__ as __version__

TYPE_CHECKING = False
"""As in ``typing``, which takes ten times as long to load as all of this."""
if TYPE_CHECKING:
    from dashget import aio as aio
    from dashget._public import *  # noqa: F403  # the public names, with their types
else:

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used: start-up time is part of the interface."""
        import importlib

        from dashget._public import HOME_OF

        if name == "__all__":
            return sorted((*HOME_OF, "__version__"))
        if name == "aio":
            return importlib.import_module("dashget.aio")
        home = HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module 'dashget' has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
        if isinstance(value, type) and _has_readers():
            from dashget.common.fielddocs import document_fields

            document_fields(value)
        globals()[name] = value
        return value

    def _has_readers() -> bool:
        """Return True if people may ask for help: in a shell, with ``-c``, or with pydoc."""
        main = getattr(sys.modules.get("__main__"), "__spec__", None)
        named = getattr(main, "name", None)
        asked = hasattr(sys, "ps1") or sys.argv[:1] == ["-c"]
        return asked or "pydoc" in sys.modules or named == "pydoc"

    def __dir__() -> list[str]:
        return __getattr__("__all__")
