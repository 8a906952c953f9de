"""DashGet mirrors MPEG-DASH presentations exactly.

::

    import dashget

    loaded = dashget.load("https://example.com/show/manifest.mpd")
    for planned in dashget.plan(loaded):
        print(planned.segment.url, planned.path)

    summary = dashget.mirror("https://example.com/show/manifest.mpd")
    assert summary.complete

``load``, ``plan``, ``mirror`` and ``verify`` do what the commands do. Everything raised on
purpose is a ``DashGetError``. The names in ``__all__`` are the public interface.
"""

from __future__ import annotations

from dashget.version import __version__ as __version__

TYPE_CHECKING = False
"""As in ``typing``, which takes ten times as long to load as all of this."""
if TYPE_CHECKING:
    from dashget import aio as aio
    from dashget._public import *  # noqa: F403  # the public names, with their types
else:
    from dashget._public import HOME_OF

    __all__ = sorted((*HOME_OF, "__version__"))

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used: start-up time is part of the interface."""
        import importlib

        if name == "aio":
            return importlib.import_module("dashget.aio")
        home = HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module 'dashget' has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return __all__.copy()
