# Sourced by ./dashget and scripts/test: find a Python that can make an environment.
#
# find_python NAME sets $python to the real path of the first that is 3.11 or newer, has
# venv, and has pip or ensurepip unless uv is here, or says in NAME's name what is wrong
# and returns 1. The real path matters: an environment that points at /usr/bin/python3 breaks silently when that
# becomes a newer Python, one that points at python3.11 is seen to be gone. Candidates are
# run, because a name in PATH may be a shim (pyenv) or a stub (macOS, Windows) behind
# which there is no Python.

# Readable by Python 2 as well, which lacks -I; -Es leaves out PYTHONPATH and the user's own
# modules, and then the current directory goes: a directory named venv in it is not the module.
probe='
import sys
sys.path = [entry for entry in sys.path if entry]
version = "%d.%d" % sys.version_info[:2]
if sys.version_info < (3, 11):
    print("old " + version)
else:
    import importlib.util, os
    venv, *pips = map(importlib.util.find_spec, ("venv", "ensurepip", "pip"))
    kind = "good " if any(pips) else "lone " + version + " "
    print(kind + os.path.realpath(sys.executable) if venv else "bare " + version)
'

find_python() {
    name=$1
    old='' bare=''
    if [ -n "${DASHGET_PYTHON:-}" ]; then
        set -- "$DASHGET_PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3 python3.14 python
    fi
    for candidate; do
        command -v -- "$candidate" >/dev/null 2>&1 || continue
        answer=$("$candidate" -Es -c "$probe" 2>/dev/null </dev/null) || continue
        case $answer in
            'good '*) python=${answer#good } && return 0 ;;
            'lone '*)
                answer=${answer#lone }
                command -v uv >/dev/null 2>&1 && python=${answer#* } && return 0
                bare=${bare:-${answer%% *}}
                ;;
            'bare '*) bare=${bare:-${answer#bare }} ;;
            'old '*) old=${old:-${answer#old }} ;;
        esac
    done
    if [ -n "$bare" ]; then
        echo "$name: Python $bare is here without venv, or without pip and ensurepip, which the installation needs"
        echo "hint: on Debian and Ubuntu, install python3-venv (or python$bare-venv); elsewhere, pip or uv"
    elif [ -n "$old" ]; then
        echo "$name: Python $old is too old: DashGet needs 3.11 or newer"
        echo "hint: install a newer Python, or name one with DASHGET_PYTHON=/path/to/python"
    elif [ -n "${DASHGET_PYTHON:-}" ]; then
        echo "$name: DASHGET_PYTHON is not a Python that runs: $DASHGET_PYTHON"
        echo "hint: it is the path or the name of a Python 3.11 or newer"
    else
        echo "$name: no Python found: DashGet needs 3.11 or newer"
        echo "hint: install Python, or name one with DASHGET_PYTHON=/path/to/python"
    fi >&2
    return 1
}
