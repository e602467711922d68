"""Lets reader update a feed from a file, in its own environment: `update.py FEED DATABASE`.

Prints wall and CPU seconds of the update alone, and how many entries there are then.
"""

import json
import sys
import time

from reader import make_reader

feed, database = sys.argv[1:]
reader = make_reader(database, feed_root="")
reader.add_feed(feed)
wall, cpu = time.perf_counter(), time.process_time()
reader.update_feeds()
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
entries = reader.get_entry_counts().total
reader.close()
print(json.dumps([wall, cpu, entries]))
