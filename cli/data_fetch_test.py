"""`downpour data fetch` against a web server that shares no code with it, with the real files of Fashion-MNIST."""

import functools
import http.server
import os
import subprocess
import sys
import tempfile
import threading

FILES = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
         "t10k-labels-idx1-ubyte.gz"]
PLACES = [os.path.join(os.environ.get("DOWNPOUR_DATA") or "/nowhere", "fashion-mnist"),
          "/usr/share/datasets/fashion-mnist"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def fetch(folder, mirror):
    result = subprocess.run(["cli/downpour", "data", "fetch", "fashion-mnist", f"--data_dir={folder}", f"--mirror={mirror}"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={"no_proxy": "127.0.0.1"})
    print(result.stdout)
    return result.returncode, result.stdout


def main():
    source = next((place for place in PLACES if all(os.path.exists(f"{place}/{name}") for name in FILES)), None)
    if source is None:
        print("SKIPPED: Fashion-MNIST is not here: apt-get install dataset-fashion-mnist")
        return 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=source))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mirror = f"http://127.0.0.1:{server.server_port}/"
    with tempfile.TemporaryDirectory() as folder:
        status, output = fetch(folder, mirror)
        assert status == 0 and output.count("checksum right") == 4, output
        for name in FILES:
            with open(f"{folder}/fashion-mnist/{name}", "rb") as ours, open(f"{source}/{name}", "rb") as theirs:
                assert ours.read() == theirs.read(), name
        # A part of another file; Python's server answers with the whole file whatever part is asked for.
        os.rename(f"{folder}/fashion-mnist/{FILES[3]}", f"{folder}/fashion-mnist/{FILES[1]}.part")
        os.remove(f"{folder}/fashion-mnist/{FILES[1]}")
        status, output = fetch(folder, mirror)
        assert status == 0 and output.count("already there") == 2 and output.count("checksum right") == 2, output
        status, output = fetch(folder, mirror)
        assert status == 0 and output.count("already there") == 4, output
        assert sorted(os.listdir(f"{folder}/fashion-mnist")) == sorted(FILES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
