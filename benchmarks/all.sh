#!/bin/sh
# Print the tables of docs/benchmarks.md, in its order, to standard output; what is under way
# goes to standard error. Needs root and /dev/net/tun for the links. All of it takes about an
# hour and a half; ROUNDS and LINK_ROUNDS shorten it, and SCALE=0.01 tries everything out.
#     sudo benchmarks/all.sh >tables.md
# PYTHON runs the scripts (with yt-dlp and py-spy beside it, if they are to take part),
# OTHERS is a Python with streamlink and mpegdash, WORKDIR a memory file system.
set -eu
unset PYTHONDONTWRITEBYTECODE

here=$(CDPATH='' cd -P -- "$(dirname -- "$0")" && pwd -P)
python=${PYTHON:-python3}
others=${OTHERS:-$python}
workdir=${WORKDIR:-/dev/shm}
rounds=${ROUNDS:-5}
link_rounds=${LINK_ROUNDS:-3}
scale=${SCALE:-1}

"$here/../dashget" --version >&2 # sets the launcher's environment up, if it is not there yet

# yt-dlp takes most of the time, so that it takes part only once.
"$python" "$here/mirror.py" --workdir "$workdir" --rounds "$rounds" --scale "$scale" --protocol http
for protocol in https http2; do
    "$python" "$here/mirror.py" --workdir "$workdir" --rounds "$rounds" --scale "$scale" \
        --protocol "$protocol" --only dashget,curl,aria2c,wget2
done

if [ "$(id -u)" = 0 ] && [ -c /dev/net/tun ]; then
    printf '\n## The emulator itself\n\n'
    "$python" "$here/emulation.py" --check || echo 'links: the check failed' >&2
    seconds=$(awk "BEGIN { print 12 * $scale < 1 ? 1 : 12 * $scale }")
    "$python" "$here/links.py" --workdir "$workdir" --rounds "$link_rounds" --seconds "$seconds"
else
    echo 'links: left out, they need root and /dev/net/tun' >&2
fi

"$python" "$here/profile_mirror.py" --workdir "$workdir" --scale "$scale"

printf '\n## Planning\n\n'
"$python" "$here/plan.py" --workdir "$workdir" --others "$others" --rounds "$link_rounds"
printf '\n## Running again\n\n'
"$python" "$here/resume.py" --workdir "$workdir"
