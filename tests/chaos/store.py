"""A process with an S3 of moto's in it, which goes away when it is told to. For store_faults.py.

Usage: python -m tests.chaos.store. Prints host:port; for each line on its standard input, a number, it answers nobody
for so many seconds and then prints a line. In a process of its own, so that no driver inherits its listening socket.
"""

import logging
import sys
from threading import Event

from moto.server import ThreadedMotoServer


def main() -> None:
    """Entry point."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = server.get_host_and_port()
    print("{}:{}".format(*address), flush=True)
    pause = Event()
    for seconds in sys.stdin:
        server.stop()
        pause.wait(float(seconds))
        server = ThreadedMotoServer(*address, verbose=False)  # what it holds belongs to the process
        server.start()
        print("back", flush=True)


if __name__ == "__main__":
    main()
