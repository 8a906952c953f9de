"""The session: what several calls share, and the presentations that were opened in it.

The road of a call, in order: ``Session`` checks the options and makes the engine; ``open`` has
``manifest`` fetch and resolve the document, and gives a ``Loaded``; ``plan`` lists its segments;
``mirror`` gives it to a ``MirrorJob``, which claims the place, keeps the manifest, lets
``mirroring`` fetch the files, and sums up; ``verify`` goes to ``verification``, ``mux`` to the
package of that name. The functions of ``api`` and the commands do nothing but make a session and
call it.

Words: a *session* is options, engine, cookies and connections; a *loaded* presentation is a
manifest that was fetched, parsed and resolved; a *stream* is the events of a run as an iterator.
"""

from dashget.session.session import Loaded, Session

__all__ = ["Loaded", "Session"]
