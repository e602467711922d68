#!/bin/bash
# Installs the program from the checkout that this action is part of: its version is the ref in `uses:`.
# shellcheck source=.github/actions/digest/common.sh
. "$(dirname "$0")/common.sh"

root=$(cd "${GITHUB_ACTION_PATH:?is set by the runner}/../../.." && pwd)
python="${DIGEST_PYTHON:-python3}"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is no Python 3.11 or newer; name one by the input 'python', or put actions/setup-python before this"
"$python" -m venv "$work/venv"

pip=("$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$root/constraints.txt")
"${pip[@]}" hatchling
"${pip[@]}" --no-build-isolation "$root"
"$work/venv/bin/digest" --version
