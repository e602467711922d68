"""Polls feeds with reader, in its own environment: `poll.py DATABASE FEED...`.

Each line of its input is the folder of a site, as it is today; it answers each with a line of JSON: what a person is
shown as new or changed by this poll, the links of all entries that are kept, what could not be read; each by feed.
"""

import json
import shutil
import sys
from pathlib import Path

from reader import make_reader

database, *feeds = sys.argv[1:]
site = Path(database).with_suffix("")
site.mkdir()
reader = make_reader(database, feed_root="")
shown: dict[str, list[str]] = {}
reader.after_entry_update_hooks.append(
    lambda _, entry, status: shown.setdefault(entry.feed_url, []).append(f"{status.value} {entry.id}")
)
paths = {str(site / name.replace("/", "-")): name for name in feeds}
for path in paths:
    reader.add_feed(path)
for line in sys.stdin:
    for path, name in paths.items():
        shutil.copyfile(Path(line.rstrip("\n")) / name, path)
    shown.clear()
    reader.update_feeds(scheduled=False)
    failed = {paths[feed.url]: str(feed.last_exception) for feed in reader.get_feeds() if feed.last_exception}
    kept = {name: [entry.link for entry in reader.get_entries(feed=path)] for path, name in paths.items()}
    said = {paths[path]: told for path, told in shown.items()}
    print(json.dumps({"shown": said, "kept": kept, "failed": failed}), flush=True)
reader.close()
