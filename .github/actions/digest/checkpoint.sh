#!/bin/bash
# Pushes the state at a point of no return; `digest run` calls it, and mails nothing beyond it if it fails.
#
#   published   the edition is in the state, nothing was mailed. A push is a compare-and-set: if another run was faster,
#               this one's edition was seen by nobody, and is thrown away.
#   in-flight   the next mails are in the ledger, the final dot of none of them is out. What another run pushed
#               meanwhile is merged, unless it has taken one of the same mails.
#   done        results. Merged with what others pushed, and pushed until that succeeds.
#
# The folder of the state stays on this run's own line of commits, since the next export writes it whole: what is
# merged with others is made in a folder beside it.
# shellcheck source=.github/actions/digest/common.sh
. "$(dirname "$0")/common.sh"

stage="${1:?published, in-flight or done}"
theirs="refs/remotes/origin/$branch"
tries=6
# A sender waits for this one, and gives up after 45 seconds.
[ "$stage" != in-flight ] || tries=3
# What hangs is broken off: less than 1 kB/s for 10 seconds.
export GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=10

in_state() { git -C "$state" "$@"; }

commit() {
    in_state add --all
    if ! in_state rev-parse --quiet --verify HEAD >/dev/null || ! in_state diff --cached --quiet; then
        in_state commit --quiet --message "$stage: run ${GITHUB_RUN_ID:-0}, try ${GITHUB_RUN_ATTEMPT:-1}"
    fi
}

# Whether the branch is where `$1` is, or could be moved there: sets `moved` if somebody else moved it.
push() {
    moved=
    in_state push --quiet origin "$1:refs/heads/$branch" 2>"$work/push.txt" && return 0
    in_state fetch --quiet origin "+refs/heads/$branch:$theirs" 2>>"$work/push.txt" || return 1
    # A connection that broke after the server had it all is no failure.
    [ "$(in_state rev-parse "$theirs")" = "$(in_state rev-parse "$1")" ] && return 0
    in_state merge-base --is-ancestor "$theirs" "$1" || moved=yes
    return 1
}

# Merges their branch with this run's line, and prints the commit. Lines are united by .gitattributes; elsewhere theirs
# is the younger, since it began with what this run had published.
merge() {
    local folder="$work/merge" path
    [ -d "$folder" ] || in_state worktree add --quiet --force --detach "$folder" "$theirs"
    git -C "$folder" checkout --quiet --force --detach "$theirs"
    if ! git -C "$folder" merge --quiet --no-edit --allow-unrelated-histories -X ours \
        -m "$stage: run ${GITHUB_RUN_ID:-0} and another" "$1" >&2; then
        git -C "$folder" diff --name-only --diff-filter=U -z | while IFS= read -r -d '' path; do
            git -C "$folder" checkout --quiet --ours -- "$path" 2>/dev/null || git -C "$folder" rm --quiet -- "$path"
        done
        git -C "$folder" add --all
        git -C "$folder" commit --quiet --no-edit
    fi
    git -C "$folder" rev-parse HEAD
}

overtaken() {
    : >"$work/overtaken"
    fail "another run was faster: $*"
}

commit
own=$(in_state rev-parse HEAD)
target=$own
for ((try = 1; try <= tries; try++)); do
    if push "$target"; then
        : >"$work/kept"
        exit 0
    fi
    if [ -n "$moved" ]; then
        case $stage in
            published) overtaken "it pushed to $branch before this one did" ;;
            in-flight)
                "$work/venv/bin/python" "$(dirname "$0")/taken.py" "$state" "$own" "$theirs" ||
                    overtaken "it takes the same mails to the same readers"
                ;;
        esac
        target=$(merge "$own")
        # Once more at once; whoever loses twice waits.
        [ "$try" = 1 ] && continue
    fi
    [ "$try" = "$tries" ] || pause "$try"
done
cat "$work/push.txt" >&2
fail "$stage: branch $branch takes no push; does the job have \`permissions: contents: write\`?"
