#!/bin/bash
# Writes the job summary and the outputs, also of a run that failed.
# shellcheck source=.github/actions/digest/common.sh
. "$(dirname "$0")/common.sh"

python="$work/venv/bin/python"
[ -x "$python" ] || python="${DIGEST_PYTHON:-python3}"
exec "$python" "$(dirname "$0")/summary.py" "$work"
