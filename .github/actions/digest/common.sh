# shellcheck shell=bash disable=SC2034 # the variables are for those that source it
# What the steps share; sourced. Everything of a job lies in one folder, which the runner empties before the next job:
#
#   venv/     the program            state/    the state branch, checked out; merge/ is where it is merged
#   pages/    what is published      store.db  made anew from the state by every run
#   receipt.json, words.txt          what the run said
#   first, dry, kept, overtaken       marks: there was no branch; a dry run; the state is pushed; another run was faster
set -euo pipefail

work="${RUNNER_TEMP:?is set by the runner}/digest"
state="$work/state"
remote="${GITHUB_SERVER_URL:?is set by the runner}/${GITHUB_REPOSITORY:?is set by the runner}.git"
branch="${DIGEST_STATE_BRANCH:-state}"
mkdir -p "$work"

say() { echo "digest: $*" >&2; }

# A line that GitHub shows with the run. What a command of the log would be is written as text.
warn() {
    local text="${*//%/%25}"
    text="${text//$'\r'/%0D}"
    echo "::warning title=digest::${text//$'\n'/%0A}"
}

fail() {
    say "$*"
    exit 1
}

# The token goes to git by the environment: no command line, no file has it.
authorise() {
    export GIT_TERMINAL_PROMPT=0
    if [ -n "${DIGEST_TOKEN:-}" ]; then
        local coded number="${GIT_CONFIG_COUNT:-0}"
        coded=$(printf 'x-access-token:%s' "$DIGEST_TOKEN" | base64 | tr -d '\n')
        echo "::add-mask::$coded"
        export "GIT_CONFIG_KEY_$number=http.$GITHUB_SERVER_URL/.extraheader"
        export "GIT_CONFIG_VALUE_$number=AUTHORIZATION: basic $coded"
        export GIT_CONFIG_COUNT=$((number + 1))
    fi
    unset DIGEST_TOKEN
}

# Seconds before try 2, 3 ... of a network that failed: 1, 2, 4 ... times the unit, and up to half of it more.
pause() {
    local unit="${DIGEST_PAUSE_MS:-1000}"
    local ms=$((unit << ($1 - 1)))
    ms=$((ms + RANDOM % (ms / 2 + 1)))
    sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
}

# An empty repository whose commits are the bot's; settings and hooks of the machine have no say in it.
new_repository() {
    rm -rf "$1"
    git init --quiet --initial-branch="$2" "$1"
    git -C "$1" config user.name "github-actions[bot]"
    git -C "$1" config user.email "41898282+github-actions[bot]@users.noreply.github.com"
    git -C "$1" config commit.gpgSign false
    git -C "$1" config core.autocrlf false
    git -C "$1" config core.excludesFile /dev/null
    git -C "$1" config core.hooksPath /dev/null
    git -C "$1" config gc.auto 0
    git -C "$1" remote add origin "$remote"
}
