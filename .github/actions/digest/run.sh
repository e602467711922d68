#!/bin/bash
# Runs the newsletter from the restored state. Where another run was faster, and nothing of this one was seen by
# anybody, it begins anew from what that one left.
# shellcheck source=.github/actions/digest/common.sh
. "$(dirname "$0")/common.sh"

again=3
here=$(cd "$(dirname "$0")" && pwd)
config="${GITHUB_WORKSPACE:?is set by the runner}/${DIGEST_CONFIG:-digest.toml}"
digest="$work/venv/bin/digest"
receipt="$work/receipt.json"
words="$work/words.txt"

[ -z "${GIVEN_MAIL_USER:-}" ] || export DIGEST_MAIL_USER="$GIVEN_MAIL_USER"
[ -z "${GIVEN_MAIL_PASSWORD:-}" ] || export DIGEST_MAIL_PASSWORD="$GIVEN_MAIL_PASSWORD"
[ -z "${GIVEN_SECRET:-}" ] || export DIGEST_SECRET="$GIVEN_SECRET"
unset GIVEN_MAIL_USER GIVEN_MAIL_PASSWORD GIVEN_SECRET
# Nothing outlives the job but the branch: where store and pages lie is not for digest.toml to say.
export DIGEST__STORE="$work/store.db" DIGEST__OUTPUT="$work/pages" DIGEST_STATE_BRANCH="$branch"

# Standard output is the receipt; what is said on stderr is shown, and kept for the summary. Sources have a say in it:
# until the mark comes again, the runner takes no line for a command of a workflow.
told() {
    local mark
    status=0
    mark=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    rm -f "$receipt" "$words" "$work/store.db"* "$work/kept" "$work/overtaken"
    rm -rf "$work/pages"
    echo "::stop-commands::$mark"
    { "$digest" "$@" --config "$config" --json 2>&1 >&3 | tee "$words"; } 3>"$receipt" || status=$?
    echo "::$mark::"
}

if [ "${DIGEST_DRY_RUN:-}" = true ]; then
    export TMPDIR="$work"
    : >"$work/dry"
    told run --state "$state" --dry-run
    exit "$status"
fi

authorise
for ((try = 0; ; try++)); do
    told run --state "$state" --checkpoint "bash '$here/checkpoint.sh'" --mail-if-set
    [ -e "$work/overtaken" ] || exit "$status"
    # After that its edition is in the state, and the other run mails it: what this one could not, that one does.
    [ ! -e "$work/kept" ] || exit "$status"
    [ "$try" -lt "$again" ] || fail "another run was faster $((again + 1)) times; the next start tries again"
    say "once more, from what the other run left"
    bash "$here/restore.sh"
done
