#!/usr/bin/env python3
"""Stands in for downpour_server and downpour_worker: does what $STAND_IN_FOLDER says, and notes how it was called.

The file `worker-1` there has a word for each time that worker/1 is started, the last one for all further times:
  done     trains a moment and ends with status 0            fail, wrong, left  ends with status 1, 2, 130
  crash    trains a moment and kills itself                  serve  until SIGTERM, then ends with status 0
  work     until SIGINT, then ends with status 130           stubborn  until it is killed
"""

import json
import os
import signal
import sys
import time

folder = os.environ["STAND_IN_FOLDER"]
flags = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
task = flags["task"].replace("/", "-")
earlier = len([name for name in os.listdir(folder) if name.startswith(f"{task}.start")])

words = ["serve" if task.startswith("server") else "done"]
if os.path.exists(os.path.join(folder, task)):
    with open(os.path.join(folder, task), encoding="utf-8") as file:
        words = file.read().split()
word = words[min(earlier, len(words) - 1)]


def end(status):
    os.write(1, f"ends as {word}\n".encode())  # a signal may come in the midst of a print
    os._exit(status)


def ignore(*_):
    pass


signal.signal(signal.SIGINT, ignore if word in ("stubborn", "serve") else lambda *_: end(130))
signal.signal(signal.SIGTERM, ignore if word == "stubborn" else lambda *_: end(0))

print(f"{task} begins", flush=True)
print("a word on stderr", file=sys.stderr, flush=True)
files = {}
for flag in ("cluster", "job"):
    if flag in flags:
        with open(flags[flag], encoding="utf-8") as file:
            files[flag] = file.read()
note = {"arguments": sys.argv[1:], "pid": os.getpid(), "folder": os.getcwd(), "files": files,
        "environment": sorted(name for name in os.environ if name.startswith("DOWNPOUR_"))}
unfinished = os.path.join(folder, f".{task}.{earlier}")
with open(unfinished, "w", encoding="utf-8") as file:
    json.dump(note, file)
os.rename(unfinished, os.path.join(folder, f"{task}.start{earlier}"))

if word in ("done", "fail", "wrong", "left", "crash"):
    time.sleep(0.3)
    if word == "crash":
        print("about to crash", end="", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    end({"done": 0, "fail": 1, "wrong": 2, "left": 130}[word])
while True:
    time.sleep(60)
