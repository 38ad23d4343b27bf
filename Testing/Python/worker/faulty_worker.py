"""A worker with a fault, ``faulty_worker.py FAULT ...``, of a kind that ours is not to have."""

from __future__ import annotations

import json
import os
import sys
import time

FAULT = sys.argv[1]


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


protocol = 99 if FAULT == "other protocol" else 1
if FAULT == "no start":
    sys.exit("ModuleNotFoundError: No module named 'SlicerLDMRegLib'")
say(type="ready", protocol=protocol, version="9.9", python="3", pid=os.getpid())
pings: list[str] = []
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "quit":
        break
    if message["type"] == "cancel" and FAULT == "contrary":
        say(type="error", id=message["id"], kind="InputError", text="no such file", detail="")
    if message["type"] == "ping" and FAULT == "late answers":
        pings.append(message["id"])
        if len(pings) == 2:
            say(type="pong", id=pings[0], busy="old", models=[], mib=0)
            time.sleep(0.5)
            say(type="pong", id=pings[1], busy="new", models=[], mib=0)
    if message["type"] != "run":
        continue
    if FAULT == "half a line":
        print("last words", file=sys.stderr, flush=True)
        print('{"type": "done", "id": "jo', end="", flush=True)
        os._exit(7)
    if FAULT == "no files":
        say(type="done", id=message["id"])
    if FAULT == "flood":
        for number in range(3000):
            say(type="progress", id=message["id"], stage="flood", fraction=0.5, message="x" * 500)
            say(type="log", level="info", text=f"{number}")
        say(type="error", id=message["id"], kind="InputError", text="ünï" * 100_000, detail="")
    if FAULT == "hasty":
        say(type="progress", id=message["id"], stage="hurry", fraction=0.5, message="")
        say(type="error", id=message["id"], kind="InputError", text="too late", detail="")
    if FAULT == "gibberish":
        print('{"type": "log", "level": ' + '{"a": ' * 700 + "1" + "}" * 700 + "}", flush=True)
        print('{"type": "log", "level": {"$dict": 5}}', flush=True)
        say(type="done", id=[message["id"]])
        say(type="dance", id=message["id"])
        say(type="progress", id=message["id"], stage="read", fraction="half", message="")
        say(type="progress", id=message["id"])
        say(type="log", level=5, text="a level of its own")
        say(type="pong", id={"a": 1})
        say(type="ready", pid="one")
        say(type="error", id=message["id"], kind="InputError", text="the end", detail="")
    if FAULT == "deaf":  # to everything but the end of its input
        sys.stdin.read()
