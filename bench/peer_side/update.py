"""Lets reader update a feed from files, one after the other, in its own environment: `update.py FOLDER DATABASE`.

Each file of the folder is what the feed holds at one time, in the order of their names. Prints wall and CPU seconds of
the updates alone, and how many entries there are then.
"""

import json
import shutil
import sys
import time
from pathlib import Path

from reader import make_reader

folder, database = map(Path, sys.argv[1:])
feed = database.with_suffix(".xml")
reader = make_reader(str(database), feed_root="")
reader.add_feed(str(feed))
wall = cpu = 0.0
for state in sorted(folder.iterdir()):
    shutil.copyfile(state, feed)
    began = time.perf_counter(), time.process_time()
    reader.update_feeds(scheduled=False)
    wall, cpu = wall + time.perf_counter() - began[0], cpu + time.process_time() - began[1]
entries = reader.get_entry_counts().total
reader.close()
print(json.dumps([wall, cpu, entries]))
