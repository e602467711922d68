#!/bin/bash
# Brings the state branch into a folder; an empty folder where there is none yet.
# shellcheck source=.github/actions/digest/common.sh
. "$(dirname "$0")/common.sh"

authorise
git check-ref-format --branch "$branch" >/dev/null 2>&1 || fail "'$branch' is no name for a branch"
rm -rf "$work/merge"
new_repository "$state" "$branch"
rm -f "$work/first"

# 0: it is there; 2: it is not; else nobody knows, and a run without its state would announce everything again.
for try in 1 2 3 4; do
    status=0
    git -C "$state" ls-remote --exit-code origin "refs/heads/$branch" >/dev/null || status=$?
    if [ "$status" = 0 ]; then
        git -C "$state" fetch --quiet --depth=1 origin "+refs/heads/$branch:refs/remotes/origin/$branch" || status=$?
    fi
    case $status in
        0)
            git -C "$state" checkout --quiet -B "$branch" "refs/remotes/origin/$branch"
            say "state: branch $branch of $(git -C "$state" log -1 --format=%cI)"
            exit 0
            ;;
        2)
            : >"$work/first"
            say "state: there is no branch $branch; this is a first run, which makes it"
            exit 0
            ;;
    esac
    [ "$try" = 4 ] || pause "$try"
done
fail "the state cannot be read from branch $branch; nothing was done. The next start tries again"
