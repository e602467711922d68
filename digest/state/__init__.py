"""The whole state of a store as a folder of text files: what a run on another machine goes on from.

    editions/<newsletter>/<number>-<date>.json   snapshots, without reasons that tell of a person
    dumps.jsonl       a line a dump: what it was, and which papers it listed; no bytes of it
    seen.jsonl        a line a paper: what finds it again
    pending.jsonl     the log of changes that no edition covers yet
    marks.json        where newsletters stand; sha256 of the editions
    fetches.json      what sources remember, how their last fetches went
    subscriptions.jsonl suppressions.jsonl ledger.jsonl     who reads and what went to them, by keyed hashes
    receipts.jsonl    a line a run

Lines may come twice, in any order, in an old and a new version, as a union merge leaves them. What is damaged is left
out and said. May import protocols, models, text, links and the ground.

    folder        files and their lines
    snapshots     editions as files, and the papers in them
    seen          papers as lines
    records       dumps, changes, fetches, receipts as lines
    marks         where newsletters stand
    people        subscriptions and the ledger as lines
    keeper        all of it: export and import
    reading       what an import makes of a folder
    checkpoint    a command at the points of no return
    keys          the secret that hashes are keyed with
"""
