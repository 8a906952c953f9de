"""Start DashGet from its checkout, for ``./dashget``: what an installed ``dashget`` does, sooner.

Run as ``.venv/bin/python -IS scripts/start.py``: isolated, so that neither the current directory
nor PYTHONPATH has modules to load, and without ``site``, which would look through the environment
for what this does in two lines.
"""

import sys

try:
    _ROOT = __file__.rpartition("/scripts/")[0]
    _ENVIRONMENT = sys.executable.rpartition("/bin/")[0]

    sys.path.append(f"{_ROOT}/src")
    sys.path.append("{}/lib/python{}.{}/site-packages".format(_ENVIRONMENT, *sys.version_info[:2]))

    sys.argv[0] = f"{_ROOT}/dashget"
    from dashget.cli import main
except KeyboardInterrupt:
    import _signal  # type: ignore[import-not-found]  # signal loads too much here

    # As whatever answers Ctrl-C from here on.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.raise_signal(_signal.SIGINT)
    sys.exit(130)

main()
