#!/bin/bash
# An empty commit on the default branch where that had none for 45 days. Failing is a warning: the newsletter is out.
# shellcheck source=.github/actions/digest/common.sh
. "$(dirname "$0")/common.sh"

days=45
default="${DIGEST_DEFAULT_BRANCH:-}"
own="$work/keepalive"

if [ -z "$default" ]; then
    warn "keep-alive: this event does not say which branch is the default one; nothing was done"
    exit 0
fi
authorise
new_repository "$own" "keepalive"
if ! git -C "$own" fetch --quiet --depth=1 origin "+refs/heads/$default:refs/remotes/origin/$default"; then
    warn "keep-alive: branch $default cannot be read; the next run tries again"
    exit 0
fi
last=$(git -C "$own" log -1 --format=%ct "refs/remotes/origin/$default")
age=$((($(date +%s) - last) / 86400))
if [ "$age" -lt "$days" ]; then
    say "keep-alive: the last commit on $default is $age days old"
    exit 0
fi
new=$(git -C "$own" commit-tree "refs/remotes/origin/$default^{tree}" -p "refs/remotes/origin/$default" \
    -m "Keep the schedule alive

GitHub ends schedules after 60 days without activity; this commit changes nothing.")
if git -C "$own" push --quiet origin "$new:refs/heads/$default"; then
    say "keep-alive: an empty commit on $default, since the last one is $age days old"
else
    warn "keep-alive: $default takes no commit from this workflow; push one yourself before it is 60 days without any"
fi
